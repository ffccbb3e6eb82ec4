// Its manifest promises gantry.strategy/1, and its library has another revision only.
#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class NoInterface final : public FairTrip {
 public:
  static constexpr const char* interface_id = "gantry.strategy/2";
  using FairTrip::FairTrip;
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::NoInterface);
