// The strategy as the host meets it: through the C table.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "plugins/pair_trades/pool_market.hpp"
#include "plugins/triangular/allocation_count.hpp"

using gantry::u256;
using namespace pool_market;

namespace {

// 0: WETH, 1 and 2: two dollars, 3: something else.
Pool pool(std::uint32_t a, std::uint32_t b, std::uint64_t of_a, std::uint64_t of_b,
          std::uint32_t venue = 0, Shape shape = Shape::pair) {
  return {{a, b}, {ether(of_a * 1000), ether(of_b * 1000)}, venue, shape};
}

constexpr std::uint32_t curve = 3;  // the venue

// WETH -> 1 (pair) -> 2 (bridge) -> WETH (pair), where token 2 buys 2 % more.
PoolMarket bridged(std::uint32_t bridge_venue = curve) {
  PoolMarket market(
      4, {pool(0, 1, 1'000, 1'000), pool(1, 2, 50'000, 50'000, bridge_venue, Shape::stable),
          pool(2, 0, 1'000, 1'020)});
  return market;
}

Strategy::Options options(const std::string& venues = "curve", const std::string& pegged = "",
                          bool dollars = true, std::int64_t max_hops = 4) {
  return {{{"min_profit_bps", 0}, {"max_hops", max_hops}, {"max_opportunities", 64}},
          {{"bridge_dollars", dollars}},
          {{"bridge_venues", venues}, {"pegged_tokens", pegged}}};
}

std::string address_text(std::uint32_t token) {
  const gantry_address address = PoolMarket::token_address(token);
  constexpr char digits[] = "0123456789ABCDEF";
  std::string text = "0x";
  for (int i = 0; i < 20; ++i) {
    text += digits[address.bytes[i] >> 4U];
    text += digits[address.bytes[i] & 15U];
  }
  return text;
}

std::multiset<std::uint32_t> lengths(const std::vector<gantry_opportunity>& all) {
  std::multiset<std::uint32_t> result;
  for (const auto& one : all) result.insert(one.leg_count);
  return result;
}

bool crosses(const gantry_opportunity& found, std::uint32_t bridge) {
  return std::any_of(found.legs, found.legs + found.leg_count,
                     [&](const gantry_leg& leg) { return leg.hop.pool == bridge; });
}

double profit_of(const gantry_opportunity& found) {
  return gantry::to_double(gantry::wrapping_sub(u256(found.amount_out), u256(found.amount_in)));
}

}  // namespace

TEST_CASE("a cycle over a Curve pool is found and sized as the best that its quotes give") {
  PoolMarket market = bridged();
  Strategy strategy(options());
  const auto& found = strategy.look(market);
  REQUIRE(found.size() == 1);
  CHECK(market.adds_up(found[0]));
  CHECK(found[0].leg_count == 3);
  CHECK(crosses(found[0], 1));
  double best = 0;
  for (std::uint64_t x = 1; x < 20'000; x += 3) {
    u256 amount = ether(x);
    amount = paid_by(market.pools[0], 0, 1, amount);
    amount = paid_by(market.pools[1], 1, 2, amount);
    amount = paid_by(market.pools[2], 2, 0, amount);
    best = std::max(best, gantry::to_double(amount) - gantry::to_double(ether(x)));
  }
  CHECK(profit_of(found[0]) == Approx(best).epsilon(1e-4));
  CHECK(strategy.counters["bridges"] == 1);
}

TEST_CASE("cycles without a bridge are left to others") {
  // 0-3 twice pays as well, and so does 0-1, 1-3, 3-0.
  PoolMarket market = bridged();
  market.pools.push_back(pool(0, 3, 1'000, 1'000));
  market.pools.push_back(pool(3, 0, 1'000, 1'100));
  market.pools.push_back(pool(1, 3, 1'000, 1'000));
  Strategy strategy(options());
  const auto& found = strategy.look(market);
  REQUIRE_FALSE(found.empty());
  for (const auto& one : found) {
    CHECK(crosses(one, 1));
    CHECK(market.adds_up(one));
  }
  // Every cycle that has the bridge is there: 3 hops, and 4 over token 3 on either way.
  Strategy all(options("alpha,beta , gamma,curve"));
  CHECK(all.look(market).size() > found.size());
}

