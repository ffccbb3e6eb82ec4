// Trades in cycles: lists them once, re-prices those through pools that changed, in doubles that
// lose none that pays, and sizes the best in exact integers. The other headers of this folder have
// the proofs.
//
// THREADS  One at a time. Allocates in prepare() alone.
#pragma once
#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include "gantry/search/best_first.hpp"
#include "gantry/search/envelope.hpp"
#include "gantry/search/route.hpp"
#include "gantry/search/screening.hpp"
#include "gantry/strategy.hpp"

namespace gantry::search {

struct CycleTradeParameters {
  double min_profit_bps = 0;  // after gas
  std::uint32_t max_hops = 4;
  bool prefer_high_liquidity = true;     // order by profit times confidence, not by profit alone
  std::uint32_t max_opportunities = 64;  // of one snapshot
};

class CycleTrades {
 public:
  CycleTrades(Host host, const CycleTradeParameters& parameters)
      : host_(host), parameters_(parameters), best_(host, parameters.max_opportunities) {}

  // Lists all cycles. Allocates.
  void prepare(const Market& market) {
    prepare(market, [](const Edge&) { return true; });
  }
  // Lists the cycles that have an edge of which `is_required`, bool(const Edge&), holds. Allocates.
  template <class IsRequired>
  void prepare(const Market& market, IsRequired&& is_required) {
    std::vector<PoolTokens> pools(market.pool_count());
    std::vector<double> gas(market.pool_count());
    for (std::uint32_t i = 0; i < market.pool_count(); ++i) {
      gantry_pool pool;
      if (market.pool(i, pool) != GANTRY_OK || pool.usable == 0) continue;
      if ((pool.traits.flags & GANTRY_POOL_SEGMENTS) == 0 || is_avoided(market, pool) ||
          is_one_way_pair(pool)) {
        continue;
      }
      pools[i].tokens = {pool.tokens, pool.token_count};
      gas[i] = static_cast<double>(pool.traits.swap_gas);
    }
    index_.build(pools, {parameters_.max_hops}, is_required);
    if (index_.report().dropped > 0) {
      host_.warning("more cycles than fit: the longest are left out; lower max_hops");
      host_.count("cycles_dropped", index_.report().dropped);
    }
    if (!index_.report().complete) {
      host_.warning("the search for cycles was ended by its limit on steps; lower max_hops");
    }
    screen_.attach(index_);
    for (std::uint32_t edge = 0; edge < index_.edges().size(); ++edge) {
      screen_.set_gas(edge, gas[index_.edges()[edge].pool]);
    }
    values_.assign(market.token_count(), 0);
    best_.reserve();
    host_.count("cycles", index_.report().kept);
  }

  // Takes over what changed, and looks for nothing: find() does both.
  void follow(const Market& market) {
    if (!market.cold()) return follow(market, market.changed_pools());
    for (std::uint32_t token = 0; token < market.token_count(); ++token) value(market, token);
    for (std::uint32_t pool = 0; pool < index_.pool_count(); ++pool) refresh(market, pool);
  }
  // The same for these pools, which another market may have been looked at with.
  void follow(const Market& market, std::span<const std::uint32_t> pools) {
    for (const std::uint32_t pool : pools) refresh(market, pool);
    for (const std::uint32_t pool : pools) revalue(market, pool);
  }

  // What TradingStrategy asks of find() and size().
  gantry_status find(const Market& market, OpportunitySink sink) {
    std::span<Candidate> candidates;
    const Threshold threshold{gas_price_ether(market), trade_gas_overhead, 0};
    follow(market);
    candidates = market.cold() ? screen_.reprice_all(threshold)
                               : screen_.reprice(market.changed_pools(), threshold);
    host_.count("cycles_priced", screen_.priced());
    size_best(market, candidates);
    best_.emit(sink);
    return GANTRY_OK;
  }

  gantry_status size(const Market& market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) const {
    Route route;
    route.hop_count = opportunity.leg_count;
    if (route.hop_count < hops_min || route.hop_count > hops_max) return GANTRY_BAD_ARGUMENT;
    for (std::uint32_t i = 0; i < route.hop_count; ++i) route.hops[i] = opportunity.legs[i].hop;
    if (!read_route(market, route)) return GANTRY_REFUSED;
    const u256 most = std::min(u256(limits.amount_in_max), u256(opportunity.amount_in));
    const u256 cap = cap_by_share(market, route, most, limits.pool_share_max_bps);
    if (cap.is_zero()) return GANTRY_REFUSED;
    const auto sized = make_opportunity(market, route, cap);
    if (!sized) return GANTRY_REFUSED;
    out = *sized;
    double net_ether = 0;
    return finish(market, out, net_ether) ? GANTRY_OK : GANTRY_REFUSED;
  }

 private:
  static double gas_price_ether(const Market& market) {
    return to_double(u256(market.context().gas_price)) * 1e-18;
  }

  void value(const Market& market, std::uint32_t token) {
    const double known = ether_per_unit(market, token);
    if (known == values_[token]) return;  // the wrapped coin has most of the edges, and never moves
    values_[token] = known;
    screen_.set_value(token, known);
  }

  void revalue(const Market& market, std::uint32_t pool) {
    const auto range = index_.edges_of(pool);
    for (std::uint32_t edge = range.first; edge < range.last; ++edge) {
      value(market, index_.edges()[edge].token0);
      value(market, index_.edges()[edge].token1);
    }
  }

