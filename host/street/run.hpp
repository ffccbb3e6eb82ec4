// One run of the street: owns the stages and wires them into a flow graph. street.cpp is the
// wiring.
#pragma once
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <semaphore>
#include <set>
#include <span>
#include <thread>
#include <tuple>
#include <vector>

#include "host/backtest/simulated_chain.hpp"
#include "host/execute/execution.hpp"
#include "host/feed/recording_feed.hpp"
#include "host/market/history.hpp"
#include "host/market/market_state.hpp"
#include "host/plan/plan.hpp"
#include "host/plugin/plugin_set.hpp"
#include "host/report/collector.hpp"
#include "host/risk/gate.hpp"
#include "host/street/change_plan.hpp"
#include "host/street/decisions.hpp"
#include "host/street/mailbox.hpp"
#include "host/street/merge.hpp"
#include "host/street/messages.hpp"
#include "host/street/risk_stage.hpp"
#include "host/street/strategy_runner.hpp"
#include "host/street/street.hpp"
#include "host/street/taken_out.hpp"

namespace gantry::host {

// Numbers for strategies that were not there when the run began; a name keeps its number.
inline constexpr std::size_t lanes_spare = 32;
// Threads that take turns at the feed of a chain: one waits for the next block where the other one
// is long at work on this one.
inline constexpr std::size_t feeders_live = 2;
inline constexpr std::chrono::milliseconds feeder_looks_every{10};
// Ids of one market's topologies, before those of the next that is made.
inline constexpr std::uint64_t topologies_max = std::uint64_t{1} << 32U;

class Street::Run {
 public:
  Run(const Configuration& configuration, Plugins plugins, StreetOptions options);
  ~Run();

  Result<RunReport> run();
  void tell_late(std::span<const Fill> fills);
  void request_stop() noexcept;
  StreetStatus status() const noexcept;
  std::vector<PastPrices> kept_prices();
  ChangePlan plan(const Configuration& wanted);
  Result<ChangeReport> change(std::shared_ptr<const Configuration> wanted);
  Result<std::vector<std::string>> prepare(std::shared_ptr<const Configuration> wanted);
  void commit();
  void discard();
  Result<std::optional<ChangeReport>> carried(std::chrono::steady_clock::time_point until);
  bool is_over() const noexcept { return over_.load(); }
  Drained drain();

 private:
  using InputPtr = std::shared_ptr<const BlockInput>;
  struct Graph;  // the nodes, in street.cpp
  struct Lane;   // a strategy's place: its mailbox

  struct Retiring {
    std::shared_ptr<const PluginSet> set;
    std::uint64_t until = 0;  // the first snapshot of the next
  };

  // A change that is ready, until the apply stage takes it up.
  struct NextSet {
    std::shared_ptr<PluginSet> set;
    std::shared_ptr<const Configuration> wanted;
    std::uint64_t prepared_on = 0;
    bool new_market = false;         // made of the same facts by other venues
    std::vector<std::string> lanes;  // by number
    std::vector<std::string> done;   // what the report says of it
    std::string plugin_set;          // what the recording says
    std::string withdrawn;           // the same, of what may not run any more
  };

  // One that is ready, and what is to be in force once a snapshot has carried it.
  struct PreparedChange {
    NextSet next;
    std::shared_ptr<const PluginSet> now;
    std::set<InstanceName> withdrawn;
  };
  // One that was handed to the apply stage.
  struct CommittedChange {
    std::shared_ptr<const Configuration> wanted;
    std::vector<std::string> lanes;
    std::shared_ptr<const PluginSet> before;
    std::set<InstanceName> withdrawn;
    std::vector<std::string> done;
  };

  Status open();
  template <bool inlined>
  void wire();
  void feed();
  std::optional<BlockInput> next_input();
  void pace(const BlockInput& input);
  void finish(RunReport& report);
  RunnerOptions runner_options(std::uint32_t lane, const StrategySettings& settings) const;
  void make_first_set();

  // Of changes while it runs, in change.cpp.
  CheckedPlan checked_plan(const Configuration& asked);
  Result<NextSet> prepare_change(const ChangePlan& plan,
                                 std::shared_ptr<const Configuration> wanted, const PluginSet& now,
                                 SnapshotPtr recorded);
  template <class Instance, class Settings>
  Status make_instances(const ChangePlan& plan, PluginKind kind, InstanceMaker& maker,
                        const std::vector<Settings>& wanted,
                        std::vector<std::shared_ptr<Instance>>& instances);
  Status make_venues(const ChangePlan& plan, InstanceMaker& maker, NextSet& next);
  Status make_paymasters(const ChangePlan& plan, InstanceMaker& maker, NextSet& next);
  Status make_strategies(const ChangePlan& plan, InstanceMaker& maker, const Snapshot& snapshot,
                         NextSet& next);
  Result<SnapshotPtr> make_market(NextSet& next, const PluginSet& now, SnapshotPtr recorded);
  SnapshotPtr hold_newest(bool gather);
  std::uint64_t newest_id();
  void let_go();
  Status wait_until_ready();
  const Configuration& newest_configuration() const;
  bool settle(ChangeReport& report);
  Status take_change(std::uint64_t snapshot);
  Status show(const std::shared_ptr<Snapshot>& snapshot, const InputPtr& input);
  Status put_in(NextSet next, std::uint64_t snapshot);
  Status put_in_recorded(std::uint64_t snapshot);
  Status prepare_recorded(const SnapshotPtr& snapshot);
  void hold_for_change(std::uint64_t blocks);
  void end_changes();
  Drained drain_sets();
  void note_taken_out(std::size_t sets);
  std::vector<PluginReport> taken_out();
  Plugins plugins_of(const PluginSet& set) const;

