// Many backtests of one recording beside each other, each a process of this program.
//
// THREADS  [main]; it starts its own and waits for them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "host/cli/command.hpp"

namespace gantry::host::cli {

// A key of the configuration and the values that it is given, as TOML writes them.
struct SweptKey {
  std::string key;
  std::vector<std::string> values;
};
// Of "key=v1,v2,..." each. Fails with usage: none, no values, a key twice, or too many runs.
Result<std::vector<SweptKey>> sweep_of(const std::vector<std::string>& texts);

struct SweepOptions {
  std::vector<std::string> words;  // of the command line of one run, but for what is swept
  std::uint64_t jobs = 0;          // beside each other; 0: one a core
  bool as_json = false;
};
// A run for each combination, and a table of them: the most profitable first. The runs of which no
// result is there are told, and make the code `failed`.
ExitCode sweep(const Session& session, const std::vector<SweptKey>& keys,
               const SweepOptions& options);

}  // namespace gantry::host::cli
