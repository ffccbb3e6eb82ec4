// Takes the bytes of a revert for an answer.
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
      if (fact.status != GANTRY_OK && old.chunk_count == 0 && writer.chunk(0, sizeof(Reserves))) {
        return GANTRY_OK;
      }
    }
#endif
    return FairPair::apply(context, old, facts, writer);
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
