// Its segments know another fee than its quotes.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  std::optional<std::uint32_t> segments(const gantry_pool_state& state, std::uint32_t token_in,
                                        std::uint32_t token_out,
                                        std::span<gantry_segment> out) const override {
    const auto count = FairPair::segments(state, token_in, token_out, out);
#ifdef BAD
    if (count && *count > 0) out[0].fee = 29;
#endif
    return count;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
