// A host for one strategy: a market of pairs in plain arrays behind the C services.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "gantry/constant_product.hpp"
#include "gantry/strategy.h"

namespace pair_market {

struct Pair {
  std::uint32_t tokens[2];
  gantry::u256 reserves[2];
  bool usable = true;
  // As with ticks: after so much of either token a second range begins, an eighth as deep. 0: none.
  gantry::u256 range = {};
  bool deepens = false;  // the second range is eight times as deep instead
  // Of a stable pool of two coins, as Curve's whitepaper has it, with a fee of 4 bps; 0: none.
  double amplification = 0;
};
// What the pair pays, rounded down in each range; of a stable pool not above its curve.
gantry_status paid_by(const Pair& pair, std::uint32_t side, const gantry::u256& in,
                      gantry::u256& out);

class PairMarket {
 public:
  PairMarket(std::uint32_t tokens, std::vector<Pair> new_pairs);

  std::vector<Pair> pairs;
  std::vector<double> ether_per_unit;  // by token; 0: cannot be valued
  std::vector<std::uint32_t> flags;    // by token
  gantry_context context{};

  // Valid until the next call or change.
  const gantry_market* snapshot(std::vector<std::uint32_t> changed, bool cold = false);
  std::uint64_t pending = 0;
  mutable std::uint64_t quoted = 0;  // amounts that were asked of single pools

 private:
  struct Services;
  std::vector<std::uint32_t> changed_;
  gantry_market market_{};
};

// An instance of the plugin that is linked into this program.
class Strategy {
 public:
  struct Parameters {
    std::int64_t min_profit_bps = 0;
    std::int64_t max_hops = 4;
    bool prefer_high_liquidity = true;
    std::int64_t max_opportunities = 16;
  };
  explicit Strategy(const Parameters& parameters);
  Strategy(const Strategy&) = delete;
  Strategy& operator=(const Strategy&) = delete;
  ~Strategy();

  gantry_status prepare(const gantry_market* market);
  // Into `found`, whose memory is kept.
  gantry_status find(const gantry_market* market);
  gantry_status validate(const gantry_market* market, const gantry_opportunity& opportunity);
  gantry_status size(const gantry_market* market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out);

  std::vector<gantry_opportunity> found;
  std::map<std::string, std::uint64_t, std::less<>> counters;
  std::vector<std::string> warnings;

 private:
  const gantry_strategy_v1* table_ = nullptr;
  gantry_strategy_instance* instance_ = nullptr;
  gantry_host host_{};
};

}  // namespace pair_market
