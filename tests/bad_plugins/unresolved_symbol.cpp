// Calls a function that no library has.
#include "tests/bad_plugins/fair_pair.hpp"

extern "C" gantry_status gantry_function_that_is_nowhere();

namespace gantry::bad {
namespace {

class UnresolvedSymbol final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status discover(const gantry_context&, gantry_bytes, std::span<const gantry_fact>,
                         const gantry_request_sink*, const gantry_pool_sink*,
                         gantry_buffer*) override {
    return gantry_function_that_is_nowhere();
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::UnresolvedSymbol);
