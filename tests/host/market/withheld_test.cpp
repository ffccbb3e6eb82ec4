// A pool of ranges that takes no part for a while comes back as the chain has it then: its ticks
// are kept by logs, and those of the meantime have passed it by.
#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/config/load.hpp"
#include "host/market/market_state.hpp"
#include "host/market/market_view.hpp"
#include "host/plugin/instances.hpp"
#include "host/plugin/library.hpp"
#include "support/temporary_folder.hpp"

using namespace gantry;
using namespace gantry::host;

namespace {

constexpr std::int32_t spacing = 60;
constexpr std::uint64_t deep = 900'000'000'000;

gantry_address address(std::uint8_t number) {
  gantry_address out{};
  out.kind = GANTRY_ADDRESS_EVM;
  out.length = 20;
  out.bytes[0] = out.bytes[19] = number;
  return out;
}
u256 word_of(std::int64_t value) {
  return value >= 0 ? u256(static_cast<std::uint64_t>(value))
                    : wrapping_sub(u256(), u256(static_cast<std::uint64_t>(-value)));
}
recording::Bytes words(std::initializer_list<u256> all) {
  recording::Bytes out;
  for (const u256& word : all) {
    out.resize(out.size() + 32);
    store_be(word, out.data() + out.size() - 32);
  }
  return out;
}

// A contract of one V3 pool with a fee of 0.3 %, as it answers calls.
struct Contract final : Answers {
  struct Tick {
    std::uint64_t gross;
    std::int64_t net;
  };
  std::map<std::int32_t, Tick> ticks;
  std::uint64_t liquidity = 1'000'000'000'000;
  u256 sqrt_price = shift_left(u256(1), 96);
  std::int32_t tick = 0;
  int refused_ticks = 0;  // calls of ticks() that fail yet
  bool refuses_price = false;

