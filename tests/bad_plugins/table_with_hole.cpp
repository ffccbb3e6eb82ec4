// One function of its table is missing.
#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class TableWithHole final : public FairTrip {
 public:
  using FairTrip::FairTrip;

  template <class Plugin>
  static const void* table() noexcept {
    static constexpr gantry_strategy_v1 holed = [] {
      gantry_strategy_v1 whole = detail::StrategyFace<TableWithHole>::table;
      whole.validate = nullptr;
      return whole;
    }();
    return &holed;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::TableWithHole);
