// Has no cap.
#include "tests/bad_plugins/fair_payer.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPayer {
 public:
  using FairPayer::FairPayer;

 protected:
  bool may_cost(const u256& cost) const override {
#ifdef BAD
    return !cost.is_zero();
#else
    return FairPayer::may_cost(cost);
#endif
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
