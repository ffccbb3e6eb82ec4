// Trades between the pools of one pair: which pairs of tokens have several pools, their shapes in a
// snapshot, and from a split of a trade over them (split_sizing.hpp) to an opportunity with exact
// amounts.
//
// THREADS  One at a time. Allocates in prepare() alone.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "gantry/market.hpp"
#include "gantry/search/best_first.hpp"
#include "gantry/search/cycle_index.hpp"
#include "gantry/search/route.hpp"
#include "gantry/search/split_sizing.hpp"
#include "gantry/split.h"
#include "gantry/strategy.hpp"

namespace gantry::search {

// Pairs of tokens that two pools or more have.
class PairIndex {
 public:
  struct Pair {
    std::uint32_t token0;
    std::uint32_t token1;
    std::uint32_t first;  // of its pools
    std::uint32_t last;
  };
  // Forgets what it held. Allocates.
  void build(std::span<const PoolTokens> pools);

  std::span<const Pair> pairs() const { return pairs_; }
  // Ascending.
  std::span<const std::uint32_t> pools_of(std::uint32_t pair) const {
    return std::span(pools_).subspan(pairs_[pair].first, pairs_[pair].last - pairs_[pair].first);
  }
  std::span<const std::uint32_t> pairs_of(std::uint32_t pool) const {
    return std::span(touched_).subspan(touched_begin_[pool],
                                       touched_begin_[pool + 1] - touched_begin_[pool]);
  }

 private:
  std::vector<Pair> pairs_;
  std::vector<std::uint32_t> pools_;
  std::vector<std::uint32_t> touched_begin_;
  std::vector<std::uint32_t> touched_;
};

// The pool's ranges in the direction of the hop; false: none, or the pool is not usable now.
inline bool read_split_pool(const Market& market, const gantry_hop& hop, SplitPool& out);

// The pools of one pair, the same number in both lists: place i of either is one pool. A pool that
// does not quote a direction has no ranges there.
struct PairPools {
  std::uint32_t start = 0;  // token that a trade begins and ends in
  std::uint32_t other = 0;
  double ether_per_unit = 0;  // of `start`
  double cost_per_gas = 0;    // units of `start`
  std::uint32_t count = 0;
  std::array<SplitPool, split_pools_max> buyers;   // start to other
  std::array<SplitPool, split_pools_max> sellers;  // other to start
  std::array<std::uint32_t, split_pools_max> venues{};
  // Units of `start` for one of `other` at the middle of both directions; 0: not both.
  double price(std::uint32_t i) const;
};

struct PairRules {
  double min_profit_bps = 0;
  std::uint32_t legs_max = GANTRY_LEGS_MAX;
  std::uint32_t opportunities_max = 64;  // of one snapshot
};

class PairTrades {
 public:
  // Legs that split need a host that takes them; without one a trade has two.
  PairTrades(Host host, const PairRules& rules)
      : host_(host),
        rules_(rules),
        splits_(host.service(GANTRY_SPLIT_DRAFT_ID) != nullptr),
        best_(host, rules.opportunities_max) {}

  void prepare(const Market& market);

  // What TradingStrategy asks of find(): what `trade_of`, std::optional<gantry_opportunity>(
  // PairPools&, double& net_ether), makes of each pair that changed, ordered by net_ether times
  // confidence. It may change the pools. A pair begins in the coin's wrapper before a dollar before
  // any other token that can be valued; one of fewer than two pools that can be traded, or whose
  // tokens cannot be valued, is left out.
  template <class TradeOf>
  gantry_status find(const Market& market, OpportunitySink sink, TradeOf&& trade_of);

  // The best trade over these pools; nothing: none pays min_profit_bps after gas. `net_ether` is
  // what it leaves.
  std::optional<gantry_opportunity> trade(const Market& market, const PairPools& pools,
                                          double& net_ether) const;

