// Finds cycles of swaps that end with more than they began, over all venues. What it searches with
// is the SDK's: gantry/search/cycle_trades.hpp.
#include "gantry/search/cycle_trades.hpp"
#include "gantry/strategy.hpp"

namespace gantry::triangular {
namespace {

class Triangular final : public TradingStrategy {
 public:
  Triangular(Host host, const Config& config)
      : trades_(host, {static_cast<double>(config.integer("min_profit_bps")),
                       static_cast<std::uint32_t>(config.integer("max_hops")),
                       config.boolean("prefer_high_liquidity"),
                       static_cast<std::uint32_t>(config.integer("max_opportunities"))}) {}

  gantry_status prepare(const Market& market) override {
    trades_.prepare(market);
    return GANTRY_OK;
  }
  gantry_status find(const Market& market, OpportunitySink sink) override {
    return trades_.find(market, sink);
  }
  gantry_status size(const Market& market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
    return trades_.size(market, opportunity, limits, out);
  }

 private:
  search::CycleTrades trades_;
};

}  // namespace
}  // namespace gantry::triangular

GANTRY_PLUGIN(gantry::triangular::Triangular);
