// Looks at one byte more than an answer has.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status apply(const gantry_context& context, const gantry_state& old,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
#ifdef BAD
    for (const gantry_fact& fact : facts) {
      if (fact.data.size > 0) last = fact.data.data[fact.data.size];
    }
#endif
    return FairPair::apply(context, old, facts, writer);
  }

  static inline volatile std::uint8_t last = 0;
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