TEST_CASE("what a bridge is follows the operator's words") {
  // On a venue that is none, between two dollars, or tokens that are named.
  PoolMarket market = bridged(1);
  Strategy none(options());
  CHECK(none.look(market).empty());
  CHECK(none.counters["cycles"] == 0);
  market.flags[1] = market.flags[2] = GANTRY_TOKEN_USD;
  Strategy dollars(options());
  CHECK(lengths(dollars.look(market)) == std::multiset<std::uint32_t>{3});
  Strategy without(options("curve", "", false));
  CHECK(without.look(market).empty());
  Strategy venue(options("beta", "", false));
  CHECK(venue.look(market).size() == 1);
  Strategy named(options("", address_text(1) + " , " + address_text(2), false));
  CHECK(named.look(market).size() == 1);
  // Of two groups, neither of which has both.
  Strategy groups(options(
      "", address_text(1) + "," + address_text(3) + ";" + address_text(2) + "," + address_text(0),
      false));
  market.pools[2] = pool(2, 0, 1'000, 1'020);
  for (const auto& one : groups.look(market)) CHECK(crosses(one, 2));
  CHECK(groups.counters["bridges"] == 1);
  Strategy apart(options("", address_text(1) + ";" + address_text(2), false));
  CHECK(apart.look(market).empty());
}

TEST_CASE("an address that is none is refused by name when the strategy is made") {
  for (const std::string& wrong :
       {std::string("WETH"), std::string("0x12"), address_text(1) + "0",
        address_text(1) + " " + address_text(2), "0x" + std::string(40, 'g')}) {
    INFO(wrong);
    CHECK_THROWS_WITH(Strategy(options("", wrong)), Catch::Contains("is no address"));
  }
  std::string many;
  for (int i = 0; i < 64; ++i) many += address_text(1) + ";";
  CHECK_THROWS_WITH(Strategy(options("", many)), Catch::Contains("more than 63 groups"));
}

TEST_CASE("a host that tells no venues' names is met with a warning, and tokens still count") {
  PoolMarket market = bridged();
  market.flags[1] = market.flags[2] = GANTRY_TOKEN_USD;
  auto without = options();
  without.services = false;
  Strategy strategy(without);
  CHECK(strategy.look(market).size() == 1);
  REQUIRE(strategy.warnings.size() == 1);
  CHECK(strategy.warnings[0].find("bridge_venues has no effect") != std::string::npos);
}

TEST_CASE("a pool of three pegged tokens bridges each two of them") {
  PoolMarket market(4, {pool(0, 1, 1'000, 1'000),
                        pool(3, 0, 1'000, 1'030),
                        {{1, 2, 3},
                         {ether(50'000'000), ether(50'000'000), ether(50'000'000)},
                         curve,
                         Shape::stable}});
  Strategy strategy(options());
  const auto& found = strategy.look(market);
  REQUIRE(found.size() == 1);
  CHECK(market.adds_up(found[0]));
  CHECK(strategy.counters["bridges"] == 3);
}

TEST_CASE("nothing is found in a fair market, nor within fees and hops") {
  PoolMarket market = bridged();
  market.pools[2] = pool(2, 0, 1'000, 1'000);
  Strategy strategy(options());
  CHECK(strategy.look(market).empty());
  // Fees of 0.3 %, 0.04 % and 0.3 % take 64 bps.
  market.pools[2] = pool(2, 0, 100'000, 100'630);
  CHECK(strategy.look(market).empty());
  market.pools[2] = pool(2, 0, 100'000, 100'660);
  CHECK(strategy.look(market).size() == 1);
  Strategy shorter(options("curve", "", true, 2));
  CHECK(shorter.look(market).empty());
}

