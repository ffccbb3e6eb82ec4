// The street's wiring. Every node but a strategy's is serial, and puts its output while it holds
// its turn, so that order is kept from node to node.
#include "host/street/street.hpp"

#include <fmt/format.h>
#include <oneapi/tbb/task_scheduler_observer.h>
#include <spdlog/spdlog.h>

#include "host/isolation/nursery.hpp"
#include "host/log/log.hpp"
#include "host/street/run.hpp"

namespace gantry::host {

namespace flow = tbb::flow;

namespace {

// Workers go from one chain's graph to another's: what they log names the one that they are in.
class WorkerNames final : public tbb::task_scheduler_observer {
 public:
  WorkerNames(tbb::task_arena& arena, const std::string& chain)
      : task_scheduler_observer(arena), chain_(keep_log_chain(chain)) {
    if (!chain.empty()) observe(true);
  }
  WorkerNames(const WorkerNames&) = delete;
  WorkerNames& operator=(const WorkerNames&) = delete;
  ~WorkerNames() override { observe(false); }
  void on_scheduler_entry(bool is_worker) override {
    if (is_worker) lend_log_chain(chain_);
  }
  void on_scheduler_exit(bool is_worker) override {
    if (is_worker) lend_log_chain(nullptr);
  }

 private:
  const std::string* chain_;
};

double hours_of(std::uint64_t seconds) { return static_cast<double>(seconds) / 3600; }

// Of a thread that brings a block, where it may work on it: a strategy's turn that it will carry
// out itself, once all have theirs.
thread_local std::optional<Delivery>* turn_taken = nullptr;

}  // namespace

// A strategy's place: its mailbox decides what it is given. Who works there, the snapshot says.
struct Street::Run::Lane {
  explicit Lane(MailboxOptions mail) : strategy(mail.strategy), mailbox(mail) {}

  std::uint32_t strategy;
  Mailbox mailbox;
  std::vector<SnapshotPtr> skipped;
};

struct Street::Run::Graph {
  explicit Graph(tbb::task_arena& arena) {
    arena.execute([&] { graph = std::make_unique<flow::graph>(); });
  }

  // What the graph is made of: it goes before the graph does.
  template <class Made, class... Body>
  Made& make(Body... body) {
    auto made = std::make_unique<Made>(*graph, flow::serial, std::move(body)...);
    Made& out = *made;
    nodes.push_back(std::move(made));
    return out;
  }

