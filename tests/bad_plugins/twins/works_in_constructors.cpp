// Builds a table before anybody asked.
#include <vector>

#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

#ifdef BAD
  static inline const std::vector<std::uint64_t> numbers = std::vector<std::uint64_t>(1000, 7);
#endif
  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
#ifdef BAD
    if (numbers[token_in % 1000] != 7) return GANTRY_REFUSED;
#endif
    return FairPair::limits(state, token_in, token_out, out);
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
