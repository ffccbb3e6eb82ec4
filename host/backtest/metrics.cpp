#include "host/backtest/metrics.hpp"

#include <algorithm>
#include <cmath>

#include "gantry/u256_convert.hpp"
#include "host/risk/amounts.hpp"

namespace gantry::host {
namespace {

constexpr std::uint64_t minute_s = 60;
constexpr std::uint64_t hour_s = 3600;
constexpr std::uint64_t day_s = 86400;
constexpr double year_s = 365.25 * 86400;
constexpr std::uint64_t periods_wanted = 20;

double ether_of_wei(const u256& wei) { return to_double(wei) * 1e-18; }

void add_to(u256& total, const u256& amount) { total = sum_of(total, amount); }

// The longest of them of which there are enough.
std::uint64_t period_of(const BacktestFrame& frame) {
  const std::uint64_t span = frame.last_time_s - frame.first_time_s;
  for (const std::uint64_t period : {day_s, hour_s}) {
    if (span >= periods_wanted * period) return period;
  }
  return minute_s;
}

// Of each period in turn. A period without a result has a return of 0.
std::vector<double> returns_of(std::span<const EquityPoint> equity, const BacktestFrame& frame,
                               std::uint64_t period_s) {
  std::vector<double> returns;
  double before = frame.capital_eth;
  std::size_t next = 0;
  for (std::uint64_t begin = frame.first_time_s; begin < frame.last_time_s; begin += period_s) {
    double now = before;
    for (; next < equity.size() && equity[next].time_s <= begin + period_s; ++next) {
      now = equity[next].equity_eth;
    }
    returns.push_back(now / before - 1);
    before = now;
  }
  return returns;
}

void add_ratios(BacktestMetrics& metrics, std::span<const double> returns) {
  const auto count = static_cast<double>(returns.size());
  if (returns.size() < 2) return;
  double mean = 0;
  for (const double r : returns) mean += r / count;
  double squares = 0;
  double below = 0;
  for (const double r : returns) {
    squares += (r - mean) * (r - mean);
    below += std::min(r, 0.0) * std::min(r, 0.0);
  }
  const double a_year = std::sqrt(year_s / static_cast<double>(metrics.period_s));
  const double deviation = std::sqrt(squares / (count - 1));
  const double downside = std::sqrt(below / count);
  if (deviation > 0) metrics.sharpe = mean / deviation * a_year;
  if (downside > 0) metrics.sortino = mean / downside * a_year;
}

}  // namespace

void Money::add(bool gained, const u256& wei) { add_to(gained ? gained_wei : lost_wei, wei); }

u256 Money::magnitude() const {
  return is_loss() ? wrapping_sub(lost_wei, gained_wei) : wrapping_sub(gained_wei, lost_wei);
}

double Money::ether() const { return ether_of_wei(magnitude()) * (is_loss() ? -1 : 1); }

std::vector<EquityPoint> equity_of(std::span<const BacktestTrade> trades,
                                   const BacktestFrame& frame) {
  std::vector<EquityPoint> points{{frame.first_time_s, frame.first_block, frame.capital_eth}};
  Money net;
  for (const BacktestTrade& trade : trades) {
    if (trade.reason == FillReason::expired) continue;
    net.add(trade.gained, trade.result_wei);
    const EquityPoint point{trade.time_s, trade.block, frame.capital_eth + net.ether()};
    if (points.size() > 1 && points.back().block == point.block) {
      points.back() = point;
    } else {
      points.push_back(point);
    }
  }
  points.push_back({frame.last_time_s, frame.last_block, points.back().equity_eth});
  return points;
}

BacktestMetrics metrics_of(std::span<const BacktestTrade> trades, const BacktestFrame& frame) {
  BacktestMetrics metrics;
  u256 stakes;
  for (const BacktestTrade& trade : trades) {
    ++metrics.sent;
    if (trade.reason == FillReason::expired) {
      ++metrics.missed;
      continue;
    }
    metrics.net.add(trade.gained, trade.result_wei);
    metrics.net_usd += ether_of_wei(trade.result_wei) * (trade.gained ? 1 : -1) * trade.ether_usd;
    add_to(metrics.gas_wei, trade.gas_wei);
    if (trade.reason != FillReason::none) {
      ++metrics.reverted;
      if (trade.was_taken) ++metrics.taken;
      continue;
    }
    ++metrics.filled;
    if (trade.gained) ++metrics.gained;
    if (trade.opens) ++metrics.opened;
    if (!trade.one_way) {
      metrics.predicted.add(true, trade.predicted_wei);
      metrics.realised.add(trade.gained, trade.result_wei);
    }
    add_to(stakes, trade.stake_wei);
  }
  // What opens a position has neither won nor lost.
  const std::uint64_t executed = metrics.filled - metrics.opened + metrics.reverted;
  if (executed != 0) {
    metrics.win_rate = static_cast<double>(metrics.gained) / static_cast<double>(executed);
  }
  if (frame.capital_eth > 0) metrics.turnover = ether_of_wei(stakes) / frame.capital_eth;
  const auto equity = equity_of(trades, frame);
  double peak = frame.capital_eth;
  for (const EquityPoint& point : equity) {
    peak = std::max(peak, point.equity_eth);
    metrics.max_drawdown_eth = std::max(metrics.max_drawdown_eth, peak - point.equity_eth);
    if (peak > 0) {
      metrics.max_drawdown = std::max(metrics.max_drawdown, (peak - point.equity_eth) / peak);
    }
  }
  metrics.period_s = period_of(frame);
  if (frame.capital_eth > 0) {
    const auto returns = returns_of(equity, frame, metrics.period_s);
    metrics.periods = returns.size();
    add_ratios(metrics, returns);
  }
  return metrics;
}

}  // namespace gantry::host
