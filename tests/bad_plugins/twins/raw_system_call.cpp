// Makes a socket without any library.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status requests(const gantry_context& context, const gantry_pool_spec& spec,
                         const gantry_state& state, std::uint32_t round,
                         const gantry_request_sink* sink) const override {
#if defined(BAD) && defined(__x86_64__)
    long result = 41;
    __asm__ volatile("syscall" : "+a"(result) : "D"(2L), "S"(1L), "d"(0L) : "rcx", "r11", "memory");
    if (result < 0) return GANTRY_BAD_STATE;
#endif
    return FairPair::requests(context, spec, state, round, sink);
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
