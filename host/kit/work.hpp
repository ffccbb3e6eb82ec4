// A kind's whole repertoire in one call: every function, with ordinary and with odd arguments. Used
// by the checks that hold for every kind (purity, memory, leaks ...).
#pragma once
#include "host/kit/loaded.hpp"

namespace gantry::host::kit {

// Runs all that the kind has on `object`, seeded, and appends what it answered to the transcript.
void work(const Subject& subject, Loaded& library, void* object, std::uint64_t seed,
          const Workout& workout);

void work_dex(const Subject& subject, Loaded& library, void* object, std::uint64_t seed,
              const Workout& workout);
void work_strategy(const Subject& subject, Loaded& library, void* object, std::uint64_t seed,
                   const Workout& workout);
void work_paymaster(const Subject& subject, Loaded& library, void* object, std::uint64_t seed,
                    const Workout& workout);

}  // namespace gantry::host::kit
