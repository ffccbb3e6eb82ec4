// What travels between the nodes of the street.
#pragma once
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "host/execute/fill.hpp"
#include "host/plan/plan.hpp"
#include "host/rank/ranking.hpp"
#include "host/risk/gate.hpp"

namespace gantry::host {

// A snapshot on its way to one strategy, with what the gate says of its earlier ones.
struct Delivery {
  SnapshotPtr snapshot;
  std::uint32_t strategy = 0;
  std::vector<gantry_result> results;  // since its last delivery, in order
  // What was held when the last of them ended; null: nobody has said yet.
  std::shared_ptr<const Positions> positions;
  std::uint64_t results_seen = 0;  // outcomes that had ended when it was given: recorded
};

// In the place of a strategy's number: none works on the snapshot.
inline constexpr std::uint32_t no_strategy = UINT32_MAX;

// What a strategy made of a snapshot, or that it was passed over.
struct Batch {
  SnapshotPtr snapshot;
  std::uint32_t strategy = 0;
  bool ran = false;         // false: skipped
  bool late = false;        // its deadline passed: nothing of it is used
  std::uint64_t found = 0;  // what it emitted, valid or not
  std::uint64_t cut = 0;    // over the bound of one snapshot
  std::uint64_t spent_ns = 0;
  std::uint64_t results_seen = 0;
  std::vector<Ranked> ranked;
};
using BatchPtr = std::shared_ptr<const Batch>;

// Batches that are ranked together: all of a snapshot's with back-pressure, one alone live.
struct Group {
  std::uint64_t number = 0;      // dense, from 0: the order in which they are decided
  SnapshotPtr snapshot;          // the newest of its batches
  std::uint64_t head_block = 0;  // the chain's newest block when it was decided: recorded
  std::uint64_t tokens = 0;      // snapshots that are done with when it ends
  std::vector<BatchPtr> batches;
  std::vector<Ranked> ranked;                  // filled by rank
  std::vector<RiskFact> risk_facts;            // told to the book since the group before
  std::vector<Fill> fills;                     // told to book and strategies since the group before
  std::vector<RiskRefusal> verdicts;           // of ranked, filled by risk; reason none: approved
  std::vector<Approved<Ranked>> approved;      // best first
  TradeScopes scopes;                          // of the first of them, where it counts
  ProfitLimits limits;                         // of the same
  std::shared_ptr<const Positions> positions;  // as of these fills
  std::shared_ptr<const Plan> plan;            // of the best approved one
  std::string plan_failure;
  std::uint64_t merged_ns = 0;  // stages' own times
  std::uint64_t rank_ns = 0;
  std::uint64_t risk_ns = 0;
  std::uint64_t plan_ns = 0;
};
using GroupPtr = std::shared_ptr<Group>;

// The end of a group, as its strategies hear of it.
struct Outcome {
  std::uint64_t group = 0;
  std::uint64_t snapshot = 0;
  std::vector<gantry_result> results;  // of one strategy
  std::shared_ptr<const Positions> positions;
};
using OutcomePtr = std::shared_ptr<const Outcome>;

struct Free {};  // the strategy has finished its delivery

// What reaches a strategy's mailbox.
using Mail = std::variant<SnapshotPtr, OutcomePtr, Free>;

}  // namespace gantry::host
