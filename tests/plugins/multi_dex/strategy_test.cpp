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

Pool pair(std::uint32_t venue, std::uint64_t a, std::uint64_t b) {
  return {{0, 1}, {ether(a * 1000), ether(b * 1000)}, venue};
}

Strategy::Options options(std::int64_t max_legs = 8, bool same_venue = false,
                          std::int64_t min_profit_bps = 0, std::int64_t most = 64) {
  return {{{"min_profit_bps", min_profit_bps}, {"max_legs", max_legs}, {"max_opportunities", most}},
          {{"same_venue", same_venue}},
          {}};
}

double profit_of(const gantry_opportunity& found) {
  return gantry::to_double(gantry::wrapping_sub(u256(found.amount_out), u256(found.amount_in)));
}

std::set<std::uint32_t> pools_of(const gantry_opportunity& found) {
  std::set<std::uint32_t> pools;
  for (std::uint32_t i = 0; i < found.leg_count; ++i) pools.insert(found.legs[i].hop.pool);
  return pools;
}

// The largest profit of x through one pool and back through another, by trying many x.
double best_of_two(const Pool& buyer, const Pool& seller) {
  double best = 0;
  for (std::uint64_t x = 1; x < 200'000; x += 7) {
    const u256 in = ether(x);
    const u256 back = paid_by(seller, 1, 0, paid_by(buyer, 0, 1, in));
    best = std::max(best, gantry::to_double(back) - gantry::to_double(in));
  }
  return best;
}

}  // namespace

TEST_CASE("a pair on two venues is bought where it is cheap and sold where it is dear") {
  PoolMarket market(2, {pair(0, 1'000, 1'100), pair(1, 1'000, 1'000)});
  Strategy strategy(options());
  const auto& found = strategy.look(market);
  REQUIRE(found.size() == 1);
  CHECK(market.adds_up(found[0]));
  CHECK(found[0].leg_count == 2);
  CHECK(found[0].legs[0].hop.pool == 0);
  CHECK(found[0].legs[1].hop.pool == 1);
  CHECK(found[0].token_in == 0);
  CHECK(profit_of(found[0]) == Approx(best_of_two(market.pools[0], market.pools[1])).epsilon(1e-6));
  CHECK(profit_of(found[0]) >= best_of_two(market.pools[0], market.pools[1]));
}

TEST_CASE("two cheap pools share a trade, which pays what both can and more than either") {
  PoolMarket market(2, {pair(0, 1'000, 1'100), pair(1, 1'000, 1'100), pair(2, 5'000, 5'000)});
  Strategy strategy(options());
  const gantry_opportunity found = strategy.look(market).at(0);
  CHECK(market.adds_up(found));
  REQUIRE(found.leg_count == 3);
  CHECK(pools_of(found) == std::set<std::uint32_t>{0, 1, 2});
  // Both are alike, so that they are one of twice the reserves: a split that is known.
  CHECK(u256(found.legs[0].amount_in) == u256(found.legs[1].amount_in));
  Pool both = pair(0, 2'000, 2'200);
  CHECK(profit_of(found) == Approx(best_of_two(both, market.pools[2])).epsilon(1e-6));
  Strategy unsplit(options(2));
  const gantry_opportunity one = unsplit.look(market).at(0);
  CHECK(one.leg_count == 2);
  CHECK(profit_of(one) < profit_of(found));
}

TEST_CASE("a host that takes no splits is given none") {
  PoolMarket market(2, {pair(0, 1'000, 1'100), pair(1, 1'000, 1'100), pair(2, 5'000, 5'000)});
  auto without = options();
  without.services = false;
  Strategy strategy(without);
  CHECK(strategy.look(market).at(0).leg_count == 2);
}

