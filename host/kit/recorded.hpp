// The pools of a recording with the facts of their first block, for venues whose states the kit
// cannot make up.
#pragma once
#include <filesystem>
#include <vector>

#include "host/base/result.hpp"
#include "host/kit/check.hpp"

namespace gantry::host::kit {

inline constexpr std::size_t recorded_pools_max = 4096;

// Fails as RecordingReader does, and with not_found when no pool has any fact.
Result<std::vector<RecordedPool>> read_recorded_pools(const std::filesystem::path& path);

}  // namespace gantry::host::kit
