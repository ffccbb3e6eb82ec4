// Uses a null pointer in the one phase that CRASH_... names, or in none.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

volatile int* volatile nowhere = nullptr;
[[maybe_unused]] void crash() { *nowhere = 7; }

#if defined(CRASH_load)
[[gnu::constructor]] void at_load() { crash(); }
#elif defined(CRASH_unload)
[[gnu::destructor]] void at_unload() { crash(); }
#endif

class Subject final : public FairPair {
 public:
  Subject(Host host, const Config& config) : FairPair(host, config) {
#ifdef CRASH_create
    crash();
#endif
  }
  ~Subject() override {
#ifdef CRASH_destroy
    crash();
#endif
  }
#ifdef CRASH_open_pool
  gantry_status open_pool(const gantry_pool_spec&, StateWriter, gantry_pool_traits&) override {
    crash();
    return GANTRY_OK;
  }
#elif defined(CRASH_apply)
  gantry_status apply(const gantry_context&, const gantry_state&, std::span<const gantry_fact>,
                      StateWriter) const override {
    crash();
    return GANTRY_OK;
  }
#elif defined(CRASH_quote)
  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    if (swap.amount.limb[2] != 0) crash();
    return FairPair::quote(state, swap, out, next);
  }
#endif
};

gantry_status init(const gantry_host*, gantry_error*) {
#ifdef CRASH_init
  crash();
#endif
  return GANTRY_OK;
}
void deinit() {
#ifdef CRASH_deinit
  crash();
#endif
}

}  // namespace
}  // namespace gantry::bad

extern "C" {
GANTRY_EXPORT extern const gantry_plugin_entry gantry_plugin;
const gantry_plugin_entry gantry_plugin = {GANTRY_PLUGIN_MAGIC,
                                           GANTRY_PLUGIN_REVISION,
                                           0,
                                           &gantry::bad::init,
                                           &gantry::bad::deinit,
                                           &gantry::detail::get_interface<gantry::bad::Subject>};
}
