// The best split of a trade over the pools of a pair, against exhaustive search, against every
// other split nearby, and against its own bound.
#include "gantry/search/split_sizing.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <random>
#include <vector>

#include "plugins/pair_trades/split_reference.hpp"

using gantry::u256;
using namespace gantry::search;
using split_reference::Pair;

namespace {

SplitPool made(const Pair& pair, bool buys, std::uint32_t place) {
  SplitPool pool;
  pool.hop.pool = place;
  pool.hop.token_in = buys ? 0 : 1;
  pool.in_max = u256::max();
  const u256 a(pair.a);
  const u256 b(pair.b);
  REQUIRE(add_range(pool, {buys ? a : b, buys ? b : a, 3, 1000}, u256::max()));
  return pool;
}

struct Pools {
  explicit Pools(std::vector<Pair> all, std::size_t buyer_count) : pairs(std::move(all)) {
    for (std::uint32_t i = 0; i < pairs.size(); ++i) {
      const bool buys = i < buyer_count;
      (buys ? buyers : sellers).push_back(made(pairs[i], buys, i));
    }
  }
  gantry_status best(const SplitLimits& limits, SplitSizing& out) const {
    const auto quotes = [this](const SplitPool& pool, const u256& in, u256& paid) {
      const Pair& pair = pairs[pool.hop.pool];
      const bool buys = pool.hop.token_in == 0;
      const gantry::ConstantProduct curve{u256(buys ? pair.a : pair.b),
                                          u256(buys ? pair.b : pair.a)};
      return gantry::amount_out(curve, in, paid) == GANTRY_OK && !paid.is_zero();
    };
    return best_split(quotes, {buyers, sellers}, limits, out);
  }
  std::vector<Pair> pairs;
  std::vector<SplitPool> buyers;
  std::vector<SplitPool> sellers;
};

// The legs' amounts are the pairs', they add up, and there are no more than allowed.
void require_sound(const Pools& pools, const SplitSizing& sizing) {
  std::uint64_t in = 0;
  std::uint64_t bought = 0;
  std::uint64_t sold = 0;
  std::uint64_t out = 0;
  for (std::uint32_t i = 0; i < sizing.leg_count; ++i) {
    const SplitLeg& leg = sizing.legs[i];
    const bool buys = i < sizing.buyer_count;
    const Pair& pair = pools.pairs[(buys ? pools.buyers : pools.sellers)[leg.pool].hop.pool];
    const std::uint64_t paid = split_reference::pays(pair, buys, leg.amount_in.limb(0));
    REQUIRE(paid == leg.amount_out.limb(0));
    (buys ? in : sold) += leg.amount_in.limb(0);
    (buys ? bought : out) += paid;
  }
  REQUIRE(bought == sold);
  REQUIRE(in == sizing.amount_in.limb(0));
  REQUIRE(out == in + sizing.profit.limb(0));
}

}  // namespace

TEST_CASE("two equal buyers and one deep seller share a trade as is computed by hand") {
  // Without fees two buyers of 1000 / 1000 are one of 2000 / 2000. Against a seller of 4000 A and
  // 2000 B, whose price is 2: x = 2000 (p - 1), bought 2000 (1 - 1 / p), p = sqrt of the price; the
  // same at the seller: 2000 (sqrt 2 / p - 1). So p = (2000 + 2000 sqrt 2) / 4000 = 1.2071068, and
  // each buyer takes 1000 (p - 1) = 207.1068 of a million units each.
  constexpr std::uint64_t unit = 1'000'000;
  SplitPool buyer;
  buyer.in_max = u256::max();
  REQUIRE(add_range(buyer, {u256(1000 * unit), u256(1000 * unit), 0, 1000}, u256::max()));
  SplitPool seller;
  seller.in_max = u256::max();
  seller.hop.pool = 2;
  REQUIRE(add_range(seller, {u256(2000 * unit), u256(4000 * unit), 0, 1000}, u256::max()));
  const std::vector<SplitPool> buyers{buyer, buyer};
  const auto quotes = [&](const SplitPool& pool, const u256& in, u256& out) {
    const bool buys = pool.hop.pool == 0;
    const gantry::ConstantProduct curve{u256((buys ? 1000 : 2000) * unit),
                                        u256((buys ? 1000 : 4000) * unit), 0, 1000};
    return gantry::amount_out(curve, in, out) == GANTRY_OK;
  };
  SplitSizing sizing;
  REQUIRE(best_split(quotes, {buyers, {&seller, 1}}, {}, sizing) == GANTRY_OK);
  REQUIRE(sizing.buyer_count == 2);
  REQUIRE(sizing.leg_count == 3);
  CHECK(gantry::to_double(sizing.legs[0].amount_in) == Approx(207'106'781.0).epsilon(1e-8));
  CHECK(sizing.legs[0].amount_in == sizing.legs[1].amount_in);
  CHECK(sizing.shortfall_max < 8);
}

