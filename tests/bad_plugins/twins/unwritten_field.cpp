// Leaves the gas of a quote as it found it.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
#ifdef BAD
    const auto before = out.gas;
#endif
    const auto status = FairPair::quote(state, swap, out, next);
#ifdef BAD
    if (status == GANTRY_OK) out.gas = before;
#endif
    return status;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
