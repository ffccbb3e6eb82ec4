// Amounts as people read them. Internal to host/risk.
#pragma once
#include <algorithm>

#include "gantry/u256.hpp"
#include "gantry/u256_convert.hpp"

namespace gantry::host {

// Divided: whole ether come out whole.
inline double ether_of(const u256& wei) { return to_double(wei) / 1e18; }

inline double bps_of(const u256& part, const u256& whole) {
  return to_double(part) / std::max(to_double(whole), 1.0) * 1e4;
}

}  // namespace gantry::host
