// gantry audit resolve INTENT --dropped|--included HASH, a subcommand of `audit`.
//
// THREADS  [main]
#pragma once
#include "host/cli/command.hpp"

namespace gantry::host::cli {

void add_audit_resolve(CLI::App& audit, CommandLine& line);

}  // namespace gantry::host::cli
