// Fits nothing to any limits.
#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairTrip {
 public:
  using FairTrip::FairTrip;

#ifdef BAD
  gantry_status size(const Market&, const gantry_opportunity&, const gantry_sizing_limits&,
                     gantry_opportunity&) override {
    return GANTRY_REFUSED;
  }
#endif
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