  // What TradingStrategy asks: an opportunity of trade(), within limits; and whether each leg still
  // pays what the legs after it take.
  gantry_status size(const Market& market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out);
  static gantry_status validate(const Market& market, const gantry_opportunity& opportunity);

 private:
  static bool quote(const Market& market, const SplitPool& pool, const u256& in, gantry_quote& out);
  // Calls `look` with each pair that changed, once.
  template <class Look>
  void each_changed(const Market& market, Look&& look);
  // Into pools_; false: the pair is left out.
  bool read(const Market& market, std::uint32_t pair);
  bool begin(const Market& market, std::uint32_t start, std::uint32_t other);
  void add_pool(const Market& market, std::uint32_t pool);
  std::optional<gantry_opportunity> solve(const Market& market, const PairPools& pools,
                                          const u256& amount_in_max, double& net_ether) const;

  Host host_;
  PairRules rules_;
  bool splits_;
  PairIndex index_;
  std::vector<std::uint32_t> looked_;  // by pair: the last round that looked at it
  std::uint32_t round_ = 0;
  PairPools pools_;
  BestFirst best_;
};

// Confidence: depth / (depth + 10 ETH), the shallowest pool's balance of what goes in, times margin
// / (margin + 10 bps a leg), the gross profit by the amount in. Risk: 1 - depth / (depth + 10 ETH)
// * (1 - the largest share of a pool's balance that goes in). As of routes (route.hpp).
inline Signals signals_of(const PairPools& pools, const SplitSizing& sizing);

// A number for the pools and the direction, in whatever order the pools of a side are.
inline std::uint64_t split_key(const gantry_opportunity& opportunity);

inline void PairIndex::build(std::span<const PoolTokens> pools) {
  struct Entry {
    std::uint32_t token0;
    std::uint32_t token1;
    std::uint32_t pool;
    bool same_pair(const Entry& e) const { return token0 == e.token0 && token1 == e.token1; }
    auto operator<=>(const Entry&) const = default;
  };
  std::vector<Entry> entries;
  for (std::uint32_t pool = 0; pool < pools.size(); ++pool) {
    const auto tokens = pools[pool].tokens;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      for (std::size_t j = i + 1; j < tokens.size(); ++j) {
        const auto [low, high] = std::minmax(tokens[i], tokens[j]);
        if (low != high) entries.push_back({low, high, pool});
      }
    }
  }
  std::sort(entries.begin(), entries.end());
  entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
  pairs_.clear();
  pools_.clear();
  touched_begin_.assign(pools.size() + 1, 0);
  for (std::size_t first = 0; first < entries.size();) {
    std::size_t last = first;
    while (last < entries.size() && entries[last].same_pair(entries[first])) ++last;
    if (last - first >= 2) {
      const auto begin = static_cast<std::uint32_t>(pools_.size());
      for (std::size_t i = first; i < last; ++i) {
        pools_.push_back(entries[i].pool);
        ++touched_begin_[entries[i].pool + 1];
      }
      pairs_.push_back({entries[first].token0, entries[first].token1, begin,
                        static_cast<std::uint32_t>(pools_.size())});
    }
    first = last;
  }
  std::partial_sum(touched_begin_.begin(), touched_begin_.end(), touched_begin_.begin());
  touched_.assign(pools_.size(), 0);
  std::vector<std::uint32_t> next(touched_begin_.begin(), touched_begin_.end() - 1);
  for (std::uint32_t pair = 0; pair < pairs_.size(); ++pair) {
    for (const std::uint32_t pool : pools_of(pair)) touched_[next[pool]++] = pair;
  }
}

namespace detail {

inline constexpr std::uint32_t ranges_read_max = 64;

inline bool add_segment(SplitPool& pool, const gantry_segment& segment) {
  const u256 end(segment.in_end);
  if (!add_range(pool,
                 {u256(segment.reserve_in), u256(segment.reserve_out), segment.fee,
                  segment.fee_denominator},
                 end)) {
    return false;
  }
  pool.exact = pool.exact && (segment.flags & GANTRY_SEGMENT_EXACT) != 0;
  if (!add(pool.in_max, end, pool.in_max)) pool.in_max = u256::max();
  return true;
}

}  // namespace detail

