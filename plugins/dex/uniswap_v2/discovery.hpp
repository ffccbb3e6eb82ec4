// Every pair of a factory, in rounds: how many there are, then for a batch of them which they are,
// their tokens, the tokens' decimals; then the next batch. Where it stands is all in the cursor:
// the same cursor and facts give the same, and a cursor without facts asks its round's questions
// again, so that a restart goes on where it was.
//
// A pair that is created later is told by the factory's log, for which whoever begins or begins
// again leaves a standing request: facts of it make a cursor that had come to the end go on.
//
// Left out, with a line in the log: a pair whose token does not say its decimals, as a number of at
// most decimals_max, for then its amounts mean nothing to anybody.
//
// THREADS  [instance]; keeps nothing between calls.
// ERRORS   As gantry_dex_v1::discover() has them.
#pragma once
#include <cstdint>
#include <span>

#include "gantry/dex.hpp"
#include "plugins/dex/evm/address.hpp"

namespace gantry::uniswap_v2 {

// Bounds of one round. Each pair of a batch needs two requests for its tokens, and at most two for
// their decimals; one is left for the logs.
inline constexpr std::uint32_t requests_per_round_max = 256;
inline constexpr std::uint32_t pairs_per_batch = (requests_per_round_max - 1) / 2;

inline constexpr std::uint32_t decimals_max = 77;  // 10^77 is the last power of ten in 256 bits

struct DiscoverySinks {
  const gantry_request_sink* requests;
  const gantry_pool_sink* pools;
  gantry_buffer* next_cursor;
};

gantry_status discover(const Host& host, const evm::Address& factory,
                       std::span<const std::uint8_t> cursor, std::span<const gantry_fact> facts,
                       const DiscoverySinks& sinks);

}  // namespace gantry::uniswap_v2