  Contract() {
    add(-6000, 6000, 500'000'000'000);
    add(-60, 60, 200'000'000'000);
  }
  void add(std::int32_t low, std::int32_t high, std::uint64_t amount) {
    const auto net = static_cast<std::int64_t>(amount);
    ticks[low].gross += amount;
    ticks[low].net += net;
    ticks[high].gross += amount;
    ticks[high].net -= net;
  }

  Result<std::vector<recording::Fact>> answer(const gantry_context&,
                                              std::span<const PoolRequest> asked) override {
    std::vector<recording::Fact> out;
    for (const PoolRequest& request : asked) {
      recording::Fact fact;
      fact.pool = request.pool;
      fact.kind = static_cast<recording::FactKind>(request.source);
      fact.tag = request.tag;
      fact.source = request.target;
      fact.status = GANTRY_OK;
      if (auto said = call(request.payload)) {
        fact.data = std::move(*said);
      } else {
        fact.status = GANTRY_REFUSED;
      }
      out.push_back(std::move(fact));
    }
    return out;
  }

 private:
  std::optional<recording::Bytes> call(const recording::Bytes& payload) {
    const auto argument = [&] {
      const auto bits = static_cast<std::uint32_t>(payload[33]) << 24 |
                        static_cast<std::uint32_t>(payload[34]) << 16 |
                        static_cast<std::uint32_t>(payload[35]) << 8;
      return static_cast<std::int32_t>(bits) >> 8;
    };
    switch (payload[0]) {
      case 0x38:  // slot0()
        if (refuses_price) return std::nullopt;
        return words({sqrt_price, word_of(tick), u256(), u256(1), u256(1), u256(), u256(1)});
      case 0x1a:  // liquidity()
        return words({u256(liquidity)});
      case 0xdd:  // fee()
        return words({u256(3000)});
      case 0xd0:  // tickSpacing()
        return words({u256(spacing)});
      case 0x53: {  // tickBitmap(int16)
        u256 bits;
        for (const auto& [at, unused] : ticks) {
          const std::int32_t place = at / spacing - (at % spacing < 0 ? 1 : 0);
          if (place >> 8 == argument()) {
            bits = bitwise_or(bits, shift_left(u256(1), static_cast<unsigned>(place & 255)));
          }
        }
        return words({bits});
      }
      case 0xf3: {  // ticks(int24)
        if (refused_ticks > 0 && refused_ticks-- > 0) return std::nullopt;
        const Tick& found = ticks.at(argument());
        return words({u256(found.gross), word_of(found.net), u256(), u256(), u256(), u256(), u256(),
                      u256(1)});
      }
      default:
        FAIL("no such function: " << hex_text(payload));
        return std::nullopt;
    }
  }
};

recording::Fact log(const char* topic, std::initializer_list<u256> indexed,
                    std::initializer_list<u256> data, std::uint32_t index = 0) {
  recording::Fact out;
  out.pool = 0;
  out.kind = recording::FactKind::evm_log;
  out.source = address(9);
  out.log_index = index;
  out.topics = bytes_of_hex(topic).value();
  const auto more = words(indexed);
  out.topics.insert(out.topics.end(), more.begin(), more.end());
  out.data = words(data);
  return out;
}
recording::Fact mint(std::int32_t low, std::int32_t high, std::uint64_t amount,
                     std::uint32_t index = 0) {
  return log("0x7a53080ba414158be7ec69b987b5fb7d07dee101fe85488f0853ae16239d0bde",
             {u256(7), word_of(low), word_of(high)}, {u256(7), u256(amount), u256(1), u256(1)},
             index);
}

class Pool {
 public:
  Pool() {
    const auto write = [&](const char* name, const std::string& text) {
      std::ofstream(folder_ / name) << text;
    };
    write("gantry.toml",
          "[[chain]]\nid = \"eip155:1\"\nname = \"x\"\nblock_time_s = 12\n[plugins]\nfolders = "
          "[\"" GANTRY_PLUGINS "\"]\n");
    write("dex_config.toml",
          "[[dex]]\nname = \"uniswap_v3\"\nmin_liquidity_usd = 0\nfactory = \"\"\nwords_around = "
          "1\n");
    write("strategies.toml", "[strategies.triangular]\nenabled = false\n");
    auto loaded =
        load_configuration(ConfigFiles::in_folder(folder_.path()),
                           scan_plugin_folders({GANTRY_PLUGINS}).plugins, process_environment());
    if (!loaded) FAIL(render_text(loaded.error(), false));
    configuration_ = std::move(*loaded);
    plugins_ = make_plugins(configuration_, folder_ / "store");
    REQUIRE(plugins_.refused.empty());
    live_ = make();
    replayed_ = make();
  }

  // The next block; the replay of what was recorded of it has the same states.
  void advance(std::vector<recording::Fact> logs = {}) {
    BlockInput input = number_ == 0 ? first() : BlockInput();
    input.block.number = ++number_;
    input.facts = std::move(logs);
    auto done = live_->advance(input, contract);
    if (!done) FAIL(done.error().message);
    live = *done;
    auto again = replayed_->advance(input);
    if (!again) FAIL(again.error().message);
    replayed = *again;
    CHECK(out_of(*live) == out_of(*replayed));
  }
  // What it pays now, and what one that was read from nothing in this block does; nothing: it takes
  // no part.
  std::optional<u256> pays() const { return out_of(*live); }
  std::optional<u256> pays_fresh() {
    auto state = make();
    BlockInput input = first();
    input.block.number = number_;
    auto done = state->advance(input, contract);
    if (!done) FAIL(done.error().message);
    return out_of(**done);
  }

  Contract contract;
  SnapshotPtr live;
  SnapshotPtr replayed;

 private:
  static BlockInput first() {
    BlockInput input;
    input.tokens = {{address(1), "A", 18}, {address(2), "B", 18}};
    input.pools = {{"uniswap_v3", address(9), {0, 1}, {}}};
    input.events = {{MarketEventKind::keep, 8, 0, {}}};
    return input;
  }
  std::unique_ptr<MarketState> make() const {
    return std::make_unique<MarketState>(configuration_.chains[0], plugins_.venues);
  }
  static std::optional<u256> out_of(const Snapshot& snapshot) {
    MarketView view;
    view.bind(snapshot, {}, true);
    gantry_quote quote{};
    const gantry_swap swap{u256(300'000'000'000).amount(), 0, 1, GANTRY_EXACT_IN, 0};
    if (view.quote(0, swap, quote) != GANTRY_OK) return std::nullopt;
    return u256(quote.amount_out);
  }

  gantry::test::TemporaryFolder folder_;
  Configuration configuration_;
  Plugins plugins_;
  std::unique_ptr<MarketState> live_;
  std::unique_ptr<MarketState> replayed_;
  std::uint64_t number_ = 0;
};

}  // namespace

TEST_CASE("a pool whose first read failed is read from nothing when it is tried again") {
  Pool pool;
  pool.contract.refused_ticks = 1;
  pool.advance();
  CHECK_FALSE(pool.pays());
  for (int block = 2; block < 30; ++block) pool.advance();
  pool.contract.add(-3000, -120, deep);
  pool.advance({mint(-3000, -120, deep)});
  for (int block = 31; block <= 70; ++block) pool.advance();
  REQUIRE(pool.pays());
  CHECK(pool.pays() == pool.pays_fresh());
}

TEST_CASE("a tick that went while a pool's first read was waiting does not keep it out") {
  Pool pool;
  pool.contract.refused_ticks = 1;
  pool.advance();
  CHECK_FALSE(pool.pays());
  pool.contract.ticks.erase(-60);
  pool.contract.ticks.erase(60);
  for (int block = 2; block <= 70; ++block) pool.advance();
  REQUIRE(pool.pays());
  CHECK(pool.pays() == pool.pays_fresh());
}

TEST_CASE("after a log that does not decode the block's other logs are not lost") {
  Pool pool;
  pool.advance();
  const auto before = pool.pays();
  REQUIRE(before);
  pool.contract.add(-6000, -60, deep);
  auto broken = mint(-6000, -60, 5, 1);
  broken.data.pop_back();
  pool.advance({mint(-6000, -60, deep), broken});
  REQUIRE(pool.pays());
  CHECK(pool.pays() != before);
  CHECK(pool.pays() == pool.pays_fresh());
}

TEST_CASE("a block in which a pool could not be read leaves no gap in its ticks") {
  Pool pool;
  pool.advance();
  REQUIRE(pool.pays());
  // The price leaves the words that are known, and nobody answers for them.
  pool.contract.sqrt_price = parse_decimal("174301957531381542705796690739").value();
  pool.contract.tick = 15769;
  pool.contract.liquidity = 300'000'000'000;
  pool.contract.refuses_price = true;
  pool.advance(
      {log("0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67", {u256(7), u256(7)},
           {u256(1), u256(1), pool.contract.sqrt_price, u256(pool.contract.liquidity),
            word_of(pool.contract.tick)})});
  CHECK_FALSE(pool.pays());
  pool.contract.refuses_price = false;
  pool.contract.add(9000, 12000, deep);
  pool.advance({mint(9000, 12000, deep)});
  REQUIRE(pool.pays());
  CHECK(pool.pays() == pool.pays_fresh());
}
