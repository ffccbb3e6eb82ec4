// The port to randomness: for keys' salts and for blinding, never for what a run decides.
#pragma once
#include <cstdint>
#include <functional>
#include <span>

#include "host/base/result.hpp"

namespace gantry::host {

// [any thread] Fills all of it. Fails with `io` when the machine has none.
using Random = std::function<Status(std::span<std::uint8_t>)>;
// The kernel's, from getrandom(2).
Random system_random();

}  // namespace gantry::host
