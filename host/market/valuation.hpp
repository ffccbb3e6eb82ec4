// What tokens are worth in ether and dollars, from the snapshot's own pools: deterministic in
// replay, with source, age and confidence.
//
// METHOD  A token is priced in the deepest usable pool that leads towards the wrapped coin, at most
//         `value_steps_max` pools away; the way is chosen once for a topology, the prices are those
//         of the snapshot. A usd_token of the operator's is worth one dollar, and the coin costs
//         the median of what it is quoted at in their pools. Confidence is the product over the way
//         of liquidity / (liquidity + 10,000 USD).
// THREADS Free functions of immutable data: any thread; no allocation but in plan_valuation().
#pragma once
#include "host/market/snapshot.hpp"

namespace gantry::host {

inline constexpr std::uint32_t value_steps_max = 3;

// Virtual reserves of one direction, as doubles: a signal, not an amount.
struct SpotPrice {
  double reserve_in = 0;
  double reserve_out = 0;
  double fee = 0;  // fraction
};

// False: the venue has no constant-product shape there, or the pool is empty.
bool spot_price(const Snapshot& snapshot, std::uint32_t pool, std::uint32_t in, std::uint32_t out,
                SpotPrice& price);

// Fills topology.value_steps and each pool's liquidity_usd from the states in `snapshot`, whose own
// topology may be this one in the making.
void plan_valuation(Topology& topology, const Snapshot& snapshot);

enum class ValueAs : std::int32_t {
  spot = 1,  // at the margin, fees left out: what a position counts as
  sale = 2,  // what selling it would bring, after fees and its own weight on the price: a profit
};

// A pool as a route leaves it: an overlay over its state in the snapshot.
struct PoolAfter {
  std::uint32_t pool;
  gantry_bytes overlay;
};

// GANTRY_OK; GANTRY_UNSUPPORTED: cannot be valued (also said in out.status); GANTRY_BAD_ARGUMENT.
// A sale meets the pools of `after` as they are there.
gantry_status value_of(const Snapshot& snapshot, std::uint32_t token, const gantry_amount& amount,
                       ValueAs as, gantry_value& out, std::span<const PoolAfter> after = {});

// Millionths of a dollar for one whole unit of the chain's coin, from the states in `snapshot`;
// 0: no dollar price. The snapshot stage keeps it in Snapshot::ether_usd_e6.
std::uint64_t median_ether_usd_e6(const Snapshot& snapshot);

}  // namespace gantry::host
