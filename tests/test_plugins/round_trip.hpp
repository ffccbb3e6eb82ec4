// What the strategies of the tests find: a trade through one pool and back through another, as the
// venues quote it.
#pragma once
#include "gantry/strategy.hpp"

namespace gantry::test {

// False: one of the pools is not there, or does not quote.
inline bool round_trip(const Market& market, std::uint32_t out_pool, std::uint32_t back_pool,
                       const gantry_amount& amount, gantry_opportunity& out) {
  gantry_pool pool;
  if (market.pool(out_pool, pool) != GANTRY_OK || pool.token_count < 2) return false;
  const gantry_hop hops[] = {{out_pool, pool.tokens[0], pool.tokens[1], 0},
                             {back_pool, pool.tokens[1], pool.tokens[0], 0}};
  gantry_route_quote route;
  if (market.quote_route(hops, amount, route) != GANTRY_OK) return false;
  out = {};
  out.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
  out.leg_count = 2;
  out.token_in = out.token_out = pool.tokens[0];
  out.amount_in = route.amount_in;
  out.amount_out = route.amount_out;
  out.gas = route.gas;
  out.block = market.context().state_block;
  out.valid_until_block = market.context().execution_block;
  out.confidence = 0.9;
  for (int i = 0; i < 2; ++i) out.legs[i] = {hops[i], route.amounts[i], route.amounts[i + 1]};
  return true;
}

}  // namespace gantry::test
