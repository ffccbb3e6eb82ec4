// What one chain's street sees of a configuration: its [[chain]], the instances that work on it,
// and all that belongs to no chain.
//
// THREADS  Pure functions: any thread.
#pragma once
#include <string_view>

#include "host/config/load.hpp"

namespace gantry::host {

// `chain` is a CAIP-2 id. With a [[chain]] less, or an instance of another chain less, the part is
// the same: so a recording of one chain is replayed whatever else the files name.
Configuration chain_part(const Configuration& whole, std::string_view chain);

}  // namespace gantry::host
