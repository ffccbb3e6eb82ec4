// Changes of what runs while it runs. The changing thread makes the new instances and prepares them
// on a snapshot; the apply stage puts the new set into the next one; when no snapshot carries the
// old set any more, the changing thread destroys it. A replay does the same at the recorded
// snapshots.
//
// Other venues make other states of the same facts, so they get a market of their own: the changing
// thread makes it from the recording's beginning, as if the run had begun with them, and the apply
// stage gives it what came in since.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "host/street/change_plan.hpp"
#include "host/street/run.hpp"

namespace gantry::host {

namespace {

constexpr std::size_t changes_reported_max = 64;
// A market that is made anew comes closer with each pass. After so many the feed waits for it.
constexpr int passes_max = 8;

template <class Settings>
const Settings& find_settings(const std::vector<Settings>& all, const std::string& name) {
  return *std::ranges::find(all, name, &Settings::name);
}

template <class Instance>
bool contains(const std::vector<Instance>& all, const Instance& one) {
  return std::ranges::find(all, one) != all.end();
}

}  // namespace

Plugins Street::Run::plugins_of(const PluginSet& set) const {
  Plugins all;
  all.venues = set.venues;
  for (const auto& strategy : set.strategies) all.strategies.push_back(strategy.instance);
  all.paymasters = set.paymasters;
  all.refused = plugins_.refused;
  return all;
}

// The newest snapshot, which counts as one that is not done with from here on. What comes in after
// it is gathered, for a market that is to go on from it. Null: the run is over.
SnapshotPtr Street::Run::hold_newest(bool gather) {
  const std::lock_guard lock(change_mutex_);
  if (ended_) return nullptr;
  preparing_on_ = newest_->id;
  gathering_ = gather;
  return newest_;
}

std::uint64_t Street::Run::newest_id() {
  const std::lock_guard lock(change_mutex_);
  return newest_ ? newest_->id : 0;
}

void Street::Run::let_go() {
  {
    const std::lock_guard lock(change_mutex_);
    preparing_on_ = 0;
    gathering_ = false;
    missed_.clear();
  }
  change_moved_.notify_all();
}

// All of it, or nothing: what was made for a change that fails goes again. `recorded` is the
// snapshot that a replay prepares on; null: the newest.
Result<Street::Run::NextSet> Street::Run::prepare_change(
    const ChangePlan& plan, std::shared_ptr<const Configuration> wanted, const PluginSet& now,
    SnapshotPtr recorded) {
  NextSet next;
  next.set = std::make_shared<PluginSet>(now);
  next.wanted = std::move(wanted);
  next.lanes = lane_names_;
  for (const InstanceChange& change : plan.changes) next.done.push_back(to_string(change));
  next.withdrawn = withdrawn_text(plan);
  InstanceMaker maker(*next.wanted, plugins_.store, *libraries_, plugins_.record);
  if (auto made = make_venues(plan, maker, next); !made) return std::unexpected(made.error());
  if (auto made = make_paymasters(plan, maker, next); !made) return std::unexpected(made.error());
  auto snapshot = next.new_market ? make_market(next, now, std::move(recorded))
                  : recorded      ? std::move(recorded)
                                  : hold_newest(false);
  if (!snapshot) return std::unexpected(snapshot.error());
  if (!*snapshot) return std::unexpected(run_is_over());
  next.prepared_on = (*snapshot)->id;
  if (auto made = make_strategies(plan, maker, **snapshot, next); !made) {
    return std::unexpected(made.error());
  }
  next.plugin_set = plugin_set_of(*next.wanted, plugins_of(*next.set));
  return next;
}

// Puts those that a change makes, or keeps, into the order of the configuration.
template <class Instance, class Settings>
Status Street::Run::make_instances(const ChangePlan& plan, PluginKind kind, InstanceMaker& maker,
                                   const std::vector<Settings>& wanted,
                                   std::vector<std::shared_ptr<Instance>>& instances) {
  std::map<std::string, std::shared_ptr<Instance>> all;
  for (const auto& instance : instances) all[instance->name()] = instance;
  for (const InstanceChange& change : plan.changes) {
    if (change.of != kind) continue;
    all.erase(change.name);
    if (change.kind == ChangeKind::disable) continue;
    auto made = maker.make(find_settings(wanted, change.name));
    if (!made) return std::unexpected(blame(change, made.error()));
    all[change.name] = std::move(*made);
  }
  instances.clear();
  for (const Settings& settings : wanted) {
    const auto found = all.find(settings.name);
    if (found != all.end()) instances.push_back(found->second);
  }
  return {};
}

Status Street::Run::make_paymasters(const ChangePlan& plan, InstanceMaker& maker, NextSet& next) {
  return make_instances(plan, PluginKind::paymaster, maker, next.wanted->paymasters,
                        next.set->paymasters);
}

Status Street::Run::make_venues(const ChangePlan& plan, InstanceMaker& maker, NextSet& next) {
  next.new_market = std::ranges::any_of(
      plan.changes, [](const InstanceChange& change) { return change.of == PluginKind::dex; });
  if (!next.new_market) return {};
  if (plugins_.nursery) {
    return std::unexpected(venues_are_fixed());
  }
  const auto before = next.set->venues;
  auto made = make_instances(plan, PluginKind::dex, maker, next.wanted->dexes, next.set->venues);
  for (const auto& venue : next.set->venues) {
    if (!contains(before, venue)) venue->health().set_lag(venue_lag_);
  }
  return made;
}

// Makes the market of the new venues from all that has come in, up to the newest snapshot or the
// recorded one. The street runs on meanwhile; for the last blocks the feed waits.
Result<SnapshotPtr> Street::Run::make_market(NextSet& next, const PluginSet& now,
                                             SnapshotPtr recorded) {
  auto feed = RecordingFeed::open(options_.recording);
  if (!feed) return std::unexpected(feed.error());
  if (feed->compiled() != nullptr) {
    return fail(ErrorKind::usage,
                fmt::format("{}: is compiled, so its venues cannot be changed while it runs; run "
                            "on the recording that it was made of",
                            options_.recording.string()));
  }
  auto market =
      std::make_shared<MarketState>(*chain_, next.set->venues, ++markets_made_ * topologies_max);
  market->catch_up(true, now.venues);
  SnapshotPtr made;
  const auto read_to = [&](std::uint64_t id) -> Status {
    while (market->snapshots() < id) {
      if (!decisions_ && stop_.load(std::memory_order_relaxed))
        return std::unexpected(run_is_over());
      const auto input = feed->next();
      if (!input) {
        return fail(ErrorKind::io, fmt::format("{}: it cannot be read again up to block {}: {}",
                                               options_.recording.string(), id, feed->damage()));
      }
      auto snapshot = market->advance(*input);
      if (!snapshot) return std::unexpected(snapshot.error());
      made = std::move(*snapshot);
    }
    return {};
  };
  for (int pass = 0; !recorded && pass < passes_max; ++pass) {
    const std::uint64_t newest = newest_id();
    if (newest < market->snapshots() + under_way_max / 2) break;
    if (auto read = read_to(newest); !read) return std::unexpected(read.error());
  }
  if (recorded) {
    const std::lock_guard lock(change_mutex_);
    gathering_ = true;
  } else {
    recorded = hold_newest(true);
    if (!recorded) return std::unexpected(run_is_over());
  }
  if (auto read = read_to(recorded->id); !read) return std::unexpected(read.error());
  for (const auto& venue : next.set->venues) {
    if (contains(now.venues, venue) || !venue->health().retired()) continue;
    return fail(ErrorKind::plugin,
                fmt::format("dex {}: {}: {}", venue->name(), venue->file().path.string(),
                            venue->health().kept().front().reason));
  }
  next.set->market = std::move(market);
  return made;
}

Status Street::Run::make_strategies(const ChangePlan& plan, InstanceMaker& maker,
                                    const Snapshot& snapshot, NextSet& next) {
  for (const InstanceChange& change : plan.changes) {
    if (change.of != PluginKind::strategy) continue;
    std::erase_if(next.set->strategies, [&](const PluginSet::Strategy& strategy) {
      return strategy.instance->name() == change.name;
    });
    if (change.kind == ChangeKind::disable) continue;
    auto made = maker.make(find_settings(next.wanted->strategies, change.name));
    if (!made) return std::unexpected(blame(change, made.error()));
    const auto known = std::ranges::find(next.lanes, change.name);
    const auto lane = static_cast<std::uint32_t>(known - next.lanes.begin());
    if (lane == lanes_.size()) {
      return std::unexpected(blame(change, too_many_names()));
    }
    if (known == next.lanes.end()) next.lanes.push_back(change.name);
    auto runner = std::make_shared<StrategyRunner>(*made, changes_, history_,
                                                   runner_options(lane, (*made)->settings));
    if (auto ready = runner->get_ready(snapshot); !ready) {
      return std::unexpected(blame(change, ready.error()));
    }
    next.set->strategies.push_back({lane, 0, std::move(*made), std::move(runner)});
  }
  std::ranges::sort(next.set->strategies, {}, &PluginSet::Strategy::lane);
  return {};
}

// Of the apply stage: which set the snapshot will carry.
Status Street::Run::take_change(std::uint64_t snapshot) {
  if (decisions_) return put_in_recorded(snapshot);
  Status done;
  {
    const std::lock_guard lock(change_mutex_);
    if (!next_) return {};
    done = put_in(*std::exchange(next_, std::nullopt), snapshot);
  }
  change_moved_.notify_all();
  return done;
}

Status Street::Run::show(const std::shared_ptr<Snapshot>& snapshot, const InputPtr& input) {
  {
    const std::lock_guard lock(change_mutex_);
    snapshot->plugins = set_;
    newest_ = snapshot;
    if (gathering_) missed_.push_back(input);
  }
  change_moved_.notify_all();
  return decisions_ ? prepare_recorded(snapshot) : Status();
}

// change_mutex_ held. Fails only where the market of before has failed already.
Status Street::Run::put_in(NextSet next, std::uint64_t snapshot) {
  if (next.new_market) {
    for (const InputPtr& input : missed_) {
      if (auto done = next.set->market->advance(*input); !done)
        return std::unexpected(done.error());
    }
    next.set->market->catch_up(false);
  }
  gathering_ = false;
  missed_.clear();
  for (PluginSet::Strategy& strategy : next.set->strategies) {
    if (strategy.since != 0) continue;
    strategy.since = snapshot;
    strategy.runner->join();
  }
  if (recorder_) {
    recorder_->change({snapshot, next.prepared_on, next.plugin_set,
                       instances_text(*next.wanted) + next.withdrawn});
  }
  set_ = std::move(next.set);
  changed_at_ = snapshot;
  ++changes_count_;
  if (changes_done_.size() < changes_reported_max) {
    changes_done_.push_back({snapshot, std::move(next.done)});
  }
  return {};
}

Status Street::Run::put_in_recorded(std::uint64_t snapshot) {
  if (!obeyed_ || decisions_->changes()[next_recorded_].from != snapshot) return {};
  ++next_recorded_;
  configured_ = obeyed_->wanted;
  lane_names_ = obeyed_->lanes;
  const std::lock_guard lock(change_mutex_);
  retiring_.push_back({set_, snapshot});
  return put_in(*std::exchange(obeyed_, std::nullopt), snapshot);
}

Status Street::Run::prepare_recorded(const SnapshotPtr& snapshot) {
  const auto& recorded = decisions_->changes();
  if (next_recorded_ == recorded.size()) return {};
  const RecordedChange& change = recorded[next_recorded_];
  if (change.prepared_on != snapshot->id) return {};
  drain_sets();
  const auto cannot = [&](ErrorKind kind, const std::string& why) {
    return fail(kind, fmt::format("{}: the change of plugins at snapshot {} cannot be obeyed: {}",
                                  options_.recording.string(), change.from, why));
  };
  auto wanted = with_instances(*configured_, change.instances, process_environment());
  if (!wanted) return cannot(ErrorKind::configuration, wanted.error().errors.front().message);
  ChangePlan plan = plan_change(*configured_, *wanted);
  tell_withdrawn(plan, change.instances);
  auto next = prepare_change(plan, std::make_shared<const Configuration>(std::move(*wanted)), *set_,
                             snapshot);
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
  over_ = true;
  const std::lock_guard lock(change_mutex_);
  ended_ = true;
  newest_.reset();
  missed_.clear();
  change_moved_.notify_all();
}

}  // namespace gantry::host
