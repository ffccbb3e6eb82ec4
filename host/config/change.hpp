// What differs between the configuration that runs and one that is wanted: which instances would be
// put in, taken out or made anew while the street runs, and what cannot be changed then.
//
// THREADS  Pure functions: any thread.
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "host/config/load.hpp"

namespace gantry::host {

enum class ChangeKind : std::int32_t {
  enable = 1,
  disable = 2,         // also: no longer in the file
  reparameterise = 3,  // the same library, other settings: a new instance in its place
  replace = 4,         // another library
};
std::string_view to_string(ChangeKind kind);

struct InstanceChange {
  ChangeKind kind = ChangeKind::enable;
  PluginKind of = PluginKind::strategy;
  std::string name;
  std::vector<std::string> details;  // "max_hops: 4 -> 3"
};
// "strategy triangular: reparameterise (max_hops: 4 -> 3)"
std::string to_string(const InstanceChange& change);

// All of it is done, or nothing.
struct ChangePlan {
  std::vector<InstanceChange> changes;
  std::vector<std::string> refused;  // what cannot be changed while it runs, with the reason
};
// What is enabled in neither makes no difference.
ChangePlan plan_change(const Configuration& now, const Configuration& wanted);

// The enabled instances as TOML, their given parameters with them: what a recording keeps of a
// change. What looks like a key is masked.
std::string instances_text(const Configuration& configuration);
// `base` with the instances of such a text in the place of its own.
std::expected<Configuration, ConfigReport> with_instances(const Configuration& base,
                                                          std::string_view text,
                                                          const Environment& environment);

}  // namespace gantry::host
