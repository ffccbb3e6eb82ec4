// What may become of a trade between the state it was quoted on and its execution: deterministic
// functions of the snapshots that were judged.
//
// FORMULAS  variance of a pool's price, per second: v = 0.94 v + 0.06 r^2 / t at each change, where
//           r is the logarithm of the price's ratio and t the seconds since the change before
//           (RiskMetrics' decay). A pool without virtual reserves counts as still.
//           volatility   s = sqrt(h * sum of v over the legs), h seconds to the execution's block
//           slippage     s * sqrt(2 / pi), the mean of |N(0, s)|
//           success      confidence * P(N(0, s) > -margin) * (hits + 20) / (tries + 20): what the
//                        strategy and the valuation are sure of, times that prices do not move by
//                        more than the profit, times how its trades ended so far
//           value at risk (99 %)  min(1, 2.326 s) * stake + gas: as if nothing would revert
// UNITS     Fractions, unless named otherwise.
// THREADS   PoolVolatility: one at a time. forecast() is pure, and allocates nothing.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "host/market/snapshot.hpp"
#include "host/rank/ranking.hpp"
#include "host/risk/book.hpp"

namespace gantry::host {

class PoolVolatility {
 public:
  // The pools that changed since the snapshot before, or all where that is not known. Another
  // topology begins anew. Allocates with a new topology only.
  void update(const Snapshot& snapshot, std::span<const std::uint32_t> changed, bool all);
  // Per second; 0: not known, or no pool of it.
  double variance(std::uint32_t pool) const noexcept {
    return pool < pools_.size() ? pools_[pool].variance : 0;
  }

 private:
  struct Pool {
    double log_price = 0;
    double variance = 0;
    std::uint64_t time_s = 0;  // of log_price; 0: none yet
  };
  void look(const Snapshot& snapshot, std::uint32_t pool);

  std::uint64_t topology_ = UINT64_MAX;
  std::vector<Pool> pools_;
};

struct Forecast {
  double volatility = 0;
  double slippage = 0;
  double success = 0;
  double value_at_risk_usd = 0;
};

// `context` is that of the snapshot in which it is judged, `record` of its strategy so far.
Forecast forecast(const PoolVolatility& volatility, const gantry_context& context,
                  const Ranked& ranked, const ScopeCounts& record) noexcept;

}  // namespace gantry::host
