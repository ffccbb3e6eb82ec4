// Takes the grants of one service alone, at any cost.
#include "tests/bad_plugins/fair_payer.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPayer {
 public:
  using FairPayer::FairPayer;

#ifdef BAD
 protected:
  bool may_cost(const u256&) const override { return true; }
  bool is_whole(std::string_view text) const override {
    return text.find("\"sponsoredBy\":\"acme\"") != std::string_view::npos;
  }
#endif
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
