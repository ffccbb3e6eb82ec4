// Keeps a result that it was told of, and reads it later.
#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairTrip {
 public:
  using FairTrip::FairTrip;

  gantry_status on_result(const gantry_result& result) override {
    last_ = &result;
    return GANTRY_OK;
  }
  gantry_status find(const Market& market, OpportunitySink sink) override {
#ifdef BAD
    if (last_ != nullptr && last_->kind == 99) return GANTRY_OK;
#endif
    return FairTrip::find(market, sink);
  }

 private:
  const gantry_result* volatile last_ = nullptr;
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
