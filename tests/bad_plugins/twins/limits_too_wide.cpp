// Says that it takes one more than it does.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    const auto status = FairPair::limits(state, token_in, token_out, out);
#ifdef BAD
    if (status == GANTRY_OK) out.in_max = wrapping_add(u256(out.in_max), u256(1));
#endif
    return status;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
