#include "host/market/market_services.hpp"

#include <algorithm>

#include "gantry/u256.hpp"
#include "host/market/fitted_segment.hpp"
#include "host/market/market_view.hpp"

namespace gantry::host {

struct MarketView::Services {
  static const MarketView& self(const gantry_market* market) {
    return *static_cast<const MarketView*>(market->self);
  }

  static gantry_status token(const gantry_market* market, std::uint32_t token, gantry_token* out) {
    const Topology& topology = *self(market).snapshot_->topology;
    if (token >= topology.tokens.size()) return GANTRY_BAD_ARGUMENT;
    const TokenInfo& info = topology.tokens[token];
    *out = {info.address, {info.symbol.data(), info.symbol.size()}, info.decimals, info.flags};
    return GANTRY_OK;
  }

  // A venue that has none gets one that fits it.
  static gantry_pool_traits with_segments(gantry_pool_traits traits) {
    traits.flags |= GANTRY_POOL_SEGMENTS;
    return traits;
  }

  static gantry_status pool(const gantry_market* market, std::uint32_t pool, gantry_pool* out) {
    const MarketView& view = self(market);
    const Topology& topology = *view.snapshot_->topology;
    if (pool >= topology.pools.size()) return GANTRY_BAD_ARGUMENT;
    const PoolInfo& info = topology.pools[pool];
    gantry_pool_state state;
    const std::int32_t priority =
        info.venue == no_handle
            ? 0
            : static_cast<std::int32_t>(topology.venue_of(info).settings.priority);
    *out = {info.address,
            info.tokens.data(),
            static_cast<std::uint32_t>(info.tokens.size()),
            info.venue,
            with_segments(info.traits),
            priority,
            view.usable(pool, state) != nullptr ? 1U : 0U};
    return GANTRY_OK;
  }

  static gantry_status find_token(const gantry_market* market, const gantry_address* address,
                                  std::uint32_t* out) {
    const Topology& topology = *self(market).snapshot_->topology;
    const auto found = topology.token_by_address.find(*address);
    if (found == topology.token_by_address.end()) return GANTRY_UNSUPPORTED;
    *out = found->second;
    return GANTRY_OK;
  }

  static gantry_status quote(const gantry_market* market, std::uint32_t pool,
                             const gantry_swap* swap, gantry_quote* out) {
    return self(market).quote(pool, *swap, *out);
  }

  static gantry_status quote_many(const gantry_market* market, std::uint32_t pool,
                                  const gantry_swap* swaps, std::uint32_t count, gantry_quote* out,
                                  gantry_status* statuses) {
    gantry_pool_state state;
    const PoolInfo* info = self(market).usable(pool, state);
    if (info == nullptr) return GANTRY_REFUSED;
    const VenueInstance& venue = self(market).snapshot_->topology->venue_of(*info);
    const auto status =
        venue.call<&gantry_dex_v1::quote_many>(Phase::quote, &state, swaps, count, out, statuses);
    return self(market).judged(venue, status);
  }

  static gantry_status limits(const gantry_market* market, std::uint32_t pool,
                              std::uint32_t token_in, std::uint32_t token_out,
                              gantry_swap_limits* out) {
    gantry_pool_state state;
    const PoolInfo* info = self(market).usable(pool, state);
    if (info == nullptr) return GANTRY_REFUSED;
    if (!is_direction(*info, token_in, token_out)) return GANTRY_BAD_ARGUMENT;
    const VenueInstance& venue = self(market).snapshot_->topology->venue_of(*info);
    const auto status =
        venue.call<&gantry_dex_v1::limits>(Phase::quote, &state, token_in, token_out, out);
    return self(market).judged(venue, status);
  }

  static gantry_status segments(const gantry_market* market, std::uint32_t pool,
                                std::uint32_t token_in, std::uint32_t token_out,
                                gantry_segment* out, std::uint32_t capacity, std::uint32_t* count) {
    gantry_pool_state state;
    const PoolInfo* info = self(market).usable(pool, state);
    if (info == nullptr) return GANTRY_REFUSED;
    if (!is_direction(*info, token_in, token_out)) return GANTRY_BAD_ARGUMENT;
    const VenueInstance& venue = self(market).snapshot_->topology->venue_of(*info);
    if ((info->traits.flags & GANTRY_POOL_SEGMENTS) == 0) {
      gantry_segment fitted;
      if (!fit_segment(venue, state, token_in, token_out, fitted)) return GANTRY_UNSUPPORTED;
      if (capacity > 0) *out = fitted;
      *count = std::min(capacity, 1U);
      return GANTRY_OK;
    }
    const auto status = venue.call<&gantry_dex_v1::segments>(Phase::quote, &state, token_in,
                                                             token_out, out, capacity, count);
    if (status == GANTRY_OK && *count > capacity) {
      venue.health().strike(Phase::quote, "segments() wrote more than it was given room for",
                            self(market).snapshot_->id);
      return GANTRY_PLUGIN_FAULT;
    }
    return self(market).judged(venue, status);
  }

  static gantry_status view(const gantry_market* market, std::uint32_t pool,
                            gantry_pool_view* out) {
    return self(market).view(pool, *out);
  }

  static gantry_status state(const gantry_market* market, std::uint32_t pool, gantry_state* out) {
    if (pool == GANTRY_OWN_STATE) return GANTRY_UNSUPPORTED;
    gantry_pool_state state;
    if (self(market).usable(pool, state) == nullptr) return GANTRY_REFUSED;
    if (state.overlay.size != 0) return GANTRY_UNSUPPORTED;  // the bytes alone are not the state
    *out = state.base;
    return GANTRY_OK;
  }

  static gantry_status quote_route(const gantry_market* market, const gantry_hop* hops,
                                   std::uint32_t count, const gantry_amount* amount,
                                   std::int32_t mode, gantry_route_quote* out) {
    return self(market).quote_route({hops, count}, *amount, mode, *out);
  }

  static gantry_status value(const gantry_market* market, std::uint32_t token,
                             const gantry_amount* amount, gantry_value* out) {
    return self(market).value(token, *amount, *out);
  }

  static gantry_status price(const gantry_market* market, std::uint32_t token, std::uint32_t quote,
                             gantry_price* out) {
    return self(market).price(token, quote, *out);
  }

  static gantry_status history(const gantry_market* market, const gantry_history_query* query,
                               gantry_sample* out, std::uint32_t capacity, std::uint32_t* count) {
    const MarketView& view = self(market);
    if (view.history_ == nullptr) return GANTRY_UNSUPPORTED;
    return view.history_->read(*view.snapshot_, *query, {out, capacity}, *count);
  }

  // Nobody's funds are at stake in a dry run: what can be borrowed within one transaction bounds a
  // trade, and the risk limits do.
  static gantry_status balance(const gantry_market*, std::uint32_t, gantry_amount* out) {
    *out = u256::max();
    return GANTRY_OK;
  }

  static constexpr gantry_market_services table = {
      &token, &pool,  &find_token,  &quote, &quote_many, &limits,  &segments,
      &view,  &state, &quote_route, &value, &price,      &history, &balance};
};

const gantry_market_services& market_services() noexcept { return MarketView::Services::table; }

}  // namespace gantry::host
