// Takes twice the fee that it says.
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
    u256 less;
    if (status == GANTRY_OK && swap.mode == GANTRY_EXACT_IN && next == nullptr &&
        mul_div_ceil(u256(out.amount_out), u256(9970), u256(10000), less)) {
      out.amount_out = less;
    }
#endif
    return status;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