  // The pool's hops as they are now.
  void refresh(const Market& market, std::uint32_t pool) {
    const auto range = index_.edges_of(pool);
    for (std::uint32_t edge = range.first; edge < range.last; ++edge) {
      const Edge& e = index_.edges()[edge];
      for (unsigned direction = 0; direction < 2; ++direction) {
        const gantry_hop hop{pool, direction == 0 ? e.token0 : e.token1,
                             direction == 0 ? e.token1 : e.token0, 0};
        Leg leg;
        Envelope bound{};
        if (!read_leg(market, hop, leg)) {
          screen_.close_hop(edge, direction);
        } else if (leg.whole) {
          screen_.set_hop(edge, direction, leg.pool);
        } else if (read_envelope(market, hop, leg, bound)) {
          screen_.set_bound(edge, direction, bound, to_double(leg.pool.reserve_in));
        } else {
          screen_.close_hop(edge, direction);
        }
      }
    }
  }

  bool read_route(const Market& market, Route& route) const {
    route.depth_ether = std::numeric_limits<double>::infinity();
    for (std::uint32_t i = 0; i < route.hop_count; ++i) {
      const gantry_hop& hop = route.hops[i];
      if (!read_leg(market, hop, route.legs[i])) return false;
      const double depth = to_double(route.legs[i].pool.reserve_in) * values_[hop.token_in];
      route.depth_ether = std::min(route.depth_ether, depth);
    }
    return true;
  }

  bool route_of(const Market& market, const Candidate& candidate, Route& route) const {
    std::array<std::uint32_t, hops_max> edges;
    route.hop_count = walk(index_, candidate, edges);
    for (std::uint32_t i = 0; i < route.hop_count; ++i) {
      const Edge& e = index_.edges()[edges[i] >> 1U];
      const bool forward = (edges[i] & 1U) == 0;
      route.hops[i] = {e.pool, forward ? e.token0 : e.token1, forward ? e.token1 : e.token0, 0};
    }
    return read_route(market, route);
  }

  // Puts the profit after gas on it, also in ether; false: below min_profit_bps.
  bool finish(const Market& market, gantry_opportunity& opportunity, double& net_ether) const {
    gantry_value stake;
    gantry_value end;
    if (market.value(opportunity.token_in, opportunity.amount_in, stake) != GANTRY_OK ||
        market.value(opportunity.token_in, opportunity.amount_out, end) != GANTRY_OK) {
      return false;
    }
    const double in = to_double(u256(stake.ether_wei)) * 1e-18;
    const double out = to_double(u256(end.ether_wei)) * 1e-18;
    const double gas =
        static_cast<double>(opportunity.gas + trade_gas_overhead) * gas_price_ether(market);
    if (!(in > 0)) return false;
    net_ether = out - in - gas;
    opportunity.expected_profit_bps = net_ether / in * 1e4;
    return opportunity.expected_profit_bps >= parameters_.min_profit_bps &&
           opportunity.expected_profit_bps < 1e15;
  }

  // No less than the confidence of a trade along this cycle: 0 to 1.
  double trust(const Candidate& candidate) const {
    double depth = std::numeric_limits<double>::infinity();
    for (const std::uint32_t step : index_.cycle(candidate.cycle)) {
      const unsigned direction = (step & 1U) ^ (candidate.reversed ? 1U : 0U);
      depth = std::min(depth, screen_.depth_ether(step >> 1U, direction));
    }
    return depth_confidence(depth);
  }

  // In the order of their bounds, until none of the others can be among the best.
  void size_best(const Market& market, std::span<Candidate> candidates) {
    best_.clear();
    if (parameters_.prefer_high_liquidity) {
      for (Candidate& candidate : candidates) candidate.net_ether *= trust(candidate);
    }
    const std::size_t wanted = std::max<std::size_t>(parameters_.max_opportunities, 1);
    for (std::uint32_t turn = 0; turn < turns_max && !candidates.empty(); ++turn) {
      const std::span<Candidate> next = best_of(candidates, wanted);
      if (next.front().net_ether <= best_.least()) {
        host_.count("candidates_beaten", candidates.size());
        return;
      }
      for (const Candidate& candidate : next) size_one(market, candidate);
      candidates = candidates.subspan(next.size());
    }
    if (!candidates.empty()) host_.count("candidates_cut", candidates.size());
  }

  // From the start that its bound has for the best; where a hop's shape only bounds it, from the
  // others too if nothing pays from there.
  void size_one(const Market& market, Candidate candidate) {
    Route route;
    if (!route_of(market, candidate, route)) return;
    const bool is_exact = std::all_of(route.legs.begin(), route.legs.begin() + route.hop_count,
                                      [](const Leg& leg) { return leg.whole; });
    for (std::uint32_t tried = 1; !offer(market, route); ++tried) {
      if (is_exact || tried == route.hop_count) return;
      candidate.start = static_cast<std::uint8_t>((candidate.start + 1U) % route.hop_count);
      if (!route_of(market, candidate, route)) return;
    }
  }

  bool offer(const Market& market, const Route& route) {
    auto made = make_opportunity(market, route, u256::max());
    double net_ether = 0;
    if (!made || !finish(market, *made, net_ether)) return false;
    best_.add(*made, net_ether * (parameters_.prefer_high_liquidity ? made->confidence : 1.0));
    return true;
  }

  // Times max_opportunities: no snapshot has more candidates sized.
  static constexpr std::uint32_t turns_max = 8;

  Host host_;
  CycleTradeParameters parameters_;
  CycleIndex index_;
  Screen screen_;
  std::vector<double> values_;  // ether for a unit, by token
  BestFirst best_;
};

}  // namespace gantry::search
