#include "host/market/market_view.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "gantry/u256.hpp"
#include "host/market/after_pending.hpp"
#include "host/market/market_services.hpp"
#include "host/market/valuation.hpp"

namespace gantry::host {

bool is_direction(const PoolInfo& pool, std::uint32_t token_in, std::uint32_t token_out) noexcept {
  return token_in < pool.tokens.size() && token_out < pool.tokens.size() && token_in != token_out;
}

MarketView::MarketView(const History* history)
    : history_(history), overlays_(GANTRY_LEGS_MAX * GANTRY_OVERLAY_BYTES_MAX + 16) {
  market_.self = this;
  market_.services = &market_services();
}

MarketView::~MarketView() = default;

void MarketView::bind(const Snapshot& snapshot, std::span<const std::uint32_t> changed, bool cold) {
  const Topology& topology = *snapshot.topology;
  snapshot_ = &snapshot;
  market_.context = &snapshot.context;
  market_.snapshot = snapshot.id;
  market_.topology = topology.id;
  market_.token_count = static_cast<std::uint32_t>(topology.tokens.size());
  market_.pool_count = static_cast<std::uint32_t>(topology.pools.size());
  market_.venue_count = static_cast<std::uint32_t>(topology.venues.size());
  market_.wrapped_token = topology.wrapped_token;
  market_.changed_pools = cold ? nullptr : changed.data();
  market_.changed_count = cold ? 0 : static_cast<std::uint32_t>(changed.size());
  market_.cold = cold ? 1 : 0;
  // Where the host's clock was not recorded, the chain's stands for it.
  market_.time_ms = snapshot.time_ms != 0 ? snapshot.time_ms : snapshot.context.state_time_s * 1000;
  market_.pending = snapshot.after;
}

const PoolInfo* MarketView::usable(std::uint32_t pool, gantry_pool_state& state) const noexcept {
  const Topology& topology = *snapshot_->topology;
  if (pool >= topology.pools.size()) return nullptr;
  const PoolInfo& info = topology.pools[pool];
  if (info.use != PoolUse::usable || !topology.venue_of(info).health().usable(snapshot_->id))
    return nullptr;
  return snapshot_->pool_state(pool, state) ? &info : nullptr;
}

gantry_status MarketView::judged(const VenueInstance& venue, gantry_status status) const {
  venue.health().accept(Phase::quote, status, snapshot_->id);
  return status;
}

gantry_status MarketView::quote(std::uint32_t pool, const gantry_swap& swap,
                                gantry_quote& out) const {
  gantry_pool_state state;
  const PoolInfo* info = usable(pool, state);
  if (info == nullptr) return GANTRY_REFUSED;
  if (!is_direction(*info, swap.token_in, swap.token_out)) return GANTRY_BAD_ARGUMENT;
  const VenueInstance& venue = snapshot_->topology->venue_of(*info);
  return judged(venue,
                venue.call<&gantry_dex_v1::quote>(Phase::quote, &state, &swap, &out, nullptr));
}

gantry_status MarketView::quote_route(std::span<const gantry_hop> hops, const gantry_amount& amount,
                                      std::int32_t mode, gantry_route_quote& out) const {
  if (hops.empty() || hops.size() > GANTRY_LEGS_MAX) return GANTRY_BAD_ARGUMENT;
  const std::size_t count = hops.size();
  Walk quoted{mode, {}};
  quoted.amounts[mode == GANTRY_EXACT_IN ? 0 : count] = amount;
  const auto status = walk(hops, quoted);
  if (status != GANTRY_OK) return status;
  out.amount_in = quoted.amounts[0];
  out.amount_out = quoted.amounts[count];
  std::copy_n(quoted.amounts, count + 1, out.amounts);
  out.gas = quoted.gas;
  return GANTRY_OK;
}

gantry_status MarketView::quote_legs(std::span<gantry_leg> legs, std::uint64_t& gas) const {
  std::array<gantry_hop, GANTRY_LEGS_MAX> hops;
  if (legs.empty() || legs.size() > hops.size()) return GANTRY_BAD_ARGUMENT;
  std::ranges::transform(legs, hops.begin(), &gantry_leg::hop);
  Walk quoted{GANTRY_EXACT_IN, {}, {}, legs};
  const auto status = walk({hops.data(), legs.size()}, quoted);
  if (status != GANTRY_OK) return status;
  for (std::size_t i = 0; i < legs.size(); ++i) legs[i].amount_out = quoted.amounts[i + 1];
  gas = quoted.gas;
  return GANTRY_OK;
}

gantry_status MarketView::trade(std::span<const gantry_hop> hops, const gantry_amount& amount,
                                std::int32_t mode, std::span<const gantry_leg> legs,
                                Traded& out) const {
  const std::size_t count = hops.size();
  if (count == 0 || count > GANTRY_LEGS_MAX) return GANTRY_BAD_ARGUMENT;
  std::array<PoolAfter, GANTRY_LEGS_MAX> kept;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& pools = snapshot_->topology->pools;
    if (hops[i].pool < pools.size() && pools[hops[i].pool].traits.overlay_bytes == 0) {
      return GANTRY_UNSUPPORTED;
    }
    kept[i] = {hops[i].pool, {}};
  }
  Walk traded{mode, {kept.data(), count}, {}, legs};
  traded.amounts[mode == GANTRY_EXACT_IN ? 0 : count] = amount;
  const auto status = walk(hops, traded);
  if (status != GANTRY_OK) return status;
  std::copy_n(traded.amounts, count + 1, out.amounts);
  std::copy_n(traded.next_state, count, out.left);
  return GANTRY_OK;
}

