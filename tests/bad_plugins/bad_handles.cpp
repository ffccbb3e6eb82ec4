// Emits pools and tokens that there are not.
#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class BadHandles final : public FairTrip {
 public:
  using FairTrip::FairTrip;

  gantry_status find(const Market& market, OpportunitySink sink) override {
    gantry_opportunity found;
    if (!fill(market, found)) return GANTRY_OK;
    found.legs[0].hop.pool = market.pool_count();
    sink.emit(found);
    fill(market, found);
    found.token_in = found.token_out = UINT32_MAX;
    sink.emit(found);
    fill(market, found);
    found.leg_count = UINT32_MAX;
    sink.emit(found);
    return GANTRY_OK;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::BadHandles);
