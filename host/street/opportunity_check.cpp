#include "host/street/opportunity_check.hpp"

#include <cmath>

#include "gantry/u256.hpp"
#include "host/market/after_pending.hpp"
#include "host/market/legs.hpp"

namespace gantry::host {

namespace {

bool fraction(double value) { return value >= 0 && value <= 1; }  // false for NaN

// Behind a swap that waits, and in front of none but to be measured.
bool follows_a_swap(const Snapshot& snapshot, const gantry_opportunity& o) {
  const gantry_backrun backrun = backrun_of(o);
  const bool is_measured = (o.flags & GANTRY_OPPORTUNITY_SIMULATE_ONLY) != 0;
  return !transaction_of(snapshot, backrun.pending).empty() && backrun.legs_before < o.leg_count &&
         (backrun.legs_before == 0 || is_measured);
}

}  // namespace

bool fits_together(const Snapshot& snapshot, const gantry_opportunity& o) {
  const Topology& topology = *snapshot.topology;
  const bool liquidation = o.kind == GANTRY_OPPORTUNITY_LIQUIDATION;
  if (o.leg_count > GANTRY_LEGS_MAX || (o.leg_count == 0 && !liquidation)) return false;
  if (o.token_in >= topology.tokens.size() || o.token_out >= topology.tokens.size()) return false;
  if (o.kind < GANTRY_OPPORTUNITY_ARBITRAGE || o.kind > GANTRY_OPPORTUNITY_POSITION) return false;
  if (!std::isfinite(o.expected_profit_bps) || !fraction(o.confidence) || !fraction(o.risk_score)) {
    return false;
  }
  if (o.gas > 1'000'000'000 || u256(o.amount_in).is_zero()) return false;
  if (o.block != snapshot.context.state_block || o.valid_until_block < o.block) {
    return false;
  }
  if (o.leg_count == 0) return true;
  if (o.kind == GANTRY_OPPORTUNITY_BACKRUN && !follows_a_swap(snapshot, o)) return false;
  // A liquidation's first leg sells what its call seized, not what it paid.
  LegBalances balances(liquidation ? o.legs[0].hop.token_in : o.token_in,
                       u256(liquidation ? o.legs[0].amount_in : o.amount_in));
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    const gantry_leg& leg = o.legs[i];
    if (leg.hop.pool >= topology.pools.size() || u256(leg.amount_in).is_zero()) return false;
    const PoolInfo& pool = topology.pools[leg.hop.pool];
    if (pool.index_of(leg.hop.token_in) == no_handle ||
        pool.index_of(leg.hop.token_out) == no_handle || leg.hop.token_in == leg.hop.token_out) {
      return false;
    }
    if (!balances.take(leg.hop.token_in, u256(leg.amount_in)) ||
        !balances.put(leg.hop.token_out, u256(leg.amount_out))) {
      return false;
    }
  }
  return balances.end_in(o.token_out, u256(o.amount_out));
}

}  // namespace gantry::host
