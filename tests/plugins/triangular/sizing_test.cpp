#include "gantry/search/sizing.hpp"

#include <catch2/catch.hpp>

#include "gantry/search/screening.hpp"
#include "plugins/triangular/convert.hpp"
#include "plugins/triangular/recorded_market.hpp"

using namespace gantry::search;
using gantry::u256;
using reference::cpp_int;
using reference::cpp_rational;

namespace {

constexpr std::uint32_t kSeeds[] = {11, 12, 13, 14};

SizingLimits unlimited() { return {.amount_in_max = u256::max()}; }

// Amounts that are what the route gives, and a profit that is their difference.
bool is_consistent(const std::vector<reference::Leg>& legs, const Sizing& sizing) {
  cpp_int amount = convert::to_int(sizing.amount_in);
  for (std::size_t i = 0; i < legs.size(); ++i) {
    amount = reference::out_of(legs[i], amount);
    if (amount != convert::to_int(sizing.amounts[i])) return false;
  }
  return amount - convert::to_int(sizing.amount_in) == convert::to_int(sizing.profit) &&
         sizing.profit > u256(0);
}

// No profit lies above the real optimum, and the real optimum lies less than shortfall_max above
// the profit; both by exact rational arithmetic.
bool is_within_bound(const std::vector<reference::Leg>& legs, const Sizing& sizing) {
  const reference::Real real = reference::compose(legs);
  const cpp_rational profit(convert::to_int(sizing.profit));
  return !reference::optimum_below(real, profit) &&
         reference::optimum_below(real, profit + convert::to_rational(sizing.shortfall_max));
}

// 1 + S_k with each hop's rate at zero, and the share of 64-bit mantissas: no shortfall_max is
// above.
cpp_rational shortfall_at_most(const std::vector<reference::Leg>& legs) {
  cpp_rational lost = 0;
  for (const reference::Leg& leg : legs) {
    lost = 1 + lost * reference::compose(std::span(&leg, 1)).rate;
  }
  const reference::Real real = reference::compose(legs);
  const long double of_floats = 0x1p-111L * std::sqrt(static_cast<long double>(real.rate)) /
                                static_cast<long double>(real.slope);
  return (lost + 1 + convert::to_rational(of_floats)) * cpp_rational(1'001, 1'000);
}

std::vector<reference::Leg> small_market(std::mt19937_64& random, std::uint64_t reserve_max) {
  std::vector<reference::Leg> legs(2 + random() % 3);
  for (reference::Leg& leg : legs) {
    leg.reserve_in = 1 + random() % reserve_max;
    leg.reserve_out = 1 + random() % reserve_max;
    const std::uint32_t fees[] = {0, 3, 3, 25, 100};
    leg.fee = fees[random() % 5];
  }
  return legs;
}

}  // namespace

TEST_CASE("the best input of small markets is that of full brute force") {
  const std::uint32_t seed = GENERATE(from_range(std::begin(kSeeds), std::end(kSeeds)));
  const std::uint64_t reserve_max = GENERATE(12U, 150U, 1'000U, 5'000U);
  CAPTURE(seed, reserve_max);
  std::mt19937_64 random(seed);
  int gaining = 0;
  for (int round = 0; round < 1'500; ++round) {
    const auto legs = small_market(random, reserve_max);
    const std::uint64_t expected = reference::brute_force(legs);
    Sizing sizing{};
    const gantry_status status = best_input(convert::to_legs(legs), unlimited(), sizing);
    CAPTURE(round, status);
    REQUIRE(status == (expected > 0 ? GANTRY_OK : GANTRY_NO_LIQUIDITY));
    if (expected == 0) continue;
    ++gaining;
    REQUIRE(sizing.best);
    REQUIRE(sizing.profit == u256(expected));
    REQUIRE(is_consistent(legs, sizing));
    REQUIRE(is_within_bound(legs, sizing));
  }
  CHECK(gaining > 100);
}

