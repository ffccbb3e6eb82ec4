// gantry/market.hpp: a snapshot's services as C++ calls. A view: it owns nothing and lasts as long
// as the call the market was given to.
#pragma once
#include "gantry/market.h"
#include "gantry/plugin.hpp"

namespace gantry {

class Market {
 public:
  explicit Market(const gantry_market* market) noexcept : market_(market) {}

  const gantry_market& raw() const noexcept { return *market_; }
  const gantry_context& context() const noexcept { return *market_->context; }
  std::uint64_t snapshot() const noexcept { return market_->snapshot; }
  std::uint64_t topology() const noexcept { return market_->topology; }
  std::uint32_t token_count() const noexcept { return market_->token_count; }
  std::uint32_t pool_count() const noexcept { return market_->pool_count; }
  // Not 0: the sequence of the pending swap whose effect is in this snapshot. Host 0.1: always 0.
  std::uint64_t pending() const noexcept { return market_->pending; }
  // True: every pool counts as changed, and changed_pools() is empty.
  bool cold() const noexcept { return market_->cold != 0; }
  std::span<const std::uint32_t> changed_pools() const noexcept {
    return {market_->changed_pools, market_->changed_count};
  }

  gantry_status token(std::uint32_t token, gantry_token& out) const noexcept {
    return services().token(market_, token, &out);
  }
  gantry_status pool(std::uint32_t pool, gantry_pool& out) const noexcept {
    return services().pool(market_, pool, &out);
  }
  gantry_status find_token(const gantry_address& address, std::uint32_t& out) const noexcept {
    return services().find_token(market_, &address, &out);
  }
  gantry_status quote(std::uint32_t pool, const gantry_swap& swap,
                      gantry_quote& out) const noexcept {
    return services().quote(market_, pool, &swap, &out);
  }
  // Each on the pool's state as it is; statuses[i] tells about out[i].
  gantry_status quote_many(std::uint32_t pool, std::span<const gantry_swap> swaps,
                           gantry_quote* out, gantry_status* statuses) const noexcept {
    return services().quote_many(market_, pool, swaps.data(),
                                 static_cast<std::uint32_t>(swaps.size()), out, statuses);
  }
  // Pool GANTRY_OWN_STATE: what this instance's "gantry.state/1" made. Host 0.1:
  // GANTRY_UNSUPPORTED.
  gantry_status state(std::uint32_t pool, gantry_state& out) const noexcept {
    return services().state(market_, pool, &out);
  }
  gantry_status limits(std::uint32_t pool, std::uint32_t token_in, std::uint32_t token_out,
                       gantry_swap_limits& out) const noexcept {
    return services().limits(market_, pool, token_in, token_out, &out);
  }
  gantry_status segments(std::uint32_t pool, std::uint32_t token_in, std::uint32_t token_out,
                         std::span<gantry_segment> out, std::uint32_t& count) const noexcept {
    return services().segments(market_, pool, token_in, token_out, out.data(),
                               static_cast<std::uint32_t>(out.size()), &count);
  }
  gantry_status view(std::uint32_t pool, gantry_pool_view& out) const noexcept {
    return services().view(market_, pool, &out);
  }
  gantry_status quote_route(std::span<const gantry_hop> hops, const gantry_amount& amount,
                            gantry_route_quote& out,
                            std::int32_t mode = GANTRY_EXACT_IN) const noexcept {
    return services().quote_route(market_, hops.data(), static_cast<std::uint32_t>(hops.size()),
                                  &amount, mode, &out);
  }
  gantry_status value(std::uint32_t token, const gantry_amount& amount,
                      gantry_value& out) const noexcept {
    return services().value(market_, token, &amount, &out);
  }
  gantry_status price(std::uint32_t token, std::uint32_t quote, gantry_price& out) const noexcept {
    return services().price(market_, token, quote, &out);
  }
  gantry_status history(const gantry_history_query& query, std::span<gantry_sample> out,
                        std::uint32_t& count) const noexcept {
    return services().history(market_, &query, out.data(), static_cast<std::uint32_t>(out.size()),
                              &count);
  }
  gantry_status balance(std::uint32_t token, gantry_amount& out) const noexcept {
    return services().balance(market_, token, &out);
  }

 private:
  const gantry_market_services& services() const noexcept { return *market_->services; }

  const gantry_market* market_;
};

}  // namespace gantry
