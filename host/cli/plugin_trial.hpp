// One plugin, driven on recorded input by the calling thread alone, with no flow graph: what it was
// asked and what it answered, in the order of the calls. For a debugger, and for a first look.
//
// THREADS  [main]: every call of the plugin is made on the thread that calls run_trial().
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "host/base/result.hpp"
#include "host/config/load.hpp"

namespace gantry::host::cli {

struct TrialOptions {
  std::filesystem::path library;
  std::filesystem::path recording;
  std::uint64_t blocks = 10;      // that are given to it
  std::uint64_t answers_max = 8;  // of a block that are shown; all are counted
};

// `say` gets whole lines. What the plugin did against its contract is in the answer: how many
// strikes. Fails with `configuration` (a parameter has no value), `plugin` (it cannot be loaded),
// and as the recording does.
Result<std::uint64_t> run_trial(Configuration configuration, const TrialOptions& options,
                                const std::function<void(std::string_view)>& say);

}  // namespace gantry::host::cli
