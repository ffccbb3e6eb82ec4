// Answers from memory that it gave back.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    auto* most = new volatile std::uint64_t[4]{1, 0, 0, 0};
#ifdef BAD
    delete[] most;
    const std::uint64_t told = most[2];
#else
    const std::uint64_t told = most[2];
    delete[] most;
#endif
    const auto status = FairPair::limits(state, token_in, token_out, out);
    if (told != 0) out.out_max.limb[0] ^= told;
    return status;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
