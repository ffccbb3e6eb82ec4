// The strategy as the host meets it: through the C table.
#include <algorithm>
#include <catch2/catch.hpp>

#include "plugins/pair_trades/pool_market.hpp"
#include "plugins/triangular/allocation_count.hpp"

using gantry::u256;
using namespace pool_market;

namespace {

// Of whole ether's worth; token 0 is WETH.
Pool pair(std::uint32_t a, std::uint32_t b, std::uint64_t of_a, std::uint64_t of_b) {
  return {{a, b}, {ether(of_a * 1000), ether(of_b * 1000)}};
}

// A debt in thousandths of an ether's worth, and what all of it is repaid for.
Pool loan(std::uint32_t debt, std::uint32_t collateral, std::uint64_t owed, std::uint64_t pays,
          std::uint8_t account = 1) {
  Pool pool{{debt, collateral}, {ether(owed), ether(pays)}};
  pool.shape = Shape::loan;
  pool.account = account;
  return pool;
}

Strategy::Options options(std::int64_t max_hops = 3, std::int64_t min_profit_bps = 0,
                          std::int64_t routes_tried = 4, std::int64_t max_opportunities = 64) {
  return {{{"min_profit_bps", min_profit_bps},
           {"max_hops", max_hops},
           {"routes_tried", routes_tried},
           {"max_opportunities", max_opportunities}},
          {},
          {}};
}

double profit_of(const gantry_opportunity& found) {
  return gantry::to_double(gantry::wrapping_sub(u256(found.amount_out), u256(found.amount_in)));
}

}  // namespace

TEST_CASE("a debt is repaid whole where the collateral sells for more, whatever the amount") {
  // 1 WETH is repaid for 1.1 of token 1, which a deep pair sells one for one.
  PoolMarket market(2, {pair(0, 1, 100'000, 100'000), loan(0, 1, 1000, 1100)});
  Strategy strategy(options());
  const auto& found = strategy.look(market);
  REQUIRE(found.size() == 1);
  CHECK(market.adds_up(found[0]));
  CHECK(found[0].kind == GANTRY_OPPORTUNITY_ARBITRAGE);
  CHECK(found[0].leg_count == 2);
  CHECK(found[0].legs[0].hop.pool == 1);
  CHECK(u256(found[0].amount_in) == ether(1000));
  // 1.1 less the fee of 30 bps, and the price's move of 1.1 in 100,000.
  CHECK(profit_of(found[0]) == Approx(0.0967e18).epsilon(1e-3));
  CHECK(strategy.counters["positions"] == 1);
  CHECK(strategy.counters["under_water"] == 1);
}

