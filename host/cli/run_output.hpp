// What a run prints at its end, and its exit code: of one chain or recording, or of several chains.
//
// THREADS  [main].
#pragma once
#include <memory>
#include <vector>

#include "host/cli/chain_run.hpp"
#include "host/report/render.hpp"

namespace gantry::host::cli {

struct RunOutput {
  bool as_json = false;
  RenderOptions render;
};

// After all have ended. Takes the reports. `refused`: files and folders that gave no plugin. The
// exit code is the worst of all.
ExitCode print_runs(const std::vector<std::unique_ptr<ChainRun>>& runs,
                    const std::vector<Error>& refused, const RunOutput& output);

}  // namespace gantry::host::cli
