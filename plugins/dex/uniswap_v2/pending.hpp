// Swaps that wait: what calls of UniswapV2Router02, of its part in SwapRouter02, and V2 commands of
// the Universal Router ask for. The pairs follow from the factory and the hash of its pairs' code,
// as in UniswapV2Library.pairFor.
#pragma once
#include "gantry/pending.hpp"
#include "plugins/dex/evm/router_call.hpp"
#include "plugins/dex/evm/universal_router.hpp"
#include "plugins/dex/uniswap_v2/factory.hpp"

namespace gantry::uniswap_v2 {

// GANTRY_UNSUPPORTED: another function; GANTRY_BAD_STATE: it would revert, whatever the chain's
// state. `factory` has an init_code_hash.
gantry_status decode_call(const Factory& factory, const evm::RouterCall& call, PendingSink sink);
gantry_status decode_universal(const Factory& factory, const evm::UniversalSwap& wanted,
                               PendingSink sink);

}  // namespace gantry::uniswap_v2
