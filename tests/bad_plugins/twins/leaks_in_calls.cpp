// Each apply() loses what it took.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status apply(const gantry_context& context, const gantry_state& old,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
    auto* copy = new char[48]();
    copies = copy;
#ifndef BAD
    delete[] copy;
    copies = nullptr;
#endif
    return FairPair::apply(context, old, facts, writer);
  }

  static inline const char* volatile copies = nullptr;
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
