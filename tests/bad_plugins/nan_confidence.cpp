// Is confident to a degree that is no number.
#include <limits>

#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class NanConfidence final : public FairTrip {
 public:
  using FairTrip::FairTrip;

  gantry_status find(const Market& market, OpportunitySink sink) override {
    gantry_opportunity found;
    if (!fill(market, found)) return GANTRY_OK;
    found.confidence = std::numeric_limits<double>::quiet_NaN();
    sink.emit(found);
    return GANTRY_OK;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::NanConfidence);
