// The command line: finds the command, runs it, answers with its exit code.
#pragma once

namespace gantry::host {

// 0 done, 1 failed, 2 wrong usage or configuration, 3 a check found something.
int run_cli(int argc, const char* const* argv);

}  // namespace gantry::host
