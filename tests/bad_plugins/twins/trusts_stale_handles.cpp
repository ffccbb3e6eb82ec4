// Indexes its own memory by a key that it did not give.
#include <vector>

#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairTrip {
 public:
  using FairTrip::FairTrip;

  gantry_status prepare(const Market& market) override {
    sizes_.assign(market.pool_count() + 1, 1);
    return GANTRY_OK;
  }
  gantry_status size(const Market& market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
#ifndef BAD
    if (opportunity.key >= sizes_.size()) return GANTRY_REFUSED;
#endif
    if (sizes_[opportunity.key] == 2) return GANTRY_UNSUPPORTED;
    return FairTrip::size(market, opportunity, limits, out);
  }

 private:
  std::vector<std::uint64_t> sizes_;
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
