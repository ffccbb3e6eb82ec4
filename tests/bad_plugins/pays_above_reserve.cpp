// Says that a swap pays a hundred times what is in the pool, and offers no closed form to see it
// by.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class PaysAboveReserve final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    Reserves now{};
    const auto status = FairPair::quote(state, swap, out, next);
    if (status != GANTRY_OK || !look(state, now)) return status;
    out.amount_out = wrapping_mul(u256(now.of[swap.token_out]), u256(100));
    return GANTRY_OK;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::PaysAboveReserve);
