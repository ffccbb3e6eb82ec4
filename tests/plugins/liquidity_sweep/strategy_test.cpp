// The strategy as the host meets it: through the C table.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "plugins/pair_trades/pool_market.hpp"
#include "plugins/triangular/allocation_count.hpp"

using gantry::u256;
using namespace pool_market;

namespace {

Pool pair(std::uint64_t a, std::uint64_t b, std::uint32_t venue = 0) {
  return {{0, 1}, {ether(a * 1000), ether(b * 1000)}, venue};
}

Strategy::Options options(std::int64_t deviation_bps = 40, std::int64_t max_pools = 8,
                          std::int64_t min_profit_bps = 0) {
  return {{{"min_profit_bps", min_profit_bps},
           {"max_pools", max_pools},
           {"min_price_deviation_bps", deviation_bps},
           {"max_opportunities", 64}},
          {},
          {}};
}

double profit_of(const gantry_opportunity& found) {
  return gantry::to_double(gantry::wrapping_sub(u256(found.amount_out), u256(found.amount_in)));
}

// Those that are bought from, and those that are sold into.
std::pair<std::set<std::uint32_t>, std::set<std::uint32_t>> sides_of(
    const gantry_opportunity& found) {
  std::pair<std::set<std::uint32_t>, std::set<std::uint32_t>> sides;
  for (std::uint32_t i = 0; i < found.leg_count; ++i) {
    const gantry_hop& hop = found.legs[i].hop;
    (hop.token_in == found.token_in ? sides.first : sides.second).insert(hop.pool);
  }
  return sides;
}

using Places = std::set<std::uint32_t>;

}  // namespace

TEST_CASE("all cheap pools of one venue are bought from at once, and sold into the deepest") {
  // Three alike are one of three times the reserves; a constant product against another has its
  // best size in closed form.
  PoolMarket market(
      2, {pair(1'000, 1'100), pair(1'000, 1'100), pair(1'000, 1'100), pair(20'000, 20'000)});
  Strategy strategy(options());
  const gantry_opportunity found = strategy.look(market).at(0);
  CHECK(market.adds_up(found));
  CHECK(sides_of(found) == std::pair(Places{0, 1, 2}, Places{3}));
  // y = m x / (1 + c x) over both: m = 0.997^2 1.1, c = 0.997 / 3000 + 0.997 1.1 0.997 / 20000.
  const double rate = 0.997 * 0.997 * 1.1;
  const double slope = 0.997 / 3000 + 0.997 * 1.1 * 0.997 / 20000;
  const double best = (std::sqrt(rate) - 1) * (std::sqrt(rate) - 1) / slope;
  CHECK(profit_of(found) == Approx(best * 1e18).epsilon(1e-9));
  CHECK(gantry::to_double(u256(found.amount_in)) ==
        Approx((std::sqrt(rate) - 1) / slope * 1e18).epsilon(1e-9));
}

TEST_CASE("dear pools are sold into, and cheap and dear ones at once use the rest as well") {
  PoolMarket dear(2, {pair(1'100, 1'000), pair(1'100, 1'000), pair(20'000, 20'000)});
  Strategy strategy(options());
  CHECK(sides_of(strategy.look(dear).at(0)) == std::pair(Places{2}, Places{0, 1}));
  PoolMarket both(2, {pair(1'000, 1'100), pair(3'000, 2'700), pair(20'000, 20'000)});
  const gantry_opportunity found = strategy.look(both).at(0);
  CHECK(both.adds_up(found));
  CHECK(sides_of(found).first.contains(0));
  CHECK(sides_of(found).second.contains(1));
}

