// The triangular strategy: after each snapshot it prices the cycles that the changed pools touch,
// sizes the best of them exactly, and emits what pays after gas.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "gantry/strategy.hpp"
#include "plugins/strategies/triangular/universe.hpp"

namespace gantry::triangular {
namespace {

constexpr double kTransactionGas = 21'000;  // of any transaction, whatever else the host adds
// For each opportunity wanted so many candidates are sized: trust reorders them.
constexpr std::size_t kSizedPerEmitted = 4;
// A pool that holds this much of a token is trusted by half.
constexpr double kTrustedDepthEther = 10;

struct Parameters {
  double min_profit_bps;
  std::uint32_t max_hops;
  bool prefer_high_liquidity;
  std::size_t max_opportunities;
};

struct Found {
  gantry_opportunity opportunity;
  double score;  // ether after gas, times confidence
};

class Triangular final : public TradingStrategy {
 public:
  Triangular(Host host, const Config& config)
      : host_(host),
        parameters_{static_cast<double>(config.integer("min_profit_bps")),
                    static_cast<std::uint32_t>(config.integer("max_hops")),
                    config.boolean("prefer_high_liquidity"),
                    static_cast<std::size_t>(config.integer("max_opportunities"))} {
    found_.reserve(parameters_.max_opportunities * kSizedPerEmitted);
  }

  gantry_status prepare(const Market& market) override {
    universe_.prepare(market, {.max_hops = parameters_.max_hops});
    fresh_ = true;
    const CycleReport& report = universe_.index().report();
    host_.info(std::to_string(report.kept) + " cycles of " +
               std::to_string(universe_.index().pool_count()) + " pools");
    if (report.dropped != 0 || !report.complete) {
      host_.warning("the market has more cycles than are kept: at least " +
                    std::to_string(report.dropped) + " of the longest are not looked at");
      host_.count("cycles_dropped", report.dropped);
    }
    return GANTRY_OK;
  }

  gantry_status find(const Market& market, OpportunitySink sink) override {
    const Threshold threshold{.ether_per_gas = to_double(u256(market.context().gas_price)) * 1e-18,
                              .gas_overhead = kTransactionGas,
                              .net_ether_min = 0};
    const std::span<Candidate> candidates = price(market, threshold);
    host_.count("cycles_priced", universe_.screen().priced());
    host_.count("cycles_above_gas", candidates.size());
    if (parameters_.prefer_high_liquidity) {
      // From here on net_ether is what it is by trust, too.
      for (Candidate& candidate : candidates) candidate.net_ether *= trust(candidate);
    }
    found_.clear();
    for (const Candidate& candidate :
         best_of(candidates, parameters_.max_opportunities * kSizedPerEmitted)) {
      take(market, candidate);
    }
    std::sort(found_.begin(), found_.end(), [](const Found& left, const Found& right) {
      return left.score != right.score ? left.score > right.score
                                       : left.opportunity.key < right.opportunity.key;
    });
    const std::size_t count = std::min(found_.size(), parameters_.max_opportunities);
    for (std::size_t i = 0; i < count; ++i) {
      if (!sink.emit(found_[i].opportunity)) break;
    }
    return GANTRY_OK;
  }

  gantry_status size(const Market& market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
    if (opportunity.leg_count < kMinHops || opportunity.leg_count > kMaxHops) {
      return GANTRY_BAD_ARGUMENT;
    }
    std::array<Leg, kMaxHops> legs;
    std::array<gantry_hop, kMaxHops> hops;
    for (std::uint32_t i = 0; i < opportunity.leg_count; ++i) {
      hops[i] = opportunity.legs[i].hop;
      if (!limited_leg(market, hops[i], limits.pool_share_max_bps, legs[i])) return GANTRY_REFUSED;
    }
    Sizing sizing{};
    if (best_input({legs.data(), opportunity.leg_count},
                   {.amount_in_max = u256(limits.amount_in_max)}, sizing) != GANTRY_OK) {
      return GANTRY_REFUSED;
    }
    const double gas_overhead = static_cast<double>(limits.gas_overhead);
    double net = 0;
    if (!describe(market, {hops.data(), opportunity.leg_count}, sizing.amount_in,
                  {to_double(u256(limits.gas_cost_wei)) * 1e-18, gas_overhead}, out, net)) {
      return GANTRY_REFUSED;
    }
    out.confidence = opportunity.confidence;  // a smaller size changes nothing about the pools
    return net > 0 ? GANTRY_OK : GANTRY_REFUSED;
  }

 private:
  struct Gas {
    double ether_per_gas;
    double overhead;
  };

  // The candidates among the cycles that changed since the last call.
  std::span<Candidate> price(const Market& market, const Threshold& threshold) {
    const bool all = market.cold() || fresh_;
    if (market.cold() && !fresh_) universe_.refresh_all(market);
    fresh_ = false;
    if (all) return universe_.screen().reprice_all(threshold);
    return universe_.screen().reprice(universe_.refresh(market, market.changed_pools()), threshold);
  }

  // 0 to 1, by the shallowest pool on the way.
  double trust(const Candidate& candidate) const {
    double depth = std::numeric_limits<double>::infinity();
    for (const std::uint32_t step : universe_.index().cycle(candidate.cycle)) {
      depth = std::min(depth, universe_.depth_ether(step));
    }
    return depth / (depth + kTrustedDepthEther);
  }