TEST_CASE("what a liquidation leaves is told after the gas of its swaps and of the transaction") {
  PoolMarket market(2, {pair(0, 1, 100'000, 100'000), loan(0, 1, 1000, 1100)});
  market.context.gas_price = u256(100'000'000'000ULL);
  Strategy strategy(options());
  const auto& found = strategy.look(market);
  REQUIRE(found.size() == 1);
  // 260,000 gas at 100 gwei of one WETH.
  CHECK(found[0].expected_profit_bps ==
        Approx((profit_of(found[0]) * 1e-18 - 0.026) * 1e4).epsilon(1e-9));
}

TEST_CASE("less than all is repaid where the route's price falls too far") {
  PoolMarket market(2, {pair(0, 1, 20, 20), loan(0, 1, 10'000, 11'000)});
  Strategy strategy(options());
  const auto& found = strategy.look(market);
  REQUIRE(found.size() == 1);
  CHECK(market.adds_up(found[0]));
  double best = 0;
  for (std::uint64_t x = 1; x <= 10'000; ++x) {
    const u256 got = paid_by(market.pools[1], 0, 1, ether(x));
    const u256 end = paid_by(market.pools[0], 1, 0, got);
    best = std::max(best, gantry::to_double(end) - gantry::to_double(ether(x)));
  }
  CHECK(u256(found[0].amount_in) < ether(2000));
  CHECK(profit_of(found[0]) == Approx(best).epsilon(1e-4));
}

TEST_CASE("nothing is found in a fair market, nor of healthy borrowers") {
  Strategy fair(options());
  // What is repaid brings what it costs, less the pair's fee.
  PoolMarket even(2, {pair(0, 1, 1000, 1000), loan(0, 1, 1000, 1002)});
  CHECK(fair.look(even).empty());
  CHECK(fair.counters["under_water"] == 1);
  // Two pairs that disagree by 5 % are others' to trade.
  Strategy others(options());
  PoolMarket apart(2, {pair(0, 1, 1000, 1000), pair(0, 1, 1000, 1050), loan(0, 1, 1000, 1000)});
  apart.pools[2].reserves[0] = u256();
  CHECK(others.look(apart).empty());
  CHECK(others.counters["under_water"] == 0);
  // The margin that is asked for.
  Strategy demanding(options(3, 1000));
  PoolMarket small(2, {pair(0, 1, 100'000, 100'000), loan(0, 1, 1000, 1050)});
  CHECK(demanding.look(small).empty());
}

TEST_CASE("the route that leaves most is taken, of those within max_hops") {
  // 1 sells for WETH at 1, or over token 2 at 1.02.
  const std::vector<Pool> pools = {pair(0, 1, 10'000, 10'000), pair(1, 2, 10'000, 10'000),
                                   pair(2, 0, 10'000, 10'200), loan(0, 1, 1000, 1100)};
  PoolMarket market(3, pools);
  Strategy two(options(2));
  REQUIRE(two.look(market).size() == 1);
  CHECK(two.found[0].leg_count == 2);
  const double direct = profit_of(two.found[0]);
  Strategy three(options(3));
  REQUIRE(three.look(market).size() == 1);
  CHECK(three.found[0].leg_count == 3);
  CHECK(market.adds_up(three.found[0]));
  CHECK(profit_of(three.found[0]) > direct + 0.01e18);
  // Gas that is dearer than the difference.
  market.context.gas_price = u256(300'000'000'000ULL);
  Strategy dear(options(3));
  REQUIRE(dear.look(market).size() == 1);
  CHECK(dear.found[0].leg_count == 2);
}

TEST_CASE("of an account's positions the best is emitted, and no trade has two") {
  PoolMarket market(3, {pair(0, 1, 10'000, 10'000), pair(0, 2, 10'000, 10'000),
                        pair(1, 2, 10'000, 10'000), loan(0, 1, 1000, 1050), loan(0, 2, 1000, 1090),
                        loan(1, 0, 1000, 1030), loan(2, 1, 500, 600, 2)});
  Strategy strategy(options());
  const auto& found = strategy.look(market);
  REQUIRE(found.size() == 2);
  for (const auto& one : found) {
    CHECK(market.adds_up(one));
    for (std::uint32_t i = 1; i < one.leg_count; ++i) CHECK(one.legs[i].hop.pool < 3);
  }
  CHECK(found[0].legs[0].hop.pool == 6);  // 0.1 of the other account's
  CHECK(found[1].legs[0].hop.pool == 4);
  Strategy one(options(3, 0, 4, 1));
  CHECK(one.look(market).size() == 1);
  CHECK(one.counters["candidates_cut"] == 1);
}

TEST_CASE("what cannot be traded is left out, and find() allocates nothing") {
  PoolMarket market(2, {pair(0, 1, 10'000, 10'000), loan(0, 1, 1000, 1100)});
  Strategy strategy(options());
  REQUIRE(strategy.look(market).size() == 1);
  const gantry_market* snapshot = market.snapshot({1});
  const auto before = allocation_count();
  CHECK(strategy.find(snapshot) == GANTRY_OK);
  CHECK(allocation_count() == before);
  for (Pool& pool : market.pools) {
    pool.usable = false;
    CHECK(strategy.look(market).empty());
    pool.usable = true;
  }
  market.flags[1] = GANTRY_TOKEN_AVOID;
  CHECK(strategy.look(market).empty());
  market.flags[1] = 0;
  market.ether_per_unit[0] = 0;  // the debt cannot be valued
  CHECK(strategy.look(market).empty());
  PoolMarket empty(0, {});
  CHECK(strategy.look(empty).empty());
}

TEST_CASE("size() keeps to its limits, and refuses what does not pay within them") {
  PoolMarket market(2, {pair(0, 1, 1000, 1000), loan(0, 1, 1000, 1100)});
  Strategy strategy(options());
  const auto found = strategy.look(market);
  REQUIRE(found.size() == 1);
  gantry_sizing_limits limits = no_limits();
  gantry_opportunity out{};
  const gantry_market* snapshot = market.snapshot({});
  limits.amount_in_max = ether(400);
  REQUIRE(strategy.size(snapshot, found[0], limits, out) == GANTRY_OK);
  CHECK(u256(out.amount_in) == ether(400));
  CHECK(market.adds_up(out));
  limits = no_limits();
  limits.pool_share_max_bps = 2;  // 0.2 of the pair's 1000, and of the debt's 1 what that leaves
  REQUIRE(strategy.size(snapshot, found[0], limits, out) == GANTRY_OK);
  CHECK(u256(out.legs[1].amount_in) <= ether(200));
  CHECK(market.adds_up(out));
  limits.amount_in_max = u256();
  CHECK(strategy.size(snapshot, found[0], limits, out) == GANTRY_REFUSED);
}
