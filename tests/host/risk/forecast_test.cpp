// Forecasts against their formulas, written down once more.
#include "host/risk/forecast.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "support/applied_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

// Blocks 13 s apart, in which the first pool's price moves and the second's does not.
const std::vector<std::vector<SmallUpdate>> moves = {
    {{0, 101'000, 40'000'000}}, {}, {{0, 99'000, 40'000'000}}};

Ranked trade(std::uint32_t pool, std::uint32_t legs = 1) {
  Ranked r;
  r.opportunity = {};
  r.opportunity.leg_count = legs;
  for (std::uint32_t i = 0; i < legs; ++i) r.opportunity.legs[i].hop.pool = pool;
  r.opportunity.confidence = 0.9;
  r.gross.confidence = 0.8;
  r.stake.usd_e6 = u256(1'000'000'000);
  r.net_usd_e6 = u256(10'000'000);
  r.gas_usd_e6 = u256(3'000'000);
  r.pays = true;
  return r;
}

gantry_context context_of(std::uint64_t seconds) {
  gantry_context context{};
  context.state_time_s = 1000;
  context.execution_time_s = 1000 + seconds;
  return context;
}

}  // namespace

TEST_CASE("a pool's variance decays as RiskMetrics' does, over the time between its changes") {
  AppliedMarket market(
      market_inputs(3, {{0, 1, 100'000, 40'000'000}, {1, 2, 40'000'000, 80'000'000}}, moves));
  PoolVolatility volatility;
  CHECK(volatility.variance(0) == 0);
  volatility.update(*market.snapshot, {}, false);
  CHECK(volatility.variance(0) == 0);
  double expected = 0;
  double before = 100.0;
  std::uint64_t since_s = 0;
  const double prices[] = {101.0, 101.0, 99.0};
  for (const double price : prices) {
    market.advance();
    volatility.update(*market.snapshot, market.snapshot->changed, false);
    since_s += 13;
    if (price == before) continue;
    const double moved = std::log(before / price);
    expected = 0.94 * expected + 0.06 * moved * moved / static_cast<double>(since_s);
    since_s = 0;
    before = price;
    CHECK(volatility.variance(0) == Approx(expected).epsilon(1e-9));
  }
  CHECK(expected > 0);
  CHECK(volatility.variance(1) == 0);
  CHECK(volatility.variance(77) == 0);

  // Over three blocks, each leg adds its own.
  const Ranked r = trade(0, 2);
  const double sigma = std::sqrt(2 * expected * 39);
  const Forecast f = forecast(volatility, context_of(39), r, {});
  CHECK(f.volatility == Approx(sigma));
  CHECK(f.slippage == Approx(sigma * std::sqrt(2 / 3.14159265358979)));
  CHECK(f.value_at_risk_usd == Approx(2.326348 * sigma * 1000 + 3));
  const double holds = 0.5 * (1 + std::erf(0.01 / sigma / std::sqrt(2.0)));
  CHECK(f.success == Approx(0.8 * holds));
  CHECK(holds < 0.99);
}

TEST_CASE("where prices stand still, success is what the strategy and its valuation say") {
  const PoolVolatility still;
  Ranked r = trade(0);
  const Forecast f = forecast(still, context_of(13), r, {});
  CHECK(f.volatility == 0);
  CHECK(f.slippage == 0);
  CHECK(f.success == Approx(0.8));
  CHECK(f.value_at_risk_usd == Approx(3));
  r.pays = false;
  CHECK(forecast(still, context_of(13), r, {}).success == 0);
}

TEST_CASE("how a strategy's trades ended so far counts against twenty that went well") {
  const PoolVolatility still;
  ScopeCounts record;
  record.failures = 5;
  CHECK(forecast(still, context_of(13), trade(0), record).success == Approx(0.8 * 20 / 25));
  record.successes = 75;
  CHECK(forecast(still, context_of(13), trade(0), record).success == Approx(0.8 * 95 / 100));
}

TEST_CASE("no more than everything is at risk, and nothing that is no number comes out") {
  AppliedMarket market(market_inputs(3,
                                     {{0, 1, 100'000, 40'000'000}, {1, 2, 40'000'000, 80'000'000}},
                                     {{{0, 100'000'000, 1}}, {{0, 1, 100'000'000}}}));
  PoolVolatility volatility;
  volatility.update(*market.snapshot, {}, true);
  for (int i = 0; i < 2; ++i) {
    market.advance();
    volatility.update(*market.snapshot, market.snapshot->changed, false);
  }
  const Forecast f = forecast(volatility, context_of(100'000), trade(0), {});
  CHECK(f.value_at_risk_usd == Approx(1003));
  CHECK(std::isfinite(f.success));
  Ranked nothing;
  nothing.opportunity = {};
  const Forecast empty = forecast(volatility, context_of(0), nothing, {});
  CHECK(std::isfinite(empty.success));
  CHECK(std::isfinite(empty.value_at_risk_usd));
}
