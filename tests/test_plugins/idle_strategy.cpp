// Finds nothing: what a run with it costs is the host's. Told to, it allocates in find(), where no
// plugin should, so that a test of allocations can be seen to fail.
#include <cstdlib>

#include "gantry/strategy.hpp"

namespace {

using namespace gantry;

class IdleStrategy final : public TradingStrategy {
 public:
  IdleStrategy(Host, const Config& config) : allocations_(config.integer("allocations")) {}

  gantry_status find(const Market&, OpportunitySink) override {
    for (std::int64_t i = 0; i < allocations_; ++i) {
      void* volatile block = std::malloc(64);
      std::free(block);
    }
    return GANTRY_OK;
  }

  gantry_status size(const Market&, const gantry_opportunity&, const gantry_sizing_limits&,
                     gantry_opportunity&) override {
    return GANTRY_REFUSED;
  }

 private:
  std::int64_t allocations_;
};

}  // namespace

GANTRY_PLUGIN(IdleStrategy);
