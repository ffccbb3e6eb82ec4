// A constant product that fits a pool near its price, for venues that have no segments of their
// own: so that whatever searches or values by shapes does so on any venue.
//
// Of amounts out o1 for a and o2 for 2a, which are the venue's own quotes with all fees, the
// reserves x and y with o1 = y a / (x + a) and o2 = 2 y a / (x + 2a) are x = 2a (o2 - o1) / (2 o1 -
// o2) and y = o1 (x + a) / a. Where the price does not move between them the pool is as flat as can
// be told.
//
// THREADS  [worker]. Four calls of the venue, no allocation.
#pragma once
#include <cstdint>

#include "gantry/dex.h"
#include "host/plugin/instances.hpp"

namespace gantry::host {

// Its flags are none: it is near a quote, and a quote has to be asked for before anything is
// decided. False: the pool quotes nothing in that direction now.
bool fit_segment(const VenueInstance& venue, const gantry_pool_state& state, std::uint32_t token_in,
                 std::uint32_t token_out, gantry_segment& out);

}  // namespace gantry::host
