// Lacks GANTRY_PLUGIN: a library with a manifest and nothing to call.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {

class NoSymbol final : public FairPair {
 public:
  using FairPair::FairPair;
};

const void* unused() { return NoSymbol::table<NoSymbol>(); }

}  // namespace gantry::bad
