// A venue that brings the host down as `order` says.
#include "saboteur.hpp"
#include "tests/bad_plugins/fair_pair.hpp"

namespace {

using namespace gantry;
using test::reach;

[[gnu::constructor]] void at_load() { reach("load"); }
[[gnu::destructor]] void at_unload() { reach("unload"); }

class SaboteurDex final : public bad::FairPair {
 public:
  SaboteurDex(Host host, const Config& config) : FairPair(host, config) { reach("create"); }
  ~SaboteurDex() override { reach("destroy"); }
  gantry_status open_pool(const gantry_pool_spec& spec, StateWriter writer,
                          gantry_pool_traits& traits) override {
    reach("open_pool");
    return FairPair::open_pool(spec, writer, traits);
  }
  gantry_status requests(const gantry_context& context, const gantry_pool_spec& spec,
                         const gantry_state& state, std::uint32_t round,
                         const gantry_request_sink* sink) const override {
    reach("requests");
    return FairPair::requests(context, spec, state, round, sink);
  }
  gantry_status apply(const gantry_context& context, const gantry_state& state,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
    reach("apply");
    return FairPair::apply(context, state, facts, writer);
  }
  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    reach("quote");
    return FairPair::quote(state, swap, out, next);
  }
  std::optional<std::uint32_t> segments(const gantry_pool_state& state, std::uint32_t token_in,
                                        std::uint32_t token_out,
                                        std::span<gantry_segment> out) const override {
    reach("segments");
    return FairPair::segments(state, token_in, token_out, out);
  }
};

gantry_status init(const gantry_host*, gantry_error*) {
  reach("init");
  return GANTRY_OK;
}
void deinit() { reach("deinit"); }

}  // namespace

extern "C" {
GANTRY_EXPORT extern const gantry_plugin_entry gantry_plugin;
const gantry_plugin_entry gantry_plugin = {GANTRY_PLUGIN_MAGIC,
                                           GANTRY_PLUGIN_REVISION,
                                           0,
                                           &init,
                                           &deinit,
                                           &gantry::detail::get_interface<SaboteurDex>};
}
