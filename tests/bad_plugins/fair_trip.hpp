// A strategy that is as it should be and finds one trade: there and back through pool 0, at a loss.
#pragma once
#include "gantry/strategy.hpp"

namespace gantry::bad {

class FairTrip : public TradingStrategy {
 public:
  FairTrip(Host, const Config&) {}

  gantry_status find(const Market& market, OpportunitySink sink) override {
    gantry_opportunity found;
    if (fill(market, found)) sink.emit(found);
    return GANTRY_OK;
  }
  gantry_status size(const Market&, const gantry_opportunity&, const gantry_sizing_limits&,
                     gantry_opportunity&) override {
    return GANTRY_REFUSED;
  }

 protected:
  static bool fill(const Market& market, gantry_opportunity& out,
                   const gantry_amount& amount = {{1'000'000'000, 0, 0, 0}}) {
    gantry_pool pool;
    if (market.pool(0, pool) != GANTRY_OK || pool.token_count < 2) return false;
    const gantry_hop hops[] = {{0, pool.tokens[0], pool.tokens[1], 0},
                               {0, pool.tokens[1], pool.tokens[0], 0}};
    gantry_route_quote route;
    if (market.quote_route(hops, amount, route) != GANTRY_OK) return false;
    out = {};
    out.key = 7;
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
};

}  // namespace gantry::bad
