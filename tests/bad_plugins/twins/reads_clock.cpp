// Reads the processor's clock, without a library.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
#ifdef BAD
    if (__builtin_ia32_rdtsc() == 0) return GANTRY_REFUSED;
#endif
    return FairPair::quote(state, swap, out, next);
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
