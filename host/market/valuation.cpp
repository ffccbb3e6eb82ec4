#include "host/market/valuation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <queue>

#include "gantry/constant_product.hpp"
#include "gantry/u256.hpp"
#include "host/market/fitted_segment.hpp"

namespace gantry::host {

namespace {

constexpr double confidence_half_usd = 10000;
constexpr std::uint64_t wei_per_ether = 1'000'000'000'000'000'000ULL;
constexpr std::size_t usd_tokens_max = 8;

bool is_fitted(const PoolInfo& pool) { return (pool.traits.flags & GANTRY_POOL_SEGMENTS) == 0; }

// What the pool can pay out, by its own order of tokens; nothing: it does not say.
std::vector<double> balances_of(const Snapshot& snapshot, std::uint32_t pool) {
  const PoolInfo& info = snapshot.topology->pools[pool];
  gantry_pool_state state;
  if (!snapshot.pool_state(pool, state)) return {};
  const VenueInstance& venue = snapshot.topology->venue_of(info);
  std::vector<gantry_amount> amounts(info.tokens.size());
  gantry_pool_view view{0, static_cast<std::uint32_t>(amounts.size()), amounts.data()};
  const auto status = venue.call<&gantry_dex_v1::view>(Phase::quote, &state, &view);
  if (!venue.health().accept(Phase::quote, status, snapshot.id)) return {};
  std::vector<double> out;
  for (const gantry_amount& amount : amounts) out.push_back(to_double(u256(amount)));
  return out;
}

// The first segment of a direction: enough for a price at the margin.
bool first_segment(const Snapshot& snapshot, std::uint32_t pool, std::uint32_t in,
                   std::uint32_t out, gantry_segment& segment) {
  const PoolInfo& info = snapshot.topology->pools[pool];
  gantry_pool_state state;
  if (!snapshot.pool_state(pool, state)) return false;
  const VenueInstance& venue = snapshot.topology->venue_of(info);
  if (!venue.health().usable(snapshot.id)) return false;
  if (is_fitted(info)) return fit_segment(venue, state, in, out, segment);
  std::uint32_t count = 0;
  const auto status =
      venue.call<&gantry_dex_v1::segments>(Phase::quote, &state, in, out, &segment, 1U, &count);
  return venue.health().accept(Phase::quote, status, snapshot.id) && count == 1 &&
         !u256(segment.reserve_in).is_zero() && !u256(segment.reserve_out).is_zero();
}

// What the pool pays as the route left it.
bool sell_after(const Snapshot& snapshot, const ValueStep& step, const PoolAfter& after,
                const u256& amount, u256& out) {
  const VenueInstance& venue = snapshot.topology->venue_of(snapshot.topology->pools[step.pool]);
  gantry_pool_state state;
  if (!snapshot.pool_state(step.pool, state) || !venue.health().usable(snapshot.id)) return false;
  state.overlay = after.overlay;
  const gantry_swap swap{amount, step.in, step.out, GANTRY_EXACT_IN, 0};
  gantry_quote quote;
  const auto status =
      venue.call<&gantry_dex_v1::quote>(Phase::quote, &state, &swap, &quote, nullptr);
  if (!venue.health().accept(Phase::quote, status, snapshot.id)) return false;
  out = u256(quote.amount_out);
  return true;
}

bool convert(const Snapshot& snapshot, const ValueStep& step, const u256& amount, ValueAs as,
             std::span<const PoolAfter> after, u256& out) {
  const auto left = std::ranges::find(after, step.pool, &PoolAfter::pool);
  if (as == ValueAs::sale && left != after.end()) {
    return sell_after(snapshot, step, *left, amount, out);
  }
  gantry_segment segment;
  if (!first_segment(snapshot, step.pool, step.in, step.out, segment)) return false;
  const u256 reserve_in(segment.reserve_in);
  const u256 reserve_out(segment.reserve_out);
  if (as == ValueAs::spot) return mul_div_floor(amount, reserve_out, reserve_in, out);
  const ConstantProduct shape{reserve_in, reserve_out, segment.fee, segment.fee_denominator};
  return amount_out(shape, amount, out) == GANTRY_OK;
}

// A dollar token's amount in millionths of a dollar, rounded down.
bool dollars_e6(std::uint32_t decimals, const u256& amount, u256& out) {
  u256 scale(1);
  for (std::uint32_t i = std::min(decimals, 6U); i < std::max(decimals, 6U); ++i) {
    if (!mul(scale, u256(10), scale)) return false;
  }
  return decimals < 6 ? mul(amount, scale, out) : div_floor(amount, scale, out);
}

gantry_status value_dollars(const Snapshot& snapshot, std::uint32_t decimals, const u256& amount,
                            gantry_value& out) {
  const u256 price(snapshot.ether_usd_e6);
  u256 usd;
  u256 wei;
  if (price.is_zero() || !dollars_e6(decimals, amount, usd) ||
      !mul_div_floor(usd, u256(wei_per_ether), price, wei)) {
    return GANTRY_UNSUPPORTED;
  }
  out = {wei, usd, 0, 1, GANTRY_OK, no_handle};
  return GANTRY_OK;
}

// Breadth first from the wrapped coin: each token takes its deepest pool towards a token that is
// nearer. Depth is compared in ether, so that it means the same in every pool.
class Planner {
 public:
  Planner(Topology& topology, const Snapshot& snapshot)
      : topology_(topology), snapshot_(snapshot), ether_per_unit_(topology.tokens.size(), 0) {}

