#include "host/backtest/backtest_report.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/ledger/queries.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host {
namespace {

namespace json = boost::json;

constexpr std::uint64_t seconds_a_day = 86400;

json::value or_null(const std::optional<double>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::string signed_wei(bool is_loss, const u256& wei) {
  return json::string((is_loss && !wei.is_zero() ? "-" : "") + to_string(wei));
}
json::string text_of(const Money& money) { return signed_wei(money.is_loss(), money.magnitude()); }

std::string_view place_text(BlockPlace place) {
  return place == BlockPlace::first ? "first" : "last";
}

std::string day_of(std::uint64_t time_s) {
  return ledger::day_text(static_cast<std::int64_t>(time_s / seconds_a_day));
}

// "2024-05-01 13:45:00", UTC.
std::string time_text(std::uint64_t time_s) {
  return fmt::format("{} {:%T}", day_of(time_s), std::chrono::seconds(time_s % seconds_a_day));
}

json::value impact_json(const SimulationSettings& settings) {
  if (settings.impact_blocks == OwnSwaps::for_ever) return nullptr;
  return settings.impact_blocks;
}
std::string impact_text(const SimulationSettings& settings) {
  if (settings.impact_blocks == OwnSwaps::for_ever) return "for ever";
  return counted(settings.impact_blocks, "block");
}

json::object metrics_json(const BacktestMetrics& metrics) {
  return {{"sent", metrics.sent},
          {"opened", metrics.opened},
          {"filled", metrics.filled},
          {"gained", metrics.gained},
          {"reverted", metrics.reverted},
          {"taken_by_competitor", metrics.taken},
          {"missed", metrics.missed},
          {"win_rate", or_null(metrics.win_rate)},
          {"net_wei", text_of(metrics.net)},
          {"net_eth", metrics.net.ether()},
          {"net_usd", metrics.net_usd},
          {"gas_wei", to_string(metrics.gas_wei)},
          {"predicted_wei", text_of(metrics.predicted)},
          {"realised_wei", text_of(metrics.realised)},
          {"turnover", metrics.turnover},
          {"max_drawdown", metrics.max_drawdown},
          {"max_drawdown_eth", metrics.max_drawdown_eth},
          {"period_s", metrics.period_s},
          {"periods", metrics.periods},
          {"sharpe", or_null(metrics.sharpe)},
          {"sortino", or_null(metrics.sortino)}};
}

json::object trade_json(const BacktestTrade& trade) {
  json::array legs;
  for (const BacktestLeg& leg : trade.legs) {
    legs.push_back(json::object{{"venue", printable(leg.venue)},
                                {"pool", leg.pool},
                                {"token_in", short_symbol(leg.token_in)},
                                {"token_out", short_symbol(leg.token_out)}});
  }
  return {{"group", trade.group},
          {"strategy", printable(trade.strategy)},
          {"outcome", to_string(trade.reason)},
          {"taken_by_competitor", trade.was_taken},
          {"one_way", trade.one_way},
          {"opens", trade.opens},
          {"found_block", trade.found_block},
          {"block", trade.block},
          {"time_s", trade.time_s},
          {"token", short_symbol(trade.token)},
          {"amount_in", decimal_text(trade.amount_in, trade.decimals)},
          {"amount_in_units", to_string(trade.amount_in)},
          {"predicted_out_units", to_string(trade.predicted_out)},
          {"amount_out_units", to_string(trade.amount_out)},
          {"loan_fee_units", to_string(trade.loan_fee)},
          {"stake_wei", to_string(trade.stake_wei)},
          {"predicted_wei", to_string(trade.predicted_wei)},
          {"result_wei", signed_wei(!trade.gained, trade.result_wei)},
          {"gas_wei", to_string(trade.gas_wei)},
          {"ether_usd", trade.ether_usd},
          {"legs", std::move(legs)}};
}

// The part of it that is of the day of `time_s`. Its days begin with the capital.
BacktestFrame frame_of_day(const BacktestFrame& frame, std::uint64_t time_s) {
  BacktestFrame day = frame;
  const std::uint64_t begin = time_s - time_s % seconds_a_day;
  day.first_time_s = std::max(frame.first_time_s, begin);
  day.last_time_s = std::max(day.first_time_s, std::min(frame.last_time_s, begin + seconds_a_day));
  return day;
}

// Of each name that `names` gives for a trade, in the frame that `frame_of` gives for one of them.
template <class Names, class FrameOf>
json::object grouped_by(const BacktestResult& result, const Names& names, const FrameOf& frame_of) {
  std::map<std::string, std::vector<BacktestTrade>> groups;
  for (const BacktestTrade& trade : result.trades) {
    for (const std::string& name : names(trade)) groups[name].push_back(trade);
  }
  json::object out;
  for (const auto& [name, trades] : groups) {
    out[printable(name)] = metrics_json(metrics_of(trades, frame_of(trades.front())));
  }
  return out;
}

std::string ratio_text(const std::optional<double>& value) {
  return value ? short_number(*value, 2) : "-";
}

}  // namespace

json::object backtest_json(const BacktestResult& result) {
  const BacktestFrame& frame = result.frame;
  const SimulationSettings& settings = result.settings;
  json::array set;
  for (const std::string& one : result.set) set.push_back(json::string(printable(one)));
  json::array equity;
  for (const EquityPoint& point : equity_of(result.trades, frame)) {
    equity.push_back(json::array{point.time_s, point.block, point.equity_eth});
  }
  json::array trades;
  for (const BacktestTrade& trade : result.trades) trades.push_back(trade_json(trade));
  json::object refusals;
  for (const auto& [reason, count] : result.run.refusals) {
    refusals[to_string(reason)] = count.count;
  }
  json::object unsent;
  std::uint64_t begun = result.run.plans;
  if (result.run.executed) {
    for (const auto& [reason, count] : result.run.executed->others) {
      if (reason == to_string(FillReason::not_planned)) begun += count;
      if (reason == to_string(FillReason::no_profit) ||
          reason == to_string(FillReason::not_planned)) {
        unsent[reason] = count;
      }
    }
  }
  if (result.run.approved > begun) unsent["another was better"] = result.run.approved - begun;
  const auto whole = [&](const BacktestTrade&) { return frame; };
  return {
      {"recording", printable(result.run.recording)},
      {"provenance", printable(result.run.provenance)},
      {"chain", printable(result.run.chain)},
      {"first_block", frame.first_block},
      {"last_block", frame.last_block},
      {"first_time_s", frame.first_time_s},
      {"last_time_s", frame.last_time_s},
      {"stopped", result.run.stopped},
      {"snapshots", result.run.snapshots},
      {"settings", json::object{{"latency_blocks", settings.latency_blocks},
                                {"place", place_text(settings.place)},
                                {"impact_blocks", impact_json(settings)},
                                {"competition", settings.competition},
                                {"missed", settings.missed},
                                {"loan_fee_ppm", settings.loan_fee_ppm},
                                {"loan_gas", settings.loan_gas},
                                {"seed", settings.seed},
                                {"set", std::move(set)}}},
      {"capital_eth", frame.capital_eth},
      {"opportunities", result.run.opportunities},
      {"approved", result.run.approved},
      {"refused", std::move(refusals)},
      {"not_sent", std::move(unsent)},
      {"under_way_at_the_end", result.under_way},
      {"open_at_the_end", json::object{{"positions", result.open.count},
                                       {"unvalued", result.open.unvalued},
                                       {"cost_wei", to_string(result.open.cost_wei)},
                                       {"worth_wei", to_string(result.open.worth_wei)}}},
      {"metrics", metrics_json(metrics_of(result.trades, frame))},
      {"by_strategy",
       grouped_by(
           result, [](const BacktestTrade& t) { return std::set{t.strategy}; }, whole)},
      {"by_venue", grouped_by(
                       result,
                       [](const BacktestTrade& t) {
                         std::set<std::string> venues;
                         for (const BacktestLeg& leg : t.legs) venues.insert(leg.venue);
                         return venues;
                       },
                       whole)},
      {"by_day", grouped_by(
                     result, [](const BacktestTrade& t) { return std::set{day_of(t.time_s)}; },
                     [&](const BacktestTrade& t) { return frame_of_day(frame, t.time_s); })},
      {"equity", std::move(equity)},
      {"trades", std::move(trades)},
      {"state_hash", result.run.state_hash},
  };
}

std::string backtest_text(const BacktestResult& result, bool colour) {
  const Style style(colour);
  const BacktestFrame& frame = result.frame;
  const BacktestMetrics all = metrics_of(result.trades, frame);
  std::string out =
      style(Ink::bold, "Backtest") + "  " +
      cut_to(printable(result.run.recording), terminal_columns - 10) + "\n" +
      fmt::format("          blocks {} to {}, {} to {} UTC\n", frame.first_block, frame.last_block,
                  time_text(frame.first_time_s), time_text(frame.last_time_s));
  for (const std::string& line : wrap(printable(result.run.provenance), terminal_columns - 10)) {
    out += "          " + style(Ink::dim, line) + "\n";
  }
  if (result.run.stopped) {
    out += "          " +
           style(Ink::warning, fmt::format("STOPPED behind block {}: what follows is of a part",
                                           frame.last_block)) +
           "\n";
  }
  const SimulationSettings& settings = result.settings;
  out += fmt::format(
      "\n{}  in block +{}, {} in it; own swaps stay {}; a loan costs {} ppm\n"
      "           and {} gas; competition {}, missed {}, seed {}\n",
      style(Ink::bold, "Simulated"), settings.latency_blocks, place_text(settings.place),
      impact_text(settings), settings.loan_fee_ppm, grouped(settings.loan_gas),
      settings.competition, settings.missed, settings.seed);
  out += fmt::format("\n{}    {} sent: {} filled ({} gained), {} reverted, {} missed\n",
                     style(Ink::bold, "Trades"), grouped(all.sent), grouped(all.filled),
                     grouped(all.gained), grouped(all.reverted), grouped(all.missed));
  out += fmt::format("          {} found, {} approved, the best of each block sent\n",
                     grouped(result.run.opportunities), grouped(result.run.approved));
  const Ink ink = all.net.is_loss() ? Ink::bad : Ink::good;
  out += fmt::format("\n{}       {} ETH, {} USD, after {} ETH of gas\n", style(Ink::bold, "Net"),
                     style(ink, short_number(all.net.ether(), 6)), short_number(all.net_usd, 2),
                     short_number(to_double(all.gas_wei) * 1e-18, 6));
  out += fmt::format("          predicted {} ETH of what was filled, realised {} ETH\n",
                     short_number(all.predicted.ether(), 6), short_number(all.realised.ether(), 6));
  out += fmt::format(
      "          win rate {}, largest drawdown {} %, turnover {}\n"
      "          Sharpe {}, Sortino {} ({} of {} s)\n",
      all.win_rate ? short_number(*all.win_rate * 100, 1) + " %" : "-",
      short_number(all.max_drawdown * 100, 4), short_number(all.turnover, 4),
      ratio_text(all.sharpe), ratio_text(all.sortino), counted(all.periods, "period"),
      all.period_s);
  if (result.under_way != 0) {
    out += fmt::format("          {} under way at the end: in no figure\n",
                       counted(result.under_way, "trade"));
  }
  if (result.open.count != 0) {
    out += fmt::format(
        "          {} open at the end, bought for {} ETH and worth {} ETH then{}: in no figure\n",
        counted(result.open.count, "position"),
        short_number(to_double(result.open.cost_wei) / 1e18, 6),
        short_number(to_double(result.open.worth_wei) / 1e18, 6),
        result.open.unvalued == 0 ? "" : fmt::format(", {} without a price", result.open.unvalued));
  }
  for (const auto& [reason, count] : result.run.refusals) {
    out += fmt::format("  refused {:>9}  {}\n", grouped(count.count), to_string(reason));
  }
  return out;
}

}  // namespace gantry::host
