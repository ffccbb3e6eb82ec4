// Pays a little less in one range of amounts.
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
    const u256 in(swap.amount);
    if (status == GANTRY_OK && swap.mode == GANTRY_EXACT_IN && (in.limb(0) & 0xF0U) == 0x30U &&
        u256(out.amount_out) > u256(100000)) {
      out.amount_out = wrapping_sub(u256(out.amount_out), shift_right(u256(out.amount_out), 9));
    }
#endif
    return status;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