  void run() {
    topology_.value_steps.assign(topology_.tokens.size(), {});
    if (topology_.wrapped_token == no_handle) return;
    ether_per_unit_[topology_.wrapped_token] = 1e-18;
    std::vector<std::uint32_t> layer{topology_.wrapped_token};
    for (std::uint32_t depth = 0; depth < value_steps_max && !layer.empty(); ++depth) {
      layer = next_layer(layer);
    }
  }

  double ether_of(std::uint32_t token, double amount) const {
    return ether_per_unit_[token] * amount;
  }

  double held(std::uint32_t pool, std::uint32_t index, double reserve) const {
    if (!is_fitted(topology_.pools[pool])) return reserve;
    const auto balances = balances_of(snapshot_, pool);
    return index < balances.size() ? std::min(reserve, balances[index]) : 0;
  }

 private:
  std::vector<std::uint32_t> next_layer(const std::vector<std::uint32_t>& layer) {
    std::vector<double> depth(topology_.tokens.size(), 0);
    std::vector<double> price(topology_.tokens.size(), 0);
    std::vector<std::uint32_t> found;
    for (const std::uint32_t known : layer) {
      for (const std::uint32_t pool : topology_.pools_of(known)) {
        for (const std::uint32_t token : topology_.pools[pool].tokens) {
          if (ether_per_unit_[token] > 0) continue;
          const PoolInfo& info = topology_.pools[pool];
          const std::uint32_t in = info.index_of(token);
          const std::uint32_t out = info.index_of(known);
          SpotPrice spot;
          if (!spot_price(snapshot_, pool, in, out, spot)) continue;
          // What goes one way only is no price: a borrower's collateral comes with a bonus.
          SpotPrice back;
          if ((info.traits.flags & GANTRY_POOL_ONE_WAY) != 0 &&
              !spot_price(snapshot_, pool, out, in, back)) {
            continue;
          }
          // The reserves of a shape that was fitted say how flat a pool is, and not what it holds.
          const double ether = ether_of(known, held(pool, out, spot.reserve_out));
          if (ether <= depth[token]) continue;
          if (depth[token] == 0) found.push_back(token);
          depth[token] = ether;
          price[token] = ether / spot.reserve_in;
          topology_.value_steps[token] = {pool, known, in, out, 2 * ether};
        }
      }
    }
    for (const std::uint32_t token : found) ether_per_unit_[token] = price[token];
    return found;
  }

