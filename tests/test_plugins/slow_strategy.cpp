// Works for as long as it is told to, and tells what it was given: how many snapshots, how many
// pools had changed, and how many results came back, in counters that a report shows.
#include "gantry/strategy.hpp"
#include "round_trip.hpp"

namespace {

using namespace gantry;

class SlowStrategy final : public TradingStrategy {
 public:
  SlowStrategy(Host host, const Config& config) : host_(host), rounds_(config.integer("rounds")) {}

  gantry_status find(const Market& market, OpportunitySink sink) override {
    host_.count("snapshots");
    host_.count("changed", market.cold() ? market.pool_count() : market.changed_pools().size());
    const gantry_swap swap{{{1'000'000, 0, 0, 0}}, 0, 1, GANTRY_EXACT_IN, 0};
    gantry_quote quote{};
    for (std::int64_t i = 0; i < rounds_; ++i) {
      if (market.quote(0, swap, quote) != GANTRY_OK) return GANTRY_OK;
    }
    // There and back through pool 0: a loss, which the gate has to refuse.
    gantry_opportunity found;
    if (!test::round_trip(market, 0, 0, swap.amount, found)) return GANTRY_OK;
    found.key = 42 + results_;
    sink.emit(found);
    return GANTRY_OK;
  }

  gantry_status size(const Market&, const gantry_opportunity&, const gantry_sizing_limits&,
                     gantry_opportunity&) override {
    return GANTRY_REFUSED;
  }

  gantry_status on_result(const gantry_result&) override {
    ++results_;
    host_.count("results");
    return GANTRY_OK;
  }

 private:
  Host host_;
  std::int64_t rounds_;
  std::uint64_t results_ = 0;
};

}  // namespace

GANTRY_PLUGIN(SlowStrategy);
