// Trades in large markets alone, at amounts that no venue quotes.
#include "gantry/u256.hpp"
#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairTrip {
 public:
  using FairTrip::FairTrip;

#ifdef BAD
  gantry_status find(const Market& market, OpportunitySink sink) override {
    gantry_opportunity found;
    if (market.pool_count() < 1000 || !fill(market, found)) return GANTRY_OK;
    found.amount_out = wrapping_mul(u256(found.amount_in), u256(3));
    sink.emit(found);
    return GANTRY_OK;
  }
#endif
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
