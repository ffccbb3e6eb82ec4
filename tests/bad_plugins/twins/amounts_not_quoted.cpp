// Says that a leg pays a unit more than its venue quotes.
#include "gantry/u256.hpp"
#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairTrip {
 public:
  using FairTrip::FairTrip;

  gantry_status find(const Market& market, OpportunitySink sink) override {
    gantry_opportunity found;
    if (!fill(market, found)) return GANTRY_OK;
#ifdef BAD
    found.amount_out = wrapping_add(u256(found.amount_out), u256(1));
    found.legs[1].amount_out = found.amount_out;
#endif
    sink.emit(found);
    return GANTRY_OK;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
