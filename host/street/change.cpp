// Changes of what runs while it runs. The changing thread makes the new instances and prepares them
// on a snapshot; the apply stage puts the new set into the next one; when no snapshot carries the
// old set any more, the changing thread destroys it. A replay does the same at the recorded
// snapshots.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "host/street/run.hpp"

namespace gantry::host {

namespace {

constexpr std::size_t changes_reported_max = 64;

template <class Settings>
const Settings& find_settings(const std::vector<Settings>& all, const std::string& name) {
  return *std::ranges::find(all, name, &Settings::name);
}

Error blame(const InstanceChange& change, const Error& error) {
  return {error.kind, fmt::format("{} {}: {}", to_string(change.of), change.name, error.message)};
}

std::unexpected<Error> run_is_over() {
  return fail(ErrorKind::usage, "the run is over, so nothing can be changed in it");
}

// Destroys the sets that nobody else holds, and says which libraries went with them.
Drained drain_sets(std::vector<std::shared_ptr<const PluginSet>>& sets,
                   LoadedLibraries& libraries) {
  Drained drained;
  std::map<std::string, std::filesystem::path> paths;  // by hash
  std::vector<std::shared_ptr<const PluginSet>> gone;
  std::erase_if(sets, [&](auto& set) {
    if (set.use_count() != 1) return false;
    for (const auto& strategy : set->strategies) {
      paths[strategy.instance->file().sha256] = strategy.instance->mapped_path();
    }
    for (const auto& paymaster : set->paymasters) {
      paths[paymaster->file().sha256] = paymaster->mapped_path();
    }
    gone.push_back(std::move(set));
    return true;
  });
  gone.clear();
  for (const auto& [hash, path] : paths) {
    const auto library = libraries.find(hash);
    if (library == libraries.end() || !library->second.expired()) continue;
    libraries.erase(library);
    (is_mapped(path) ? drained.stayed : drained.unmapped).push_back(path.string());
  }
  drained.waiting = sets.size();
  return drained;
}

}  // namespace

Plugins Street::Run::plugins_of(const PluginSet& set) const {
  Plugins all;
  all.venues = plugins_.venues;
  for (const auto& strategy : set.strategies) all.strategies.push_back(strategy.instance);
  all.paymasters = set.paymasters;
  all.refused = plugins_.refused;
  return all;
}

ChangePlan Street::Run::plan(const Configuration& wanted) {
  const std::lock_guard one(one_change_);
  return plan_change(*configured_, wanted);
}

Result<ChangeReport> Street::Run::change(std::shared_ptr<const Configuration> wanted) {
  const std::lock_guard one(one_change_);
  SnapshotPtr snapshot;
  std::shared_ptr<const PluginSet> now;
  {
    std::unique_lock lock(change_mutex_);
    change_moved_.wait(lock, [&] { return newest_ || ended_; });
    if (ended_) return run_is_over();
    snapshot = newest_;
    now = set_;
  }
  if (decisions_) {
    return fail(ErrorKind::usage,
                "a replay obeys what its recording says was changed; --ignore-decisions lets it");
  }
  const ChangePlan plan = plan_change(*configured_, *wanted);
  if (!plan.refused.empty()) {
    return fail(ErrorKind::configuration, fmt::format("{}", fmt::join(plan.refused, "\n")));
  }
  if (plan.changes.empty()) return ChangeReport();

  preparing_on_ = snapshot->id;
  auto next = prepare_change(plan, std::move(wanted), *snapshot, *now);
  snapshot.reset();
  if (!next) {
    preparing_on_ = 0;
    change_moved_.notify_all();
    return std::unexpected(next.error());
  }
  auto configured = next->wanted;
  auto lanes = next->lanes;
  auto done = wait_for_snapshot(std::move(*next));
  if (!done) return done;
  configured_ = std::move(configured);
  lane_names_ = std::move(lanes);
  retiring_.push_back(std::move(now));
  return done;
}

Result<ChangeReport> Street::Run::wait_for_snapshot(NextSet next) {
  ChangeReport report{0, next.done};
  std::unique_lock lock(change_mutex_);
  next_ = std::move(next);
  preparing_on_ = 0;
  change_moved_.notify_all();
  change_moved_.wait(lock, [&] { return !next_ || ended_; });
  if (next_) {
    const auto dropped = std::exchange(next_, std::nullopt);
    return run_is_over();
  }
  report.from = changed_at_;
  return report;
}

// All of it, or nothing: what was made for a change that fails goes again.
Result<Street::Run::NextSet> Street::Run::prepare_change(
    const ChangePlan& plan, std::shared_ptr<const Configuration> wanted, const Snapshot& snapshot,
    const PluginSet& now) {
  NextSet next;
  next.set = std::make_shared<PluginSet>(now);
  next.prepared_on = snapshot.id;
  next.lanes = lane_names_;
  InstanceMaker maker(*wanted, plugins_.store, libraries_);
  std::map<std::string, std::shared_ptr<PaymasterInstance>> paymasters;
  for (const auto& paymaster : now.paymasters) paymasters[paymaster->name()] = paymaster;
  for (const InstanceChange& change : plan.changes) {
    next.done.push_back(to_string(change));
    if (change.of == PluginKind::paymaster) {
      paymasters.erase(change.name);
      if (change.kind == ChangeKind::disable) continue;
      auto made = maker.make(find_settings(wanted->paymasters, change.name));
      if (!made) return std::unexpected(blame(change, made.error()));
      paymasters[change.name] = std::move(*made);
      continue;
    }
    std::erase_if(next.set->strategies, [&](const PluginSet::Strategy& strategy) {
      return strategy.instance->name() == change.name;
    });
    if (change.kind == ChangeKind::disable) continue;
    auto made = maker.make(find_settings(wanted->strategies, change.name));
    if (!made) return std::unexpected(blame(change, made.error()));
    const auto known = std::ranges::find(next.lanes, change.name);
    const auto lane = static_cast<std::uint32_t>(known - next.lanes.begin());
    if (lane == lanes_.size()) {
      return std::unexpected(
          blame(change, {ErrorKind::limit, fmt::format("{} more names than at its start are all "
                                                       "that a run can take; stop, and start again",
                                                       lanes_spare)}));
    }
    if (known == next.lanes.end()) next.lanes.push_back(change.name);
    auto runner = std::make_shared<StrategyRunner>(*made, changes_, history_, runner_options(lane));
    if (auto ready = runner->get_ready(snapshot); !ready) {
      return std::unexpected(blame(change, ready.error()));
    }
    next.set->strategies.push_back({lane, 0, std::move(*made), std::move(runner)});
  }
  std::ranges::sort(next.set->strategies, {}, &PluginSet::Strategy::lane);
  next.set->paymasters.clear();
  for (const PaymasterSettings& settings : wanted->paymasters) {
    const auto runs = paymasters.find(settings.name);
    if (runs != paymasters.end()) next.set->paymasters.push_back(runs->second);
  }
  next.plugin_set = plugin_set_of(*wanted, plugins_of(*next.set));
  next.wanted = std::move(wanted);
  return next;
}

// Of the apply stage: which set the snapshot carries.
void Street::Run::take_change(const std::shared_ptr<Snapshot>& snapshot) {
  if (decisions_) put_in_recorded(snapshot->id);
  {
    const std::lock_guard lock(change_mutex_);
    if (next_) put_in(*std::exchange(next_, std::nullopt), snapshot->id);
    snapshot->plugins = set_;
    newest_ = snapshot;
  }
  change_moved_.notify_all();
  if (!decisions_) return;
  if (auto prepared = prepare_recorded(*snapshot); !prepared) {
    failure_ = prepared.error();
    request_stop();
  }
}

// change_mutex_ held.
void Street::Run::put_in(NextSet next, std::uint64_t snapshot) {
  for (PluginSet::Strategy& strategy : next.set->strategies) {
    if (strategy.since != 0) continue;
    strategy.since = snapshot;
    strategy.runner->join();
  }
  if (recorder_) {
    recorder_->change({snapshot, next.prepared_on, next.plugin_set, instances_text(*next.wanted)});
  }
  set_ = std::move(next.set);
  changed_at_ = snapshot;
  ++changes_count_;
  if (changes_done_.size() < changes_reported_max) {
    changes_done_.push_back({snapshot, std::move(next.done)});
  }
}

void Street::Run::put_in_recorded(std::uint64_t snapshot) {
  if (!obeyed_ || decisions_->changes()[next_recorded_].from != snapshot) return;
  ++next_recorded_;
  configured_ = obeyed_->wanted;
  lane_names_ = obeyed_->lanes;
  const std::lock_guard lock(change_mutex_);
  retiring_.push_back(set_);
  put_in(*std::exchange(obeyed_, std::nullopt), snapshot);
}

Status Street::Run::prepare_recorded(const Snapshot& snapshot) {
  const auto& recorded = decisions_->changes();
  if (next_recorded_ == recorded.size()) return {};
  const RecordedChange& change = recorded[next_recorded_];
  if (change.prepared_on != snapshot.id) return {};
  drain_sets(retiring_, libraries_);
  const auto cannot = [&](ErrorKind kind, const std::string& why) {
    return fail(kind, fmt::format("{}: the change of plugins at snapshot {} cannot be obeyed: {}",
                                  options_.recording.string(), change.from, why));
  };
  auto wanted = with_instances(*configured_, change.instances, process_environment());
  if (!wanted) return cannot(ErrorKind::configuration, wanted.error().errors.front().message);
  const ChangePlan plan = plan_change(*configured_, *wanted);
  auto next = prepare_change(plan, std::make_shared<const Configuration>(std::move(*wanted)),
                             snapshot, *set_);
  if (!next) return cannot(next.error().kind, next.error().message);
  if (!same_plugins(change.plugin_set, next->plugin_set)) {
    return cannot(ErrorKind::configuration, other_plugins(change.plugin_set, next->plugin_set));
  }
  obeyed_ = std::move(*next);
  return {};
}

// A change is prepared on one snapshot, and what looks back must still find it: it counts as one
// that is not done with. Nothing waits at the chain's pace, where a snapshot takes seconds.
void Street::Run::hold_for_change(std::uint64_t blocks) {
  const auto held = [&] {
    const std::uint64_t on = preparing_on_;
    return on != 0 && blocks >= on + under_way_max && !stop_.load(std::memory_order_relaxed);
  };
  if (!held()) return;
  std::unique_lock lock(change_mutex_);
  while (held()) change_moved_.wait_for(lock, std::chrono::milliseconds(20));
}

void Street::Run::end_changes() {
  const std::lock_guard lock(change_mutex_);
  ended_ = true;
  newest_.reset();
  change_moved_.notify_all();
}

Drained Street::Run::drain() {
  const std::lock_guard one(one_change_);
  return drain_sets(retiring_, libraries_);
}

}  // namespace gantry::host
