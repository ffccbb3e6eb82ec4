// What it emits depends on where its memory lies.
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
    found.key = reinterpret_cast<std::uintptr_t>(this) >> 12U;
#endif
    sink.emit(found);
    return GANTRY_OK;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
