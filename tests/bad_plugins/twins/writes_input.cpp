// Writes to the state that everybody shares, what is there already.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
#ifdef BAD
    if (state.base.chunk_count > 0 && state.base.chunks[0].size > 0) {
      auto* byte = const_cast<volatile std::uint8_t*>(state.base.chunks[0].data);
      *byte = *byte;
    }
#endif
    return FairPair::quote(state, swap, out, next);
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
