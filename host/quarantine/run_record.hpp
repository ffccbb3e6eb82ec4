// What a run asks of the quarantine, and what it tells it.
//
// THREADS    [main] throughout.
// OWNERSHIP  What plugin_record() gives borrows the quarantine.
#pragma once
#include <cstdint>

#include "host/isolation/put_away.hpp"
#include "host/plugin/instances.hpp"
#include "host/quarantine/quarantine.hpp"
#include "host/report/run_report.hpp"

namespace gantry::host {

enum class Obey : std::int32_t {
  all = 1,
  // Of a replay, which gives what the run gave: only what would end this process too.
  crashes = 2,
};

// For make_plugins(). `now_s` is Unix time.
PluginRecord plugin_record(Quarantine& quarantine, Obey obey, std::int64_t now_s);

// Writes down a plugin whose own process was lost too often, or while it was loaded. After
// put_away_retired(), which knows the strikes and not how the process ended. Fails with io.
Status put_away_lost(Quarantine& quarantine, const PutAway& lost, std::string_view running,
                     std::int64_t now_s);

// Writes down the plugins that a run had to retire: those that broke the contract stay out, those
// that came late do not. `running` says what they were given. Fails with io.
Status put_away_retired(Quarantine& quarantine, const RunReport& report, std::string_view running,
                        std::int64_t now_s);

}  // namespace gantry::host
