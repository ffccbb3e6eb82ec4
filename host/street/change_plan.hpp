// What a change of a running street would do, as far as it is known before any plugin code runs.
//
// THREADS  One at a time.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "host/config/change.hpp"

namespace gantry::host {

using InstanceName = std::pair<PluginKind, std::string>;

struct CheckedPlan {
  ChangePlan plan;  // all in `refused` that is known before anything is loaded
  std::shared_ptr<const Configuration> wanted;  // what was asked for, less `withdrawn`
  // What the files want to run and may not run any more.
  std::set<InstanceName> withdrawn;
};

// Of what a plan takes out because it may not run any more, with the reasons: comments in TOML,
// which a recording keeps below the instances, and a replay's plan as it was with them.
std::string withdrawn_text(const ChangePlan& plan);
void tell_withdrawn(ChangePlan& plan, std::string_view instances);

// `error` with the instance that is to blame before it.
Error blame(const InstanceChange& change, const Error& error);
Error venues_are_fixed();
Error venues_need_a_recording();
Error too_many_names();
Error run_is_over();

}  // namespace gantry::host
