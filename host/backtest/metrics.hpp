// What a backtest's trades come to, by the definitions of the field.
//
// Equity is the capital and all results so far. Returns are of equal periods from the first block's
// time on, the last of which may be cut off: r = equity at its end / equity at its beginning - 1.
//   Sharpe    mean(r) / s * sqrt(n), s the sample's standard deviation (n - 1 below the line), n
//   the
//             periods of a year; no riskless return is taken off (W. F. Sharpe, "The Sharpe Ratio",
//             Journal of Portfolio Management, 1994).
//   Sortino   mean(r) / d * sqrt(n), d the root of mean(min(r, 0)^2) over all periods (F. Sortino,
//             L. Price, "Performance Measurement in a Downside Risk Framework", 1994).
//   drawdown  the largest fall of equity from a peak before it, as a part of that peak.
//   win rate  trades that gained, of those that were in a block and did not open a position.
//   turnover  what went into trades that were filled, over the capital.
//
// UNITS    Ether as real numbers for ratios; sums in wei are exact.
// THREADS  Pure functions.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "host/backtest/simulated_chain.hpp"

namespace gantry::host {

struct EquityPoint {
  std::uint64_t time_s = 0;
  std::uint64_t block = 0;
  double equity_eth = 0;
};

struct BacktestFrame {
  double capital_eth = 0;
  std::uint64_t first_block = 0;
  std::uint64_t last_block = 0;
  std::uint64_t first_time_s = 0;
  std::uint64_t last_time_s = 0;
};

// What was gained less what was lost, exact.
struct Money {
  u256 gained_wei;
  u256 lost_wei;

  void add(bool gained, const u256& wei);
  bool is_loss() const { return gained_wei < lost_wei; }
  u256 magnitude() const;
  double ether() const;
};

struct BacktestMetrics {
  std::uint64_t sent = 0;
  std::uint64_t filled = 0;
  std::uint64_t gained = 0;    // of them
  std::uint64_t opened = 0;    // of them: a position, or more of one; its gas is all it cost
  std::uint64_t reverted = 0;  // all that were in a block and not filled
  std::uint64_t taken = 0;     // of them, by the competitor
  std::uint64_t missed = 0;    // in no block
  Money net;
  Money predicted;  // of those that were filled
  Money realised;   // of the same
  u256 gas_wei;
  double net_usd = 0;
  std::optional<double> win_rate;
  double turnover = 0;
  double max_drawdown = 0;
  double max_drawdown_eth = 0;
  std::uint64_t period_s = 0;
  std::uint64_t periods = 0;
  std::optional<double> sharpe;   // none: too few periods, or all returns are the same
  std::optional<double> sortino;  // none: too few periods, or none lost
};

// From the capital at the first block to the last one: a point for each block with a result.
std::vector<EquityPoint> equity_of(std::span<const BacktestTrade> trades,
                                   const BacktestFrame& frame);
BacktestMetrics metrics_of(std::span<const BacktestTrade> trades, const BacktestFrame& frame);

}  // namespace gantry::host
