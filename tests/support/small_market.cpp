#include "support/small_market.hpp"

#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <stdexcept>

#include "host/import/random.hpp"
#include "host/recording/writer.hpp"
#include "host/report/render.hpp"

namespace gantry::test {

namespace fs = std::filesystem;
using namespace gantry::host;

namespace {

constexpr std::uint64_t first_block = 1000;
constexpr std::uint64_t first_time_s = 1'600'000'000;

void must(bool done, const std::string& what) {
  if (!done) throw std::runtime_error("a test's market: " + what);
}

template <class T>
void must(const Result<T>& result) {
  must(result.has_value(), result ? std::string() : result.error().message);
}

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
  must(mul(u256(thousandths), u256(1'000'000'000'000'000ULL), units), "an amount");
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

}  // namespace

std::vector<BlockInput> market_inputs(std::uint32_t tokens, const std::vector<SmallPool>& pools,
                                      const std::vector<std::vector<SmallUpdate>>& blocks) {
  std::vector<BlockInput> inputs(1 + blocks.size());
  for (std::uint32_t i = 0; i < tokens; ++i) {
    inputs[0].tokens.push_back({evm_address(0x10, i), i == 0 ? "WETH" : fmt::format("T{}", i), 18});
  }
  for (std::uint32_t i = 0; i < pools.size(); ++i) {
    inputs[0].pools.push_back(
        {pools[i].venue, evm_address(0x20, i), {pools[i].token0, pools[i].token1}, {}});
    inputs[0].facts.push_back(reserves_fact(i, false, pools[i].reserve0, pools[i].reserve1));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i].block.number = first_block + i;
    inputs[i].block.time_s = first_time_s + 13 * i;
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    for (const SmallUpdate& update : blocks[i]) {
      auto fact = reserves_fact(update.pool, true, update.reserve0, update.reserve1);
      fact.log_index = static_cast<std::uint32_t>(inputs[i + 1].facts.size());
      inputs[i + 1].facts.push_back(std::move(fact));
    }
  }
  return inputs;
}

void write_market(const fs::path& file, std::uint32_t tokens, const std::vector<SmallPool>& pools,
                  const std::vector<std::vector<SmallUpdate>>& blocks) {
  // Small frames, so that a cut leaves some of it whole.
  auto writer = RecordingWriter::create(file, {3, 1024});
  must(writer);
  must(writer->append(recording::Header{recording::format_version, "eip155:1", "A test's market.",
                                        "gantry tests"}));
  for (const BlockInput& input : market_inputs(tokens, pools, blocks)) {
    for (const auto& token : input.tokens) must(writer->append(token));
    for (const auto& pool : input.pools) must(writer->append(pool));
    must(writer->append(input.block));
    for (const auto& fact : input.facts) must(writer->append(fact));
  }
  must(writer->finish());
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

namespace {

// Limits that a small market's trades meet, but for those that the test sets.
std::string with_risk(std::string gantry) {
  constexpr std::string_view head = "[risk]\n";
  if (!gantry.contains(head)) gantry += head;
  const std::size_t at = gantry.find(head) + head.size();
  for (const std::string line :
       {"min_profit_usd = 1\n", "max_position_eth = 50\n", "max_position_usd = 100000\n",
        "min_profit_gas = 0\n", "min_success = 0\n", "max_composite = 1\n",
        "max_slippage_bps = 10000\n", "max_volatility_bps = 100000\n",
        "max_value_at_risk_usd = 1e12\n"}) {
    const std::string key = line.substr(0, line.find('='));
    if (!gantry.contains("\n" + key) && !gantry.starts_with(key)) gantry.insert(at, line);
  }
  return gantry;
}

}  // namespace

Configuration configure(const fs::path& folder, const ConfigurationTexts& texts,
                        const std::vector<fs::path>& folders) {
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name) << text;
  };
  write("gantry.toml",
        "[[chain]]\nid = \"eip155:1\"\nname = \"ethereum\"\nblock_time_s = 13\n"
        "gas_price_gwei = 20\n"
        "wrapped_native = \"" +
            texts.wrapped_native + "\"\nusd_tokens = [\"" + texts.usd_token +
            "\"]\n"
            "[wallet]\nsender = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n"
            "entry_point = \"0x0000000071727De22E5E9d8BAf0edAc6f37da032\"\n" +
            with_risk(texts.gantry));
  write("dex_config.toml", texts.dex);
  write("strategies.toml", texts.strategies);
  std::vector<fs::path> all{GANTRY_PLUGIN_FOLDER};
  all.insert(all.end(), folders.begin(), folders.end());
  auto loaded = load_configuration(ConfigFiles::in_folder(folder), scan_plugin_folders(all).plugins,
                                   process_environment());
  must(loaded.has_value(), loaded ? std::string() : render_text(loaded.error(), false));
  return std::move(*loaded);
}

RunReport run_market(const Configuration& configuration, StreetOptions options) {
  TemporaryFolder store;
  Street street(configuration, make_plugins(configuration, store.path()), std::move(options));
  auto report = street.run();
  must(report);
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
