#include "table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "host/report/json_text.hpp"

namespace gantry::bench {

namespace {

// What a row is to be compared with, and what was promised of it. Zero: nothing.
struct Goal {
  const char* name;
  const char* peer;  // another row; "" for none
  double ratio_max;
  double ns_max;
  double p50_us_max;
  double over_peer_ns_max = 0;
  double p99_us_max = 0;
};

constexpr Goal goals[] = {
    {"v2_amount_out_throughput/full_width:0", "v2_amount_out_boost_throughput/full_width:0", 0, 0,
     0},
    {"v2_amount_out_throughput/full_width:1", "v2_amount_out_boost_throughput/full_width:1", 0, 0,
     0},
    {"mul_div_throughput/full_width:0", "mul_div_boost_throughput/full_width:0", 0, 0, 0},
    {"mul_div_throughput/full_width:1", "mul_div_boost_throughput/full_width:1", 0, 0, 0},
    {"isqrt_throughput/full_width:0", "isqrt_boost_throughput/full_width:0", 0, 0, 0},
    {"isqrt_throughput/full_width:1", "isqrt_boost_throughput/full_width:1", 0, 0, 0},
    {"v2_quote_through_boundary", "v2_quote_plain_function", 3, 25, 0},
    {"market_states_compiled/manual_time", "market_states_raw/manual_time", 0, 200, 0},
    {"backtest_states/manual_time", "backtest_states_raw/manual_time", 0, 0, 0},
    {"backtest_triangular/manual_time", "backtest_triangular_search/manual_time", 2, 0, 0},
    {"backtest_sweep/jobs:2/iterations:1/real_time", "backtest_sweep/jobs:1/iterations:1/real_time",
     0.555, 0, 0},
    {"balancer_weighted_quote_through_boundary", "", 0, 1000, 0},
    {"balancer_stable_quote_through_boundary", "", 0, 1000, 0},
    {"curve_stable_quote_through_boundary", "", 0, 1000, 0},
    {"curve_crypto_quote_through_boundary", "", 0, 0, 0},
    {"guarded_call", "indirect_call", 0, 0, 0, 5},
    {"guarded_call_inside_another", "indirect_call", 0, 0, 0, 5},
    {"risk_check", "risk_pool_reads", 0, 1000, 0},
    {"risk_stop/real_time", "", 0, 100e6, 0},
    {"head_to_snapshot_of_200_pools/iterations:20/manual_time", "", 0, 100e6, 0},
    {"ledger_trade_visible/iterations:50/real_time", "", 0, 0, 0, 0, 1e6},
    {"ledger_profit/by_strategy", "", 0, 100e6, 0},
    {"ledger_profit/by_venue", "", 0, 100e6, 0},
    {"ledger_profit/by_day", "", 0, 100e6, 0},
    {"ledger_profit/by_chain", "", 0, 100e6, 0},
    {"ledger_last_100_trades", "", 0, 100e6, 0},
    {"ledger_open_intents", "", 0, 100e6, 0},
    {"v2_quote_through_market_view", "v2_quote_plain_function", 0, 0, 0},
    {"v3_quote_no_crossing", "", 0, 150, 0},
    {"v3_quote_one_crossing", "v3_quote_no_crossing", 0, 0, 0, 100},
    {"v3_quote_eight_crossings", "v3_quote_no_crossing", 0, 0, 0, 800},
    {"street_snapshot/threads:1/manual_time", "empty_graph_snapshot/threads:1/manual_time", 2, 0,
     0},
    {"street_snapshot/threads:2/manual_time", "empty_graph_snapshot/threads:2/manual_time", 2, 0,
     0},
    {"isolated_find_over_inproc/live/iterations:1/manual_time", "", 0, 0, 10},
    {"next_good_answer/hangs/iterations:1/manual_time", "", 0, 0, 0, 0, 250e3},
    {"next_good_answer/refused/iterations:1/manual_time", "", 0, 0, 0, 0, 250e3},
    {"next_good_answer/reset/iterations:1/manual_time", "", 0, 0, 0, 0, 250e3},
    {"sign_transaction", "sign_hash", 0, 0, 0, 2000},
    {"start_with_100_plugins", "", 0, 2e9, 0},
    {"trade_build/iterations:1/manual_time", "", 0, 0, 0},
    {"trade_bytes_in_to_signed/iterations:1/manual_time", "trade_sign/iterations:1/manual_time", 0,
     0, 100, 0, 300},
    {"trade_bytes_in_to_sent/iterations:1/manual_time",
     "one_call_and_one_synced_write/iterations:1/manual_time", 0, 0, 0},
    {"two_hop_solve", "", 0, 150, 0},
    {"mixed_cycle_with_curve", "", 0, 10e3, 0},
    {"mixed_cycle_with_balancer", "", 0, 10e3, 0},
    {"toggle_to_effect/manual_time", "", 0, 50e6, 0},
    {"toggle_triangular_to_effect/manual_time", "index_build/4", 0, 0, 0},
    {"update_deep_weth/manual_time", "", 0, 0, 50},
    {"update_worst/manual_time", "", 0, 0, 50},
};

std::string time_text(double ns) {
  if (ns < 1e3) return fmt::format("{:.2f} ns", ns);
  if (ns < 1e6) return fmt::format("{:.2f} us", ns / 1e3);
  return fmt::format("{:.2f} ms", ns / 1e6);
}

// The first value of a key in the processor's description.
std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

}  // namespace

double Row::median_ns() const {
  std::vector<double> sorted = samples_ns;
  std::ranges::sort(sorted);
  return sorted[(sorted.size() - 1) / 2];
}

void Table::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    if (run.run_type == Run::RT_Aggregate) continue;
    const std::string name = run.run_name.str().substr(0, run.run_name.str().find("/repeats:"));
    if (run.error_occurred) {
      errors_.push_back(name + ": " + run.error_message);
      continue;
    }
    if (find(name) == nullptr) rows_.push_back({name, {}, {}});
    Row& row = *std::ranges::find(rows_, name, &Row::name);
    const auto per_call = run.counters.find("per_call");
    row.samples_ns.push_back(per_call != run.counters.end()
                                 ? per_call->second.value * 1e9
                                 : run.GetAdjustedRealTime() * 1e9 /
                                       benchmark::GetTimeUnitMultiplier(run.time_unit));
    for (const auto& [key, counter] : run.counters) row.counters[key] = counter.value;
  }
}

