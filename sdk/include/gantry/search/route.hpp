// From a candidate cycle to an opportunity with exact amounts: reads the hops from the market,
// sizes the trade, and says how sure and how risky it is.
//
// THREADS  One at a time. Allocates nothing.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "gantry/market.hpp"
#include "gantry/search/route_sizing.hpp"
#include "gantry/search/sizing.hpp"
#include "gantry/strategy.h"

namespace gantry::search {

inline constexpr std::uint64_t trade_gas_overhead = 60000;  // of a transaction, as the host adds it

// A cycle as it will be traded, hop by hop.
struct Route {
  std::uint32_t hop_count = 0;
  std::array<gantry_hop, hops_max> hops{};
  std::array<Leg, hops_max> legs{};
  std::uint64_t gas = 0;
  double depth_ether = 0;  // of the shallowest pool: its balance of what goes in
};

// Of two tokens that are swapped one way only, as a borrower's debt for its collateral is. There
// may be hundreds of one pair, and they are no market that prices could be out of line with.
inline bool is_one_way_pair(const gantry_pool& pool) {
  return pool.token_count == 2 && (pool.traits.flags & GANTRY_POOL_ONE_WAY) != 0;
}

// Whether a token of the pool is one to leave alone, or is not known.
inline bool is_avoided(const Market& market, const gantry_pool& pool) {
  return std::any_of(pool.tokens, pool.tokens + pool.token_count, [&](std::uint32_t handle) {
    gantry_token token;
    return market.token(handle, token) != GANTRY_OK || (token.flags & GANTRY_TOKEN_AVOID) != 0;
  });
}

// Ether for one smallest unit, from a large amount, so that rounding does not show; 0: none.
inline double ether_per_unit(const Market& market, std::uint32_t token) {
  gantry_value value;
  const u256 amount = u256::from_u128(static_cast<uint128>(1) << 96U);
  return market.value(token, amount, value) == GANTRY_OK
             ? to_double(u256(value.ether_wei)) * 1e-18 / to_double(amount)
             : 0;
}

// The first segment of one hop as a leg; false: the pool has no such shape, or is not usable now.
inline bool read_leg(const Market& market, const gantry_hop& hop, Leg& leg);

// The same cycle has the same key wherever it starts; its two directions have different ones.
inline std::uint64_t route_key(std::span<const gantry_hop> hops);

// Confidence: the product of
//   depth / (depth + 10 ETH), the balance of the shallowest pool, as thin pools are moved by
//   anybody and hold the tokens that cannot be sold; and margin / (margin + 10 bps a hop), the
//   gross profit by the amount in, as a thin margin is gone when any pool on the way moves.
// Risk: 1 - depth / (depth + 10 ETH) * (1 - the largest share of a pool's balance that goes in).
struct Signals {
  double confidence;
  double risk;
};
inline double depth_confidence(double depth_ether);  // the first factor
inline Signals signals_of(const Route& route, const Sizing& sizing, const u256& amount_in);

// Sizes the route within `amount_in_max` and writes the opportunity; nothing: it gains nothing.
// The amounts are the venues' own quotes.
inline std::optional<gantry_opportunity> make_opportunity(const Market& market, const Route& route,
                                                          const u256& amount_in_max);

// The most that may go in so that no hop takes more than share_bps of the balance it is paid into,
// by the venues' quotes.
inline u256 cap_by_share(const Market& market, const Route& route, const u256& most,
                         std::uint32_t share_bps);

namespace detail {

inline constexpr double depth_half_ether = 10;
inline constexpr double margin_half_per_hop = 0.001;
inline constexpr std::uint32_t pool_tokens_max = 16;

// Index of a token in a pool's own order, or the number of its tokens.
inline std::uint32_t index_in(const gantry_pool& pool, std::uint32_t token) {
  return static_cast<std::uint32_t>(std::find(pool.tokens, pool.tokens + pool.token_count, token) -
                                    pool.tokens);
}

}  // namespace detail

inline bool read_leg(const Market& market, const gantry_hop& hop, Leg& leg) {
  gantry_pool pool;
  if (market.pool(hop.pool, pool) != GANTRY_OK) return false;
  std::array<gantry_segment, 2> segments;
  std::uint32_t count = 0;
  if (market.segments(hop.pool, detail::index_in(pool, hop.token_in),
                      detail::index_in(pool, hop.token_out), segments, count) != GANTRY_OK ||
      count == 0) {
    return false;
  }
  const gantry_segment& segment = segments[0];
  leg.pool = {u256(segment.reserve_in), u256(segment.reserve_out), segment.fee,
              segment.fee_denominator};
  const u256 end(segment.in_end);
  leg.in_max = end == u256::max() ? end : wrapping_sub(end, u256(1));
  leg.exact = (segment.flags & GANTRY_SEGMENT_EXACT) != 0;
  leg.whole = leg.exact && count == 1;
  return !end.is_zero();
}

inline std::uint64_t route_key(std::span<const gantry_hop> hops) {
  // Starts at the smallest pool, whose input token tells the direction of a cycle of two.
  std::size_t first = 0;
  for (std::size_t i = 1; i < hops.size(); ++i) {
    if (hops[i].pool < hops[first].pool) first = i;
  }
  std::uint64_t key = 0xcbf29ce484222325ULL;  // FNV-1a over 32-bit words
  const auto add = [&key](std::uint32_t word) { key = (key ^ word) * 0x100000001b3ULL; };
  add(hops[first].token_in);
  for (std::size_t i = 0; i < hops.size(); ++i) add(hops[(first + i) % hops.size()].pool);
  return key;
}

inline double depth_confidence(double depth_ether) {
  // Infinite where nothing is known to be shallow.
  return depth_ether < 1e18 ? depth_ether / (depth_ether + detail::depth_half_ether) : 1;
}

inline Signals signals_of(const Route& route, const Sizing& sizing, const u256& amount_in) {
  const double depth = depth_confidence(route.depth_ether);
  const double margin = to_double(sizing.profit) / to_double(amount_in);
  const double confidence =
      depth * margin / (margin + detail::margin_half_per_hop * route.hop_count);
  double share = 0;
  for (std::uint32_t i = 0; i < route.hop_count; ++i) {
    const u256& in = i == 0 ? amount_in : sizing.amounts[i - 1];
    share = std::max(share, to_double(in) / to_double(route.legs[i].pool.reserve_in));
  }
  const double risk = 1 - depth * (1 - std::min(share, 1.0));
  return {std::clamp(confidence, 0.0, 1.0), std::clamp(risk, 0.0, 1.0)};
}

namespace detail {

// The best input by the pools' shapes where those are exact for it; else by their quotes, with the
// shapes for a beginning.
inline bool size_route(const Market& market, const Route& route, const u256& amount_in_max,
                       gantry_route_quote& quote) {
  std::array<Leg, hops_max> legs = route.legs;
  for (Leg& leg : legs) leg.in_max = u256::max();
  Sizing sizing;
  if (best_input({legs.data(), route.hop_count}, {amount_in_max}, sizing) != GANTRY_OK) {
    return false;
  }
  bool exact = true;
  for (std::uint32_t i = 0; i < route.hop_count; ++i) {
    const u256& into = i == 0 ? sizing.amount_in : sizing.amounts[i - 1];
    exact = exact && route.legs[i].exact && into <= route.legs[i].in_max;
  }
  const std::span hops(route.hops.data(), route.hop_count);
  if (exact) return market.quote_route(hops, sizing.amount_in, quote) == GANTRY_OK;
  RouteLimits limits;
  limits.amount_in_max = amount_in_max;
  limits.first = sizing.amount_in;
  for (const Leg& leg : std::span(route.legs).first(route.hop_count)) {
    // Curves are reckoned in digits of what the pool holds: Balancer's power to 1e-14 of it.
    if (!leg.exact) {
      limits.rounding = std::max(limits.rounding, to_double(leg.pool.reserve_out) * 0x1p-46);
    }
  }
  RouteSizing sized;
  if (best_route_input(market, hops, limits, sized) != GANTRY_OK) return false;
  quote = sized.quote;
  return true;
}

}  // namespace detail

inline std::optional<gantry_opportunity> make_opportunity(const Market& market, const Route& route,
                                                          const u256& amount_in_max) {
  gantry_route_quote quote;
  if (!detail::size_route(market, route, amount_in_max, quote)) return std::nullopt;
  // A venue whose segments are not exact may pay less than its shape promises.
  Sizing sizing;
  if (!sub(u256(quote.amount_out), u256(quote.amount_in), sizing.profit) ||
      sizing.profit.is_zero()) {
    return std::nullopt;
  }
  gantry_opportunity out{};
  out.key = route_key({route.hops.data(), route.hop_count});
  out.kind = market.raw().pending != 0 ? GANTRY_OPPORTUNITY_BACKRUN : GANTRY_OPPORTUNITY_ARBITRAGE;
  out.leg_count = route.hop_count;
  out.token_in = route.hops[0].token_in;
  out.token_out = out.token_in;
  out.amount_in = quote.amount_in;
  out.amount_out = quote.amount_out;
  out.gas = quote.gas;
  out.block = market.context().state_block;
  out.valid_until_block = market.context().execution_block;
  for (std::uint32_t i = 0; i < route.hop_count; ++i) {
    sizing.amounts[i] = u256(quote.amounts[i + 1]);
    out.legs[i] = {route.hops[i], quote.amounts[i], quote.amounts[i + 1]};
  }
  const Signals signals = signals_of(route, sizing, u256(quote.amount_in));
  out.confidence = signals.confidence;
  out.risk_score = signals.risk;
  return out;
}

inline u256 cap_by_share(const Market& market, const Route& route, const u256& most,
                         std::uint32_t share_bps) {
  std::array<u256, hops_max> allowed;
  for (std::uint32_t i = 0; i < route.hop_count; ++i) {
    gantry_pool pool;
    std::array<gantry_amount, detail::pool_tokens_max> balances;
    gantry_pool_view view{0, detail::pool_tokens_max, balances.data()};
    if (market.pool(route.hops[i].pool, pool) != GANTRY_OK ||
        market.view(route.hops[i].pool, view) != GANTRY_OK) {
      return u256();
    }
    const std::uint32_t in = detail::index_in(pool, route.hops[i].token_in);
    if (in >= view.token_count ||
        !mul_div_floor(u256(balances[in]), u256(share_bps), u256(10000), allowed[i])) {
      return u256();
    }
  }
  const std::span hops(route.hops.data(), route.hop_count);
  const auto fits = [&](const u256& amount) {
    gantry_route_quote quote;
    if (market.quote_route(hops, amount, quote) != GANTRY_OK) return false;
    for (std::uint32_t i = 0; i < route.hop_count; ++i) {
      if (u256(quote.amounts[i]) > allowed[i]) return false;
    }
    return true;
  };
  // What arrives at each hop rises with what goes in.
  u256 low;
  u256 high = std::min(most, allowed[0]);
  if (fits(high)) return high;
  while (wrapping_sub(high, low) > u256(1)) {
    const u256 middle = wrapping_add(low, shift_right(wrapping_sub(high, low), 1));
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace gantry::search
