#include "tests/bad_plugins/fair_payer.hpp"

namespace gantry::bad {
class Subject final : public FairPayer {
 public:
  using FairPayer::FairPayer;
};
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
