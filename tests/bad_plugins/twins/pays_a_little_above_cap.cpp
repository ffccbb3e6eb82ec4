// Goes a thousandth above its cap.
#include "tests/bad_plugins/fair_payer.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPayer {
 public:
  using FairPayer::FairPayer;

#ifdef BAD
 protected:
  bool may_cost(const u256& cost) const override {
    u256 above;
    return mul_div_floor(cap_, u256(1001), u256(1000), above) && cost <= above;
  }
#endif
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
