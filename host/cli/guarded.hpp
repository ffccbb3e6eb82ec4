// What stands around a command that runs plugins in this process: the quarantine, and the watch
// that names who brings the process down.
//
// THREADS    [main].
// OWNERSHIP  Outlives the plugins.
#pragma once
#include <memory>
#include <string>

#include "host/cli/command.hpp"
#include "host/quarantine/quarantine.hpp"
#include "host/quarantine/run_record.hpp"
#include "host/quarantine/watch.hpp"

namespace gantry::host::cli {

struct Guarded {
  std::unique_ptr<Quarantine> quarantine;  // null: there is no folder for it
  std::unique_ptr<PluginWatch> watch;
  PluginRecord record;
};
// `running` says what runs, as "gantry run on market.gantry". Fails with io: the quarantine's
// folder cannot be used.
Result<Guarded> guard_plugins(const Session& session, const PluginSettings& settings, Obey obey,
                              const std::string& running);

std::int64_t unix_now_s();

}  // namespace gantry::host::cli