inline bool read_split_pool(const Market& market, const gantry_hop& hop, SplitPool& out) {
  out.hop = hop;
  out.range_count = 0;
  out.exact = true;
  out.in_max = u256();
  out.cost = 0;
  out.deep_in = 0;
  gantry_pool pool;
  if (market.pool(hop.pool, pool) != GANTRY_OK || pool.usable == 0) return false;
  out.index_in = detail::index_in(pool, hop.token_in);
  out.index_out = detail::index_in(pool, hop.token_out);
  out.gas = pool.traits.swap_gas;
  if (out.index_in == pool.token_count || out.index_out == pool.token_count) return false;
  std::array<gantry_segment, detail::ranges_read_max> segments;
  std::uint32_t count = 0;
  if (market.segments(hop.pool, out.index_in, out.index_out, segments, count) != GANTRY_OK) {
    return false;
  }
  count = std::min<std::uint32_t>(count, detail::ranges_read_max);
  const std::uint32_t whole = count > split_ranges_max ? split_ranges_max - 1 : count;
  std::uint32_t read = 0;
  for (; read < whole && detail::add_segment(out, segments[read]); ++read) {
  }
  if (read == whole && whole < count) {
    // The others by themselves, each from where the one before it ends.
    SplitPool rest;
    long double in = 0;
    long double paid = 0;
    u256 in_max;
    for (; read < count; ++read) {
      rest.range_count = 0;
      if (u256(segments[read].in_end) == u256::max() ||
          !detail::add_segment(rest, segments[read])) {
        break;
      }
      in += detail::level_in(rest.ranges[0], rest.ranges[0].t1);
      paid += detail::level_out(rest.ranges[0], rest.ranges[0].t1);
      in_max = rest.in_max;
    }
    if (in > 0 && add_rest(out, in, paid) && !add(out.in_max, in_max, out.in_max)) {
      out.in_max = u256::max();
    }
  }
  if (out.range_count == 0) return false;
  // What goes in stays below the end.
  if (out.in_max != u256::max()) out.in_max = wrapping_sub(out.in_max, u256(1));
  return true;
}

inline double PairPools::price(std::uint32_t i) const {
  if (buyers[i].range_count == 0 || sellers[i].range_count == 0) return 0;
  return static_cast<double>(buyers[i].ranges[0].t0 / sellers[i].ranges[0].t0);
}

inline void PairTrades::prepare(const Market& market) {
  std::vector<PoolTokens> pools(market.pool_count());
  for (std::uint32_t i = 0; i < market.pool_count(); ++i) {
    gantry_pool pool;
    if (market.pool(i, pool) != GANTRY_OK || pool.usable == 0 || is_avoided(market, pool) ||
        is_one_way_pair(pool)) {
      continue;
    }
    pools[i].tokens = {pool.tokens, pool.token_count};
  }
  index_.build(pools);
  looked_.assign(index_.pairs().size(), 0);
  round_ = 0;
  best_.reserve(index_.pairs().size());
  host_.count("pairs", index_.pairs().size());
}

template <class Look>
void PairTrades::each_changed(const Market& market, Look&& look) {
  if (market.cold()) {
    for (std::uint32_t pair = 0; pair < index_.pairs().size(); ++pair) look(pair);
    return;
  }
  if (++round_ == 0) {
    std::fill(looked_.begin(), looked_.end(), 0);
    round_ = 1;
  }
  for (const std::uint32_t pool : market.changed_pools()) {
    for (const std::uint32_t pair : index_.pairs_of(pool)) {
      if (looked_[pair] == round_) continue;
      looked_[pair] = round_;
      look(pair);
    }
  }
}

