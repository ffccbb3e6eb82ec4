#include "host/risk/forecast.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "host/market/valuation.hpp"

namespace gantry::host {

namespace {

constexpr double decay = 0.94;
constexpr double quantile_99 = 2.3263478740408408;
constexpr double tries_assumed = 20;  // good ones, before any is known

// P(N(0, 1) < x)
double normal_below(double x) noexcept { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

}  // namespace

void PoolVolatility::update(const Snapshot& snapshot, std::span<const std::uint32_t> changed,
                            bool all) {
  const Topology& topology = *snapshot.topology;
  if (topology_ != topology.id || pools_.size() != topology.pools.size()) {
    topology_ = topology.id;
    pools_.assign(topology.pools.size(), {});
    all = true;
  }
  if (!all) {
    for (const std::uint32_t pool : changed) look(snapshot, pool);
    return;
  }
  for (std::uint32_t pool = 0; pool < pools_.size(); ++pool) look(snapshot, pool);
}

void PoolVolatility::look(const Snapshot& snapshot, std::uint32_t pool) {
  const PoolInfo& info = snapshot.topology->pools[pool];
  if (info.use != PoolUse::usable || info.tokens.size() < 2) return;
  SpotPrice spot;
  if (!spot_price(snapshot, pool, 0, 1, spot)) return;
  const double log_price = std::log(spot.reserve_out / spot.reserve_in);
  if (!std::isfinite(log_price)) return;
  Pool& own = pools_[pool];
  const std::uint64_t now_s = std::max<std::uint64_t>(snapshot.context.state_time_s, 1);
  if (own.time_s != 0) {
    const double moved = log_price - own.log_price;
    // Where several blocks have one time, and after a reorganization.
    const double seconds = now_s > own.time_s ? static_cast<double>(now_s - own.time_s) : 1.0;
    own.variance = decay * own.variance + (1 - decay) * moved * moved / seconds;
  }
  own.log_price = log_price;
  own.time_s = now_s;
}

Forecast forecast(const PoolVolatility& volatility, const gantry_context& context,
                  const Ranked& ranked, const ScopeCounts& record) noexcept {
  const gantry_opportunity& o = ranked.opportunity;
  double variance = 0;
  for (std::uint32_t i = 0; i < o.leg_count; ++i)
    variance += volatility.variance(o.legs[i].hop.pool);
  const std::uint64_t begun_s = context.state_time_s;
  const double horizon_s = context.execution_time_s > begun_s
                               ? static_cast<double>(context.execution_time_s - begun_s)
                               : 0.0;
  Forecast out;
  out.volatility = std::sqrt(variance * horizon_s);
  out.slippage = out.volatility * std::sqrt(2 * std::numbers::inv_pi);
  const double stake_usd = to_double(u256(ranked.stake.usd_e6)) / 1e6;
  const double gas_usd = to_double(ranked.gas_usd_e6) / 1e6;
  const double net_usd = to_double(ranked.net_usd_e6) / 1e6 * (ranked.pays ? 1 : -1);
  const double margin = net_usd / std::max(stake_usd, 1e-6);
  const double holds =
      out.volatility > 0 ? normal_below(margin / out.volatility) : (margin >= 0 ? 1.0 : 0.0);
  const double tries = static_cast<double>(record.successes) + static_cast<double>(record.failures);
  const double hits = static_cast<double>(record.successes);
  out.success = std::min(o.confidence, ranked.gross.confidence) * holds * (hits + tries_assumed) /
                (tries + tries_assumed);
  out.value_at_risk_usd = std::min(1.0, quantile_99 * out.volatility) * stake_usd + gas_usd;
  return out;
}

}  // namespace gantry::host
