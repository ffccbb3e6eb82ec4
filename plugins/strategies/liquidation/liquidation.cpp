// Finds borrowers whose debt can be repaid for more than it costs: a cycle that begins with the
// position's swap, debt for collateral, and sells the collateral for the debt's token again. How
// much is repaid is chosen with the route: up to the position's limit, or less, where what the
// route pays falls faster.
//
// Positions are the pools of two tokens that go one way only (is_one_way_pair()), as those of the
// venue aave_v3: from their first token, the debt, to their second. A trade has one of them: what
// another one pays may depend on the first. Of the positions of one account, whose addresses differ
// in their last two bytes, the best is emitted, for a liquidation changes what all of them allow.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "gantry/search/cycle_index.hpp"
#include "gantry/search/route.hpp"
#include "gantry/strategy.hpp"

namespace gantry::liquidation {
namespace {

using namespace search;

constexpr std::uint32_t debt = 0;  // of a position's two tokens
constexpr std::uint32_t collateral = 1;
constexpr std::uint32_t tried_max = 32;
// Four divisions lie between what is repaid and what comes out.
constexpr double rounding_units = 4;

struct Position {
  std::uint32_t pool = 0;
  std::uint32_t account = 0;  // a number for each
  std::uint32_t tokens[2] = {0, 0};
};

class Liquidation final : public TradingStrategy {
 public:
  Liquidation(Host host, const Config& config)
      : host_(host),
        min_profit_bps_(static_cast<double>(config.integer("min_profit_bps"))),
        max_hops_(static_cast<std::uint32_t>(config.integer("max_hops"))),
        routes_tried_(static_cast<std::uint32_t>(config.integer("routes_tried"))),
        max_opportunities_(static_cast<std::size_t>(config.integer("max_opportunities"))) {}

  gantry_status prepare(const Market& market) override {
    std::vector<PoolTokens> pools(market.pool_count());
    is_position_.assign(market.pool_count(), 0);
    positions_.clear();
    std::vector<gantry_address> accounts;
    for (std::uint32_t i = 0; i < market.pool_count(); ++i) {
      gantry_pool pool;
      if (market.pool(i, pool) != GANTRY_OK || pool.usable == 0) continue;
      if ((pool.traits.flags & GANTRY_POOL_SEGMENTS) == 0 || is_avoided(market, pool)) continue;
      pools[i].tokens = {pool.tokens, pool.token_count};
      if (!is_one_way_pair(pool)) continue;
      is_position_[i] = 1;
      positions_.push_back(
          {i, account_of(pool.address, accounts), {pool.tokens[debt], pool.tokens[collateral]}});
    }
    index_.build(pools, {max_hops_},
                 [&](const Edge& edge) { return is_position_[edge.pool] != 0; });
    if (index_.report().dropped > 0 || !index_.report().complete) {
      host_.warning("more routes than fit: some are left out; lower max_hops");
      host_.count("routes_dropped", index_.report().dropped);
    }
    best_.assign(accounts.size(), {});
    order_.clear();
    order_.reserve(accounts.size());
    host_.count("positions", positions_.size());
    return GANTRY_OK;
  }

  gantry_status find(const Market& market, OpportunitySink sink) override {
    for (Best& best : best_) best.is_there = false;
    std::uint64_t under_water = 0;
    for (const Position& position : positions_) {
      gantry_swap_limits limits;
      if (market.limits(position.pool, debt, collateral, limits) != GANTRY_OK) continue;
      ++under_water;
      look_at(market, position, u256(limits.in_max));
    }
    if (under_water != 0) host_.count("under_water", under_water);
    emit_best(sink);
    return GANTRY_OK;
  }

  gantry_status size(const Market& market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
    Route route;
    route.hop_count = opportunity.leg_count;
    if (route.hop_count < hops_min || route.hop_count > hops_max) return GANTRY_BAD_ARGUMENT;
    for (std::uint32_t i = 0; i < route.hop_count; ++i) route.hops[i] = opportunity.legs[i].hop;
    if (!read_route(market, route)) return GANTRY_REFUSED;
    const u256 most = std::min(u256(limits.amount_in_max), u256(opportunity.amount_in));
    const u256 cap = cap_by_share(market, route, most, limits.pool_share_max_bps);
    double net_ether = 0;
    if (cap.is_zero()) return GANTRY_REFUSED;
    const auto made = trade(market, route, cap, net_ether);
    if (!made) return GANTRY_REFUSED;
    out = *made;
    return GANTRY_OK;
  }

 private:
  // Of one account.
  struct Best {
    bool is_there = false;
    double net_ether = 0;
    gantry_opportunity opportunity{};
  };
  // A route, and what its pools' shapes promise.
  struct Promise {
    double ether = 0;
    Route route;
  };

