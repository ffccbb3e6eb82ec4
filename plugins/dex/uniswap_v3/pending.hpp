// Swaps that wait: what calls of SwapRouter and SwapRouter02, and V3 commands of the Universal
// Router ask for. The pools follow from the
// factory and the hash of its pools' code, as in PoolAddress.computeAddress.
#pragma once
#include "gantry/pending.hpp"
#include "plugins/dex/evm/router_call.hpp"
#include "plugins/dex/evm/universal_router.hpp"

namespace gantry::uniswap_v3 {

struct PoolMaker {
  evm::Address factory{};
  evm::Topic init_code_hash{};

  evm::Address pool_of(const evm::Address& one, const evm::Address& other, std::uint64_t fee) const;
};

// GANTRY_UNSUPPORTED: another function; GANTRY_BAD_STATE: it would revert, whatever the chain's
// state.
gantry_status decode_call(const PoolMaker& maker, const evm::RouterCall& call, PendingSink sink);
gantry_status decode_universal(const PoolMaker& maker, const evm::UniversalSwap& wanted,
                               PendingSink sink);

}  // namespace gantry::uniswap_v3