TEST_CASE("the best split of small integers is that of an exhaustive search") {
  constexpr std::uint64_t seed = 7;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  int gained = 0;
  for (int trial = 0; trial < 3'000; ++trial) {
    const std::size_t buyers = 1 + random() % 3;
    const std::size_t sellers = 1 + random() % 3;
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < buyers + sellers; ++i) {
      pairs.push_back({5 + random() % 40, 5 + random() % 40});
    }
    const Pools pools(pairs, buyers);
    const std::uint64_t best = split_reference::best_profit(pairs, buyers);
    SplitSizing sizing;
    const auto status = pools.best({u256::max(), 8, 128, 0}, sizing);
    INFO("trial " << trial);
    REQUIRE((status == GANTRY_OK) == (best > 0));
    if (best == 0) continue;
    require_sound(pools, sizing);
    REQUIRE(sizing.profit.limb(0) == best);
    CHECK(sizing.best);
    ++gained;
  }
  CHECK(gained > 1'000);
}

TEST_CASE("a limit of the amount in is kept, and nothing within it gains more than the bound") {
  constexpr std::uint64_t seed = 11;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  int cut = 0;
  for (int trial = 0; trial < 2'000; ++trial) {
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < 4; ++i) pairs.push_back({5 + random() % 40, 5 + random() % 40});
    const Pools pools(pairs, 2);
    const std::uint64_t most = 1 + random() % 20;
    const std::uint64_t best = split_reference::best_profit(pairs, 2, most);
    SplitSizing sizing;
    const auto status = pools.best({u256(most), 8, 0, 0}, sizing);
    INFO("trial " << trial);
    if (status != GANTRY_OK) continue;
    require_sound(pools, sizing);
    REQUIRE(sizing.amount_in <= u256(most));
    REQUIRE(static_cast<long double>(best) <
            static_cast<long double>(sizing.profit.limb(0)) + sizing.shortfall_max + 1e-9L);
    cut += split_reference::best_profit(pairs, 2) > best ? 1 : 0;
  }
  CHECK(cut > 100);
}

TEST_CASE("on real amounts no moved unit gains, and the bound is a few units") {
  constexpr std::uint64_t seed = 13;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  int found = 0;
  for (int trial = 0; trial < 500; ++trial) {
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < 6; ++i) {
      const std::uint64_t deep = 1'000'000'000'000ULL + random() % 50'000'000'000'000ULL;
      pairs.push_back({deep, deep + deep / 100 * (random() % 8)});
    }
    const Pools pools(pairs, 3);
    SplitSizing sizing;
    if (pools.best({}, sizing) != GANTRY_OK) continue;
    ++found;
    require_sound(pools, sizing);
    // Rounding costs each of six legs about a unit, some of them once more on the way.
    CHECK(sizing.shortfall_max < 32);
    for (std::uint32_t from = 0; from < sizing.leg_count; ++from) {
      for (std::uint32_t to = 0; to < sizing.leg_count; ++to) {
        if (from == to || (from < sizing.buyer_count) != (to < sizing.buyer_count)) continue;
        const bool buys = from < sizing.buyer_count;
        const auto& side = buys ? pools.buyers : pools.sellers;
        const Pair& a = pairs[side[sizing.legs[from].pool].hop.pool];
        const Pair& b = pairs[side[sizing.legs[to].pool].hop.pool];
        const std::uint64_t moved = sizing.legs[from].amount_in.limb(0) / 1'000;
        const auto paid = [&](std::uint64_t less, std::uint64_t more) {
          return split_reference::pays(a, buys, sizing.legs[from].amount_in.limb(0) - less) +
                 split_reference::pays(b, buys, sizing.legs[to].amount_in.limb(0) + more);
        };
        REQUIRE(paid(moved, moved) <= paid(0, 0) + 2);
      }
    }
  }
  CHECK(found > 300);
}

