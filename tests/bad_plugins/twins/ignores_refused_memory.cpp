// Says that it wrote a state where there was no memory.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status apply(const gantry_context& context, const gantry_state& old,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
    const auto status = FairPair::apply(context, old, facts, writer);
#ifdef BAD
    if (status == GANTRY_HOST_FAULT) return GANTRY_OK;
#endif
    return status;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
