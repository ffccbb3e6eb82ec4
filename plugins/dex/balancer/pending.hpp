// Swaps that wait: what calls of the V2 Vault's swap() and batchSwap(), and of the V3 Router's and
// AggregatorRouter's single swaps, ask for.
#pragma once
#include "gantry/pending.hpp"
#include "plugins/dex/evm/router_call.hpp"

namespace gantry::balancer {

// `wrapped`: what the V2 Vault takes its zero address, the chain's coin, for; zero: not known, and
// swaps of the coin are left out. GANTRY_UNSUPPORTED: another function; GANTRY_BAD_STATE: it would
// revert, whatever the chain's state.
gantry_status decode_call(const evm::Address& wrapped, const evm::RouterCall& call,
                          PendingSink sink);

}  // namespace gantry::balancer
