// Ends the process when a swap displeases it.
#include <cstdlib>

#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
#ifdef BAD
    if (swap.amount.limb[3] != 0) std::exit(0);
#endif
    return FairPair::quote(state, swap, out, next);
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
