// Works for as long as it is told to, and tells what it was given: how many snapshots, how many
// pools had changed, and how many results came back, in counters that a report shows.
#include "gantry/strategy.hpp"

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
    gantry_pool pool;
    if (market.pool(0, pool) != GANTRY_OK) return GANTRY_OK;
    const gantry_hop hops[] = {{0, pool.tokens[0], pool.tokens[1], 0},
                               {0, pool.tokens[1], pool.tokens[0], 0}};
    gantry_route_quote route;
    if (market.quote_route(hops, swap.amount, route) != GANTRY_OK) return GANTRY_OK;
    gantry_opportunity found{};
    found.key = 42 + results_;
    found.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
    found.leg_count = 2;
    found.token_in = pool.tokens[0];
    found.token_out = pool.tokens[0];
    found.amount_in = route.amount_in;
    found.amount_out = route.amount_out;
    found.gas = route.gas;
    found.block = market.context().state_block;
    found.valid_until_block = market.context().execution_block;
    found.confidence = 0.9;
    for (int i = 0; i < 2; ++i) {
      found.legs[i] = {hops[i], route.amounts[i], route.amounts[i + 1]};
    }
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