const Row* Table::find(const std::string& name) const {
  const auto found = std::ranges::find(rows_, name, &Row::name);
  return found == rows_.end() ? nullptr : &*found;
}

Table::Verdict Table::judge(const Row& row) const {
  Verdict verdict;
  const auto* goal = std::ranges::find(goals, row.name, [](const Goal& g) { return g.name; });
  if (goal == std::end(goals)) return verdict;
  const auto require = [&](bool met, const std::string& text) {
    verdict.met = verdict.met.value_or(true) && met;
    verdict.target += (verdict.target.empty() ? "" : ", ") + text;
  };
  if (const Row* peer = find(goal->peer)) {
    verdict.peer = peer->name;
    verdict.peer_ns = peer->median_ns();
    verdict.ratio = row.median_ns() / *verdict.peer_ns;
    if (goal->ratio_max > 0) {
      require(*verdict.ratio <= goal->ratio_max, fmt::format("<= {}x", goal->ratio_max));
    }
    if (goal->over_peer_ns_max > 0) {
      require(row.median_ns() - *verdict.peer_ns <= goal->over_peer_ns_max,
              fmt::format("<= peer + {} ns", goal->over_peer_ns_max));
    }
  }
  if (goal->ns_max > 0) {
    require(row.median_ns() <= goal->ns_max, "<= " + time_text(goal->ns_max));
  }
  if (goal->p50_us_max > 0) {
    require(row.counters.at("p50_us") <= goal->p50_us_max,
            fmt::format("p50 <= {} us", goal->p50_us_max));
  }
  if (goal->p99_us_max > 0) {
    require(row.counters.at("p99_us") <= goal->p99_us_max,
            "p99 <= " + time_text(goal->p99_us_max * 1e3));
  }
  return verdict;
}

std::string Table::text() const {
  std::string out = fmt::format("{:<44}{:>12}{:>12}{:>12}  {:>11}{:>8}  {:<18}{}\n", "bench",
                                "median", "p50", "p99", "peer/floor", "ratio", "target", "met");
  for (const Row& row : rows_) {
    const Verdict verdict = judge(row);
    const auto quantile = [&](const char* key) {
      const auto found = row.counters.find(key);
      return found == row.counters.end() ? std::string("-") : time_text(found->second * 1e3);
    };
    out += fmt::format("{:<44}{:>12}{:>12}{:>12}  {:>11}{:>8}  {:<18}{}\n", row.name,
                       time_text(row.median_ns()), quantile("p50_us"), quantile("p99_us"),
                       verdict.peer_ns ? time_text(*verdict.peer_ns) : "-",
                       verdict.ratio ? fmt::format("{:.2f}x", *verdict.ratio) : "-",
                       verdict.target.empty() ? "-" : verdict.target,
                       verdict.met ? (*verdict.met ? "yes" : "NO") : "-");
  }
  for (const std::string& error : errors_) out += "ERROR " + error + "\n";
  return out;
}

std::string Table::json() const {
  namespace json = boost::json;
  json::array rows;
  for (const Row& row : rows_) {
    const Verdict verdict = judge(row);
    json::object counters;
    for (const auto& [key, value] : row.counters) counters[key] = value;
    json::object out{{"name", row.name},
                     {"median_ns", row.median_ns()},
                     {"samples_ns", json::value_from(row.samples_ns)},
                     {"counters", std::move(counters)}};
    if (verdict.ratio) {
      out["peer"] = verdict.peer;
      out["peer_ns"] = *verdict.peer_ns;
      out["ratio"] = *verdict.ratio;
    }
    if (verdict.met) {
      out["target"] = verdict.target;
      out["met"] = *verdict.met;
    }
    rows.push_back(std::move(out));
  }
  const json::object all{{"schema", "gantry.bench/1"},
                         {"machine",
                          {{"cpu", cpu_model()},
                           {"cores", std::thread::hardware_concurrency()},
                           {"compiler", GANTRY_COMPILER},
                           {"flags", GANTRY_FLAGS}}},
                         {"benches", std::move(rows)},
                         {"errors", json::value_from(errors_)}};
  return host::json_text(all);
}

}  // namespace gantry::bench
