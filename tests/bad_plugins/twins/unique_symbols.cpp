// Has a static object that the whole process shares, so that the loader never lets it go.
#include "tests/bad_plugins/fair_pair.hpp"

#ifdef BAD
#define SEEN __attribute__((visibility("default")))
#else
#define SEEN
#endif

namespace gantry::bad {

template <class T>
struct SEEN Shared {
  static T value;
};
template <class T>
T Shared<T>::value = 0;

namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    if (Shared<int>::value != 0) return GANTRY_REFUSED;
    return FairPair::limits(state, token_in, token_out, out);
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
