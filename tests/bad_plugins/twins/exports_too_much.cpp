// Lets a function be seen that is its own.
#include "tests/bad_plugins/fair_pair.hpp"

#ifdef BAD
#define SEEN __attribute__((visibility("default")))
#else
#define SEEN
#endif

namespace gantry::bad {

SEEN int helper();
int helper() { return 30; }

namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
