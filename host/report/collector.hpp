// Gathers a run's report while the street works: distinct routes with their best sighting, refusals
// by reason, the best plan, times.
//
// THREADS  One at a time: the street's last node, and its owner after the run.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "host/report/run_report.hpp"
#include "host/street/messages.hpp"

namespace gantry::host {

// As they are now: venues, strategies, paymasters.
std::vector<PluginReport> describe_plugins(const Plugins& plugins);

class Collector {
 public:
  static constexpr std::size_t routes_max = 4096;
  static constexpr std::size_t plan_failures_max = 16;

  // `executes`: what became of trades is counted.
  explicit Collector(const Plugins& plugins, bool executes = false);

  void add(const Group& group);
  void skipped(std::uint32_t strategy);
  // Stages before the collector's own node report their times through these.
  void time(Stage stage, std::uint64_t nanoseconds) {
    stages_[static_cast<std::size_t>(stage)].add(nanoseconds);
  }
  // Sorts and fills in what was gathered.
  void finish(const Plugins& plugins, RunReport& report) const;

 private:
  // The best sighting of one route; rendered at the end, from the topology it was seen in.
  struct Sighting {
    Ranked ranked;
    RiskRefusal refusal;
    std::shared_ptr<const Topology> topology;
    std::uint64_t count = 0;
  };
  struct RouteKey {
    std::uint32_t strategy;
    std::uint64_t key;
    bool operator==(const RouteKey&) const = default;
  };
  struct RouteHash {
    std::size_t operator()(const RouteKey& k) const noexcept {
      return static_cast<std::size_t>(k.key * 0x9e3779b97f4a7c15ULL ^ k.strategy);
    }
  };
  struct Refused {
    std::uint64_t count = 0;
    Sighting best;
  };

  void name_strategies(const PluginSet& set);
  void see(const Group& group, std::size_t index);
  void drop_worst();
  OpportunityReport describe(const Sighting& sighting) const;
  PlanReport describe_plan() const;

  std::vector<std::string> names_;
  std::unordered_map<RouteKey, Sighting, RouteHash> routes_;
  std::map<RefusalReason, Refused> refused_;
  std::shared_ptr<const Plan> best_plan_;
  std::shared_ptr<const Topology> plan_topology_;
  std::vector<std::string> plan_failures_;
  std::vector<StrategyReport> strategies_;
  std::array<Histogram, stage_count> stages_;
  std::uint64_t opportunities_ = 0;
  std::uint64_t routes_dropped_ = 0;
  std::optional<ExecutedReport> executed_;
  std::uint64_t approved_ = 0;
  std::uint64_t plans_ = 0;
};

}  // namespace gantry::host