TEST_CASE("a leg that costs more gas than it brings is not made") {
  PoolMarket market(2, {pair(0, 1'000, 1'100), pair(1, 30, 33), pair(2, 5'000, 5'000)});
  Strategy strategy(options());
  CHECK(strategy.look(market).at(0).leg_count == 3);
  market.context.gas_price = u256(1'000'000'000'000ULL);  // 0.1 ether a leg
  Strategy dear(options());
  const gantry_opportunity found = dear.look(market).at(0);
  CHECK(pools_of(found) == std::set<std::uint32_t>{0, 2});
  market.context.gas_price = u256(1'000'000'000'000'000ULL);
  CHECK(dear.look(market).empty());
}

TEST_CASE("nothing is found in a fair market, nor within the fees") {
  PoolMarket market(2, {pair(0, 1'000, 1'000), pair(1, 10, 10), pair(2, 5'000, 5'000)});
  Strategy strategy(options());
  CHECK(strategy.look(market).empty());
  market.pools[1] = pair(1, 1'000, 1'005);
  CHECK(strategy.look(market).empty());
  market.pools[1] = pair(1, 1'000, 1'007);
  CHECK(strategy.look(market).size() == 1);
}

TEST_CASE("one venue alone is traded only where the operator allows it") {
  PoolMarket market(2, {pair(0, 1'000, 1'100), pair(0, 1'000, 1'000)});
  Strategy strategy(options());
  CHECK(strategy.look(market).empty());
  Strategy allowed(options(8, true));
  CHECK(allowed.look(market).size() == 1);
  // The best over all pools is of one venue; the best of two is found all the same.
  market.pools.push_back(pair(1, 10, 10));
  market.pools[0] = pair(0, 10'000, 11'000);
  market.pools[1] = pair(0, 10'000, 10'000);
  Strategy two(options(2));
  const gantry_opportunity found = two.look(market).at(0);
  CHECK(pools_of(found) == std::set<std::uint32_t>{0, 2});
  CHECK(market.adds_up(found));
}

TEST_CASE("what cannot be traded is left out, and what can is found without it") {
  const std::vector<Pool> sound{pair(0, 1'000, 1'100), pair(1, 1'000, 1'000)};
  const auto found_with = [&](auto&& change) {
    PoolMarket market(3, sound);
    change(market);
    Strategy strategy(options());
    return strategy.look(market).size();
  };
  CHECK(found_with([](PoolMarket&) {}) == 1);
  CHECK(found_with([](PoolMarket& market) { market.pools.clear(); }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.pools.pop_back(); }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.pools[0].usable = false; }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.pools[1].has_segments = false; }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.pools[1].quotes = false; }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.pools[0].reserves[0] = u256(); }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.flags[1] = GANTRY_TOKEN_AVOID; }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.ether_per_unit = {0, 0, 0}; }) == 0);
  // A third pool that refuses its quotes is done without.
  CHECK(found_with([](PoolMarket& market) {
          market.pools.push_back(pair(2, 1'000, 1'200));
          market.pools[2].quotes = false;
        }) == 1);
}

TEST_CASE("it begins in the coin, else in a dollar, else in what can be valued") {
  PoolMarket market(3, {{{2, 1}, {ether(1'000'000), ether(1'100'000)}, 0},
                        {{1, 2}, {ether(1'000'000), ether(1'000'000)}, 1}});
  Strategy strategy(options());
  CHECK(strategy.look(market).at(0).token_in == 1);
  market.flags[2] = GANTRY_TOKEN_USD;
  CHECK(strategy.look(market).at(0).token_in == 2);
  market.ether_per_unit[2] = 0;
  CHECK(strategy.look(market).at(0).token_in == 1);
  CHECK(market.adds_up(strategy.found[0]));
  market.ether_per_unit[1] = 0;
  CHECK(strategy.look(market).empty());
}

