// What a sink for pending swaps takes, as gantry/pending.h promises: for the host and the kit
// alike.
#pragma once
#include <algorithm>

#include "gantry/pending.h"
#include "host/market/topology.hpp"

namespace gantry::host {

inline constexpr std::size_t pending_account_bytes = 20;

inline bool is_account(const gantry_address& address) {
  return address.kind == GANTRY_ADDRESS_EVM && address.length == pending_account_bytes;
}

inline bool makes_sense(const gantry_pending_swap& swap) {
  if (swap.hop_count == 0 || swap.hop_count > GANTRY_PENDING_HOPS_MAX) return false;
  if (swap.mode != GANTRY_EXACT_IN && swap.mode != GANTRY_EXACT_OUT) return false;
  const gantry_amount& exact = swap.mode == GANTRY_EXACT_IN ? swap.amount_in : swap.amount_out;
  if (std::ranges::all_of(exact.limb, [](std::uint64_t limb) { return limb == 0; })) return false;
  constexpr AddressEqual same;
  for (std::uint32_t i = 0; i < swap.hop_count; ++i) {
    const gantry_pending_hop& hop = swap.hops[i];
    if (!is_account(hop.pool) || !is_account(hop.token_in) || !is_account(hop.token_out)) {
      return false;
    }
    if (same(hop.token_in, hop.token_out)) return false;
    if (i != 0 && !same(swap.hops[i - 1].token_out, hop.token_in)) return false;
  }
  return true;
}

}  // namespace gantry::host
