// Every thousandth quote is another.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    const auto status = FairPair::quote(state, swap, out, next);
#ifdef BAD
    if (++calls_ % 1000 == 0) out.gas += 1;
#endif
    return status;
  }

 private:
  mutable std::uint64_t calls_ = 0;
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
