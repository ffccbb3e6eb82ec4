// What the contracts do not answer: exact out and limits, held against the quotes that are theirs.
#include <catch2/catch.hpp>

#include "gantry/u256.hpp"
#include "plugins/curve/answers.hpp"
#include "plugins/curve/curve_pool.hpp"

namespace gantry::test {
namespace {

constexpr const char* variants[] = {
    "3pool",        "base", "factory_plain2", "factory_plain", "meta",
    "factory_meta", "ng",   "ng_meta",        "twocrypto_ng",  "tricrypto_ng"};

// f(pool, state) for every nth state of a variant's recording.
template <class F>
void each_state(const std::string& variant, std::size_t nth, F&& f) {
  CurvePool pool;
  const auto path = std::filesystem::path(GANTRY_CURVE_ANSWERS) / (variant + ".zst");
  for (const RecordedPool& recorded : read_answers(path)) {
    REQUIRE(pool.open(recorded.decimals, metadata_of(recorded)) == GANTRY_OK);
    for (std::size_t s = 0; s < recorded.states.size(); s += nth) {
      REQUIRE(pool.feed(recorded, recorded.states[s]) == GANTRY_OK);
      f(pool, recorded.states[s]);
    }
  }
}

bool pays(const CurvePool& pool, gantry_swap swap, const u256& amount, const u256& wanted) {
  gantry_quote quote{};
  swap.mode = GANTRY_EXACT_IN;
  swap.amount = amount;
  return !amount.is_zero() && pool.quote(swap, quote) == GANTRY_OK &&
         u256(quote.amount_out) >= wanted;
}

}  // namespace

TEST_CASE("exact out asks for an amount that pays, and one less does not") {
  for (const char* variant : variants) {
    INFO(variant);
    int asked = 0;
    each_state(variant, 1, [&](const CurvePool& pool, const RecordedState& state) {
      for (const RecordedSwap& recorded : state.swaps) {
        if (!recorded.first.paid || recorded.first.paid->is_zero()) continue;
        const u256 wanted = *recorded.first.paid;
        gantry_swap swap = exact_in(recorded.first);
        swap.mode = GANTRY_EXACT_OUT;
        swap.amount = wanted;
        gantry_quote quote{};
        REQUIRE(pool.quote(swap, quote) == GANTRY_OK);
        const u256 in(quote.amount_in);
        CHECK(u256(quote.amount_out) == wanted);
        CHECK(pays(pool, swap, in, wanted));
        CHECK_FALSE(pays(pool, swap, wrapping_sub(in, u256(1)), wanted));
        ++asked;
      }
    });
    CHECK(asked >= 900);
  }
}

TEST_CASE("exact out of more than the pool has is refused") {
  each_state("3pool", 10, [](const CurvePool& pool, const RecordedState&) {
    std::vector<u256> balances;
    REQUIRE(pool.view(balances) == GANTRY_OK);
    gantry_quote quote{};
    CHECK(pool.quote({balances[1], 0, 1, GANTRY_EXACT_OUT, 0}, quote) == GANTRY_NO_LIQUIDITY);
    CHECK(pool.quote({u256::max(), 0, 1, GANTRY_EXACT_OUT, 0}, quote) == GANTRY_NO_LIQUIDITY);
  });
}

TEST_CASE("limits: the least pays, the most is quoted, one more is refused") {
  int ways = 0;
  for (const char* variant : variants) {
    INFO(variant);
    each_state(variant, 7, [&](const CurvePool& pool, const RecordedState& state) {
      gantry_swap_limits limits{};
      if (pool.limits(0, 1, limits) != GANTRY_OK) return;
      const gantry_swap swap{u256(1), 0, 1, GANTRY_EXACT_IN, 0};
      CHECK(pays(pool, swap, u256(limits.in_min), u256(1)));
      CHECK(pays(pool, swap, u256(limits.in_max), u256(1)));
      CHECK_FALSE(pays(pool, swap, wrapping_sub(u256(limits.in_min), u256(1)), u256(1)));
      const u256 above = wrapping_add(u256(limits.in_max), u256(1));
      CHECK_FALSE(pays(pool, swap, above, u256(1)));
      for (const RecordedSwap& recorded : state.swaps) {
        if (recorded.first.in != 0 || recorded.first.out != 1 || !recorded.first.paid) continue;
        CHECK(*recorded.first.paid <= u256(limits.out_max));
      }
      ++ways;
    });
  }
  CHECK(ways > 200);
}

}  // namespace gantry::test
