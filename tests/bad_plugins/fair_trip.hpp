// A strategy that is as it should be and finds one trade: there and back through pool 0, at a loss.
#pragma once
#include "gantry/strategy.hpp"
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
  gantry_status size(const Market&, const gantry_opportunity&, const gantry_sizing_limits&,
                     gantry_opportunity&) override {
    return GANTRY_REFUSED;
  }

 protected:
  static bool fill(const Market& market, gantry_opportunity& out,
                   const gantry_amount& amount = {{1'000'000'000, 0, 0, 0}}) {
    if (!test::round_trip(market, 0, 0, amount, out)) return false;
    out.key = 7;
    return true;
  }
};

}  // namespace gantry::bad