TEST_CASE("ranges of ticks are walked, and a pool whose shape only fits is sized on its quotes") {
  PoolMarket market(2, {pair(0, 1'000, 1'100), pair(1, 1'000, 1'000)});
  market.pools[0].shape = Shape::ranges;
  market.pools[0].range = ether(5'000);
  Strategy strategy(options());
  const gantry_opportunity ranges = strategy.look(market).at(0);
  CHECK(market.adds_up(ranges));
  CHECK(u256(ranges.amount_in) > ether(5'000));
  CHECK(profit_of(ranges) == Approx(best_of_two(market.pools[0], market.pools[1])).epsilon(1e-6));
  market.pools[0] = {{0, 1}, {ether(100'000), ether(100'000)}, 3, Shape::stable};
  market.pools[1] = pair(1, 1'050, 1'000);
  Strategy fitted(options());
  const gantry_opportunity stable = fitted.look(market).at(0);
  CHECK(market.adds_up(stable));
  CHECK(profit_of(stable) == Approx(best_of_two(market.pools[0], market.pools[1])).epsilon(1e-4));
}

TEST_CASE("only pairs whose pools changed are looked at, each once") {
  PoolMarket market(4, {pair(0, 1'000, 1'100),
                        pair(1, 1'000, 1'000),
                        {{2, 3}, {ether(1'000'000), ether(1'100'000)}, 0},
                        {{2, 3}, {ether(1'000'000), ether(1'000'000)}, 1}});
  Strategy strategy(options());
  CHECK(strategy.look(market).size() == 2);
  CHECK(strategy.counters["pairs"] == 2);
  REQUIRE(strategy.find(market.snapshot({2, 3})) == GANTRY_OK);
  REQUIRE(strategy.found.size() == 1);
  CHECK(pools_of(strategy.found[0]) == std::set<std::uint32_t>{2, 3});
  REQUIRE(strategy.find(market.snapshot({})) == GANTRY_OK);
  CHECK(strategy.found.empty());
  Strategy one(options(8, false, 0, 1));
  CHECK(one.look(market).size() == 1);
  CHECK(one.counters["trades_cut"] == 1);
}

TEST_CASE("min_profit_bps is after gas, and decides") {
  PoolMarket market(2, {pair(0, 1'000, 1'100), pair(1, 1'000, 1'000)});
  Strategy strategy(options());
  const double bps = strategy.look(market).at(0).expected_profit_bps;
  CHECK(bps == Approx(profit_of(strategy.found[0]) /
                      gantry::to_double(u256(strategy.found[0].amount_in)) * 1e4));
  Strategy below(options(8, false, static_cast<std::int64_t>(bps)));
  CHECK(below.look(market).size() == 1);
  Strategy above(options(8, false, static_cast<std::int64_t>(bps) + 1));
  CHECK(above.look(market).empty());
  market.context.gas_price = u256(10'000'000'000ULL);
  Strategy costs(options());
  const gantry_opportunity& found = costs.look(market).at(0);
  const double gas = (static_cast<double>(found.gas) + 60'000) * 10e9;
  CHECK(found.expected_profit_bps ==
        Approx((profit_of(found) - gas) / gantry::to_double(u256(found.amount_in)) * 1e4));
}

TEST_CASE("confidence and risk are what is documented") {
  PoolMarket market(2, {pair(0, 40, 44), pair(1, 1'000, 1'100), pair(2, 5'000, 5'000)});
  Strategy strategy(options());
  const gantry_opportunity& found = strategy.look(market).at(0);
  REQUIRE(found.leg_count == 3);
  const double margin = profit_of(found) / gantry::to_double(u256(found.amount_in));
  const double depth = 40.0 / 50.0;
  double share = 0;
  for (std::uint32_t i = 0; i < found.leg_count; ++i) {
    const Pool& pool = market.pools[found.legs[i].hop.pool];
    const u256& held = pool.reserves[found.legs[i].hop.token_in];
    share =
        std::max(share, gantry::to_double(u256(found.legs[i].amount_in)) / gantry::to_double(held));
  }
  CHECK(found.confidence == Approx(depth * margin / (margin + 0.003)).epsilon(1e-9));
  CHECK(found.risk_score == Approx(1 - depth * (1 - share)).epsilon(1e-9));
}

TEST_CASE("a size within limits respects each of them, for a split too") {
  PoolMarket market(2, {pair(0, 1'000, 1'100), pair(1, 1'000, 1'100), pair(2, 5'000, 5'000)});
  Strategy strategy(options());
  const gantry_opportunity whole = strategy.look(market).at(0);
  gantry_opportunity sized{};
  REQUIRE(strategy.size(market.snapshot({}), whole, no_limits(), sized) == GANTRY_OK);
  CHECK(u256(sized.amount_in) == u256(whole.amount_in));
  gantry_sizing_limits limits = no_limits();
  limits.amount_in_max = ether(2'000);
  REQUIRE(strategy.size(market.snapshot({}), whole, limits, sized) == GANTRY_OK);
  CHECK(market.adds_up(sized));
  CHECK(u256(sized.amount_in) <= ether(2'000));
  CHECK(u256(sized.amount_in) > ether(1'999));
  limits = no_limits();
  limits.pool_share_max_bps = 100;
  REQUIRE(strategy.size(market.snapshot({}), whole, limits, sized) == GANTRY_OK);
  CHECK(market.adds_up(sized));
  for (std::uint32_t i = 0; i < sized.leg_count; ++i) {
    const Pool& pool = market.pools[sized.legs[i].hop.pool];
    const double held = gantry::to_double(pool.reserves[sized.legs[i].hop.token_in]);
    CHECK(gantry::to_double(u256(sized.legs[i].amount_in)) <= held * 0.01 * (1 + 1e-12));
  }
  CHECK(u256(sized.legs[0].amount_in) == ether(10'000));
  limits.pool_share_max_bps = 0;
  CHECK(strategy.size(market.snapshot({}), whole, limits, sized) == GANTRY_REFUSED);
  limits = no_limits();
  limits.amount_in_max = u256();
  CHECK(strategy.size(market.snapshot({}), whole, limits, sized) == GANTRY_REFUSED);
  gantry_opportunity odd = whole;
  odd.leg_count = 9;
  CHECK(strategy.size(market.snapshot({}), odd, no_limits(), sized) == GANTRY_BAD_ARGUMENT);
  odd = whole;
  odd.legs[1].hop = odd.legs[0].hop;
  CHECK(strategy.size(market.snapshot({}), odd, no_limits(), sized) == GANTRY_BAD_ARGUMENT);
}

TEST_CASE("an opportunity holds while each of its legs pays what it said") {
  PoolMarket market(2, {pair(0, 1'000, 1'100), pair(1, 1'000, 1'100), pair(2, 5'000, 5'000)});
  Strategy strategy(options());
  const gantry_opportunity found = strategy.look(market).at(0);
  CHECK(strategy.validate(market.snapshot({}), found) == GANTRY_OK);
  market.pools[1] = pair(1, 1'000, 1'101);
  CHECK(strategy.validate(market.snapshot({}), found) == GANTRY_OK);
  market.pools[1] = pair(1, 1'000, 1'099);
  CHECK(strategy.validate(market.snapshot({}), found) == GANTRY_REFUSED);
  market.pools[1].usable = false;
  CHECK(strategy.validate(market.snapshot({}), found) != GANTRY_OK);
}

TEST_CASE("find, validate and size allocate nothing") {
  std::mt19937_64 random(3);
  PoolMarket market(2, {});
  market.flags.assign(12, 0);
  market.ether_per_unit.assign(12, 1e-18);
  for (std::uint32_t i = 0; i < 12; ++i) {
    for (std::uint32_t j = i + 1; j < 12; ++j) {
      for (std::uint32_t venue = 0; venue < 4; ++venue) {
        market.pools.push_back(
            {{i, j},
             {ether(900'000 + random() % 200'000), ether(900'000 + random() % 200'000)},
             venue});
      }
    }
  }
  Strategy strategy(options());
  REQUIRE(strategy.look(market).size() == 64);
  std::size_t found = 0;
  std::size_t splits = 0;
  std::uint64_t allocated = 0;
  for (int round = 0; round < 200; ++round) {
    const auto pool = static_cast<std::uint32_t>(random() % market.pools.size());
    market.pools[pool].reserves[random() % 2] = ether(900'000 + random() % 200'000);
    const gantry_market* snapshot = market.snapshot({pool}, round % 50 == 49);
    const std::uint64_t before = allocation_count();
    REQUIRE(strategy.find(snapshot) == GANTRY_OK);
    gantry_opportunity out{};
    gantry_sizing_limits limits = no_limits();
    limits.amount_in_max = ether(1'000);
    if (!strategy.found.empty()) {
      strategy.size(snapshot, strategy.found[0], limits, out);
      strategy.validate(snapshot, strategy.found[0]);
    }
    allocated += allocation_count() - before;
    for (const gantry_opportunity& one : strategy.found) {
      REQUIRE(market.adds_up(one));
      splits += one.leg_count > 2 ? 1 : 0;
    }
    found += strategy.found.size();
  }
  CHECK(found > 200);
  CHECK(splits > 100);
  CHECK(allocated == 0);
}
