// Claims to have written more segments than there was room for.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class SegmentsOverCapacity final : public FairPair {
 public:
  using FairPair::FairPair;

  std::optional<std::uint32_t> segments(const gantry_pool_state&, std::uint32_t, std::uint32_t,
                                        std::span<gantry_segment> out) const override {
    return static_cast<std::uint32_t>(out.size()) + 1;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::SegmentsOverCapacity);
