// Keeps the context of one call, and reads it in the next.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    const gantry_context* context = state.context;
#ifdef BAD
    if (kept_ != nullptr) context = kept_;
    kept_ = state.context;
#endif
    return context->state_block == 0 ? GANTRY_REFUSED : FairPair::quote(state, swap, out, next);
  }

 private:
  mutable const gantry_context* volatile kept_ = nullptr;
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