  Topology& topology_;
  const Snapshot& snapshot_;
  std::vector<double> ether_per_unit_;
};

}  // namespace

bool spot_price(const Snapshot& snapshot, std::uint32_t pool, std::uint32_t in, std::uint32_t out,
                SpotPrice& price) {
  gantry_segment segment;
  if (!first_segment(snapshot, pool, in, out, segment)) return false;
  price = {to_double(u256(segment.reserve_in)), to_double(u256(segment.reserve_out)),
           static_cast<double>(segment.fee) / static_cast<double>(segment.fee_denominator)};
  return true;
}

void plan_valuation(Topology& topology, const Snapshot& snapshot) {
  Planner planner(topology, snapshot);
  planner.run();
  const double usd = static_cast<double>(median_ether_usd_e6(snapshot)) * 1e-6;
  // So far a step's confidence holds its pool's depth in ether.
  for (std::uint32_t token = 0; token < topology.tokens.size(); ++token) {
    ValueStep& step = topology.value_steps[token];
    if (step.pool == no_handle) continue;
    const double depth_usd = step.confidence * usd;
    step.confidence = depth_usd / (depth_usd + confidence_half_usd);
  }
  for (std::uint32_t token = 0; token < topology.tokens.size(); ++token) {
    std::uint32_t& flags = topology.tokens[token].flags;
    // As value_of(): a dollar token needs the price of the coin and no way to it.
    const bool valued =
        (flags & GANTRY_TOKEN_USD) != 0
            ? usd > 0
            : topology.value_steps[token].pool != no_handle || token == topology.wrapped_token;
    if (valued) flags |= GANTRY_TOKEN_VALUED;
  }
  for (std::uint32_t i = 0; i < topology.pools.size(); ++i) {
    PoolInfo& pool = topology.pools[i];
    if (pool.use != PoolUse::usable) continue;
    double ether = 0;
    const auto balances = is_fitted(pool) ? balances_of(snapshot, i) : std::vector<double>();
    for (std::uint32_t t = 0; t < balances.size(); ++t) {
      ether += planner.ether_of(pool.tokens[t], balances[t]);
    }
    for (std::uint32_t t = 0; t < pool.tokens.size() && balances.empty(); ++t) {
      SpotPrice spot;
      const std::uint32_t other = t == 0 ? 1 : 0;
      if (spot_price(snapshot, i, t, other, spot)) {
        ether += planner.ether_of(pool.tokens[t], spot.reserve_in);
      }
    }
    pool.liquidity_usd = ether * usd;
  }
}

gantry_status value_of(const Snapshot& snapshot, std::uint32_t token, const gantry_amount& amount,
                       ValueAs as, gantry_value& out, std::span<const PoolAfter> after) {
  const Topology& topology = *snapshot.topology;
  if (token >= topology.tokens.size()) return GANTRY_BAD_ARGUMENT;
  out.status = GANTRY_UNSUPPORTED;  // until it has been valued
  u256 value(amount);
  const TokenInfo& info = topology.tokens[token];
  if ((info.flags & GANTRY_TOKEN_USD) != 0) {
    return value_dollars(snapshot, info.decimals, value, out);
  }
  double confidence = 1;
  std::uint32_t source = no_handle;
  double weakest = 2;
  std::uint32_t at = token;
  for (std::uint32_t step_count = 0; at != topology.wrapped_token; ++step_count) {
    const ValueStep& step = topology.value_steps[at];
    if (step.pool == no_handle || step_count == value_steps_max ||
        !convert(snapshot, step, value, as, after, value)) {
      return GANTRY_UNSUPPORTED;
    }
    confidence *= step.confidence;
    if (step.confidence < weakest) {
      weakest = step.confidence;
      source = step.pool;
    }
    at = step.next;
  }
  u256 usd;
  if (!mul_div_floor(value, u256(snapshot.ether_usd_e6), u256(wei_per_ether), usd)) {
    return GANTRY_UNSUPPORTED;
  }
  out = {value, usd, 0, confidence, GANTRY_OK, source};
  return GANTRY_OK;
}

std::uint64_t median_ether_usd_e6(const Snapshot& snapshot) {
  const Topology& topology = *snapshot.topology;
  std::array<std::uint64_t, usd_tokens_max> prices{};
  std::size_t count = 0;
  for (const std::uint32_t usd : topology.usd_tokens) {
    if (count == prices.size()) break;
    // The token's own step leads to the coin directly, or it is no measure of it.
    const ValueStep& step = topology.value_steps[usd];
    if (step.pool == no_handle || step.next != topology.wrapped_token) continue;
    gantry_segment segment;
    if (!first_segment(snapshot, step.pool, step.out, step.in, segment)) continue;
    // One coin at the spot price in the token's smallest unit, then in millionths.
    u256 units;
    if (!mul_div_floor(u256(wei_per_ether), u256(segment.reserve_out), u256(segment.reserve_in),
                       units)) {
      continue;
    }
    if (!dollars_e6(topology.tokens[usd].decimals, units, units)) continue;
    if (units.fits_u64()) prices[count++] = units.limb(0);
  }
  if (count == 0) return 0;
  const auto middle = prices.begin() + static_cast<std::ptrdiff_t>((count - 1) / 2);
  std::nth_element(prices.begin(), middle, prices.begin() + static_cast<std::ptrdiff_t>(count));
  return *middle;
}

}  // namespace gantry::host