TEST_CASE("an empty market, one pool, and pools that cannot be traded give nothing") {
  const auto found_with = [](auto&& change) {
    PoolMarket market = bridged();
    change(market);
    Strategy strategy(options());
    return strategy.look(market).size();
  };
  CHECK(found_with([](PoolMarket&) {}) == 1);
  CHECK(found_with([](PoolMarket& market) { market.pools.clear(); }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.pools.resize(1); }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.pools[1].usable = false; }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.pools[1].has_segments = false; }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.pools[1].quotes = false; }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.pools[0].reserves[1] = u256(); }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.ether_per_unit.assign(4, 0); }) == 0);
  CHECK(found_with([](PoolMarket& market) { market.flags[2] = GANTRY_TOKEN_AVOID; }) == 0);
}

TEST_CASE("confidence and risk are those of a route") {
  PoolMarket market = bridged();
  Strategy strategy(options());
  const gantry_opportunity& found = strategy.look(market).at(0);
  const double in = gantry::to_double(u256(found.amount_in));
  const double margin = profit_of(found) / in;
  // The shallowest balance of what goes in, and the largest share of one; the bridge is deep.
  const double depth = 1'000.0 / 1'010.0;
  double share = 0;
  for (std::uint32_t i = 0; i < 3; ++i) {
    if (found.legs[i].hop.pool == 1) continue;
    share = std::max(share, gantry::to_double(u256(found.legs[i].amount_in)) / 1e21);
  }
  CHECK(found.confidence == Approx(depth * margin / (margin + 0.003)).epsilon(0.01));
  CHECK(found.risk_score == Approx(1 - depth * (1 - share)).epsilon(0.01));
}

TEST_CASE("a size within limits respects each of them") {
  PoolMarket market = bridged();
  Strategy strategy(options());
  const gantry_opportunity whole = strategy.look(market).at(0);
  gantry_sizing_limits limits = no_limits();
  limits.amount_in_max = ether(1'000);
  gantry_opportunity sized{};
  REQUIRE(strategy.size(market.snapshot({}), whole, limits, sized) == GANTRY_OK);
  CHECK(market.adds_up(sized));
  CHECK(u256(sized.amount_in) <= ether(1'000));
  CHECK(strategy.validate(market.snapshot({}), whole) == GANTRY_OK);
  market.pools[1].usable = false;
  CHECK(strategy.validate(market.snapshot({}), whole) != GANTRY_OK);
}

TEST_CASE("find, validate and size allocate nothing") {
  std::mt19937_64 random(9);
  PoolMarket market(12, {});
  for (std::uint32_t i = 0; i < 12; ++i) {
    for (std::uint32_t j = i + 1; j < 12; ++j) {
      market.pools.push_back(
          pool(i, j, 900 + random() % 200, 900 + random() % 200, i % 4 == 1 ? curve : 0));
    }
  }
  Strategy strategy(options());
  REQUIRE(strategy.look(market).size() == 64);
  std::size_t found = 0;
  std::uint64_t allocated = 0;
  for (int round = 0; round < 100; ++round) {
    const auto changed = static_cast<std::uint32_t>(random() % market.pools.size());
    market.pools[changed].reserves[random() % 2] = ether(900'000 + random() % 200'000);
    const gantry_market* snapshot = market.snapshot({changed});
    const std::uint64_t before = allocation_count();
    REQUIRE(strategy.find(snapshot) == GANTRY_OK);
    gantry_opportunity out{};
    if (!strategy.found.empty()) {
      strategy.size(snapshot, strategy.found[0], no_limits(), out);
      strategy.validate(snapshot, strategy.found[0]);
    }
    allocated += allocation_count() - before;
    found += strategy.found.size();
    const auto is_bridge = [&](const gantry_leg& leg) {
      return market.pools[leg.hop.pool].venue == curve;
    };
    for (const auto& one : strategy.found) {
      REQUIRE(std::any_of(one.legs, one.legs + one.leg_count, is_bridge));
    }
  }
  CHECK(found > 500);
  CHECK(allocated == 0);
}
