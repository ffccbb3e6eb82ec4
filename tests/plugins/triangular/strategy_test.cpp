// The strategy as the host meets it: through the C table.
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "plugins/triangular/allocation_count.hpp"
#include "plugins/triangular/convert.hpp"
#include "plugins/triangular/pair_market.hpp"

using gantry::u256;
using pair_market::Pair;
using pair_market::PairMarket;
using pair_market::Strategy;

namespace {

u256 ether(std::uint64_t whole) {
  u256 result;
  REQUIRE(gantry::mul(u256(whole), u256(1'000'000'000'000'000'000ULL), result));
  return result;
}

// 0-1, 1-2, 2-0 in line, and 1-3, 3-0 beside it. All tokens are worth the same.
PairMarket fair_market() {
  return {4,
          {{{0, 1}, {ether(1'000), ether(1'000)}},
           {{1, 2}, {ether(1'000), ether(1'000)}},
           {{2, 0}, {ether(1'000), ether(1'000)}},
           {{1, 3}, {ether(1'000), ether(1'000)}},
           {{3, 0}, {ether(1'000), ether(1'000)}}}};
}

// 0-1-2, where the best trade leaves the first range of the pool in the middle.
PairMarket ranged_market() {
  return {3,
          {{{0, 1}, {ether(1'000), ether(1'000)}},
           {{1, 2}, {ether(1'000), ether(1'300)}, true, ether(20)},
           {{2, 0}, {ether(1'000), ether(1'000)}}}};
}

// Legs that follow each other, with the amounts of the reference's route.
bool is_sound(const PairMarket& market, const gantry_opportunity& opportunity) {
  reference::cpp_int amount = convert::to_int(u256(opportunity.amount_in));
  std::uint32_t token = opportunity.token_in;
  for (std::uint32_t i = 0; i < opportunity.leg_count; ++i) {
    const gantry_leg& leg = opportunity.legs[i];
    const Pair& pair = market.pairs[leg.hop.pool];
    const unsigned side = pair.tokens[0] == token ? 0 : 1;
    if (leg.hop.token_in != token || pair.tokens[side] != token ||
        leg.hop.token_out != pair.tokens[side ^ 1U] ||
        convert::to_int(u256(leg.amount_in)) != amount) {
      return false;
    }
    amount = reference::out_of(
        {convert::to_int(pair.reserves[side]), convert::to_int(pair.reserves[side ^ 1U])}, amount);
    if (convert::to_int(u256(leg.amount_out)) != amount) return false;
    token = leg.hop.token_out;
  }
  return token == opportunity.token_out && token == opportunity.token_in &&
         convert::to_int(u256(opportunity.amount_out)) == amount &&
         amount > convert::to_int(u256(opportunity.amount_in)) && opportunity.confidence >= 0 &&
         opportunity.confidence <= 1 && opportunity.risk_score >= 0 && opportunity.risk_score <= 1;
}

gantry_sizing_limits no_limits() { return {u256::max(), 10'000, 0, u256(0), 0}; }

}  // namespace

TEST_CASE("a market in line gives no opportunities, and one pool out of line gives its cycles") {
  PairMarket market = fair_market();
  Strategy strategy({});
  REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
  CHECK(strategy.found.empty());
  CHECK(market.quoted == 0);  // what a pair pays is known by its reserves

  market.pairs[1].reserves[1] = ether(1'200);
  REQUIRE(strategy.find(market.snapshot({1})) == GANTRY_OK);
  // 0-1-2, and 0-3-1-2.
  REQUIRE(strategy.found.size() == 2);
  std::set<std::uint64_t> keys;
  for (const gantry_opportunity& opportunity : strategy.found) {
    CHECK(is_sound(market, opportunity));
    CHECK(opportunity.kind == GANTRY_OPPORTUNITY_ARBITRAGE);
    CHECK(opportunity.block == 100);
    CHECK(opportunity.valid_until_block == 101);
    CHECK(opportunity.gas == 100'000 * opportunity.leg_count);
    CHECK(opportunity.expected_profit_bps > 0);
    CHECK(strategy.validate(market.snapshot({}), opportunity) == GANTRY_OK);
    keys.insert(opportunity.key);
  }
  CHECK(keys.size() == 2);
  CHECK(strategy.found[0].leg_count == 3);
  const gantry_opportunity best = strategy.found[0];

  // A pool that no profitable cycle is in brings nothing; the same route has the same key.
  REQUIRE(strategy.find(market.snapshot({})) == GANTRY_OK);
  CHECK(strategy.found.empty());
  REQUIRE(strategy.find(market.snapshot({0})) == GANTRY_OK);
  REQUIRE(strategy.found.size() == 1);
  CHECK(strategy.found[0].key == best.key);

  market.pairs[1].reserves[1] = ether(1'000);
  CHECK(strategy.validate(market.snapshot({}), best) == GANTRY_REFUSED);
  REQUIRE(strategy.find(market.snapshot({1})) == GANTRY_OK);
  CHECK(strategy.found.empty());
}

TEST_CASE("a trade that leaves a pool's first range is sized by what the pools pay beyond it") {
  PairMarket market = ranged_market();
  Strategy strategy({});
  REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.found.size() == 1);
  const gantry_opportunity& found = strategy.found.front();
  const auto gain = [&](const u256& in) {
    u256 at = in;
    for (std::uint32_t i = 0; i < found.leg_count; ++i) {
      const Pair& pair = market.pairs[found.legs[i].hop.pool];
      const std::uint32_t side = pair.tokens[0] == found.legs[i].hop.token_in ? 0 : 1;
      REQUIRE(paid_by(pair, side, at, at) == GANTRY_OK);
    }
    return gantry::to_long_double(at) - gantry::to_long_double(in);
  };
  // Of all sizes, a thousandth of an ether apart: the best is beyond the range, and not as far as
  // the first range's shape alone would have it.
  const u256 step(1'000'000'000'000'000ULL);
  u256 best;
  u256 in;
  for (int i = 0; i < 200'000; ++i) {
    in = gantry::wrapping_add(in, step);
    if (gain(in) > gain(best)) best = in;
  }
  CHECK(best > ether(20));
  const long double most = gain(best);
  CHECK(gain(u256(found.amount_in)) >= most);
  CHECK(gain(u256(found.amount_in)) < most * (1 + 1e-6L));
  CHECK(gantry::to_long_double(u256(found.amount_out)) -
            gantry::to_long_double(u256(found.amount_in)) ==
        gain(u256(found.amount_in)));
}

TEST_CASE("what is found on top of a pending swap is a back-run") {
  PairMarket market = fair_market();
  Strategy strategy({});
  REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
  market.pairs[1].reserves[1] = ether(1'200);
  market.pending = 7;
  REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.found.size() == 2);
  CHECK(strategy.found[0].kind == GANTRY_OPPORTUNITY_BACKRUN);
}

TEST_CASE("gas and min_profit_bps decide what is emitted") {
  PairMarket market = fair_market();
  market.pairs[1].reserves[1] = ether(1'200);
  const auto found_with = [&](std::uint64_t gas_price, std::int64_t min_profit_bps) {
    market.context.gas_price = u256(gas_price);
    Strategy strategy({.min_profit_bps = min_profit_bps});
    REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
    REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
    for (const gantry_opportunity& opportunity : strategy.found) {
      CHECK(opportunity.expected_profit_bps >= static_cast<double>(min_profit_bps));
    }
    return strategy.found.size();
  };
  CHECK(found_with(0, 0) == 2);
  CHECK(found_with(1'000'000'000, 0) == 2);           // 1 gwei: 0.0004 ether
  CHECK(found_with(100'000'000'000'000ULL, 0) == 0);  // 36 ether
  CHECK(found_with(0, 5'000) == 0);
}

TEST_CASE(
    "cycles through tokens to avoid, unusable pools and more hops than allowed are left out") {
  PairMarket market = fair_market();
  market.pairs[1].reserves[1] = ether(1'200);
  const auto lengths = [&](std::int64_t max_hops) {
    Strategy strategy({.max_hops = max_hops});
    REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
    REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
    std::multiset<std::uint32_t> result;
    for (const gantry_opportunity& opportunity : strategy.found) {
      result.insert(opportunity.leg_count);
    }
    return result;
  };
  CHECK(lengths(4) == std::multiset<std::uint32_t>{3, 4});
  CHECK(lengths(3) == std::multiset<std::uint32_t>{3});
  market.flags[3] = GANTRY_TOKEN_AVOID;
  CHECK(lengths(4) == std::multiset<std::uint32_t>{3});
  market.flags[3] = 0;
  market.pairs[0].usable = false;
  CHECK(lengths(4) == std::multiset<std::uint32_t>{4});
}

TEST_CASE("the start is a token that can be valued, and without one nothing is emitted") {
  PairMarket market = fair_market();
  market.pairs[1].reserves[1] = ether(1'200);
  const auto starts = [&](std::vector<double> values) {
    market.ether_per_unit = std::move(values);
    Strategy strategy({.max_hops = 3});
    REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
    REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
    std::vector<std::uint32_t> result;
    for (const gantry_opportunity& found : strategy.found) result.push_back(found.token_in);
    return result;
  };
  CHECK(starts({1e-18, 0, 0, 0}) == std::vector<std::uint32_t>{0});
  CHECK(starts({0, 0, 1e-18, 0}) == std::vector<std::uint32_t>{2});
  CHECK(starts({0, 0, 0, 0}).empty());
}

TEST_CASE("a size within limits respects each of them and is the best within them") {
  PairMarket market = fair_market();
  market.pairs[1].reserves[1] = ether(1'200);
  Strategy strategy({.max_hops = 3});
  REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.found.size() == 1);
  const gantry_opportunity whole = strategy.found[0];

  gantry_opportunity sized{};
  REQUIRE(strategy.size(market.snapshot({}), whole, no_limits(), sized) == GANTRY_OK);
  CHECK(u256(sized.amount_in) == u256(whole.amount_in));

  gantry_sizing_limits limits = no_limits();
  limits.amount_in_max = ether(2);
  REQUIRE(strategy.size(market.snapshot({}), whole, limits, sized) == GANTRY_OK);
  CHECK(is_sound(market, sized));
  CHECK(u256(sized.amount_in) == ether(2));

  limits = no_limits();
  limits.pool_share_max_bps = 100;  // of 1000 ether: 10, and less of what the fees leave
  REQUIRE(strategy.size(market.snapshot({}), whole, limits, sized) == GANTRY_OK);
  CHECK(is_sound(market, sized));
  bool one_is_full = false;
  for (std::uint32_t i = 0; i < sized.leg_count; ++i) {
    const Pair& pair = market.pairs[sized.legs[i].hop.pool];
    const double held =
        gantry::to_double(pair.reserves[pair.tokens[0] == sized.legs[i].hop.token_in ? 0 : 1]);
    const double share = gantry::to_double(u256(sized.legs[i].amount_in)) / held;
    CHECK(share <= 0.01);
    one_is_full = one_is_full || share > 0.00999;
  }
  CHECK(one_is_full);

  limits = no_limits();
  limits.amount_in_max = u256(0);
  CHECK(strategy.size(market.snapshot({}), whole, limits, sized) == GANTRY_REFUSED);
  limits = no_limits();
  limits.pool_share_max_bps = 0;
  CHECK(strategy.size(market.snapshot({}), whole, limits, sized) == GANTRY_REFUSED);
  market.pairs[1].reserves[1] = ether(1'000);
  CHECK(strategy.size(market.snapshot({}), whole, no_limits(), sized) == GANTRY_REFUSED);
}

TEST_CASE("markets with no pool, one pool, or pools of nothing have no cycles") {
  PairMarket empty{2, {}};
  PairMarket lone{2, {{{0, 1}, {ether(1'000), ether(1'300)}}}};
  PairMarket drained{2, {{{0, 1}, {ether(1'000), ether(1'300)}}, {{0, 1}, {u256(), u256()}}}};
  for (PairMarket* market : {&empty, &lone, &drained}) {
    Strategy strategy({});
    REQUIRE(strategy.prepare(market->snapshot({}, true)) == GANTRY_OK);
    REQUIRE(strategy.find(market->snapshot({}, true)) == GANTRY_OK);
    CHECK(strategy.found.empty());
  }
}

TEST_CASE("what a trade leaves is told after the gas of its swaps and of the transaction") {
  PairMarket market = fair_market();
  market.pairs[1].reserves[1] = ether(1'200);
  market.context.gas_price = u256(500'000'000'000ULL);
  Strategy strategy({});
  REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.found.size() == 2);
  for (const gantry_opportunity& found : strategy.found) {
    const double in = gantry::to_double(u256(found.amount_in)) * 1e-18;
    const double out = gantry::to_double(u256(found.amount_out)) * 1e-18;
    // 100,000 gas a hop and 60,000 of the transaction, at 500 gwei.
    const double gas = found.leg_count == 3 ? 0.18 : 0.23;
    CHECK(found.expected_profit_bps == Approx((out - in - gas) / in * 1e4).epsilon(1e-9));
  }
}

TEST_CASE("liquidity decides what is sized first when it is preferred") {
  // Two triangles that share token 0: a deep one that gains little, a shallow one that gains more.
  const auto best_of = [&](bool prefer) {
    PairMarket market{5,
                      {{{0, 1}, {ether(10'000), ether(10'000)}},
                       {{1, 2}, {ether(10'000), ether(10'300)}},
                       {{2, 0}, {ether(10'000), ether(10'000)}},
                       {{0, 3}, {ether(4), ether(4)}},
                       {{3, 4}, {ether(4), ether(12)}},
                       {{4, 0}, {ether(4), ether(4)}}}};
    Strategy strategy({.prefer_high_liquidity = prefer, .max_opportunities = 1});
    REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
    REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
    REQUIRE(strategy.found.size() == 1);
    // The other one cannot be better.
    CHECK(strategy.counters["candidates_cut"] == 0);
    CHECK(strategy.counters["candidates_beaten"] == 1);
    return strategy.found[0].legs[0].hop.pool < 3 ? "deep" : "shallow";
  };
  CHECK(std::string(best_of(false)) == "shallow");
  CHECK(std::string(best_of(true)) == "deep");
}

TEST_CASE("candidates that nobody can rule out are sized up to a limit, and counted beyond it") {
  std::vector<pair_market::Pair> pairs;
  for (std::uint32_t token = 1; token <= 10; ++token) {
    pairs.push_back({{0, token}, {ether(10), ether(10)}});
    pairs.push_back({{token, 0}, {ether(10), ether(11)}});
  }
  PairMarket market{11, pairs};
  Strategy strategy({.min_profit_bps = 9'000, .max_opportunities = 1});
  REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
  CHECK(strategy.found.empty());
  CHECK(strategy.counters["candidates_cut"] == 2);
}

TEST_CASE("find, validate and size allocate nothing") {
  std::mt19937_64 random(5);
  PairMarket market{12, {}};
  for (std::uint32_t i = 0; i < 12; ++i) {
    for (std::uint32_t j = i + 1; j < 12; ++j) {
      market.pairs.push_back({{i, j}, {ether(900 + random() % 200), ether(900 + random() % 200)}});
    }
  }
  Strategy strategy({.max_opportunities = 64});
  REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.found.size() == 64);
  std::size_t found = 0;
  std::uint64_t allocated = 0;
  for (int round = 0; round < 200; ++round) {
    const auto pool = static_cast<std::uint32_t>(random() % market.pairs.size());
    market.pairs[pool].reserves[random() % 2] = ether(900 + random() % 200);
    const gantry_market* snapshot = market.snapshot({pool}, round % 50 == 49);
    const std::uint64_t before = allocation_count();
    const gantry_status status = strategy.find(snapshot);
    gantry_status sized = GANTRY_OK;
    gantry_opportunity out{};
    gantry_sizing_limits limits = no_limits();
    limits.amount_in_max = ether(1);
    if (!strategy.found.empty()) {
      sized = strategy.size(snapshot, strategy.found[0], limits, out);
      strategy.validate(snapshot, strategy.found[0]);
    }
    allocated += allocation_count() - before;
    REQUIRE(status == GANTRY_OK);
    REQUIRE(sized == GANTRY_OK);
    found += strategy.found.size();
  }
  CHECK(found > 2'000);
  CHECK(allocated == 0);
  const std::uint64_t before = allocation_count();
  const std::vector<int> counted(3);
  CHECK(allocation_count() == before + (counted.empty() ? 0 : 1));
}

TEST_CASE("a cycle that pays beyond a pool's thin first range is found") {
  // As a V3 pool whose price stands in a range with little liquidity beside a deep one.
  PairMarket market{3,
                    {{{0, 1}, {ether(1'000), ether(1'000)}},
                     {{1, 2}, {ether(100), ether(108)}, true, ether(1), true},
                     {{2, 0}, {ether(1'000), ether(1'000)}}}};
  const auto gain = [&](const u256& in) {
    u256 at = in;
    for (std::uint32_t i = 0; i < 3; ++i) REQUIRE(paid_by(market.pairs[i], 0, at, at) == GANTRY_OK);
    return gantry::to_long_double(at) - gantry::to_long_double(in);
  };
  const u256 step(10'000'000'000'000'000ULL);
  u256 best;
  u256 in;
  for (int i = 0; i < 5'000; ++i) {
    in = gantry::wrapping_add(in, step);
    if (gain(in) > gain(best)) best = in;
  }
  CAPTURE(gain(best) * 1e-18L, gantry::to_long_double(best) * 1e-18L);
  for (const std::uint64_t gwei : {0U, 100U, 200U, 300U, 400U, 600U, 1'000U}) {
    market.context.gas_price = u256(gwei * 1'000'000'000);
    const long double net = gain(best) * 1e-18L - 360'000 * static_cast<long double>(gwei) * 1e-9L;
    Strategy strategy({});
    REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
    REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
    CAPTURE(gwei, net);
    CHECK(strategy.found.size() == (net > 0 ? 1 : 0));
  }
}

TEST_CASE("a size within limits is the best within them beyond a pool's first range too") {
  PairMarket market = ranged_market();
  Strategy strategy({});
  REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.found.size() == 1);
  const gantry_opportunity whole = strategy.found.front();
  REQUIRE(u256(whole.amount_in) > ether(21));
  gantry_opportunity sized{};
  REQUIRE(strategy.size(market.snapshot({}), whole, no_limits(), sized) == GANTRY_OK);
  CHECK(u256(sized.amount_in) == u256(whole.amount_in));
  gantry_sizing_limits limits = no_limits();
  limits.amount_in_max = gantry::wrapping_sub(u256(whole.amount_in), u256(1));
  REQUIRE(strategy.size(market.snapshot({}), whole, limits, sized) == GANTRY_OK);
  CAPTURE(gantry::to_double(u256(whole.amount_in)) * 1e-18,
          gantry::to_double(u256(sized.amount_in)) * 1e-18);
  CHECK(u256(sized.amount_in) > ether(21));
}
