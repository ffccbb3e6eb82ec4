// What a running host answers: status, stop, resume and reload, for all its chains.
//
// THREADS    Made and destroyed on [main]; answers on the control socket's thread.
// OWNERSHIP  Borrows the runs, the reloader and the keeper, which outlive it.
#pragma once
#include <memory>
#include <vector>

#include "host/api/control.hpp"
#include "host/cli/chain_run.hpp"
#include "host/cli/reloader.hpp"
#include "host/cli/risk_keeper.hpp"

namespace gantry::host::cli {

// `reloader`, `keeper`: null where a replay obeys its recording; then stop only ends it. Null: the
// socket cannot be had, which the log tells; a run goes on without.
std::unique_ptr<ControlServer> serve_runs(const Session& session, const ApiSettings& settings,
                                          const std::vector<std::unique_ptr<ChainRun>>& runs,
                                          Reloader* reloader, RiskKeeper* keeper);

}  // namespace gantry::host::cli