  std::unique_ptr<flow::graph> graph;
  std::vector<std::unique_ptr<flow::graph_node>> nodes;
  flow::receiver<InputPtr>* apply = nullptr;
  std::vector<flow::receiver<Mail>*> post;
  flow::receiver<BatchPtr>* merge = nullptr;
  std::unique_ptr<Merge> order;
  // The merge node's.
  std::vector<GroupPtr> due;
  std::uint64_t owed = 0;  // snapshots all have answered for, whose groups wait for earlier ones
  // Between merge and end: groups that have not ended, and snapshots without one behind them.
  std::atomic<std::uint64_t> unended{0};
  std::atomic<std::uint64_t> skipped{0};
};

// `inlined`: whoever puts a message into a node that is free works on it at once, in his own
// thread; else a worker does. A strategy may take its time, so its node is always the workers'.
template <bool inlined>
void Street::Run::wire() {
  using Policy = std::conditional_t<inlined, flow::queueing_lightweight, flow::queueing>;
  using Apply = flow::function_node<InputPtr, flow::continue_msg, Policy>;
  using Post = flow::multifunction_node<Mail, std::tuple<Delivery, BatchPtr>, Policy>;
  using Think = flow::multifunction_node<Delivery, std::tuple<BatchPtr, Mail>>;
  using Collect = flow::multifunction_node<BatchPtr, std::tuple<GroupPtr>, Policy>;
  using Passing = flow::multifunction_node<GroupPtr, std::tuple<GroupPtr>, Policy>;
  using End = flow::function_node<GroupPtr, flow::continue_msg, Policy>;
  Graph& g = *graph_;
  g.order = std::make_unique<Merge>(mode_, decisions_ ? &*decisions_ : nullptr);

  // bytes -> snapshot -> those who work on it
  g.apply = &g.make<Apply>([this, &g](const InputPtr& input) noexcept(inlined) {
    if (const auto snapshot = apply(input)) {
      const auto& strategies = snapshot->plugins->strategies;
      for (const auto& strategy : strategies) g.post[strategy.lane]->try_put(Mail(snapshot));
      if (strategies.empty()) {
        g.merge->try_put(std::make_shared<const Batch>(Batch{snapshot, no_strategy}));
      }
    }
    return flow::continue_msg();
  });

  // snapshot -> strategies, each with a mailbox of its own
  std::vector<Post*> posts;
  std::vector<Think*> thinks;
  for (const auto& lane : lanes_) {
    posts.push_back(
        &g.make<Post>([lane = lane.get()](const Mail& mail, auto& out) noexcept(inlined) {
          lane->skipped.clear();
          lane->mailbox.take(mail, lane->skipped);
          for (SnapshotPtr& snapshot : lane->skipped) {
            auto batch = std::make_shared<Batch>();
            batch->snapshot = std::move(snapshot);
            batch->strategy = lane->strategy;
            std::get<1>(out).try_put(std::move(batch));
          }
          auto delivery = lane->mailbox.next();
          if (!delivery) return;
          if (turn_taken != nullptr && !*turn_taken) {
            *turn_taken = std::move(*delivery);
          } else {
            std::get<0>(out).try_put(*delivery);
          }
        }));
    g.post.push_back(posts.back());
    thinks.push_back(&g.make<Think>([this](const Delivery& delivery, auto& out) {
      std::get<0>(out).try_put(think(delivery));
      std::get<1>(out).try_put(Mail(Free()));
    }));
  }

  // strategies -> rank -> risk -> plan -> end
  auto& merge = g.make<Collect>([this, &g](const BatchPtr& batch, auto& out) noexcept(inlined) {
    if (!batch->ran && batch->strategy != no_strategy) note_skip(*batch);
    g.due.clear();
    g.owed += g.order->take(batch, head_block_.load(), g.due);
    if (!g.due.empty()) {
      g.unended += g.due.size();
      g.due.back()->tokens = std::exchange(g.owed, 0);
    } else if (g.owed != 0) {
      // Done with when the groups that are on their way are.
      g.skipped += std::exchange(g.owed, 0);
      if (g.unended == 0) release_tokens(g.skipped.exchange(0));
    }
    for (GroupPtr& group : g.due) std::get<0>(out).try_put(std::move(group));
  });
  g.merge = &merge;
  const auto stage = [&](auto body) -> Passing& {
    return g.make<Passing>([this, body](const GroupPtr& group, auto& out) noexcept(inlined) {
      (this->*body)(*group);
      std::get<0>(out).try_put(group);
    });
  };
  auto& rank = stage(&Run::rank_group);
  auto& risk = stage(&Run::judge_group);
  auto& plan = stage(&Run::plan_group);
  auto& end = g.make<End>([this, &g](const GroupPtr& group) noexcept(inlined) {
    for (const auto& [lane, outcome] : end_group(*group)) g.post[lane]->try_put(Mail(outcome));
    release_tokens(group->tokens);
    if (g.unended.fetch_sub(1) == 1) release_tokens(g.skipped.exchange(0));
    return flow::continue_msg();
  });

  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    flow::make_edge(flow::output_port<0>(*posts[i]), *thinks[i]);
    flow::make_edge(flow::output_port<1>(*posts[i]), merge);
    flow::make_edge(flow::output_port<0>(*thinks[i]), merge);
    flow::make_edge(flow::output_port<1>(*thinks[i]), *posts[i]);
  }
  flow::make_edge(flow::output_port<0>(merge), rank);
  flow::make_edge(flow::output_port<0>(rank), risk);
  flow::make_edge(flow::output_port<0>(risk), plan);
  flow::make_edge(flow::output_port<0>(plan), end);
}

