// Whether what a strategy emitted makes sense at all, whatever it is worth.
#pragma once
#include "gantry/strategy.h"
#include "host/market/snapshot.hpp"

namespace gantry::host {

// Handles exist, legs follow each other with the amounts they name, doubles are what they should
// be.
bool is_chained(const Snapshot& snapshot, const gantry_opportunity& opportunity);

}  // namespace gantry::host
