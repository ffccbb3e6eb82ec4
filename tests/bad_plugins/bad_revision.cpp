// Its entry is of a revision that is not there yet.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Pair final : public FairPair {
 public:
  using FairPair::FairPair;
};

gantry_status init(const gantry_host*, gantry_error*) { return GANTRY_OK; }
void deinit() {}

}  // namespace
}  // namespace gantry::bad

extern "C" {
GANTRY_EXPORT extern const gantry_plugin_entry gantry_plugin;
const gantry_plugin_entry gantry_plugin = {GANTRY_PLUGIN_MAGIC,
                                           GANTRY_PLUGIN_REVISION + 1,
                                           0,
                                           &gantry::bad::init,
                                           &gantry::bad::deinit,
                                           &gantry::detail::get_interface<gantry::bad::Pair>};
}