TEST_CASE("the best input within a limit is that of brute force within it") {
  const std::uint32_t seed = GENERATE(from_range(std::begin(kSeeds), std::end(kSeeds)));
  std::mt19937_64 random(seed);
  int limited = 0;
  for (int round = 0; round < 2'000; ++round) {
    const auto legs = small_market(random, 800);
    const std::uint64_t in_max = random() % 200;
    const std::uint64_t expected = reference::brute_force(legs, in_max);
    Sizing sizing{};
    const gantry_status status =
        best_input(convert::to_legs(legs), {.amount_in_max = u256(in_max)}, sizing);
    CAPTURE(seed, round, in_max);
    REQUIRE(status == (expected > 0 ? GANTRY_OK : GANTRY_NO_LIQUIDITY));
    if (expected == 0) continue;
    REQUIRE(sizing.profit == u256(expected));
    REQUIRE(sizing.amount_in <= u256(in_max));
    REQUIRE(is_consistent(legs, sizing));
    const reference::Real real = reference::compose(legs);
    if (!reference::optimum_beyond(real, in_max)) continue;
    ++limited;
    const cpp_rational below =
        cpp_rational(convert::to_int(sizing.profit)) + convert::to_rational(sizing.shortfall_max);
    REQUIRE(reference::gain_at(real, in_max) < below);
  }
  CHECK(limited > 100);
}