TEST_CASE("several ranges of ticks are one trade") {
  PoolMarket market(2, {pair(1'000, 1'100), pair(20'000, 20'000)});
  market.pools[0].shape = Shape::ranges;
  market.pools[0].range = ether(10'000);
  Strategy strategy(options());
  const gantry_opportunity found = strategy.look(market).at(0);
  CHECK(market.adds_up(found));
  CHECK(u256(found.amount_in) > ether(10'000));
  double best = 0;
  for (std::uint64_t x = 1'000; x < 60'000; x += 3) {
    const u256 back = paid_by(market.pools[1], 1, 0, paid_by(market.pools[0], 0, 1, ether(x)));
    best = std::max(best, gantry::to_double(back) - gantry::to_double(ether(x)));
  }
  CHECK(profit_of(found) >= best);
  CHECK(profit_of(found) == Approx(best).epsilon(1e-6));
}

TEST_CASE("a price that is off by less than the least deviation is left alone") {
  PoolMarket market(2, {pair(1'000, 1'010), pair(20'000, 20'000)});
  Strategy strategy(options(98));
  CHECK(strategy.look(market).size() == 1);
  Strategy strict(options(101));
  CHECK(strict.look(market).empty());
}

TEST_CASE("the pair's price is that of its depth, not of its pools' number") {
  // Three shallow ones against a deep one: they are off, it is not.
  PoolMarket market(2, {pair(100, 110), pair(100, 110), pair(100, 110), pair(20'000, 20'000)});
  Strategy strategy(options());
  CHECK(sides_of(strategy.look(market).at(0)) == std::pair(Places{0, 1, 2}, Places{3}));
  // Two deep ones that differ a little are not traded against each other, though that would pay.
  market.pools.push_back(pair(21'000, 21'170));
  Strategy wide(options(500));
  for (const auto& found : wide.look(market)) {
    CHECK(sides_of(found).first == Places{0, 1, 2});
  }
  CHECK(wide.found.size() == 1);
}

TEST_CASE("max_pools bounds a trade, and what is kept pays most") {
  PoolMarket market(2, {pair(100, 110), pair(1'000, 1'100), pair(500, 550), pair(20'000, 20'000)});
  Strategy strategy(options(40, 3));
  const gantry_opportunity found = strategy.look(market).at(0);
  CHECK(market.adds_up(found));
  CHECK(sides_of(found) == std::pair(Places{1, 2}, Places{3}));
  Strategy two(options(40, 2));
  CHECK(sides_of(two.look(market).at(0)) == std::pair(Places{1}, Places{3}));
}

TEST_CASE("a fair market, an empty one, one pool, and pools that cannot be traded give nothing") {
  Strategy strategy(options());
  PoolMarket fair(2, {pair(1'000, 1'000), pair(20'000, 20'000), pair(5, 5)});
  CHECK(strategy.look(fair).empty());
  PoolMarket empty(0, {});
  CHECK(strategy.look(empty).empty());
  PoolMarket one(2, {pair(1'000, 1'100)});
  CHECK(strategy.look(one).empty());
  const auto found_with = [&](auto&& change) {
    PoolMarket market(2, {pair(1'000, 1'100), pair(20'000, 20'000)});
    change(market);
    Strategy each(options());
    return each.look(market).size();
  };
  CHECK(found_with([](PoolMarket&) {}) == 1);
  CHECK(found_with([](PoolMarket& market) { market.pools[0].usable = false; }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.pools[0].has_segments = false; }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.pools[1].quotes = false; }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.pools[1].reserves[1] = u256(); }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.ether_per_unit = {0, 0}; }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.flags[0] = GANTRY_TOKEN_AVOID; }) == 0);
}

TEST_CASE("a sweep is sized within limits, and holds while its legs pay") {
  PoolMarket market(2, {pair(1'000, 1'100), pair(1'000, 1'120), pair(20'000, 20'000)});
  Strategy strategy(options());
  const gantry_opportunity whole = strategy.look(market).at(0);
  CHECK(strategy.validate(market.snapshot({}), whole) == GANTRY_OK);
  gantry_sizing_limits limits = no_limits();
  limits.amount_in_max = ether(3'000);
  limits.pool_share_max_bps = 20;
  gantry_opportunity sized{};
  REQUIRE(strategy.size(market.snapshot({}), whole, limits, sized) == GANTRY_OK);
  CHECK(market.adds_up(sized));
  CHECK(u256(sized.amount_in) <= ether(3'000));
  for (std::uint32_t i = 0; i < sized.leg_count; ++i) {
    const Pool& pool = market.pools[sized.legs[i].hop.pool];
    CHECK(gantry::to_double(u256(sized.legs[i].amount_in)) <=
          gantry::to_double(pool.reserves[sized.legs[i].hop.token_in]) * 0.002 * (1 + 1e-12));
  }
  market.pools[0] = pair(1'000, 1'000);
  CHECK(strategy.validate(market.snapshot({}), whole) == GANTRY_REFUSED);
}

TEST_CASE("find, validate and size allocate nothing") {
  std::mt19937_64 random(9);
  PoolMarket market(2, {});
  for (int i = 0; i < 24; ++i) market.pools.push_back(pair(900 + random() % 200, 1'000));
  Strategy strategy(options());
  REQUIRE(strategy.look(market).size() == 1);
  // Sixteen of a pair are looked at, the deepest.
  CHECK(strategy.counters["pools_beyond_the_deepest"] == 8);
  std::uint64_t allocated = 0;
  for (int round = 0; round < 100; ++round) {
    const auto pool = static_cast<std::uint32_t>(random() % market.pools.size());
    market.pools[pool] = pair(900 + random() % 200, 1'000);
    const gantry_market* snapshot = market.snapshot({pool});
    // The fake host's counters allocate at their first use alone.
    const std::uint64_t before = allocation_count();
    REQUIRE(strategy.find(snapshot) == GANTRY_OK);
    REQUIRE(strategy.found.size() == 1);
    gantry_opportunity out{};
    strategy.size(snapshot, strategy.found[0], no_limits(), out);
    strategy.validate(snapshot, strategy.found[0]);
    allocated += allocation_count() - before;
    REQUIRE(market.adds_up(strategy.found[0]));
    CHECK(strategy.found[0].leg_count <= 8);
  }
  CHECK(allocated == 0);
}

TEST_CASE("a sweep goes through as many ticks as pay") {
  PoolMarket market(2, {pair(1'000, 1'100), pair(20'000, 20'000)});
  Strategy strategy(options());
  const gantry_opportunity whole = strategy.look(market).at(0);
  for (const std::uint64_t tick : {8'000U, 4'000U, 2'000U, 1'000U}) {
    market.pools[0].range = ether(tick);
    Strategy sliced(options());
    const gantry_opportunity found = sliced.look(market).at(0);
    CAPTURE(tick, profit_of(found) * 1e-18, profit_of(whole) * 1e-18,
            gantry::to_double(u256(found.amount_in)) * 1e-18,
            gantry::to_double(u256(whole.amount_in)) * 1e-18);
    CHECK(market.adds_up(found));
    CHECK(profit_of(found) == Approx(profit_of(whole)).epsilon(1e-6));
  }
}