  // A number for what the addresses of an account's positions have in common.
  static std::uint32_t account_of(const gantry_address& position,
                                  std::vector<gantry_address>& known) {
    gantry_address account = position;
    for (std::size_t i = 1; i <= 2 && account.length > 2; ++i) {
      account.bytes[account.length - i] = 0;
    }
    const auto same = [&](const gantry_address& one) {
      return std::memcmp(&one, &account, sizeof(account)) == 0;
    };
    const auto found = std::find_if(known.begin(), known.end(), same);
    const auto number = static_cast<std::uint32_t>(found - known.begin());
    if (found == known.end()) known.push_back(account);
    return number;
  }

  bool read_route(const Market& market, Route& route) const {
    route.depth_ether = std::numeric_limits<double>::infinity();
    for (std::uint32_t i = 0; i < route.hop_count; ++i) {
      const gantry_hop& hop = route.hops[i];
      if (!read_leg(market, hop, route.legs[i])) return false;
      if (i == 0) continue;  // what a position takes says nothing of a price
      const double depth =
          ether_of(market, hop.token_in, u256(route.legs[i].pool.reserve_in)).value_or(0);
      route.depth_ether = std::min(route.depth_ether, depth);
    }
    return true;
  }

  static std::optional<double> ether_of(const Market& market, std::uint32_t token,
                                        const u256& amount) {
    gantry_value worth;
    if (market.value(token, amount, worth) != GANTRY_OK) return std::nullopt;
    return to_double(u256(worth.ether_wei)) * 1e-18;
  }
  static double gas_ether(const Market& market, std::uint64_t gas) {
    return static_cast<double>(gas + trade_gas_overhead) *
           to_double(u256(market.context().gas_price)) * 1e-18;
  }

  // The cycle from the position's debt on; false: it has another position, or goes against it.
  bool route_of(const Position& position, std::uint32_t cycle, Route& route) const {
    const auto edges = index_.cycle(cycle);
    route.hop_count = static_cast<std::uint32_t>(edges.size());
    std::size_t at = edges.size();
    for (std::size_t i = 0; i < edges.size(); ++i) {
      const std::uint32_t pool = index_.edges()[edges[i] >> 1U].pool;
      if (pool == position.pool) {
        at = i;
      } else if (is_position_[pool] != 0) {
        return false;
      }
    }
    if (at == edges.size()) return false;
    const bool reversed = in_of(edges[at]) != position.tokens[debt];
    for (std::uint32_t i = 0; i < route.hop_count; ++i) {
      const std::size_t step = (at + (reversed ? edges.size() - i : i)) % edges.size();
      const Edge& edge = index_.edges()[edges[step] >> 1U];
      const bool forward = ((edges[step] & 1U) == 0) != reversed;
      route.hops[i] = {edge.pool, forward ? edge.token0 : edge.token1,
                       forward ? edge.token1 : edge.token0, 0};
    }
    return true;
  }
  std::uint32_t in_of(std::uint32_t directed) const {
    const Edge& edge = index_.edges()[directed >> 1U];
    return (directed & 1U) == 0 ? edge.token0 : edge.token1;
  }

  void look_at(const Market& market, const Position& position, const u256& most) {
    std::uint32_t kept = 0;
    for (const std::uint32_t cycle : index_.cycles_of(position.pool)) {
      Promise promise;
      if (!route_of(position, cycle, promise.route) || !promised(market, most, promise)) continue;
      keep(promise, kept);
    }
    for (std::uint32_t i = 0; i < kept; ++i) {
      double net_ether = 0;
      const auto made = trade(market, promises_[i].route, most, net_ether);
      Best& best = best_[position.account];
      if (!made || (best.is_there && net_ether <= best.net_ether)) continue;
      best = {true, net_ether, *made};
    }
  }

  // By the shapes of its pools.
  bool promised(const Market& market, const u256& most, Promise& promise) const {
    Route& route = promise.route;
    if (!read_route(market, route)) return false;
    std::array<Leg, hops_max> legs = route.legs;
    std::uint64_t gas = 0;
    for (std::uint32_t i = 0; i < route.hop_count; ++i) {
      gantry_pool pool;
      if (market.pool(route.hops[i].pool, pool) != GANTRY_OK) return false;
      gas += pool.traits.swap_gas;
      legs[i].in_max = u256::max();
    }
    Sizing sizing;
    if (best_input({legs.data(), route.hop_count}, {most}, sizing) != GANTRY_OK) return false;
    const auto profit = ether_of(market, route.hops[0].token_in, sizing.profit);
    if (!profit) return false;
    promise.ether = *profit - gas_ether(market, gas);
    return true;
  }