TEST_CASE("a leg that costs more than it brings is left out, and so are those beyond the limit") {
  const std::vector<Pair> pairs{
      {1'000'000, 1'020'000}, {1'000'000, 1'020'000}, {90'000, 93'000}, {5'000'000, 4'900'000}};
  Pools pools(pairs, 3);
  SplitSizing all;
  REQUIRE(pools.best({u256::max(), 8, 0, 0}, all) == GANTRY_OK);
  CHECK(all.buyer_count == 3);
  SplitSizing three;
  REQUIRE(pools.best({u256::max(), 3, 0, 0}, three) == GANTRY_OK);
  CHECK(three.leg_count == 3);
  CHECK(three.profit < all.profit);
  SplitSizing two;
  REQUIRE(pools.best({u256::max(), 2, 0, 0}, two) == GANTRY_OK);
  CHECK(two.leg_count == 2);
  CHECK(two.profit < three.profit);
  // The best of the pairs, of which there are three.
  u256 best;
  for (std::size_t i = 0; i < 3; ++i) {
    SplitSizing one;
    if (Pools({pairs[i], pairs[3]}, 1).best({}, one) == GANTRY_OK)
      best = std::max(best, one.profit);
  }
  CHECK(two.profit == best);
  for (SplitPool& pool : pools.buyers) pool.cost = 60;
  SplitSizing costly;
  REQUIRE(pools.best({}, costly) == GANTRY_OK);
  CHECK(costly.leg_count < all.leg_count);
  CHECK(costly.net > to_long_double(all.profit) - 60.0L * all.buyer_count);
  for (SplitPool& pool : pools.buyers) pool.cost = 1e9L;
  SplitSizing lossy;
  REQUIRE(pools.best({}, lossy) == GANTRY_OK);
  CHECK(lossy.net < 0);
}

TEST_CASE("what cannot be: no pools, one side, ranges that are none") {
  SplitSizing sizing;
  CHECK(Pools({}, 0).best({}, sizing) == GANTRY_NO_LIQUIDITY);
  CHECK(Pools({{10, 10}}, 1).best({}, sizing) == GANTRY_NO_LIQUIDITY);
  CHECK(Pools({{10, 10}}, 0).best({}, sizing) == GANTRY_NO_LIQUIDITY);
  CHECK(Pools({{1000, 1000}, {1000, 1000}}, 1).best({}, sizing) == GANTRY_NO_LIQUIDITY);
  CHECK(Pools({{1000, 2000}, {2000, 1000}}, 1).best({u256(), 8, 64, 0}, sizing) ==
        GANTRY_NO_LIQUIDITY);
  SplitPool pool;
  CHECK_FALSE(add_range(pool, {u256(), u256(1), 3, 1000}, u256::max()));
  CHECK_FALSE(add_range(pool, {u256(1), u256(), 3, 1000}, u256::max()));
  CHECK_FALSE(add_range(pool, {u256(1), u256(1), 1000, 1000}, u256::max()));
  CHECK_FALSE(add_range(pool, {u256(1), u256(1), 3, 1000}, u256()));
  REQUIRE(add_range(pool, {u256(1000), u256(1000), 3, 1000}, u256(100)));
  // It would pay better than the one before.
  CHECK_FALSE(add_range(pool, {u256(900), u256(1000), 3, 1000}, u256::max()));
  CHECK(pool.range_count == 1);
  for (std::uint32_t i = 1; i < split_ranges_max; ++i) {
    REQUIRE(add_range(pool, {u256(2000 * i), u256(1000), 3, 1000}, u256(100)));
  }
  CHECK_FALSE(add_range(pool, {u256(1'000'000), u256(1), 3, 1000}, u256(100)));
}

TEST_CASE("a venue that refuses is left out, and without it the rest trades") {
  const Pools pools({{1'000'000, 1'050'000}, {1'000'000, 1'060'000}, {1'000'000, 950'000}}, 2);
  const auto refusing = [&](std::uint32_t refused) {
    return [&pools, refused](const SplitPool& pool, const u256& in, u256& paid) {
      if (pool.hop.pool == refused) return false;
      const Pair& pair = pools.pairs[pool.hop.pool];
      paid = u256(split_reference::pays(pair, pool.hop.token_in == 0, in.limb(0)));
      return true;
    };
  };
  SplitSizing sizing;
  SplitLimits limits;
  limits.cost = 1;
  REQUIRE(best_split(refusing(1), {pools.buyers, pools.sellers}, limits, sizing) == GANTRY_OK);
  CHECK(sizing.buyer_count == 1);
  CHECK(sizing.legs[0].pool == 0);
  CHECK(best_split(refusing(2), {pools.buyers, pools.sellers}, limits, sizing) ==
        GANTRY_NO_LIQUIDITY);
}
