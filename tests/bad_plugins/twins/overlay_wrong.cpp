// Its next state is the one before.
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
    Reserves now{};
    if (status == GANTRY_OK && next != nullptr && look(state, now)) {
      std::memcpy(next->data, &now, sizeof(now));
    }
#endif
    return status;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
