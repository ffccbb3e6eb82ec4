// What is offered for a transaction's gas (EIP-1559), within what the operator allows.
//
// UNITS    Wei per gas.
// ERRORS   `limit`: the operator's bound is in the way.
// THREADS  Pure: any.
#pragma once
#include "gantry/u256.hpp"
#include "host/base/result.hpp"
#include "host/config/settings.hpp"

namespace gantry::host {

struct Fees {
  u256 max_fee;   // most that is paid, all in all
  u256 priority;  // of it, for whoever makes the block; never above max_fee

  friend bool operator==(const Fees&, const Fees&) = default;
};

// The operator's max_fee_gwei in wei, to the nearest.
u256 fee_bound(const ExecutionSettings& settings);

// Twice the base fee and the priority, or the bound where that is less: a base fee grows by an
// eighth a block at most, so that is enough for five full blocks. Fails where the base fee alone is
// above the bound.
Result<Fees> fees_for(const u256& base_fee, const ExecutionSettings& settings);

// What a node takes in place of a transaction of the same nonce: an eighth more of both, rounded
// up, and one wei at least (geth asks for a tenth more, others for an eighth). Fails where that is
// above `bound`.
Result<Fees> bumped(const Fees& fees, const u256& bound);

}  // namespace gantry::host
