// A snapshot as one strategy sees it: fills the SDK's gantry_market and answers its services.
//
// THREADS    One thread at a time; a strategy runner owns one.
// OWNERSHIP  Borrows the snapshot between bind() and the next bind(). After the first bind() of a
//            topology, no service allocates.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gantry/market.h"
#include "gantry/positions.h"
#include "host/market/history.hpp"
#include "host/market/market_services.hpp"
#include "host/market/snapshot.hpp"
#include "host/market/valuation.hpp"

namespace gantry::host {

// Whether the pool has both tokens, by index, and they differ.
bool is_direction(const PoolInfo& pool, std::uint32_t token_in, std::uint32_t token_out) noexcept;

class AfterPending;  // host/market/after_pending.hpp

class MarketView {
 public:
  explicit MarketView(const History* history = nullptr);
  ~MarketView();
  MarketView(const MarketView&) = delete;
  MarketView& operator=(const MarketView&) = delete;

  // `changed` is what this viewer has not seen yet; ignored when `cold`.
  void bind(const Snapshot& snapshot, std::span<const std::uint32_t> changed, bool cold);
  const gantry_market* market() const noexcept { return &market_; }
  const Snapshot& snapshot() const noexcept { return *snapshot_; }
  const History* history() const noexcept { return history_; }
  // What the strategy holds, until the next call: null, it is not known yet.
  void show_positions(const std::vector<gantry_position>* positions) noexcept {
    positions_ = positions;
    has_positions_ = true;
  }
  // list of gantry/positions.h.
  gantry_status positions(std::span<gantry_position> out, std::uint32_t& count) const;
  // Whose market that is: every gantry_market of the host's is one's.
  static const MarketView& of(const gantry_market* market) noexcept {
    return *static_cast<const MarketView*>(market->self);
  }

  // The services, for the host's own use. Statuses as in gantry/market.h.
  gantry_status quote(std::uint32_t pool, const gantry_swap& swap, gantry_quote& out) const;
  gantry_status quote_route(std::span<const gantry_hop> hops, const gantry_amount& amount,
                            std::int32_t mode, gantry_route_quote& out) const;
  // quote_legs of gantry/split.h.
  gantry_status quote_legs(std::span<gantry_leg> legs, std::uint64_t& gas) const;
  // quote_route, or where there are `legs` quote_legs, and the state in which each hop leaves its
  // pool: the view's, until it is asked for anything else. GANTRY_UNSUPPORTED too where a pool's
  // venue has no overlays.
  struct Traded {
    gantry_amount amounts[GANTRY_LEGS_MAX + 1];  // before the first hop, ..., after the last
    gantry_bytes left[GANTRY_LEGS_MAX];
  };
  gantry_status trade(std::span<const gantry_hop> hops, const gantry_amount& amount,
                      std::int32_t mode, std::span<const gantry_leg> legs, Traded& out) const;
  // look of gantry/after_pending.h. Its first call allocates.
  gantry_status look(std::uint64_t sequence, std::span<const gantry_leg> before, void* self,
                     gantry_status (*with)(void* self, const gantry_market* after)) const;
  gantry_status value(std::uint32_t token, const gantry_amount& amount, gantry_value& out) const;
  // What `amount` would bring once the legs have been traded, which may have moved the very pools
  // that the sale goes through. GANTRY_UNSUPPORTED too when such a pool's venue has no overlays.
  gantry_status sale_value(std::span<const gantry_leg> legs, std::uint32_t token,
                           const gantry_amount& amount, gantry_value& out) const;
  gantry_status price(std::uint32_t token, std::uint32_t quote, gantry_price& out) const;
  gantry_status view(std::uint32_t pool, gantry_pool_view& out) const;

 private:
  struct Services;  // the C functions, in market_services.cpp
  friend const gantry_market_services& market_services() noexcept;

  // The pool and its state; null when it takes no part or its venue is retired.
  const PoolInfo* usable(std::uint32_t pool, gantry_pool_state& state) const noexcept;
  // What a venue answered, after a strike where only a faulty one answers that.
  gantry_status judged(const VenueInstance& venue, gantry_status status) const;

  // Hops on their way: amounts, and the state in which each hop leaves its pool where that is
  // asked for.
  struct Walk {
    std::int32_t mode;
    std::span<const PoolAfter> kept;  // pools whose next state is wanted at the end
    gantry_amount amounts[GANTRY_LEGS_MAX + 1];
    // What goes into each hop, where that is not what came out of the one before. Exact in alone.
    std::span<const gantry_leg> own = {};
    gantry_bytes next_state[GANTRY_LEGS_MAX] = {};
    std::uint64_t gas = 0;
  };
  gantry_status walk(std::span<const gantry_hop> hops, Walk& walk) const;

  const History* history_;
  const Snapshot* snapshot_ = nullptr;
  const std::vector<gantry_position>* positions_ = nullptr;  // borrowed
  bool has_positions_ = false;                               // it is a strategy's
  gantry_market market_{};
  mutable std::vector<std::uint8_t> overlays_;  // GANTRY_LEGS_MAX slots for quote_route
  mutable std::unique_ptr<AfterPending> after_;
};

}  // namespace gantry::host
