// Sweeps the pools of a pair whose price is off: buys from all that are too cheap, through as many
// ticks as pay, and sells into the deepest of the others, or the other way round, as one trade. The
// pair's price is the median of its pools' prices, each weighed by its depth. See
// gantry/search/split_sizing.hpp for the sizes and their bound.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "gantry/search/pair_trades.hpp"
#include "gantry/strategy.hpp"

namespace gantry::liquidity_sweep {
namespace {

using namespace search;

class LiquiditySweep final : public TradingStrategy {
 public:
  LiquiditySweep(Host host, const Config& config)
      : deviation_min_(static_cast<double>(config.integer("min_price_deviation_bps")) * 1e-4),
        trades_(host, {static_cast<double>(config.integer("min_profit_bps")),
                       static_cast<std::uint32_t>(config.integer("max_pools")),
                       static_cast<std::uint32_t>(config.integer("max_opportunities"))}) {}

  gantry_status prepare(const Market& market) override {
    trades_.prepare(market);
    return GANTRY_OK;
  }

  gantry_status find(const Market& market, OpportunitySink sink) override {
    return trades_.find(market, sink, [&](PairPools& pools, double& net_ether) {
      return keep_mispriced(pools) ? trades_.trade(market, pools, net_ether) : std::nullopt;
    });
  }

  gantry_status validate(const Market& market, const gantry_opportunity& opportunity) override {
    return PairTrades::validate(market, opportunity);
  }

  gantry_status size(const Market& market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
    return trades_.size(market, opportunity, limits, out);
  }

 private:
  // The price below which half of the depth is; 0: no pool has a price.
  static double price_of(const PairPools& pools) {
    std::array<std::pair<double, double>, split_pools_max> prices{};  // with their depth
    std::size_t count = 0;
    double all = 0;
    for (std::uint32_t i = 0; i < pools.count; ++i) {
      const double price = pools.price(i);
      if (!(price > 0)) continue;
      const auto depth = static_cast<double>(pools.buyers[i].deep_in);
      prices[count++] = {price, depth};
      all += depth;
    }
    std::sort(prices.begin(), prices.begin() + static_cast<std::ptrdiff_t>(count));
    double below = 0;
    for (std::size_t i = 0; i < count; ++i) {
      below += prices[i].second;
      if (below * 2 >= all) return prices[i].first;
    }
    return 0;
  }

  // Leaves those to buy from and those to sell into; false: no pool is mispriced. Where none is too
  // dear, what is bought comes from the cheap ones alone, and the other way round: a sweep is not
  // for the small differences among the rest.
  bool keep_mispriced(PairPools& pools) const {
    const double middle = price_of(pools);
    if (!(middle > 0)) return false;
    std::array<int, split_pools_max> off{};  // -1: cheap, 1: dear
    bool any_cheap = false;
    bool any_dear = false;
    for (std::uint32_t i = 0; i < pools.count; ++i) {
      const double price = pools.price(i);
      if (!(price > 0)) continue;
      const double deviation = price / middle - 1;
      if (deviation <= -deviation_min_) off[i] = -1;
      if (deviation >= deviation_min_) off[i] = 1;
      any_cheap = any_cheap || off[i] < 0;
      any_dear = any_dear || off[i] > 0;
    }
    if (!any_cheap && !any_dear) return false;
    for (std::uint32_t i = 0; i < pools.count; ++i) {
      if (off[i] > 0 || (off[i] == 0 && !any_dear)) pools.buyers[i].range_count = 0;
      if (off[i] < 0 || (off[i] == 0 && !any_cheap)) pools.sellers[i].range_count = 0;
    }
    return true;
  }

  double deviation_min_;
  PairTrades trades_;
};

}  // namespace
}  // namespace gantry::liquidity_sweep

GANTRY_PLUGIN(gantry::liquidity_sweep::LiquiditySweep);