  Error no_snapshot() const;  // why there is nothing to report

  // The stages' bodies, each called one at a time.
  SnapshotPtr apply(const InputPtr& input);
  SnapshotPtr give_up(Error error);
  void subscribe(const Snapshot& snapshot);
  void warm_history(const Snapshot& snapshot, const BlockInput& input);
  void rank_group(Group& group) const;
  static const MarketView& market_of(const Ranked& ranked, const MarketView& view,
                                     AfterPending& after);
  void judge_group(Group& group);
  void begin_risk(Group& group);
  void put_closings_first(Group& group);
  void plan_group(Group& group) const;
  void hand_over(const Group& group) const;
  std::vector<std::pair<std::uint32_t, OutcomePtr>> end_group(const Group& group);
  void release_tokens(std::uint64_t count = 1);
  // The turn of a strategy that the caller is to carry out, where it may.
  std::optional<Delivery> offer(const InputPtr& input, bool may_carry);
  std::optional<Delivery> carry(const Delivery& delivery);
  BatchPtr think(const Delivery& delivery);
  void note_skip(const Batch& batch);
  static const StrategySettings& settings_of(const Group& group, const Ranked& ranked);
  static bool closes_position(const Group& group, const Ranked& trade, const std::string& strategy);
  Carries carries() const;
  static bool shares_pool(const Group& group, const Ranked& ranked);

  const Configuration& configuration_;
  Plugins plugins_;
  StreetOptions options_;
  DeliveryMode mode_ = DeliveryMode::back_pressure;
  Carries carries_ = Carries::nothing;  // or did when this was recorded
  std::uint64_t in_flight_ = 4;
  std::uint64_t venue_lag_ = 0;  // see Health

  std::shared_ptr<Feed> feed_;
  const ChainSettings* chain_ = nullptr;  // of the recording; set by open()
  std::optional<DecisionPlan> decisions_;
  std::unique_ptr<Recorder> recorder_;
  ChangeLog changes_;
  History history_;
  RiskGate gate_;
  std::unique_ptr<RiskStage> risk_;  // the judging node's; set by open()
  Planner planner_;
  std::unique_ptr<Collector> collector_;
  std::vector<std::unique_ptr<Lane>> lanes_;

  // One change at a time; guards the nine below. In replay they are the apply stage's.
  std::mutex one_change_;
  std::optional<PreparedChange> prepared_;
  std::optional<CommittedChange> committed_;
  std::shared_ptr<const Configuration> configured_;
  std::set<InstanceName> withdrawn_;  // the files want it, and it may not run
  std::vector<std::string> lane_names_;
  std::vector<Retiring> retiring_;              // in their order, until no snapshot carries them
  std::shared_ptr<LoadedLibraries> libraries_;  // the same; other streets may have them too
  TakenOut taken_out_;
  std::uint64_t markets_made_ = 0;
  std::mutex change_mutex_;  // guards what is between the changing thread and the apply stage
  std::condition_variable change_moved_;
  std::shared_ptr<const PluginSet> set_;  // of the newest snapshot
  SnapshotPtr newest_;
  std::optional<NextSet> next_;
  std::uint64_t changed_at_ = 0;  // the first snapshot of the newest set
  bool gathering_ = false;        // a market is made anew, and has to have
  std::deque<InputPtr> missed_;   // what came in since its newest snapshot
  bool ended_ = false;
  std::atomic<std::uint64_t> preparing_on_{0};  // the snapshot; 0: no change is being prepared
  std::optional<NextSet> obeyed_;               // the apply stage's
  std::size_t next_recorded_ = 0;               // the same
  std::vector<ChangeReport> changes_done_;      // the apply stage's, read after the run
  std::uint64_t changes_count_ = 0;
  std::unique_ptr<Graph> graph_;
  // Held by the feeder that brings the next block; guards the two below, and what is the feed's.
  std::mutex feeding_;
  std::uint64_t fed_ = 0;  // blocks
  bool feed_ended_ = false;
  std::atomic<std::size_t> feeders_free_{0};  // that look whether they may
  std::unique_ptr<std::counting_semaphore<>> tokens_;
  std::ptrdiff_t tokens_at_once_ = 1;
  std::atomic<std::ptrdiff_t> tokens_ended_{0};

  // Of the planning and judging nodes, which are serial each.
  MarketView risk_view_;
  AfterPending risk_after_;
  mutable MarketView plan_view_;
  mutable AfterPending plan_after_;

  std::atomic<bool> stop_{false};
  std::atomic<bool> over_{false};
  std::atomic<std::uint64_t> head_block_{0};
  std::atomic<std::uint64_t> snapshots_{0};
  std::atomic<std::uint64_t> opportunities_{0};
  std::atomic<std::uint64_t> approved_{0};
  std::atomic<std::uint64_t> skipped_{0};
  std::map<std::uint32_t, std::uint64_t> skips_;  // the merge node's
  std::uint64_t facts_ = 0;
  std::uint64_t first_block_ = 0;
  std::uint64_t last_block_ = 0;
  SnapshotPtr last_;              // written by the apply stage, read after the run
  std::optional<Error> failure_;  // the apply stage's; it ends the run
  std::chrono::steady_clock::time_point first_arrival_{};
  std::uint64_t first_time_s_ = 0;
  Histogram apply_times_;
  double load_s_ = 0;
};

}  // namespace gantry::host