TEST_CASE("no leg is given more than it takes, and the best of the rest is found") {
  const std::uint32_t seed = GENERATE(from_range(std::begin(kSeeds), std::end(kSeeds)));
  std::mt19937_64 random(seed);
  int limited = 0;
  for (int round = 0; round < 2'000; ++round) {
    const auto legs = small_market(random, 800);
    auto product_legs = convert::to_legs(legs);
    const std::size_t tight = random() % legs.size();
    const std::uint64_t in_max = random() % 300;
    product_legs[tight].in_max = u256(in_max);
    // The tight leg's limit, carried back to the start by trying every input.
    std::uint64_t start_max = 0;
    const std::span<const reference::Leg> before(legs.data(), tight);
    while (start_max < 5'000 && reference::route(before, start_max + 1) <= in_max) ++start_max;
    const std::uint64_t expected = reference::brute_force(legs, start_max);
    if (expected < reference::brute_force(legs)) ++limited;
    Sizing sizing{};
    const gantry_status status = best_input(product_legs, unlimited(), sizing);
    CAPTURE(seed, round, tight, in_max);
    REQUIRE(status == (expected > 0 ? GANTRY_OK : GANTRY_NO_LIQUIDITY));
    if (expected > 0) REQUIRE(sizing.profit == u256(expected));
  }
  CHECK(limited > 100);
}

TEST_CASE("profits of every size are within the rounding bound of the real optimum") {
  const std::uint32_t seed = GENERATE(from_range(std::begin(kSeeds), std::end(kSeeds)));
  std::mt19937_64 random(seed);
  int gaining = 0;
  int best = 0;
  for (int round = 0; round < 2'000; ++round) {
    std::vector<reference::Leg> legs(2 + random() % 5);
    const unsigned bits_max = round % 2 == 0 ? 112 : 64;
    for (reference::Leg& leg : legs) {
      // One size each, so that a good part gains, if only just.
      leg.reserve_in = reference::log_uniform(random, 8, bits_max);
      leg.reserve_out = leg.reserve_in + leg.reserve_in * (random() % 1'000) / 20'000;
      if (round % 4 == 0) leg.reserve_out = reference::log_uniform(random, 8, bits_max);
      leg.fee = static_cast<std::uint32_t>(random() % 10);
    }
    const reference::Real real = reference::compose(legs);
    Sizing sizing{};
    const gantry_status status = best_input(convert::to_legs(legs), unlimited(), sizing);
    CAPTURE(seed, round, status);
    if (status == GANTRY_NO_LIQUIDITY) {
      REQUIRE(reference::optimum_below(real, shortfall_at_most(legs)));
      continue;
    }
    REQUIRE(status == GANTRY_OK);
    ++gaining;
    best += sizing.best ? 1 : 0;
    REQUIRE(is_consistent(legs, sizing));
    REQUIRE(is_within_bound(legs, sizing));
    REQUIRE(convert::to_rational(sizing.shortfall_max) < shortfall_at_most(legs));
  }
  CHECK(gaining > 500);
  CHECK(best > 20);
}

TEST_CASE("every gaining triangle of the recorded market is sized within its bound") {
  const recorded::Market market = recorded::load();
  std::vector<std::array<std::uint32_t, 2>> tokens;
  for (const recorded::Pair& pair : market.pairs) tokens.push_back({pair.token0, pair.token1});
  std::vector<PoolTokens> pools;
  for (const auto& pair : tokens) pools.push_back({pair});
  CycleIndex index;
  index.build(pools, {.max_hops = 3});
  int gaining = 0;
  int sized = 0;
  for (std::uint32_t id = 0; id < index.cycle_count(); ++id) {
    for (const bool reversed : {false, true}) {
      for (std::uint8_t start = 0; start < 3; ++start) {
        std::array<std::uint32_t, hops_max> edges{};
        walk(index, {0, id, start, reversed}, edges);
        std::vector<reference::Leg> legs;
        for (std::size_t i = 0; i < 3; ++i) {
          const recorded::Pair& pair = market.pairs[edges[i] >> 1];
          const bool up = (edges[i] & 1U) == 0;
          legs.push_back({cpp_int(up ? pair.reserve0 : pair.reserve1),
                          cpp_int(up ? pair.reserve1 : pair.reserve0)});
        }
        const reference::Real real = reference::compose(legs);
        gaining += start == 0 && real.rate > 1 ? 1 : 0;
        Sizing sizing{};
        const gantry_status status = best_input(convert::to_legs(legs), unlimited(), sizing);
        CAPTURE(id, reversed, start);
        if (status == GANTRY_NO_LIQUIDITY) {
          if (!reference::optimum_below(real, shortfall_at_most(legs))) FAIL();
          continue;
        }
        ++sized;
        if (!is_consistent(legs, sizing) || !is_within_bound(legs, sizing)) FAIL();
      }
    }
  }
  CHECK(gaining == 2'705);  // directed, at spot
  CHECK(sized > 4'500);
}

TEST_CASE("two pools without a fee give what was computed by hand") {
  // f(x) = 4 x / (1 + 0.02 x): x* = 50, P* = 50. In integers 50 -> 133 -> 99.
  const std::vector<reference::Leg> legs = {{100, 400, 0, 1}, {400, 400, 0, 1}};
  Sizing sizing{};
  REQUIRE(best_input(convert::to_legs(legs), unlimited(), sizing) == GANTRY_OK);
  CHECK(sizing.profit == u256(49));
  CHECK(sizing.best);
  CHECK(is_consistent(legs, sizing));
  REQUIRE(best_input(convert::to_legs(legs), {.amount_in_max = u256(10)}, sizing) == GANTRY_OK);
  CHECK(sizing.amount_in == u256(10));  // 10 -> 36 -> 33
  CHECK(sizing.amounts[0] == u256(36));
  CHECK(sizing.amounts[1] == u256(33));
  CHECK(sizing.profit == u256(23));
}

TEST_CASE("the steps of a coarse token are used to the last unit") {
  // 18 decimals in and out, 2 decimals between: one step of the middle token is 2 * 10^16 units.
  // Inputs between two steps are lost, so the best input is the smallest one of its step.
  const cpp_int unit("1000000000000000000");
  const std::vector<reference::Leg> legs = {{1'000 * unit, 50'000}, {50'000, 1'100 * unit}};
  Sizing sizing{};
  REQUIRE(best_input(convert::to_legs(legs), unlimited(), sizing) == GANTRY_OK);
  CHECK(sizing.best);
  cpp_int expected = 0;
  for (std::uint32_t cents = 1; cents < 5'000; ++cents) {
    const cpp_int kept = 50'000 - cents;
    const cpp_int in = (1'000 * unit * cents * 1'000 + kept * 997 - 1) / (kept * 997);
    REQUIRE(reference::out_of(legs[0], in) == cents);
    expected = std::max<cpp_int>(expected, reference::out_of(legs[1], cents) - in);
  }
  CHECK(convert::to_int(sizing.profit) == expected);
}

TEST_CASE("a fair market has no size that gains") {
  // One price everywhere: the fee is lost on every hop, and without a fee the rounding is.
  const std::uint32_t fee = GENERATE(0U, 3U);
  const cpp_int million = 1'000'000;
  const std::vector<reference::Leg> legs = {{3 * million, 6 * million, fee},
                                            {60 * million, 20 * million, fee},
                                            {7 * million, 5 * million, fee},
                                            {5 * million, 10 * million / 2 * 21 / 20, fee}};
  Sizing sizing{};
  const auto fair = std::span(legs).first(2);
  const std::vector<reference::Leg> there_and_back = {legs[0], {6 * million, 3 * million, fee}};
  CHECK(reference::compose(there_and_back).rate <= 1);
  CHECK(best_input(convert::to_legs(there_and_back), unlimited(), sizing) == GANTRY_NO_LIQUIDITY);
  CHECK(reference::compose(fair).rate < 1);
  CHECK(best_input(convert::to_legs({fair.begin(), fair.end()}), unlimited(), sizing) ==
        GANTRY_NO_LIQUIDITY);
}

TEST_CASE("what cannot be traded is refused by status") {
  Sizing sizing{};
  const std::vector<reference::Leg> gains = {{100, 400}, {100, 400}};
  const auto legs = convert::to_legs(gains);
  CHECK(best_input(std::span(legs).first(1), unlimited(), sizing) == GANTRY_BAD_ARGUMENT);
  CHECK(best_input(std::vector<Leg>(7, legs[0]), unlimited(), sizing) == GANTRY_BAD_ARGUMENT);
  CHECK(best_input(legs, {.amount_in_max = u256(0)}, sizing) == GANTRY_NO_LIQUIDITY);
  auto empty = legs;
  empty[1].pool.reserve_in = u256(0);
  CHECK(best_input(empty, unlimited(), sizing) == GANTRY_NO_LIQUIDITY);
  auto all_fee = legs;
  all_fee[0].pool.fee_numerator = all_fee[0].pool.fee_denominator;
  CHECK(best_input(all_fee, unlimited(), sizing) == GANTRY_BAD_ARGUMENT);
  CHECK(sizing.profit == u256(0));  // untouched
}

TEST_CASE("reserves whose products pass 256 bits limit the input, and nothing wraps") {
  const cpp_int huge = (cpp_int(1) << 250);
  Sizing sizing{};
  // Even one unit in overflows reserve_in * fee_denominator.
  CHECK(best_input(convert::to_legs({{huge, huge}, {huge, huge * 3}}), unlimited(), sizing) ==
        GANTRY_NO_LIQUIDITY);
  // in * 997 * reserve_out passes 2^256 at about 2^16 in: far below the real optimum.
  const std::vector<reference::Leg> legs = {{cpp_int(1) << 100, cpp_int(1) << 230},
                                            {cpp_int(1) << 140, cpp_int(1) << 40}};
  REQUIRE(best_input(convert::to_legs(legs), unlimited(), sizing) == GANTRY_OK);
  const cpp_int in = convert::to_int(sizing.amount_in);
  CHECK(in * 997 * legs[0].reserve_out < (cpp_int(1) << 256));
  CHECK(is_consistent(legs, sizing));
}