// The same picture for people: what wire() makes of this configuration.
std::vector<StreetNode> street_picture(const Configuration& configuration) {
  std::vector<StreetNode> nodes;
  std::vector<std::string> names;
  for (const StrategySettings& strategy : configuration.strategies) {
    if (strategy.runs()) names.push_back(strategy.name);
  }
  const std::size_t lanes = names.size();
  const std::size_t merge = 2 + 2 * lanes;
  std::string venues;
  for (const DexSettings& dex : configuration.dexes) {
    if (dex.runs()) venues += (venues.empty() ? "" : ", ") + dex.name;
  }
  nodes.push_back({"feed", "bytes of each block, in order", {1}});
  nodes.push_back({"apply", "serial: bytes to snapshot by " + venues, {}});
  for (std::size_t i = 0; i < lanes; ++i) {
    nodes[1].next.push_back(2 + 2 * i);
    nodes.push_back({"mailbox " + names[i],
                     configuration.street.pace == Pace::live ? "newest wins, skips are counted"
                                                             : "every snapshot, back-pressure",
                     {3 + 2 * i}});
    nodes.push_back({names[i], "strategy: one snapshot at a time", {merge}});
  }
  nodes.push_back({"merge", "order: snapshot, strategy, index", {merge + 1}});
  nodes.push_back({"rank", "profit after gas x confidence", {merge + 2}});
  nodes.push_back({"risk", "typed approval, refusals are data", {merge + 3}});
  nodes.push_back({"plan", "calls, minimum out, payer", {merge + 4}});
  nodes.push_back({"end", "dry run: report and recording", {}});
  return nodes;
}

Status Street::Run::open() {
  feed_ = options_.live;
  if (!feed_) {
    auto feed = RecordingFeed::open(options_.recording);
    if (!feed) return std::unexpected(feed.error());
    feed_ = std::make_shared<RecordingFeed>(std::move(*feed));
  }
  const auto chain = configuration_.chain_of(options_.recording, feed_->header().chain);
  if (!chain) return std::unexpected(chain.error());
  chain_ = *chain;
  if (options_.obey_decisions && !options_.live) {
    auto plan = DecisionPlan::read(options_.recording, configuration_, plugins_);
    if (!plan) return std::unexpected(plan.error());
    decisions_ = std::move(*plan);
  }
  mode_ = decisions_                    ? DeliveryMode::obey
          : options_.pace == Pace::live ? DeliveryMode::live
                                        : DeliveryMode::back_pressure;
  carries_ = carries();
  in_flight_ = options_.backtest != nullptr
                   ? 1
                   : static_cast<std::uint64_t>(configuration_.street.snapshots_in_flight);
  tokens_ = std::make_unique<std::counting_semaphore<>>(static_cast<std::ptrdiff_t>(
      mode_ == DeliveryMode::back_pressure ? in_flight_ : under_way_max));
  if (mode_ == DeliveryMode::back_pressure) {
    tokens_at_once_ = std::max<std::ptrdiff_t>(1, static_cast<std::ptrdiff_t>(in_flight_ / 2));
  }
  if (!options_.record_to.empty() && feed_->compiled() != nullptr) {
    return fail(ErrorKind::usage,
                fmt::format("{}: is compiled, and has not the facts that a recording of this run "
                            "would need; run on the recording that it was made of",
                            options_.recording.string()));
  }
  if (!options_.record_to.empty()) {
    auto recorder = Recorder::create(
        options_.record_to, feed_->header(), configuration_, plugins_,
        mode_ == DeliveryMode::live ? unflushed_blocks_live : unflushed_blocks_max, carries_);
    if (!recorder) return std::unexpected(recorder.error());
    recorder_ = std::move(*recorder);
  }
  // In replay, a group may wait for one that was decided before it, as far ahead as the feed may
  // be.
  venue_lag_ = std::max(2 * under_way_max, in_flight_);
  for (const auto& venue : plugins_.venues) venue->health().set_lag(venue_lag_);
  if (!options_.risk) {
    options_.risk =
        std::make_shared<RiskBook>(configuration_.risk, chain_->id,
                                   configuration_.risk.dry_run_fills == DryRunFills::next_block);
  }
  const bool executes = carries_ != Carries::nothing;
  if (executes) options_.risk->count_results();
  risk_ = std::make_unique<RiskStage>(configuration_, changes_, options_.risk, carries_);
  collector_ = std::make_unique<Collector>(plugins_, executes);
  for (std::uint32_t i = 0; i < plugins_.strategies.size() + lanes_spare; ++i) {
    lanes_.push_back(std::make_unique<Lane>(
        MailboxOptions{mode_, i, in_flight_, decisions_ ? &*decisions_ : nullptr}));
  }
  make_first_set();
  return {};
}

// A backtest has nobody whose transaction it could be behind.
Carries Street::Run::carries() const {
  if (decisions_) return decisions_->carries();
  if (options_.execution == nullptr) {
    return options_.backtest == nullptr ? Carries::nothing : Carries::trades;
  }
  const bool by_bundles = chain_->execution && chain_->execution->send == SendKind::bundle;
  return by_bundles ? Carries::backruns : Carries::trades;
}

