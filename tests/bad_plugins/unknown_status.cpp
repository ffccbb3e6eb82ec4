// quote() answers a status that there is not.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class UnknownStatus final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status quote(const gantry_pool_state&, const gantry_swap&, gantry_quote&,
                      gantry_buffer*) const override {
    return 99;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::UnknownStatus);