gantry_status MarketView::look(std::uint64_t sequence, std::span<const gantry_leg> before,
                               void* self,
                               gantry_status (*with)(void* self,
                                                     const gantry_market* after)) const {
  // Behind one that waits, nothing else is looked at.
  if (snapshot_->after != 0) return GANTRY_UNSUPPORTED;
  if (after_ == nullptr) after_ = std::make_unique<AfterPending>(history_);
  const auto status = after_->bind(*snapshot_, sequence, before);
  return status == GANTRY_OK ? with(self, after_->view().market()) : status;
}

gantry_status MarketView::walk(std::span<const gantry_hop> hops, Walk& walk) const {
  const bool forward = walk.mode == GANTRY_EXACT_IN;
  const std::size_t count = hops.size();
  const auto aligned =
      reinterpret_cast<std::uintptr_t>(overlays_.data() + 15) & ~std::uintptr_t{15};
  for (std::size_t step = 0; step < count; ++step) {
    const std::size_t i = forward ? step : count - 1 - step;
    const gantry_hop& hop = hops[i];
    gantry_pool_state state;
    const PoolInfo* info = usable(hop.pool, state);
    if (info == nullptr) return GANTRY_REFUSED;
    gantry_swap swap{walk.own.empty() ? walk.amounts[forward ? i : i + 1] : walk.own[i].amount_in,
                     info->index_of(hop.token_in), info->index_of(hop.token_out), walk.mode, 0};
    if (!is_direction(*info, swap.token_in, swap.token_out)) return GANTRY_BAD_ARGUMENT;
    bool keep = std::ranges::find(walk.kept, hop.pool, &PoolAfter::pool) != walk.kept.end();
    for (std::size_t j = 0; j < count; ++j) {
      if (j == i || hops[j].pool != hop.pool) continue;
      // Backwards, the state before a later visit is not known yet.
      if (!forward) return GANTRY_UNSUPPORTED;
      if (j < i) state.overlay = walk.next_state[j];
      keep = keep || j > i;
    }
    gantry_buffer next{reinterpret_cast<std::uint8_t*>(aligned) + i * GANTRY_OVERLAY_BYTES_MAX,
                       GANTRY_OVERLAY_BYTES_MAX, 0};
    const VenueInstance& venue = snapshot_->topology->venue_of(*info);
    gantry_quote quote;
    const auto status =
        judged(venue, venue.call<&gantry_dex_v1::quote>(Phase::quote, &state, &swap, &quote,
                                                        keep ? &next : nullptr));
    if (status != GANTRY_OK) return status;
    if (keep && (next.size == 0 || next.size > GANTRY_OVERLAY_BYTES_MAX)) {
      venue.health().strike(Phase::quote, "quote() left no next state that can be read",
                            snapshot_->id);
      return GANTRY_PLUGIN_FAULT;
    }
    walk.next_state[i] = {next.data, next.size};
    walk.amounts[forward ? i + 1 : i] = forward ? quote.amount_out : quote.amount_in;
    walk.gas += quote.gas;
  }
  return GANTRY_OK;
}

gantry_status MarketView::view(std::uint32_t pool, gantry_pool_view& out) const {
  gantry_pool_state state;
  const PoolInfo* info = usable(pool, state);
  if (info == nullptr) return GANTRY_REFUSED;
  const VenueInstance& venue = snapshot_->topology->venue_of(*info);
  return judged(venue, venue.call<&gantry_dex_v1::view>(Phase::quote, &state, &out));
}

