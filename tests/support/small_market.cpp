#include "support/small_market.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>

#include "host/import/random.hpp"
#include "host/recording/writer.hpp"
#include "host/report/render.hpp"

namespace gantry::test {

namespace fs = std::filesystem;
using namespace gantry::host;

namespace {

constexpr std::uint64_t first_block = 1000;
constexpr std::uint64_t first_time_s = 1'600'000'000;

gantry_address evm_address(std::uint32_t kind, std::uint32_t number) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  address.bytes[0] = static_cast<std::uint8_t>(kind);
  for (unsigned i = 0; i < 4; ++i) {
    address.bytes[19 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  return address;
}

// Thousandths of a token as a 32-byte word in the smallest unit.
void add_word(recording::Bytes& bytes, std::uint64_t thousandths) {
  u256 units;
  REQUIRE(mul(u256(thousandths), u256(1'000'000'000'000'000ULL), units));
  for (std::size_t i = 32; i-- > 0;) {
    bytes.push_back(static_cast<std::uint8_t>(units.limb(i / 8) >> (8 * (i % 8))));
  }
}

recording::Fact reserves_fact(std::uint32_t pool, bool log, std::uint64_t r0, std::uint64_t r1) {
  recording::Fact fact;
  fact.pool = pool;
  fact.kind = log ? recording::FactKind::evm_log : recording::FactKind::evm_call;
  fact.source = evm_address(0x20, pool);
  add_word(fact.data, r0);
  add_word(fact.data, r1);
  if (log) {
    constexpr char topic[] =
        "\x1c\x41\x1e\x9a\x96\xe0\x71\x24\x1c\x2f\x21\xf7\x72\x6b\x17\xae"
        "\x89\xe3\xca\xb4\xc7\x8b\xe5\x0e\x06\x2b\x03\xa9\xff\xfb\xba\xd1";
    fact.topics.assign(topic, topic + 32);
  } else {
    add_word(fact.data, 0);  // the time, which nothing depends on
  }
  return fact;
}

void must(const Status& status) {
  INFO((status ? std::string() : status.error().message));
  REQUIRE(status);
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "gantry-test-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void write_market(const fs::path& file, std::uint32_t tokens, const std::vector<SmallPool>& pools,
                  const std::vector<std::vector<SmallUpdate>>& blocks) {
  // Small frames, so that a cut leaves some of it whole.
  auto writer = RecordingWriter::create(file, {3, 1024});
  REQUIRE(writer);
  must(writer->append(recording::Header{recording::format_version, "eip155:1", "A test's market.",
                                        "gantry tests"}));
  for (std::uint32_t i = 0; i < tokens; ++i) {
    must(writer->append(
        recording::Token{evm_address(0x10, i), i == 0 ? "WETH" : fmt::format("T{}", i), 18}));
  }
  for (std::uint32_t i = 0; i < pools.size(); ++i) {
    must(writer->append(recording::Pool{
        pools[i].venue, evm_address(0x20, i), {pools[i].token0, pools[i].token1}, {}}));
  }
  recording::Block block;
  block.number = first_block;
  block.time_s = first_time_s;
  must(writer->append(block));
  for (std::uint32_t i = 0; i < pools.size(); ++i) {
    must(writer->append(reserves_fact(i, false, pools[i].reserve0, pools[i].reserve1)));
  }
  for (const auto& updates : blocks) {
    ++block.number;
    block.time_s += 13;
    must(writer->append(block));
    std::uint32_t log_index = 0;
    for (const SmallUpdate& update : updates) {
      auto fact = reserves_fact(update.pool, true, update.reserve0, update.reserve1);
      fact.log_index = log_index++;
      must(writer->append(fact));
    }
  }
  REQUIRE(writer->finish());
}

void write_busy_market(const fs::path& file, std::uint32_t tokens, std::uint32_t blocks,
                       std::uint64_t seed) {
  Random random(seed);
  std::vector<SmallPool> pools;
  for (std::uint32_t a = 0; a < tokens; ++a) {
    for (std::uint32_t b = a + 1; b < tokens; ++b) {
      // Token i is worth i + 1 of token 0's thousandths of value.
      const std::uint64_t depth = 100'000'000 + random.next() % 100'000'000;
      pools.push_back({a, b, depth / (a + 1), depth / (b + 1)});
    }
  }
  std::vector<std::vector<SmallUpdate>> updates(blocks);
  for (auto& block : updates) {
    for (std::uint64_t n = 1 + random.next() % 2; n > 0; --n) {
      const auto pool = static_cast<std::uint32_t>(random.next() % pools.size());
      const SmallPool& p = pools[pool];
      const std::uint64_t shift = random.next() % 60;  // up to 6 % out of line
      block.push_back({pool, p.reserve0 * (970 + shift) / 1000, p.reserve1 * 1000 / (970 + shift)});
    }
  }
  write_market(file, tokens, pools, updates);
}

Configuration configure(const fs::path& folder, const ConfigurationTexts& texts,
                        const std::vector<fs::path>& folders) {
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name) << text;
  };
  write("gantry.toml",
        "[[chain]]\nid = \"eip155:1\"\nname = \"ethereum\"\nblock_time_s = 13\n"
        "gas_price_gwei = 20\n"
        "wrapped_native = \"0x1000000000000000000000000000000000000000\"\n"
        "usd_tokens = [\"0x1000000000000000000000000000000000000001\"]\n"
        "[wallet]\nsender = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n"
        "entry_point = \"0x0000000071727De22E5E9d8BAf0edAc6f37da032\"\n" +
            texts.gantry);
  write("dex_config.toml", texts.dex);
  write("strategies.toml", texts.strategies);
  std::vector<fs::path> all{GANTRY_PLUGIN_FOLDER};
  all.insert(all.end(), folders.begin(), folders.end());
  auto loaded = load_configuration(ConfigFiles::in_folder(folder), scan_plugin_folders(all).plugins,
                                   process_environment());
  INFO((loaded ? std::string() : render_text(loaded.error(), false)));
  REQUIRE(loaded);
  return std::move(*loaded);
}

RunReport run_market(const Configuration& configuration, StreetOptions options) {
  TemporaryFolder store;
  Street street(configuration, make_plugins(configuration, store.path()), std::move(options));
  auto report = street.run();
  INFO((report ? std::string() : report.error().message));
  REQUIRE(report);
  return std::move(*report);
}

std::string report_text(const RunReport& report) {
  // Where the files lie is not what a run decides.
  RunReport placeless = report;
  placeless.recording.clear();
  for (PluginReport& plugin : placeless.plugins) plugin.file.clear();
  RenderOptions options;
  options.timings = false;
  return render_json(placeless, options);
}

}  // namespace gantry::test
