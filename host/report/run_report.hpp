// What a run says at its end: plain data, filled by the street, rendered by render.hpp. Everything
// but `timings` is a function of the recording and the configuration.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/plan/plan.hpp"
#include "host/street/histogram.hpp"

namespace gantry::host {

// The stages of the street, in its order.
enum class Stage : std::int32_t {
  apply = 0,       // bytes to snapshot
  strategies = 1,  // find and size, of one strategy
  rank = 2,
  risk = 3,
  plan = 4,
  total = 5,  // bytes in to plan out
};
inline constexpr std::size_t stage_count = 6;
std::string_view to_string(Stage stage);

struct LegReport {
  std::string venue;
  std::string pool;       // address
  std::string token_in;   // symbol
  std::string token_out;  // symbol
  std::string amount_in;  // decimal, whole units
  std::string amount_out;
  std::string amount_in_units;  // exact, smallest unit
  std::string amount_out_units;
};

// One route, as of the block in which it paid most.
struct OpportunityReport {
  std::string strategy;
  std::uint64_t key = 0;
  std::uint64_t block = 0;
  std::uint64_t sightings = 0;  // snapshots in which it was found
  std::vector<LegReport> legs;
  std::string token;       // symbol of what goes in and comes out
  std::string size;        // decimal, whole units
  std::string size_units;  // exact
  std::string profit;      // after fees and gas, in the token
  std::string profit_units;
  double profit_eth = 0;
  double profit_usd = 0;
  double gas_cost_eth = 0;  // with the data fee
  double data_fee_eth = 0;  // of it; 0 where the chain charges none
  double gross_eth = 0;
  double expected_profit_bps = 0;
  double confidence = 0;
  double valuation_confidence = 0;
  double risk_score = 0;
  double score = 0;
  RiskRefusal refusal;  // reason none: approved
};

struct RefusalCount {
  std::uint64_t count = 0;
  std::optional<OpportunityReport> example;  // the best that was refused for it
};

struct PlanReport {
  OpportunityReport trade;
  std::uint64_t execution_block = 0;
  std::string min_out;        // decimal, whole units, with symbol
  std::string min_out_units;  // exact
  std::string payer;
  std::uint64_t published_bytes = 0;  // of the transaction; 0 where the chain charges none for them
  std::string data_fee;               // decimal, in the chain's coin
  std::vector<std::string> passed;
  struct Call {
    std::string purpose;
    std::string target;
    std::string value;
    std::string data;  // 0x...
    std::string min_out_units;
  };
  std::vector<Call> calls;
  std::vector<PlannedRequest> sponsorship;
};

struct PluginReport {
  std::string kind;
  std::string instance;
  std::string library;  // manifest name and version
  std::string file;
  std::string sha256;
  std::int64_t priority = 0;
  std::uint64_t strikes = 0;
  bool retired = false;
  std::vector<std::string> faults;  // "find: it threw"
  std::map<std::string, std::uint64_t> counters;
  bool broke_contract = false;        // retired, also without strikes that may not be its doing
  bool unproven = false;              // some strikes may be another's doing; deadlines apart
  std::vector<Strike> first_strikes;  // what `faults` says, with the snapshots
  std::uint64_t taken_out = 0;        // by a change: the first snapshot without it; 0: it stayed
};

struct StrategyReport {
  std::string name;
  std::uint64_t snapshots = 0;  // given to it
  std::uint64_t skipped = 0;    // superseded before it was free
  std::uint64_t opportunities = 0;
  std::uint64_t cut = 0;  // over the bound of one snapshot
};

// A change of what ran, between two snapshots.
struct ChangeReport {
  std::uint64_t from = 0;         // the first snapshot with it
  std::vector<std::string> done;  // "strategy triangular: disable"
};

// Of a run that executes trades.
struct ExecutedReport {
  std::uint64_t filled = 0;
  std::map<std::string, std::uint64_t> others;  // by reason
  double net_eth = 0;                           // after all costs, of all that were in a block
  double net_usd = 0;
};

struct RunReport {
  std::string chain;
  std::string chain_name;
  std::string provenance;  // the recording's line: what is real and what is not
  std::string recording;   // path as given
  double gas_price_gwei = 0;
  DataFeeKind data_fee = DataFeeKind::none;
  double block_time_s = 0;
  double ether_usd = 0;  // at the last snapshot
  std::uint64_t tokens = 0;
  std::uint64_t pools = 0;
  std::map<std::string, std::uint64_t> pools_left_out;  // by reason
  std::uint64_t snapshots = 0;
  std::vector<ChangeReport> changes;  // of what ran; the first of them
  std::uint64_t changes_count = 0;
  std::uint64_t facts = 0;
  std::uint64_t first_block = 0;
  std::uint64_t last_block = 0;
  std::string state_hash;  // of every pool's last state, hexadecimal
  bool stopped = false;    // before the recording's end, by `stop`
  std::string damage;      // the recording's, when it is cut or corrupt

  std::vector<PluginReport> plugins;
  std::vector<Refusal> plugins_refused;
  std::vector<StrategyReport> strategies;

  std::uint64_t opportunities = 0;   // sightings in all
  std::uint64_t routes = 0;          // distinct
  std::uint64_t routes_dropped = 0;  // over the report's bound
  std::uint64_t approved = 0;
  std::uint64_t plans = 0;
  std::size_t best_max = 20;            // how many are wanted of them
  std::vector<OpportunityReport> best;  // distinct routes, best first
  std::map<RefusalReason, RefusalCount> refusals;
  std::optional<PlanReport> plan;          // of the best approved one
  std::vector<std::string> plan_failures;  // each reason once

  std::optional<ExecutedReport> executed;  // nothing: a dry run

  // Timings: the only part that two runs may differ in.
  std::array<Histogram, stage_count> stages;
  double load_s = 0;    // libraries, recording's first block, topology
  double stream_s = 0;  // the rest
  std::uint64_t threads = 0;
  std::uint64_t resident_bytes_max = 0;
};

}  // namespace gantry::host