gantry_status MarketView::value(std::uint32_t token, const gantry_amount& amount,
                                gantry_value& out) const {
  return value_of(*snapshot_, token, amount, ValueAs::spot, out);
}

gantry_status MarketView::sale_value(std::span<const gantry_leg> legs, std::uint32_t token,
                                     const gantry_amount& amount, gantry_value& out) const {
  const Topology& topology = *snapshot_->topology;
  if (token >= topology.tokens.size()) return GANTRY_BAD_ARGUMENT;
  // A dollar is not sold: the legs need not be gone through again.
  if ((topology.tokens[token].flags & GANTRY_TOKEN_USD) != 0) {
    return value_of(*snapshot_, token, amount, ValueAs::sale, out);
  }
  out.status = GANTRY_UNSUPPORTED;
  std::array<gantry_hop, GANTRY_LEGS_MAX> hops;
  if (legs.size() > hops.size()) return GANTRY_BAD_ARGUMENT;
  std::ranges::transform(legs, hops.begin(), &gantry_leg::hop);
  const std::span route(hops.data(), legs.size());
  // The pools of the way to the coin that the legs go through.
  std::array<PoolAfter, value_steps_max> after;
  std::size_t count = 0;
  for (std::uint32_t at = token; count < after.size() && at != topology.wrapped_token;) {
    const ValueStep& step = topology.value_steps[at];
    if (step.pool == no_handle) break;
    if (std::ranges::find(route, step.pool, &gantry_hop::pool) != route.end()) {
      if (topology.pools[step.pool].traits.overlay_bytes == 0) return GANTRY_UNSUPPORTED;
      after[count++] = {step.pool, {}};
    }
    at = step.next;
  }
  const std::span met(after.data(), count);
  if (count != 0) {
    Walk traded{GANTRY_EXACT_IN, met, {}, legs};
    if (walk(route, traded) != GANTRY_OK) return GANTRY_UNSUPPORTED;
    for (std::size_t i = 0; i < route.size(); ++i) {
      const auto left = std::ranges::find(met, route[i].pool, &PoolAfter::pool);
      if (left != met.end()) left->overlay = traded.next_state[i];
    }
  }
  return value_of(*snapshot_, token, amount, ValueAs::sale, out, met);
}

gantry_status MarketView::price(std::uint32_t token, std::uint32_t quote, gantry_price& out) const {
  const Topology& topology = *snapshot_->topology;
  if (token >= topology.tokens.size() || quote >= topology.tokens.size() || token == quote) {
    return GANTRY_BAD_ARGUMENT;
  }
  gantry_price best{};
  double best_liquidity = -1;
  for (const std::uint32_t pool : topology.pools_of(token)) {
    gantry_pool_state state;
    const PoolInfo* info = usable(pool, state);
    if (info == nullptr) continue;
    const std::uint32_t in = info->index_of(token);
    const std::uint32_t out_index = info->index_of(quote);
    if (out_index == no_handle) continue;
    SpotPrice spot;
    if (!spot_price(*snapshot_, pool, in, out_index, spot)) continue;
    const double scale = std::pow(10.0, static_cast<double>(topology.tokens[token].decimals) -
                                            static_cast<double>(topology.tokens[quote].decimals));
    const double kept = 1.0 - spot.fee;
    if (spot.reserve_in <= best_liquidity) continue;
    best_liquidity = spot.reserve_in;
    best.bid = spot.reserve_out / spot.reserve_in * kept * scale;
    best.ask = spot.reserve_out / spot.reserve_in / kept * scale;
    best.time_s = snapshot_->context.state_time_s;
    best.block = snapshot_->context.state_block;
    // Selling dx moves the price by about 2 dx / reserve: half a percent of the reserve is 1 %.
    u256 liquidity;
    if (from_double_floor(spot.reserve_in * 0.005, liquidity)) best.liquidity = liquidity;
    best.source = pool;
  }
  if (best_liquidity < 0) return GANTRY_UNSUPPORTED;
  out = best;
  return GANTRY_OK;
}

gantry_status MarketView::positions(std::span<gantry_position> out, std::uint32_t& count) const {
  count = 0;
  if (!has_positions_) return GANTRY_UNSUPPORTED;
  if (positions_ == nullptr) return GANTRY_REFUSED;
  count = static_cast<std::uint32_t>(positions_->size());
  std::copy_n(positions_->begin(), std::min(out.size(), positions_->size()), out.begin());
  return GANTRY_OK;
}

}  // namespace gantry::host
