// Buys a token in the pools of its pair that have it cheaper and sells it in those that pay more,
// on two venues or more, split over several pools where that pays more after gas. See
// gantry/search/split_sizing.hpp for the sizes and their bound.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "gantry/search/pair_trades.hpp"
#include "gantry/strategy.hpp"

namespace gantry::multi_dex {
namespace {

using namespace search;

class MultiDex final : public TradingStrategy {
 public:
  MultiDex(Host host, const Config& config)
      : same_venue_(config.boolean("same_venue")),
        trades_(host, {static_cast<double>(config.integer("min_profit_bps")),
                       static_cast<std::uint32_t>(config.integer("max_legs")),
                       static_cast<std::uint32_t>(config.integer("max_opportunities"))}) {}

  gantry_status prepare(const Market& market) override {
    trades_.prepare(market);
    return GANTRY_OK;
  }

  gantry_status find(const Market& market, OpportunitySink sink) override {
    return trades_.find(market, sink, [&](PairPools& pools, double& net_ether) {
      return same_venue_ ? trades_.trade(market, pools, net_ether)
                         : trade_between_venues(market, pools, net_ether);
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
  static std::optional<std::uint32_t> venue_of(const PairPools& pools, std::uint32_t pool) {
    for (std::uint32_t i = 0; i < pools.count; ++i) {
      if (pools.buyers[i].hop.pool == pool) return pools.venues[i];
    }
    return std::nullopt;
  }
  static bool meets_two(const PairPools& pools, const gantry_opportunity& found) {
    const auto first = venue_of(pools, found.legs[0].hop.pool);
    for (std::uint32_t i = 1; i < found.leg_count; ++i) {
      if (venue_of(pools, found.legs[i].hop.pool) != first) return true;
    }
    return false;
  }

  // The best over all pools nearly always meets two venues. If not, each venue stands once against
  // all others, as buyer and as seller.
  std::optional<gantry_opportunity> trade_between_venues(const Market& market, PairPools& pools,
                                                         double& net_ether) {
    const auto same = [&](std::uint32_t venue) { return venue == pools.venues[0]; };
    if (std::all_of(pools.venues.begin(), pools.venues.begin() + pools.count, same)) return {};
    auto best = trades_.trade(market, pools, net_ether);
    if (!best || meets_two(pools, *best)) return best;
    best.reset();
    net_ether = 0;
    std::array<std::uint32_t, split_pools_max> buyer_ranges{};
    std::array<std::uint32_t, split_pools_max> seller_ranges{};
    for (std::uint32_t i = 0; i < pools.count; ++i) {
      buyer_ranges[i] = pools.buyers[i].range_count;
      seller_ranges[i] = pools.sellers[i].range_count;
    }
    for (std::uint32_t first = 0; first < pools.count; ++first) {
      const std::uint32_t venue = pools.venues[first];
      const auto end = pools.venues.begin() + first;
      if (std::find(pools.venues.begin(), end, venue) != end) continue;
      for (const bool it_buys : {true, false}) {
        for (std::uint32_t i = 0; i < pools.count; ++i) {
          const bool buys = (pools.venues[i] == venue) == it_buys;
          pools.buyers[i].range_count = buys ? buyer_ranges[i] : 0;
          pools.sellers[i].range_count = buys ? 0 : seller_ranges[i];
        }
        double net = 0;
        const auto found = trades_.trade(market, pools, net);
        if (!found || net <= net_ether) continue;
        best = found;
        net_ether = net;
      }
    }
    return best;
  }

  bool same_venue_;
  PairTrades trades_;
};

}  // namespace
}  // namespace gantry::multi_dex

GANTRY_PLUGIN(gantry::multi_dex::MultiDex);
