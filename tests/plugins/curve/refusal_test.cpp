// Bad input: pools that are not known, answers that do not decode, orders that cannot be built.
#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "gantry/u256.hpp"
#include "plugins/curve/answers.hpp"
#include "plugins/curve/curve_pool.hpp"

namespace gantry::test {
namespace {

using Decimals = std::vector<std::uint32_t>;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<RecordedPool> ng_answers() {
  return read_answers(std::filesystem::path(GANTRY_CURVE_ANSWERS) / "ng.zst");
}

u256 to_u256(const std::vector<std::uint8_t>& word) {
  u256 value;
  for (const std::uint8_t byte : word) value = wrapping_add(shift_left(value, 8), u256(byte));
  return value;
}

struct Facts {
  std::vector<std::vector<std::uint8_t>> answers;
  std::vector<gantry_fact> facts;

  Facts(CurvePool& pool, const RecordedPool& recorded, const RecordedState& state) {
    const auto asked = pool.requests();
    answers.resize(asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (asked[i].fields.source == GANTRY_SOURCE_EVM_CODE_HASH) {
        answers[i] = code_hash_of(recorded);
      }
      for (std::size_t k = 0; k < recorded.asks.size(); ++k) {
        if (recorded.asks[k].payload == asked[i].payload) answers[i] = state.answers[k];
      }
      gantry_fact fact{};
      fact.source = asked[i].fields.source;
      fact.tag = asked[i].fields.tag;
      facts.push_back(fact);
    }
    point();
  }
  void point() {
    for (std::size_t i = 0; i < facts.size(); ++i) {
      facts[i].data = {answers[i].data(), answers[i].size()};
    }
  }
};

}  // namespace

TEST_CASE("a variant that is not known is refused by its name, and so is none") {
  CurvePool pool;
  CHECK(pool.open({18, 6}, "variant=stableswap_2031") == GANTRY_REFUSED);
  CHECK(has(pool.error(), "no variant 'stableswap_2031'"));
  CHECK(has(pool.error(), "factory_plain2"));
  CHECK(pool.open({18, 6}, "") == GANTRY_REFUSED);
  CHECK(has(pool.error(), "say variant=NAME"));
  CHECK_THROWS_WITH(CurvePool("stableswap_2031"), Catch::Contains("no variant 'stableswap_2031'"));
  CurvePool set("base");
  CHECK(set.open({18, 6}, "") == GANTRY_OK);
  CHECK(set.open({18, 6}, "variant=factory_plain2") == GANTRY_OK);
}

TEST_CASE("metadata that do not read, and pools that their variant cannot be, are refused") {
  CurvePool pool;
  CHECK(pool.open({18, 6}, "base") == GANTRY_BAD_STATE);
  CHECK(pool.open({18, 6}, "variant=base colour=red") == GANTRY_BAD_STATE);
  CHECK(pool.open({18, 18}, "variant=meta base_pool=0x12") == GANTRY_BAD_STATE);
  CHECK(pool.open({18, 18}, "variant=meta") == GANTRY_REFUSED);
  CHECK(has(pool.error(), "base_pool=0x"));
  CHECK(pool.open({18, 6}, "variant=3pool") == GANTRY_REFUSED);
  CHECK(has(pool.error(), "3 to 3 coins, not 2"));
  CHECK(pool.open({18, 6, 8, 8, 8}, "variant=base") == GANTRY_REFUSED);
  CHECK(pool.open({18, 19}, "variant=base") == GANTRY_REFUSED);
  CHECK(has(pool.error(), "18 decimals"));
}

TEST_CASE("a contract of another version is refused, whatever its metadata say") {
  const auto pools = ng_answers();
  CurvePool pool;
  REQUIRE(pool.open(pools[0].decimals, metadata_of(pools[0])) == GANTRY_OK);
  RecordedState state = pools[0].states[0];
  REQUIRE(pool.feed(pools[0], state) == GANTRY_OK);
  auto& version = state.answers.back();
  REQUIRE(std::memcmp(version.data() + 64, "v7.0.0", 6) == 0);
  version[64 + 1] = '6';
  CHECK(pool.feed(pools[0], state) == GANTRY_REFUSED);
}

TEST_CASE("answers that are missing, cut, reverted or beyond any contract's bounds are no state") {
  const auto pools = ng_answers();
  CurvePool pool;
  for (const RecordedPool& recorded : pools) {
    REQUIRE(pool.open(recorded.decimals, metadata_of(recorded)) == GANTRY_OK);
    const Facts good(pool, recorded, recorded.states[0]);
    for (std::size_t i = 0; i < good.facts.size(); ++i) {
      INFO("fact " << i);
      REQUIRE(pool.open(recorded.decimals, metadata_of(recorded)) == GANTRY_OK);
      Facts bad = good;
      for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{31}}) {
        bad.answers[i].resize(size);
        bad.point();
        CHECK(pool.apply(bad.facts) == GANTRY_BAD_STATE);
      }
      bad = good;
      bad.point();
      bad.facts[i].status = GANTRY_REFUSED;
      CHECK(pool.apply(bad.facts) == GANTRY_BAD_STATE);
      bad = good;
      bad.point();
      bad.facts[i].tag = 4711;
      CHECK(pool.apply(bad.facts) == GANTRY_BAD_STATE);
      bad.facts.erase(bad.facts.begin() + static_cast<std::ptrdiff_t>(i));
      CHECK(pool.apply(bad.facts) == GANTRY_NEED_STATE);
      gantry_quote quote{};
      CHECK(pool.quote({u256(1000), 0, 1, GANTRY_EXACT_IN, 0}, quote) == GANTRY_BAD_STATE);
    }
    // A and the times and fees are numbers of their own size; the code's hash, which is first, and
    // balances may be any.
    REQUIRE(pool.open(recorded.decimals, metadata_of(recorded)) == GANTRY_OK);
    Facts wide = good;
    for (std::size_t i = 1 + recorded.decimals.size(); i < wide.answers.size(); ++i) {
      wide = good;
      std::ranges::fill(wide.answers[i], std::uint8_t{0xff});
      wide.point();
      const auto status = pool.apply(wide.facts);
      CHECK((status == GANTRY_BAD_STATE || status == GANTRY_REFUSED));
    }
  }
}