  // Sizes a candidate and keeps it if it pays enough.
  void take(const Market& market, const Candidate& candidate) {
    std::array<std::uint32_t, kMaxHops> edges{};
    const std::uint32_t count = walk(universe_.index(), candidate, edges);
    std::array<Leg, kMaxHops> legs;
    std::array<gantry_hop, kMaxHops> hops;
    for (std::uint32_t i = 0; i < count; ++i) {
      legs[i] = universe_.leg(edges[i]);
      hops[i] = universe_.hop(edges[i]);
    }
    gantry_amount spendable = u256::max();
    if (market.balance(hops[0].token_in, spendable) != GANTRY_OK) return;
    Sizing sizing{};
    if (best_input({legs.data(), count}, {.amount_in_max = u256(spendable)}, sizing) != GANTRY_OK) {
      return;
    }
    Found found{};
    double net = 0;
    const Gas gas{to_double(u256(market.context().gas_price)) * 1e-18, kTransactionGas};
    if (!describe(market, {hops.data(), count}, sizing.amount_in, gas, found.opportunity, net)) {
      return;
    }
    if (net <= 0 || found.opportunity.expected_profit_bps < parameters_.min_profit_bps) return;
    if (parameters_.prefer_high_liquidity) found.opportunity.confidence *= trust(candidate);
    found.score = net * found.opportunity.confidence;
    found_.push_back(found);
  }

  // The leg as it is now, within a share of what the pool holds of the token that goes in.
  bool limited_leg(const Market& market, const gantry_hop& hop, std::uint32_t share_max_bps,
                   Leg& out) const {
    constexpr std::uint32_t tokens_max = 64;
    gantry_pool pool;
    if (market.pool(hop.pool, pool) != GANTRY_OK || pool.token_count > tokens_max) return false;
    const auto* end = pool.tokens + pool.token_count;
    const auto in =
        static_cast<std::uint32_t>(std::find(pool.tokens, end, hop.token_in) - pool.tokens);
    const auto to =
        static_cast<std::uint32_t>(std::find(pool.tokens, end, hop.token_out) - pool.tokens);
    if (in == pool.token_count || to == pool.token_count) return false;
    std::array<gantry_amount, tokens_max> balances;
    gantry_pool_view view{0, tokens_max, balances.data()};
    const auto leg = read_leg(market, hop.pool, in, to);
    u256 share;
    if (!leg || market.view(hop.pool, view) != GANTRY_OK || in >= view.token_count ||
        !mul_div_floor(u256(balances[in]), u256(share_max_bps), u256(10'000), share)) {
      return false;
    }
    out = {leg->pool, std::min(leg->in_max, share)};
    return true;
  }

  // Fills in the opportunity with the amounts that the venues themselves quote. False: it does not
  // gain, or cannot be valued. `net` is in ether, after gas. Confidence is the host's in the value.
  bool describe(const Market& market, std::span<const gantry_hop> hops, const u256& amount_in,
                const Gas& gas, gantry_opportunity& out, double& net) const {
    gantry_route_quote quote;
    u256 profit;
    if (market.quote_route(hops, amount_in, quote) != GANTRY_OK ||
        !sub(u256(quote.amount_out), amount_in, profit) || profit.is_zero()) {
      return false;
    }
    const std::uint32_t token = hops.front().token_in;
    gantry_value stake;
    gantry_value gain;
    if (market.value(token, amount_in, stake) != GANTRY_OK || stake.status != GANTRY_OK ||
        market.value(token, profit, gain) != GANTRY_OK || gain.status != GANTRY_OK) {
      return false;
    }
    const double stake_ether = to_double(u256(stake.ether_wei)) * 1e-18;
    if (!(stake_ether > 0)) return false;
    net = to_double(u256(gain.ether_wei)) * 1e-18 -
          (static_cast<double>(quote.gas) + gas.overhead) * gas.ether_per_gas;
    gantry_opportunity next{};
    next.kind =
        market.raw().pending != 0 ? GANTRY_OPPORTUNITY_BACKRUN : GANTRY_OPPORTUNITY_ARBITRAGE;
    next.leg_count = static_cast<std::uint32_t>(hops.size());
    next.token_in = token;
    next.token_out = token;
    next.amount_in = amount_in;
    next.amount_out = quote.amount_out;
    next.gas = quote.gas;
    next.block = market.context().state_block;
    next.valid_until_block = std::max(next.block, market.context().execution_block);
    next.expected_profit_bps = net / stake_ether * 1e4;
    next.confidence = std::clamp(gain.confidence, 0.0, 1.0);
    // The part of the route's liquidity that the trade itself moves.
    double still = 1;
    next.key = universe_.token_hash(token);
    for (std::size_t i = 0; i < hops.size(); ++i) {
      next.legs[i] = {hops[i], quote.amounts[i], quote.amounts[i + 1]};
      next.key = next.key * 0x9e3779b97f4a7c15ULL + universe_.pool_hash(hops[i].pool);
      still *= 1 - share_moved(market, next.legs[i]);
    }
    next.risk_score = std::clamp(1 - still, 0.0, 1.0);
    out = next;
    return true;
  }

  static double share_moved(const Market& market, const gantry_leg& leg) {
    gantry_pool pool;
    if (market.pool(leg.hop.pool, pool) != GANTRY_OK) return 1;
    const auto* end = pool.tokens + pool.token_count;
    const auto place = [&](std::uint32_t token) {
      return static_cast<std::uint32_t>(std::find(pool.tokens, end, token) - pool.tokens);
    };
    const auto state =
        read_leg(market, leg.hop.pool, place(leg.hop.token_in), place(leg.hop.token_out));
    if (!state) return 1;
    const double in = to_double(u256(leg.amount_in));
    return in / (to_double(state->pool.reserve_in) + in);
  }

  Host host_;
  Parameters parameters_;
  Universe universe_;
  std::vector<Found> found_;
  bool fresh_ = false;  // prepare() has read everything, and nothing is priced yet
};

}  // namespace
}  // namespace gantry::triangular

GANTRY_PLUGIN(gantry::triangular::Triangular);
