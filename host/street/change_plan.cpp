#include "host/street/change_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <type_traits>

#include "host/plugin/admission.hpp"
#include "host/report/terminal.hpp"
#include "host/street/run.hpp"

namespace gantry::host {

namespace {

// The settings, as const as `all`; null: not there, or not enabled.
template <class All>
auto* find_enabled(All& all, const std::string& name) {
  const auto at = std::ranges::find(all, name, &InstanceSettings::name);
  return at != all.end() && at->enabled ? &*at : nullptr;
}

template <class Any>
using Settings = std::conditional_t<std::is_const_v<Any>, const InstanceSettings, InstanceSettings>;

template <class Any>
Settings<Any>* find_instance(Any& configuration, const InstanceName& name) {
  switch (name.first) {
    case PluginKind::dex:
      return find_enabled(configuration.dexes, name.second);
    case PluginKind::strategy:
      return find_enabled(configuration.strategies, name.second);
    case PluginKind::paymaster:
      return find_enabled(configuration.paymasters, name.second);
  }
  return nullptr;
}

const PluginFile* file_of(const Configuration& configuration, const InstanceSettings* settings) {
  if (settings == nullptr || !settings->installed) return nullptr;
  return &configuration.plugins[*settings->installed];
}

std::set<InstanceName> names_of(const PluginSet& set) {
  std::set<InstanceName> names;
  for (const auto& venue : set.venues) names.emplace(PluginKind::dex, venue->name());
  for (const auto& strategy : set.strategies) {
    names.emplace(PluginKind::strategy, strategy.instance->name());
  }
  for (const auto& paymaster : set.paymasters) {
    names.emplace(PluginKind::paymaster, paymaster->name());
  }
  return names;
}

// Takes out of `wanted` what runs in `now` and a start would refuse: revocation ends running. It
// goes by the library that runs; one that may run, in its place, is a change like any other.
class Withdrawal {
 public:
  Withdrawal(const Configuration& now, Configuration& wanted, Admission& admission)
      : now_(now), wanted_(wanted), admission_(admission) {}

  void check_running(const InstanceName& name) {
    InstanceSettings* settings = find_instance(wanted_, name);
    const PluginFile* running = file_of(now_, find_instance(now_, name));
    if (settings == nullptr || running == nullptr) return;
    const Status admitted = admission_.check_file(*running);
    if (admitted) return;
    const PluginFile* next = file_of(wanted_, settings);
    if (next != nullptr && next->sha256 != running->sha256 && admission_.check_file(*next)) return;
    // A store or record that cannot be read says nothing of the plugin.
    if (admitted.error().kind != ErrorKind::plugin) {
      unknown.push_back(
          blame({ChangeKind::disable, name.first, name.second, {}}, admitted.error()).message);
      return;
    }
    settings->enabled = false;
    // A recording keeps it as a line.
    reasons.emplace(name, printable(admitted.error().message));
  }

  // One that was taken out stays out, and is no change, until it may run.
  void check_withdrawn(const InstanceName& name) {
    InstanceSettings* settings = find_instance(wanted_, name);
    if (settings == nullptr) return;
    const PluginFile* next = file_of(wanted_, settings);
    if (next != nullptr && admission_.check_file(*next)) return;
    settings->enabled = false;
    still_out.insert(name);
  }

  std::map<InstanceName, std::string> reasons;
  std::set<InstanceName> still_out;
  std::vector<std::string> unknown;

