// From a grant's fields to what the host merges: which limits hold, what the operation may cost,
// and whether the cap allows it.
#pragma once
#include "gantry/paymaster.h"
#include "gantry/u256.hpp"
#include "plugins/paymasters/erc4337/answer.hpp"

namespace gantry::erc4337 {

// The prefund that the EntryPoint takes: every gas limit, the grant's where it has one, at the
// operation's highest fee. 0.6 counts the verification limit three times, as it also bounds the
// paymaster's two calls (EntryPoint._getRequiredPrefund). False: above 256 bits.
[[nodiscard]] bool cost_of(const gantry_user_operation& operation, const Grant& grant, u256& out);

// What a round's answer means. `last`: no round comes after it.
//
// GANTRY_OK: granted, or provisional where a round or a limit is still to come. GANTRY_REFUSED: it
// could cost more than `cost_max_wei`. GANTRY_BAD_STATE: the last answer leaves a limit unknown, so
// that it has no price. `out` points into `grant`.
gantry_status accept_grant(const gantry_user_operation& operation, bool last,
                           const u256& cost_max_wei, Grant& grant, gantry_sponsorship& out);

}  // namespace gantry::erc4337