template <class TradeOf>
gantry_status PairTrades::find(const Market& market, OpportunitySink sink, TradeOf&& trade_of) {
  best_.clear();
  each_changed(market, [&](std::uint32_t pair) {
    if (!read(market, pair)) return;
    double net_ether = 0;
    const std::optional<gantry_opportunity> found = trade_of(pools_, net_ether);
    if (found) best_.add(*found, net_ether * found->confidence);
  });
  best_.emit(sink);
  return GANTRY_OK;
}

inline bool PairTrades::begin(const Market& market, std::uint32_t start, std::uint32_t other) {
  pools_.start = start;
  pools_.other = other;
  pools_.count = 0;
  pools_.ether_per_unit = ether_per_unit(market, start);
  if (!(pools_.ether_per_unit > 0)) return false;
  pools_.cost_per_gas = to_double(u256(market.context().gas_price)) * 1e-18 / pools_.ether_per_unit;
  return true;
}

inline void PairTrades::add_pool(const Market& market, std::uint32_t pool) {
  std::uint32_t place = pools_.count;
  if (place == split_pools_max) {
    // The shallowest gives way to a deeper one.
    const auto deeper = [](const SplitPool& a, const SplitPool& b) {
      return a.deep_in < b.deep_in;
    };
    place = static_cast<std::uint32_t>(
        std::min_element(pools_.buyers.begin(), pools_.buyers.end(), deeper) -
        pools_.buyers.begin());
    host_.count("pools_beyond_the_deepest");
    SplitPool one;
    if (!read_split_pool(market, {pool, pools_.start, pools_.other, 0}, one) ||
        one.deep_in <= pools_.buyers[place].deep_in) {
      return;
    }
  }
  SplitPool& buyer = pools_.buyers[place];
  SplitPool& seller = pools_.sellers[place];
  const bool buys = read_split_pool(market, {pool, pools_.start, pools_.other, 0}, buyer);
  const bool sells = read_split_pool(market, {pool, pools_.other, pools_.start, 0}, seller);
  if (!buys && !sells) {
    if (place == pools_.count) return;
    buyer.range_count = seller.range_count = 0;
  }
  for (SplitPool* one : {&buyer, &seller}) {
    one->cost = static_cast<long double>(one->gas) * pools_.cost_per_gas;
  }
  gantry_pool about;
  pools_.venues[place] = market.pool(pool, about) == GANTRY_OK ? about.venue : 0;
  pools_.count = std::max(pools_.count, place + 1);
}

inline bool PairTrades::read(const Market& market, std::uint32_t pair) {
  const PairIndex::Pair& tokens = index_.pairs()[pair];
  const auto rank = [&](std::uint32_t handle) {
    gantry_token token;
    if (market.token(handle, token) != GANTRY_OK) return 0;
    if ((token.flags & GANTRY_TOKEN_WRAPPED) != 0 || handle == market.raw().wrapped_token) return 3;
    return (token.flags & GANTRY_TOKEN_USD) != 0 ? 2 : 1;
  };
  const bool second = rank(tokens.token1) > rank(tokens.token0);
  const std::uint32_t start = second ? tokens.token1 : tokens.token0;
  const std::uint32_t other = second ? tokens.token0 : tokens.token1;
  if (!begin(market, start, other) && !begin(market, other, start)) return false;
  for (const std::uint32_t pool : index_.pools_of(pair)) add_pool(market, pool);
  return pools_.count >= 2;
}

inline bool PairTrades::quote(const Market& market, const SplitPool& pool, const u256& in,
                              gantry_quote& out) {
  if (in.is_zero()) return false;
  const gantry_swap swap{in, pool.index_in, pool.index_out, GANTRY_EXACT_IN, 0};
  return market.quote(pool.hop.pool, swap, out) == GANTRY_OK;
}

