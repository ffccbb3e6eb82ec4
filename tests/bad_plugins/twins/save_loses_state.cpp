// Saves only half of what it remembers.
#include "tests/bad_plugins/fair_memory.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairMemory {
 public:
  using FairMemory::FairMemory;

  gantry_status save(gantry_buffer& out) override {
#ifdef BAD
    const std::uint64_t told = told_;
    told_ = told & ~1ULL;
    const auto status = FairMemory::save(out);
    told_ = told;
    return status;
#else
    return FairMemory::save(out);
#endif
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