TEST_CASE("random states and overlays are answered, never crashed on") {
  std::mt19937_64 random(2024);
  const auto pools = ng_answers();
  CurvePool pool;
  int answered = 0;
  for (const RecordedPool& recorded : pools) {
    REQUIRE(pool.open(recorded.decimals, metadata_of(recorded)) == GANTRY_OK);
    Facts facts(pool, recorded, recorded.states[0]);
    pool.set_time(recorded.states[0].time_s);
    const std::size_t coins = recorded.decimals.size();
    for (int n = 0; n < 300; ++n) {
      const std::size_t most = random() % 33;
      for (std::size_t i = 0; i < coins; ++i) {
        const std::size_t zeros = std::min<std::size_t>(most + random() % 2, 32);
        for (std::size_t b = 0; b < 32; ++b) {
          facts.answers[1 + i][b] = b < zeros ? 0 : static_cast<std::uint8_t>(random());
        }
      }
      facts.point();
      REQUIRE(pool.apply(facts.facts) == GANTRY_OK);
      gantry_quote quote{};
      const u256 held = to_u256(facts.answers[1]);
      const auto shift = static_cast<unsigned>(random() % 60);
      const u256 amount = random() % 2 == 0 ? shift_right(held, shift) : shift_left(held, shift);
      answered += pool.quote({amount, 0, 1, GANTRY_EXACT_IN, 1}, quote) == GANTRY_OK ? 1 : 0;
      Overlay overlay(pool.traits().overlay_bytes);
      for (auto& byte : overlay) byte = static_cast<std::uint8_t>(random());
      pool.quote({amount, 1, 0, GANTRY_EXACT_IN, 1}, quote, nullptr, &overlay);
      overlay.pop_back();
      CHECK(pool.quote({amount, 1, 0, GANTRY_EXACT_IN, 0}, quote, nullptr, &overlay) ==
            GANTRY_BAD_STATE);
    }
  }
  CHECK(answered > 50);
}

TEST_CASE("a swap is exchange(i, j, amount, minimum), paid by approval") {
  CurvePool pool("base");
  REQUIRE(pool.open({18, 6, 8}, "") == GANTRY_OK);
  gantry_swap_order order{};
  order.swap = {u256(0x1234), 2, 1, GANTRY_EXACT_IN, 0};
  order.min_out = u256(0x99);
  order.sender = order.recipient = evm_address(7);
  gantry_instruction built{};
  std::vector<std::uint8_t> data;
  REQUIRE(pool.build(order, built, data) == GANTRY_OK);
  REQUIRE(data.size() == 4 + 4 * 32);
  CHECK(std::vector<std::uint8_t>(data.begin(), data.begin() + 4) ==
        std::vector<std::uint8_t>{0x3d, 0xf0, 0x21, 0x24});
  CHECK(data[4 + 31] == 2);
  CHECK(data[4 + 63] == 1);
  CHECK(data[built.amount_in_offset + 30] == 0x12);
  CHECK(data[built.amount_in_offset + 31] == 0x34);
  CHECK(data[built.min_out_offset + 31] == 0x99);
  CHECK(built.input == GANTRY_INPUT_APPROVE);
  CHECK(built.spender.bytes[19] == 0xaa);
  CHECK(built.min_out_enforced == 1);
  // Only later generations pay somebody else.
  order.recipient = evm_address(8);
  CHECK(pool.build(order, built, data) == GANTRY_UNSUPPORTED);
  REQUIRE(pool.open({18, 6, 8}, "variant=ng") == GANTRY_OK);
  REQUIRE(pool.build(order, built, data) == GANTRY_OK);
  REQUIRE(data.size() == 4 + 5 * 32);
  CHECK(data.back() == 8);
  order.swap.token_out = 3;
  CHECK(pool.build(order, built, data) == GANTRY_BAD_ARGUMENT);
}

}  // namespace gantry::test
