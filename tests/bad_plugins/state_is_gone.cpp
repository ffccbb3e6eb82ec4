// apply() says that the chain's facts are its own fault.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class StateIsGone final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status apply(const gantry_context&, const gantry_state&, std::span<const gantry_fact>,
                      StateWriter) const override {
    return GANTRY_PLUGIN_FAULT;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::StateIsGone);
