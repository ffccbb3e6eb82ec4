// It does not want to be initialised.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Pair final : public FairPair {
 public:
  using FairPair::FairPair;
};

gantry_status init(const gantry_host*, gantry_error* error) {
  return report(error, GANTRY_REFUSED, GANTRY_FAULT_PLUGIN, "not on a day like this");
}
void deinit() {}

}  // namespace
}  // namespace gantry::bad

extern "C" {
GANTRY_EXPORT extern const gantry_plugin_entry gantry_plugin;
const gantry_plugin_entry gantry_plugin = {
    GANTRY_PLUGIN_MAGIC, GANTRY_PLUGIN_REVISION, 0,
    &gantry::bad::init,  &gantry::bad::deinit,   &gantry::detail::get_interface<gantry::bad::Pair>};
}