RunnerOptions Street::Run::runner_options(std::uint32_t lane,
                                          const StrategySettings& settings) const {
  RunnerOptions runner;
  runner.strategy = lane;
  runner.opportunities_max =
      static_cast<std::uint64_t>(configuration_.street.opportunities_per_snapshot);
  runner.pool_share_max_bps =
      static_cast<std::uint64_t>(configuration_.risk.pool_concentration_bps);
  runner.position_max_eth = configuration_.risk.max_position_eth;
  runner.gas_overhead = gas_overhead_of(configuration_);
  runner.sender = sender_of(configuration_);
  runner.history_s_max = History::lookback_s_max;
  if (mode_ == DeliveryMode::live) {
    runner.deadline_ns = static_cast<std::uint64_t>(settings.deadline_ms.value_or(
                             configuration_.street.strategy_deadline_ms)) *
                         1'000'000;
  }
  return runner;
}

// From here on sets alone hold instances.
void Street::Run::make_first_set() {
  auto set = std::make_shared<PluginSet>();
  for (std::uint32_t i = 0; i < plugins_.strategies.size(); ++i) {
    auto& instance = plugins_.strategies[i];
    lane_names_.push_back(instance->name());
    auto runner = std::make_shared<StrategyRunner>(instance, changes_, history_,
                                                   runner_options(i, instance->settings));
    set->strategies.push_back({i, 1, std::move(instance), std::move(runner)});
  }
  set->market = std::make_shared<MarketState>(*chain_, plugins_.venues, 0, plugins_.arena());
  set->venues = std::move(plugins_.venues);
  set->paymasters = std::move(plugins_.paymasters);
  plugins_.venues.clear();
  plugins_.strategies.clear();
  plugins_.paymasters.clear();
  libraries_ = plugins_.libraries ? plugins_.libraries : std::make_shared<LoadedLibraries>();
  set_ = std::move(set);
}

void Street::Run::subscribe(const Snapshot& snapshot) {
  for (const auto& strategy : set_->strategies) strategy.runner->subscribe(snapshot);
}

// With the first snapshot, so that none has seen a history without it. The prices are an input:
// whoever replays this run has them from its recording.
void Street::Run::warm_history(const Snapshot& snapshot, const BlockInput& input) {
  if (history_.empty()) return;
  std::vector<PastPrices> past;
  for (const MarketEvent& event : input.events) {
    if (event.kind != MarketEventKind::past) continue;
    if (auto one = decode_past(event.bytes)) past.push_back(std::move(*one));
  }
  const History::Warmth warmth = history_.warm(snapshot, past);
  if (warmth.warm == 0) {
    if (!options_.live) return;
    spdlog::warn(
        "{}: no prices of an earlier run are there for the {} series that strategies look back at: "
        "they begin with this run",
        chain_->name, warmth.series);
    return;
  }
  const std::uint64_t now_s = snapshot.context.state_time_s;
  spdlog::info(
      "{}: {} of the {} series that strategies look back at begin with {} prices of an earlier "
      "run: the oldest is of {:.1f} h ago, the newest of {:.1f} h ago",
      chain_->name, warmth.warm, warmth.series, warmth.samples, hours_of(now_s - warmth.oldest_s),
      hours_of(now_s - warmth.newest_s));
}

std::vector<PastPrices> Street::Run::kept_prices() {
  SnapshotPtr snapshot;
  {
    const std::lock_guard lock(change_mutex_);
    snapshot = ended_ ? SnapshotPtr(last_) : newest_;
  }
  return snapshot == nullptr ? std::vector<PastPrices>() : history_.kept(*snapshot);
}

