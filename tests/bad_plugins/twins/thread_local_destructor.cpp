// Has a thread_local object that must be destroyed.
#include <string>

#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
#ifdef BAD
    thread_local std::string last;
#else
    std::string last;
#endif
    last = std::to_string(token_in);
    return last.empty() ? GANTRY_REFUSED : FairPair::limits(state, token_in, token_out, out);
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