inline std::optional<gantry_opportunity> PairTrades::trade(const Market& market,
                                                           const PairPools& pools,
                                                           double& net_ether) const {
  return solve(market, pools, u256::max(), net_ether);
}

inline std::optional<gantry_opportunity> PairTrades::solve(const Market& market,
                                                           const PairPools& pools,
                                                           const u256& amount_in_max,
                                                           double& net_ether) const {
  SplitLimits limits;
  limits.amount_in_max = amount_in_max;
  limits.legs_max = splits_ ? std::min<std::uint32_t>(rules_.legs_max, GANTRY_LEGS_MAX) : 2;
  limits.cost = static_cast<long double>(trade_gas_overhead) * pools.cost_per_gas;
  SplitSizing sizing;
  const auto ask = [&](const SplitPool& pool, const u256& in, u256& out) {
    gantry_quote quoted;
    if (!quote(market, pool, in, quoted)) return false;
    out = u256(quoted.amount_out);
    return true;
  };
  const SplitSides sides{{pools.buyers.data(), pools.count}, {pools.sellers.data(), pools.count}};
  if (best_split(ask, sides, limits, sizing) != GANTRY_OK) return std::nullopt;

  gantry_opportunity out{};
  out.kind = market.pending() != 0 ? GANTRY_OPPORTUNITY_BACKRUN : GANTRY_OPPORTUNITY_ARBITRAGE;
  out.token_in = out.token_out = pools.start;
  out.amount_in = sizing.amount_in;
  out.amount_out = wrapping_add(sizing.amount_in, sizing.profit);
  out.block = market.context().state_block;
  out.valid_until_block = market.context().execution_block;
  out.leg_count = sizing.leg_count;
  for (std::uint32_t i = 0; i < sizing.leg_count; ++i) {
    const SplitLeg& leg = sizing.legs[i];
    const SplitPool& pool =
        i < sizing.buyer_count ? pools.buyers[leg.pool] : pools.sellers[leg.pool];
    gantry_quote quoted;
    if (!quote(market, pool, leg.amount_in, quoted)) return std::nullopt;
    out.legs[i] = {pool.hop, leg.amount_in, quoted.amount_out};
    out.gas += quoted.gas;
    if (u256(quoted.amount_out) != leg.amount_out) return std::nullopt;
  }
  out.key = split_key(out);
  const Signals signals = signals_of(pools, sizing);
  out.confidence = signals.confidence;
  out.risk_score = signals.risk;
  const double stake = to_double(sizing.amount_in) * pools.ether_per_unit;
  const double gas = static_cast<double>(out.gas + trade_gas_overhead) *
                     to_double(u256(market.context().gas_price)) * 1e-18;
  net_ether = to_double(sizing.profit) * pools.ether_per_unit - gas;
  out.expected_profit_bps = net_ether / stake * 1e4;
  const bool pays = out.expected_profit_bps >= rules_.min_profit_bps && net_ether > 0 &&
                    out.expected_profit_bps < 1e15;
  return pays ? std::optional(out) : std::nullopt;
}

