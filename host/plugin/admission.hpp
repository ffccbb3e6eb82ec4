// What an instance has to show before any code of its plugin runs: that it is installed, trusted,
// not in quarantine, checked where that is demanded, and that it can be started now. Who makes
// instances asks here, and so does who only plans to.
//
// THREADS    One at a time.
// OWNERSHIP  Borrows the configuration and the record.
#pragma once
#include <cstdint>
#include <unordered_map>

#include "host/bundle/trust.hpp"
#include "host/plugin/instances.hpp"

namespace gantry::host {

enum class Moment : std::int32_t {
  start = 1,
  change = 2,  // of a run: what has a process of its own cannot be started any more
};

class Admission {
 public:
  Admission(const Configuration& configuration, const PluginRecord& record, Moment moment);
  // Fails with not_found (not installed), configuration, or plugin: what the library is to blame
  // for, with the remedy.
  Status check(PluginKind of, const InstanceSettings& settings);
  // Of the library alone, by its place in Configuration::plugins. Fails with configuration or
  // plugin.
  Status check_library(std::size_t plugin);
  // Of a library that need not be in the configuration any more, for it runs already.
  Status check_file(const PluginFile& file) { return ask(file); }

 private:
  Status ask(const PluginFile& file);

  const Configuration& configuration_;
  const PluginRecord& record_;
  Moment moment_;
  bundle::TrustGate trust_;
  std::unordered_map<std::size_t, Status> libraries_;  // by Configuration::plugins
};

}  // namespace gantry::host
