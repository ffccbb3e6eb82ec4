// One instance changes what another answers.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
#ifdef BAD
  static inline std::uint64_t made = 0;
#endif
  Subject(Host host, const Config& config) : FairPair(host, config) {
#ifdef BAD
    ++made;
#endif
  }
  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    const auto status = FairPair::quote(state, swap, out, next);
#ifdef BAD
    if (status == GANTRY_OK) out.gas += made;
#endif
    return status;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
