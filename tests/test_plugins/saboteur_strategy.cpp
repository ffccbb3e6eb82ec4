// A strategy that brings the host down as `order` says. "services" is a find() that asks the market
// for ever: the thread is in a venue most of the time, and yet it is the strategy that hangs.
#include "saboteur.hpp"
#include "tests/bad_plugins/fair_trip.hpp"

namespace {

using namespace gantry;
using test::reach;

class SaboteurStrategy final : public bad::FairTrip {
 public:
  SaboteurStrategy(Host host, const Config& config) : FairTrip(host, config) { reach("create"); }
  ~SaboteurStrategy() override { reach("destroy"); }
  gantry_status subscribe(const Market&, const gantry_subscription_sink*) override {
    reach("subscribe");
    return GANTRY_OK;
  }
  gantry_status prepare(const Market&) override {
    reach("prepare");
    return GANTRY_OK;
  }
  gantry_status find(const Market& market, OpportunitySink sink) override {
    reach("find");
    gantry_opportunity found;
    while (test::ordered(test::phase_at, "services") && fill(market, found)) {
    }
    // 2^68 is 295 ether, above any limit, so that size() is called.
    if (fill(market, found, {{0, 16, 0, 0}})) sink.emit(found);
    return GANTRY_OK;
  }
  gantry_status validate(const Market& market, const gantry_opportunity& found) override {
    reach("validate");
    return FairTrip::validate(market, found);
  }
  gantry_status size(const Market& market, const gantry_opportunity& found,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
    reach("size");
    return FairTrip::size(market, found, limits, out);
  }
  gantry_status plan(const Market& market, const gantry_opportunity& found,
                     const gantry_instruction_sink* sink) override {
    reach("plan");
    return FairTrip::plan(market, found, sink);
  }
  gantry_status on_result(const gantry_result&) override {
    reach("result");
    return GANTRY_OK;
  }
};

}  // namespace

GANTRY_PLUGIN(SaboteurStrategy);
