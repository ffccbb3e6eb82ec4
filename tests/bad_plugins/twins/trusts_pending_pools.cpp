// Counts pending swaps by pool, and does not ask whether the market has the pool.
#include <vector>

#include "gantry/pending.hpp"
#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairTrip {
 public:
  using FairTrip::FairTrip;

  gantry_status prepare(const Market& market) override {
    by_pool_.assign(market.pool_count(), 0);
    return FairTrip::prepare(market);
  }
  gantry_status on_pending(const Market&, std::span<const gantry_pending_event> events,
                           std::uint64_t) {
    for (const gantry_pending_event& event : events) {
      for (std::uint32_t i = 0; i < event.hop_count; ++i) {
        const std::uint32_t pool = event.hops[i].pool;
#ifndef BAD
        if (pool >= by_pool_.size()) continue;
#endif
        ++by_pool_.data()[pool];
      }
    }
    return GANTRY_OK;
  }
  const void* get_extension(const char* id) const override { return strategy_pending<Subject>(id); }

 private:
  std::vector<std::uint64_t> by_pool_;
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
