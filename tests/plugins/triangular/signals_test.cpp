// Confidence and risk, against the formulas that opportunity.hpp documents, written out in
// long double from the amounts and reserves.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <vector>

#include "gantry/search/route.hpp"
#include "plugins/triangular/pair_market.hpp"

using gantry::u256;
using namespace gantry::search;
using pair_market::PairMarket;
using pair_market::Strategy;

namespace {

constexpr std::uint64_t wei = 1'000'000'000'000'000'000ULL;

u256 ether(std::uint64_t whole) {
  u256 result;
  REQUIRE(gantry::mul(u256(whole), u256(wei), result));
  return result;
}

struct Trade {
  long double depth_ether;
  long double amount_in;
  long double profit;
  std::vector<long double> into;      // each hop's amount in
  std::vector<long double> reserves;  // each hop's balance of it
};

long double depth_factor(const Trade& trade) {
  return trade.depth_ether / (trade.depth_ether + 10.0L);
}

double confidence_of(const Trade& trade) {
  const long double margin = trade.profit / trade.amount_in;
  const long double half = 0.001L * static_cast<long double>(trade.into.size());
  return static_cast<double>(depth_factor(trade) * margin / (margin + half));
}

double risk_of(const Trade& trade) {
  long double share = 0;
  for (std::size_t i = 0; i < trade.into.size(); ++i) {
    share = std::max(share, trade.into[i] / trade.reserves[i]);
  }
  return static_cast<double>(1 - depth_factor(trade) * (1 - std::min(share, 1.0L)));
}

}  // namespace

TEST_CASE("depth counts half at ten ether, and not at all where nothing is known to be shallow") {
  CHECK(depth_confidence(0) == 0);
  CHECK(depth_confidence(10) == 0.5);
  CHECK(depth_confidence(90) == Approx(0.9).epsilon(1e-14));
  CHECK(depth_confidence(1e12) == Approx(1).epsilon(1e-10));
  CHECK(depth_confidence(std::numeric_limits<double>::infinity()) == 1);
}

TEST_CASE("confidence and risk are what is documented, for any trade") {
  constexpr std::uint64_t seed = 31;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2'000; ++i) {
    Route route;
    Sizing sizing{};
    Trade trade{};
    route.hop_count = 2 + static_cast<std::uint32_t>(random() % (hops_max - 1));
    route.depth_ether = static_cast<double>(random() >> (random() % 60)) * 1e-6;
    // Up to the pool's own size and a little beyond.
    const u256 amount_in(1 + (random() >> (1 + random() % 20)));
    sizing.profit = u256(1 + random() % (1 + amount_in.limb(0)));
    for (std::uint32_t hop = 0; hop < route.hop_count; ++hop) {
      const u256 reserve(1 + (random() >> (random() % 20)));
      route.legs[hop].pool = {reserve, u256(1), 3, 1000};
      sizing.amounts[hop] = u256(random() >> (random() % 30));
      const u256& into = hop == 0 ? amount_in : sizing.amounts[hop - 1];
      trade.into.push_back(static_cast<long double>(into.limb(0)));
      trade.reserves.push_back(static_cast<long double>(reserve.limb(0)));
    }
    trade.depth_ether = static_cast<long double>(route.depth_ether);
    trade.amount_in = static_cast<long double>(amount_in.limb(0));
    trade.profit = static_cast<long double>(sizing.profit.limb(0));
    const Signals signals = signals_of(route, sizing, amount_in);
    REQUIRE(signals.confidence == Approx(confidence_of(trade)).epsilon(1e-12));
    REQUIRE(signals.risk == Approx(risk_of(trade)).epsilon(1e-12).margin(1e-12));
  }
}

TEST_CASE("what is found carries the documented confidence and risk") {
  // The shallowest balance that goes in is pool 2's: 400 ether.
  PairMarket market{3,
                    {{{0, 1}, {ether(1'000), ether(1'000)}},
                     {{1, 2}, {ether(500), ether(700)}},
                     {{2, 0}, {ether(400), ether(400)}}}};
  Strategy strategy({});
  REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
  REQUIRE(strategy.found.size() == 1);
  const gantry_opportunity& found = strategy.found[0];
  REQUIRE(found.leg_count == 3);
  const double amount_in = gantry::to_double(u256(found.amount_in));
  Trade trade{400, amount_in, gantry::to_double(u256(found.amount_out)) - amount_in, {}, {}};
  for (std::uint32_t i = 0; i < found.leg_count; ++i) {
    const pair_market::Pair& pair = market.pairs[found.legs[i].hop.pool];
    const unsigned side = pair.tokens[0] == found.legs[i].hop.token_in ? 0 : 1;
    trade.into.push_back(gantry::to_double(u256(found.legs[i].amount_in)));
    trade.reserves.push_back(gantry::to_double(pair.reserves[side]));
  }
  CHECK(found.confidence == Approx(confidence_of(trade)).epsilon(1e-9));
  CHECK(found.risk_score == Approx(risk_of(trade)).epsilon(1e-9));
}