inline gantry_status PairTrades::size(const Market& market, const gantry_opportunity& opportunity,
                                      const gantry_sizing_limits& limits, gantry_opportunity& out) {
  if (opportunity.leg_count < 2 || opportunity.leg_count > GANTRY_LEGS_MAX) {
    return GANTRY_BAD_ARGUMENT;
  }
  const std::uint32_t other = opportunity.legs[0].hop.token_out;
  if (!begin(market, opportunity.token_in, other)) return GANTRY_REFUSED;
  for (std::uint32_t i = 0; i < opportunity.leg_count; ++i) {
    const gantry_hop& hop = opportunity.legs[i].hop;
    const bool buys = hop.token_in == pools_.start;
    if (buys ? hop.token_out != other : hop.token_in != other || hop.token_out != pools_.start) {
      return GANTRY_BAD_ARGUMENT;
    }
    for (std::uint32_t j = 0; j < i; ++j) {
      if (opportunity.legs[j].hop.pool == hop.pool) return GANTRY_BAD_ARGUMENT;
    }
    const std::uint32_t before = pools_.count;
    add_pool(market, hop.pool);
    if (pools_.count == before) return GANTRY_REFUSED;
    SplitPool& pool = buys ? pools_.buyers[before] : pools_.sellers[before];
    (buys ? pools_.sellers[before] : pools_.buyers[before]).range_count = 0;
    std::array<gantry_amount, detail::pool_tokens_max> balances;
    gantry_pool_view view{0, detail::pool_tokens_max, balances.data()};
    u256 share;
    if (market.view(hop.pool, view) != GANTRY_OK || pool.index_in >= view.token_count ||
        !mul_div_floor(u256(balances[pool.index_in]), u256(limits.pool_share_max_bps), u256(10000),
                       share)) {
      return GANTRY_REFUSED;
    }
    limit_input(pool, share);
  }
  double net_ether = 0;
  const u256 most = std::min(u256(limits.amount_in_max), u256(opportunity.amount_in));
  const auto sized = solve(market, pools_, most, net_ether);
  if (!sized) return GANTRY_REFUSED;
  out = *sized;
  return GANTRY_OK;
}

inline gantry_status PairTrades::validate(const Market& market,
                                          const gantry_opportunity& opportunity) {
  if (opportunity.leg_count < 2 || opportunity.leg_count > GANTRY_LEGS_MAX) {
    return GANTRY_BAD_ARGUMENT;
  }
  for (std::uint32_t i = 0; i < opportunity.leg_count; ++i) {
    const gantry_leg& leg = opportunity.legs[i];
    gantry_route_quote quote;
    const auto status = market.quote_route({&leg.hop, 1}, leg.amount_in, quote);
    if (status != GANTRY_OK) return status;
    if (u256(quote.amount_out) < u256(leg.amount_out)) return GANTRY_REFUSED;
  }
  return GANTRY_OK;
}

inline Signals signals_of(const PairPools& pools, const SplitSizing& sizing) {
  double depth_ether = std::numeric_limits<double>::infinity();
  double share = 0;
  double other_ether = 0;  // of one unit of the other token, as it was bought
  double bought = 0;
  for (std::uint32_t i = 0; i < sizing.buyer_count; ++i) {
    bought += to_double(sizing.legs[i].amount_out);
  }
  other_ether = to_double(sizing.amount_in) * pools.ether_per_unit / bought;
  for (std::uint32_t i = 0; i < sizing.leg_count; ++i) {
    const bool buys = i < sizing.buyer_count;
    const SplitLeg& leg = sizing.legs[i];
    const auto deep = static_cast<double>(buys ? pools.buyers[leg.pool].deep_in
                                               : pools.sellers[leg.pool].deep_in);
    depth_ether = std::min(depth_ether, deep * (buys ? pools.ether_per_unit : other_ether));
    share = std::max(share, to_double(leg.amount_in) / deep);
  }
  const double depth = depth_confidence(depth_ether);
  const double margin = to_double(sizing.profit) / to_double(sizing.amount_in);
  const double half = detail::margin_half_per_hop * sizing.leg_count;
  return {std::clamp(depth * margin / (margin + half), 0.0, 1.0),
          std::clamp(1 - depth * (1 - std::min(share, 1.0)), 0.0, 1.0)};
}

inline std::uint64_t split_key(const gantry_opportunity& opportunity) {
  std::uint64_t key = 0;
  for (std::uint32_t i = 0; i < opportunity.leg_count; ++i) {
    // SplitMix64's finalizer; a sum does not look at the order.
    const gantry_hop& hop = opportunity.legs[i].hop;
    std::uint64_t z =
        (static_cast<std::uint64_t>(hop.pool) << 32U | hop.token_in) + 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    key += z ^ (z >> 31U);
  }
  return key;
}

}  // namespace gantry::search
