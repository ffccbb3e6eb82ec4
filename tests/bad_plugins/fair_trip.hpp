// A strategy that is as it should be and finds one trade: there and back through pool 0, at a loss.
#pragma once
#include "gantry/strategy.hpp"
#include "gantry/u256.hpp"
#include "tests/test_plugins/round_trip.hpp"

namespace gantry::bad {

class FairTrip : public TradingStrategy {
 public:
  FairTrip(Host, const Config&) {}

  gantry_status find(const Market& market, OpportunitySink sink) override {
    gantry_opportunity found;
    if (fill(market, found)) sink.emit(found);
    return GANTRY_OK;
  }
  gantry_status size(const Market& market, const gantry_opportunity&,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
    // What is left of it in a pool of which only a part may be put in at once.
    if (limits.pool_share_max_bps < 10000) return GANTRY_REFUSED;
    const u256 most(limits.amount_in_max);
    return fill(market, out, most < u256(usual_amount) ? most : u256(usual_amount))
               ? GANTRY_OK
               : GANTRY_REFUSED;
  }

 protected:
  static constexpr gantry_amount usual_amount = {{1'000'000'000, 0, 0, 0}};
  static bool fill(const Market& market, gantry_opportunity& out,
                   const gantry_amount& amount = usual_amount) {
    if (!test::round_trip(market, 0, 0, amount, out)) return false;
    out.key = 7;
    return true;
  }
};

}  // namespace gantry::bad