 private:
  const Configuration& now_;
  Configuration& wanted_;
  Admission& admission_;
};

std::string comment_of(const InstanceChange& change) {
  return fmt::format("# {} {:?}: ", to_string(change.of), change.name);
}

}  // namespace

std::string withdrawn_text(const ChangePlan& plan) {
  std::string out;
  for (const InstanceChange& change : plan.changes) {
    if (change.kind != ChangeKind::disable || change.details.empty()) continue;
    out += fmt::format("{}{}\n", comment_of(change), change.details.front());
  }
  return out;
}

void tell_withdrawn(ChangePlan& plan, std::string_view instances) {
  for (InstanceChange& change : plan.changes) {
    if (change.kind != ChangeKind::disable) continue;
    const std::string line = "\n" + comment_of(change);  // in a value, TOML escapes the line's end
    const auto at = instances.find(line);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = instances.substr(at + line.size());
    change.details.emplace_back(rest.substr(0, rest.find('\n')));
  }
}

Error blame(const InstanceChange& change, const Error& error) {
  return {error.kind, fmt::format("{} {}: {}", to_string(change.of), change.name, error.message)};
}

Error venues_are_fixed() {
  return {ErrorKind::configuration,
          "venues cannot change while a strategy runs in a process of its own, which has loaded "
          "them: restart the host"};
}

Error venues_need_a_recording() {
  return {ErrorKind::configuration,
          "venues cannot change while a chain is followed, for their states are read from its "
          "beginning: restart the host"};
}

Error run_is_over() {
  return {ErrorKind::usage, "the run is over, so nothing can be changed in it"};
}

Error too_many_names() {
  return {ErrorKind::limit, fmt::format("{} more names than at its start are all that a run can "
                                        "take; stop, and start again",
                                        lanes_spare)};
}

ChangePlan Street::Run::plan(const Configuration& wanted) {
  const std::lock_guard one(one_change_);
  const auto ready = wait_until_ready();
  if (ready) return checked_plan(wanted).plan;
  ChangePlan differs = plan_change(newest_configuration(), wanted);
  if (!differs.changes.empty()) differs.refused.push_back(ready.error().message);
  return differs;
}

// one_change_ held.
CheckedPlan Street::Run::checked_plan(const Configuration& asked) {
  auto wanted = std::make_shared<Configuration>(asked);
  Admission admission(*wanted, plugins_.record, Moment::change);
  Withdrawal withdrawal(*configured_, *wanted, admission);
  {
    std::shared_ptr<const PluginSet> now;
    {
      const std::lock_guard lock(change_mutex_);
      now = set_;
    }
    const auto running = names_of(*now);
    for (const InstanceName& name : running) withdrawal.check_running(name);
    for (const InstanceName& name : withdrawn_) {
      if (!running.contains(name)) withdrawal.check_withdrawn(name);
    }
  }
  CheckedPlan checked{plan_change(*configured_, *wanted), wanted, std::move(withdrawal.still_out)};
  ChangePlan& plan = checked.plan;
  for (InstanceChange& change : plan.changes) {
    const auto reason = withdrawal.reasons.find({change.of, change.name});
    if (reason == withdrawal.reasons.end()) continue;
    change.details.push_back("may not run any more: " + reason->second);
    checked.withdrawn.insert(reason->first);
  }
  std::ranges::move(withdrawal.unknown, std::back_inserter(plan.refused));

  const bool venues = std::ranges::any_of(
      plan.changes, [](const InstanceChange& change) { return change.of == PluginKind::dex; });
  if (venues && plugins_.nursery) plan.refused.push_back(venues_are_fixed().message);
  if (venues && options_.live) plan.refused.push_back(venues_need_a_recording().message);
  std::size_t lanes = lane_names_.size();
  for (const InstanceChange& change : plan.changes) {
    if (change.kind == ChangeKind::disable) continue;
    const InstanceSettings& settings = *find_instance(*wanted, {change.of, change.name});
    if (auto admitted = admission.check(change.of, settings); !admitted) {
      const std::string why = blame(change, admitted.error()).message;
      if (std::ranges::find(plan.refused, why) == plan.refused.end()) plan.refused.push_back(why);
    }
    if (change.of != PluginKind::strategy ||
        std::ranges::find(lane_names_, change.name) != lane_names_.end()) {
      continue;
    }
    if (lanes++ >= lanes_.size()) plan.refused.push_back(blame(change, too_many_names()).message);
  }
  return checked;
}

}  // namespace gantry::host
