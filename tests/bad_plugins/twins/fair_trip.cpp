// As it should be; the good twin of each that differs from it in one thing.
#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairTrip {
 public:
  using FairTrip::FairTrip;
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