Result<RunReport> Street::Run::run() {
  if (auto opened = open(); !opened) {
    end_changes();
    return std::unexpected(opened.error());
  }
  const auto threads =
      options_.threads > 0 ? static_cast<int>(options_.threads) : tbb::task_arena::automatic;
  // More threads than cores are the caller's wish, for tests of order.
  std::optional<tbb::global_control> workers;
  if (threads > 0) {
    workers.emplace(tbb::global_control::max_allowed_parallelism,
                    static_cast<std::size_t>(threads));
  }
  tbb::task_arena arena(threads);
  const WorkerNames names(arena, log_chain());
  graph_ = std::make_unique<Graph>(arena);
  // One snapshot at a time: whoever brings it works on it, and no other thread has to be woken.
  const bool at_once = mode_ == DeliveryMode::live || options_.backtest != nullptr;
  if (at_once) {
    wire<true>();
  } else {
    wire<false>();
  }
  // The feed is I/O: it waits, so it has threads of its own. Until it ends, the graph is not idle.
  graph_->graph->reserve_wait();
  std::vector<std::thread> feeders(mode_ == DeliveryMode::live ? feeders_live : 1);
  std::atomic<std::size_t> feeding = feeders.size();
  for (std::thread& feeder : feeders) {
    feeder = std::thread([this, &feeding, chain = log_chain()] {
      const LogChain named(chain);
      feed();
      if (feeding.fetch_sub(1) == 1) graph_->graph->release_wait();
    });
  }
  arena.execute([this] { graph_->graph->wait_for_all(); });
  for (std::thread& feeder : feeders) feeder.join();
  end_changes();
  if (options_.backtest != nullptr) options_.backtest->end();
  RunReport report;
  report.threads = static_cast<std::uint64_t>(arena.max_concurrency());
  graph_.reset();
  if (failure_) return std::unexpected(*failure_);
  if (!last_) return std::unexpected(no_snapshot());
  finish(report);
  if (recorder_) {
    if (auto written = recorder_->finish(); !written) return std::unexpected(written.error());
  }
  return report;
}

std::optional<Delivery> Street::Run::offer(const InputPtr& input, bool may_carry) {
  std::optional<Delivery> mine;
  if (mode_ == DeliveryMode::live && plugins_.nursery) plugins_.nursery->ring();
  turn_taken = may_carry ? &mine : nullptr;
  graph_->apply->try_put(input);
  turn_taken = nullptr;
  return mine;
}

// The next turn of the same strategy, if one is due already.
std::optional<Delivery> Street::Run::carry(const Delivery& delivery) {
  std::optional<Delivery> next;
  graph_->merge->try_put(think(delivery));
  turn_taken = &next;
  graph_->post[delivery.strategy]->try_put(Mail(Free()));
  turn_taken = nullptr;
  return next;
}

BatchPtr Street::Run::think(const Delivery& delivery) {
  std::optional<bool> late;
  if (mode_ == DeliveryMode::back_pressure) late = false;
  if (mode_ == DeliveryMode::obey) {
    late = decisions_->late(delivery.strategy, delivery.snapshot->id);
  }
  const auto* strategy = delivery.snapshot->plugins->find(delivery.strategy);
  return std::make_shared<const Batch>(strategy->runner->run(delivery, late));
}

Street::Run::Run(const Configuration& configuration, Plugins plugins, StreetOptions options)
    : configuration_(configuration),
      plugins_(std::move(plugins)),
      options_(std::move(options)),
      history_(plugins_.arena()),
      gate_(configuration.risk),
      planner_(configuration_, plugins_),
      configured_(std::shared_ptr<const Configuration>(), &configuration) {}
Street::Run::~Run() = default;

Street::Street(const Configuration& configuration, Plugins plugins, StreetOptions options)
    : run_(std::make_unique<Run>(configuration, std::move(plugins), std::move(options))) {}
Street::~Street() = default;
Result<RunReport> Street::run() { return run_->run(); }
void Street::tell_late(std::span<const Fill> fills) { run_->tell_late(fills); }
void Street::request_stop() noexcept { run_->request_stop(); }
StreetStatus Street::status() const noexcept { return run_->status(); }
std::vector<PastPrices> Street::kept_prices() { return run_->kept_prices(); }
Result<ChangeReport> Street::change(std::shared_ptr<const Configuration> wanted) {
  return run_->change(std::move(wanted));
}
Result<std::vector<std::string>> Street::prepare(std::shared_ptr<const Configuration> wanted) {
  return run_->prepare(std::move(wanted));
}
void Street::commit() { run_->commit(); }
void Street::discard() { run_->discard(); }
Result<std::optional<ChangeReport>> Street::carried(std::chrono::steady_clock::time_point until) {
  return run_->carried(until);
}
bool Street::is_over() const noexcept { return run_->is_over(); }
ChangePlan Street::plan(const Configuration& wanted) { return run_->plan(wanted); }
Drained Street::drain() { return run_->drain(); }

}  // namespace gantry::host
