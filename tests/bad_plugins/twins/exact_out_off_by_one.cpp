// Asks for one unit too little.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    const auto status = FairPair::quote(state, swap, out, next);
#ifdef BAD
    if (status == GANTRY_OK && swap.mode == GANTRY_EXACT_OUT && u256(out.amount_in) > u256(1)) {
      out.amount_in = wrapping_sub(u256(out.amount_in), u256(1));
    }
#endif
    return status;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
