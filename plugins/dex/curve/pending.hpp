// Swaps that wait: what calls of a pool's own exchange(), and of the Router NG's, ask for.
#pragma once
#include <string_view>
#include <vector>

#include "gantry/pending.hpp"
#include "plugins/dex/evm/router_call.hpp"

namespace gantry::curve {

// A pool whose calls are read, with its coins in its own order: a call has their numbers alone.
struct PendingPool {
  evm::Address address{};
  std::vector<evm::Address> coins;
};

// "pool:coin0:coin1 ..." between spaces or commas. Throws Refused.
std::vector<PendingPool> parse_pending_pools(std::string_view text);

// Of a call of exchange() of that pool. GANTRY_UNSUPPORTED: another function; GANTRY_BAD_STATE: it
// would revert, whatever the chain's state.
gantry_status decode_pool_call(const PendingPool& pool, const evm::RouterCall& call,
                               PendingSink sink);
// Of a call of the router; likewise.
gantry_status decode_router_call(const evm::RouterCall& call, PendingSink sink);

}  // namespace gantry::curve
