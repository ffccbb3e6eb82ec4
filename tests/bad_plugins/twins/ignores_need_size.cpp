// Writes its next state whatever room there is.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
#ifdef BAD
    if (next != nullptr && next->capacity < sizeof(Reserves)) next->capacity = sizeof(Reserves);
#endif
    return FairPair::quote(state, swap, out, next);
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
