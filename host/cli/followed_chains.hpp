// Which chains a live run follows.
//
// THREADS  Pure functions: any thread.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "host/base/result.hpp"
#include "host/config/load.hpp"

namespace gantry::host::cli {

struct FollowedChains {
  std::vector<const ChainSettings*> chains;  // in the order of gantry.toml, at least one
  std::vector<std::string> left_out;         // one line each: which, why, and what to do
};

// Those that are enabled, have a provider whose variables are set, and a venue; or those that are
// called `wanted`, each by id, name or number. Fails with `configuration`, saying what to set, when
// there is none or one that was named cannot be followed; with `usage` of a name that there is not.
Result<FollowedChains> followed_chains(const Configuration& configuration,
                                       const Environment& environment,
                                       const std::vector<std::string>& wanted);

// Whether any could be, whatever is set.
bool has_live_chain(const Configuration& configuration);

// The file that a chain of several is recorded to: with its name before the extension.
std::filesystem::path recording_of(const std::filesystem::path& file, const ChainSettings& chain,
                                   const std::vector<const ChainSettings*>& all);

}  // namespace gantry::host::cli
