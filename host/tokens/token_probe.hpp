// Does a token arrive as it is sent? Asked of the chain by one eth_call that moves some of it out
// of a pool and half of that back, and looks at every balance in between. Nothing is sent: the call
// runs with code put in the place of the pool's and of a receiver's (the state overrides of
// eth_call), so that even what a token does to this very pool is seen.
//
// A token that takes a part on the way makes every exact quote of its pools wrong; one that cannot
// be sold makes them traps.
//
// UNITS    Amounts in the token's smallest unit.
// THREADS  Any thread.
#pragma once
#include <cstdint>
#include <string>

#include "gantry/abi.h"
#include "gantry/u256.hpp"
#include "host/provider/rpc.hpp"

namespace gantry::host {

enum class TokenConduct : std::int32_t {
  plain = 1,    // what is sent arrives
  taxed = 2,    // a part is taken on the way
  refuses = 3,  // it cannot be taken out of the pool, or not be given back
  unknown = 4,  // the node would not try, or there is nothing to try with
};
std::string_view to_string(TokenConduct conduct);

struct TokenProbe {
  gantry_address token;
  gantry_address holder;  // what holds the pool's tokens: the pool, or its vault
  u256 amount;            // to be moved: more than 1; see probe_amount()
};

// A thousandth of what the pool has, so that limits on one transfer are not met; 0: too little.
u256 probe_amount(const u256& held);

// For a pinned batch: the block is put in there.
RpcCall probe_call(const TokenProbe& probe);

struct TokenVerdict {
  TokenConduct conduct = TokenConduct::unknown;
  std::string reason;  // a clause that follows the token's name; empty for plain
};
// Whether the node has tried: else another one may, for not every node takes state overrides.
bool is_tried(const RpcAnswer& answer);
// Never fails: an answer that makes no sense is `unknown`.
TokenVerdict read_probe(const TokenProbe& probe, const RpcAnswer& answer);

}  // namespace gantry::host