  // The best `routes_tried_`, in their order; of equals the one that came first.
  void keep(const Promise& promise, std::uint32_t& kept) {
    std::uint32_t at = kept;
    while (at > 0 && promises_[at - 1].ether < promise.ether) --at;
    if (at == routes_tried_) return;
    kept = std::min(kept + 1, routes_tried_);
    for (std::uint32_t i = kept - 1; i > at; --i) promises_[i] = promises_[i - 1];
    promises_[at] = promise;
  }

  // Exactly sized; nothing: below min_profit_bps.
  std::optional<gantry_opportunity> trade(const Market& market, const Route& route,
                                          const u256& most, double& net_ether) const {
    RouteLimits limits;
    gantry_swap_limits of_position;
    if (market.limits(route.hops[0].pool, debt, collateral, of_position) != GANTRY_OK) {
      return std::nullopt;
    }
    limits.amount_in_max = std::min(most, u256(of_position.in_max));
    limits.rounding = rounding_units;
    RouteSizing sized;
    if (best_route_input(market, {route.hops.data(), route.hop_count}, limits, sized) !=
        GANTRY_OK) {
      return std::nullopt;
    }
    gantry_opportunity out = opportunity_of(market, route, sized);
    const auto in = ether_of(market, out.token_in, u256(out.amount_in));
    const auto end = ether_of(market, out.token_in, u256(out.amount_out));
    if (!in || !end || !(*in > 0)) return std::nullopt;
    net_ether = *end - *in - gas_ether(market, out.gas);
    out.expected_profit_bps = net_ether / *in * 1e4;
    const bool pays = out.expected_profit_bps >= min_profit_bps_ && out.expected_profit_bps < 1e15;
    return pays ? std::optional(out) : std::nullopt;
  }

  static gantry_opportunity opportunity_of(const Market& market, const Route& route,
                                           const RouteSizing& sized) {
    const gantry_route_quote& quote = sized.quote;
    gantry_opportunity out{};
    out.key = route_key({route.hops.data(), route.hop_count});
    // Its first leg is quoted and built by a venue as any other: see
    // docs/decisions/0026-liquidations.md.
    out.kind =
        market.raw().pending != 0 ? GANTRY_OPPORTUNITY_BACKRUN : GANTRY_OPPORTUNITY_ARBITRAGE;
    out.leg_count = route.hop_count;
    out.token_in = route.hops[0].token_in;
    out.token_out = out.token_in;
    out.amount_in = quote.amount_in;
    out.amount_out = quote.amount_out;
    out.gas = quote.gas;
    out.block = market.context().state_block;
    out.valid_until_block = market.context().execution_block;
    Sizing sizing{};
    sizing.amount_in = u256(quote.amount_in);
    sizing.profit = sized.profit;
    for (std::uint32_t i = 0; i < route.hop_count; ++i) {
      sizing.amounts[i] = u256(quote.amounts[i + 1]);
      out.legs[i] = {route.hops[i], quote.amounts[i], quote.amounts[i + 1]};
    }
    const Signals signals = signals_of(route, sizing, sizing.amount_in);
    out.confidence = signals.confidence;
    out.risk_score = signals.risk;
    return out;
  }

  void emit_best(OpportunitySink& sink) {
    order_.clear();
    for (std::uint32_t account = 0; account < best_.size(); ++account) {
      if (best_[account].is_there) order_.push_back(account);
    }
    std::sort(order_.begin(), order_.end(), [this](std::uint32_t a, std::uint32_t b) {
      const Best& left = best_[a];
      const Best& right = best_[b];
      return left.net_ether != right.net_ether ? left.net_ether > right.net_ether
                                               : left.opportunity.key < right.opportunity.key;
    });
    if (order_.size() > max_opportunities_) {
      host_.count("candidates_cut", order_.size() - max_opportunities_);
      order_.resize(max_opportunities_);
    }
    for (const std::uint32_t account : order_) {
      if (!sink.emit(best_[account].opportunity)) break;
    }
  }

  Host host_;
  double min_profit_bps_;
  std::uint32_t max_hops_;
  std::uint32_t routes_tried_;
  std::size_t max_opportunities_;
  CycleIndex index_;
  std::vector<std::uint8_t> is_position_;  // by pool
  std::vector<Position> positions_;
  std::vector<Best> best_;  // by account
  std::vector<std::uint32_t> order_;
  std::array<Promise, tried_max> promises_;
};

}  // namespace
}  // namespace gantry::liquidation

GANTRY_PLUGIN(gantry::liquidation::Liquidation);
