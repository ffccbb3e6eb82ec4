// Whether what a strategy emitted makes sense at all, whatever it is worth.
#pragma once
#include "gantry/strategy.h"
#include "host/market/snapshot.hpp"

namespace gantry::host {

// Handles exist, legs fit together with the amounts they name (host/market/legs.hpp), doubles are
// what they should be.
bool fits_together(const Snapshot& snapshot, const gantry_opportunity& opportunity);

}  // namespace gantry::host
