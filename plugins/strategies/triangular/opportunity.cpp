#include "plugins/strategies/triangular/opportunity.hpp"

#include <algorithm>

namespace gantry::triangular {

namespace {

constexpr double depth_half_ether = 10;
constexpr double margin_half_per_hop = 0.001;
constexpr std::uint32_t pool_tokens_max = 16;

// Index of a token in a pool's own order, or the number of its tokens.
std::uint32_t index_in(const gantry_pool& pool, std::uint32_t token) {
  return static_cast<std::uint32_t>(std::find(pool.tokens, pool.tokens + pool.token_count, token) -
                                    pool.tokens);
}

// What arrives at each hop for this input; false: some hop cannot take it.
bool amounts_into(const Route& route, const u256& amount_in, std::array<u256, hops_max>& into) {
  u256 amount = amount_in;
  for (std::uint32_t i = 0; i < route.hop_count; ++i) {
    into[i] = amount;
    if (amount > route.legs[i].in_max ||
        amount_out(route.legs[i].pool, into[i], amount) != GANTRY_OK) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool read_leg(const Market& market, const gantry_hop& hop, Leg& leg) {
  gantry_pool pool;
  if (market.pool(hop.pool, pool) != GANTRY_OK) return false;
  gantry_segment segment;
  std::uint32_t count = 0;
  if (market.segments(hop.pool, index_in(pool, hop.token_in), index_in(pool, hop.token_out),
                      {&segment, 1}, count) != GANTRY_OK ||
      count == 0) {
    return false;
  }
  leg.pool = {u256(segment.reserve_in), u256(segment.reserve_out), segment.fee,
              segment.fee_denominator};
  const u256 end(segment.in_end);
  leg.in_max = end == u256::max() ? end : wrapping_sub(end, u256(1));
  return !end.is_zero();
}

std::uint64_t route_key(std::span<const gantry_hop> hops) {
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

double depth_confidence(double depth_ether) {
  // Infinite where nothing is known to be shallow.
  return depth_ether < 1e18 ? depth_ether / (depth_ether + depth_half_ether) : 1;
}

Signals signals_of(const Route& route, const Sizing& sizing, const u256& amount_in) {
  const double depth = depth_confidence(route.depth_ether);
  const double margin = to_double(sizing.profit) / to_double(amount_in);
  const double confidence = depth * margin / (margin + margin_half_per_hop * route.hop_count);
  double share = 0;
  for (std::uint32_t i = 0; i < route.hop_count; ++i) {
    const u256& in = i == 0 ? amount_in : sizing.amounts[i - 1];
    share = std::max(share, to_double(in) / to_double(route.legs[i].pool.reserve_in));
  }
  const double risk = 1 - depth * (1 - std::min(share, 1.0));
  return {std::clamp(confidence, 0.0, 1.0), std::clamp(risk, 0.0, 1.0)};
}

std::optional<gantry_opportunity> make_opportunity(const Market& market, const Route& route,
                                                   const u256& amount_in_max) {
  Sizing sizing;
  if (best_input({route.legs.data(), route.hop_count}, {amount_in_max}, sizing) != GANTRY_OK) {
    return std::nullopt;
  }
  gantry_route_quote quote;
  if (market.quote_route({route.hops.data(), route.hop_count}, sizing.amount_in, quote) !=
      GANTRY_OK) {
    return std::nullopt;
  }
  // A venue whose segments are not exact may pay less than its shape promises.
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

u256 cap_by_share(const Market& market, const Route& route, const u256& most,
                  std::uint32_t share_bps) {
  std::array<u256, hops_max> allowed;
  for (std::uint32_t i = 0; i < route.hop_count; ++i) {
    gantry_pool pool;
    std::array<gantry_amount, pool_tokens_max> balances;
    gantry_pool_view view{0, pool_tokens_max, balances.data()};
    if (market.pool(route.hops[i].pool, pool) != GANTRY_OK ||
        market.view(route.hops[i].pool, view) != GANTRY_OK) {
      return u256();
    }
    const std::uint32_t in = index_in(pool, route.hops[i].token_in);
    if (in >= view.token_count ||
        !mul_div_floor(u256(balances[in]), u256(share_bps), u256(10000), allowed[i])) {
      return u256();
    }
  }
  const auto fits = [&](const u256& amount) {
    std::array<u256, hops_max> into;
    if (!amounts_into(route, amount, into)) return false;
    for (std::uint32_t i = 0; i < route.hop_count; ++i) {
      if (into[i] > allowed[i]) return false;
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

}  // namespace gantry::triangular
