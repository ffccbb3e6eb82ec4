// The market as a transaction that waits would leave it: gantry/after_pending.h has the rules.
//
// THREADS    One at a time; whoever looks owns one.
// OWNERSHIP  Borrows the snapshot between bind() and the next bind(). Once it has met as many
// pools,
//            bind() allocates nothing.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gantry/after_pending.h"
#include "host/market/market_view.hpp"
#include "host/market/pending_swaps.hpp"

namespace gantry::host {

// What a back-run says of itself; only of one that fits together.
gantry_backrun backrun_of(const gantry_opportunity& opportunity) noexcept;
// The window's swaps of the transaction that swap `sequence` is of, in their order; empty: it is
// not in the window, or may not be there whole, or it is in a block already.
std::span<const gantry_pending_event> transaction_of(const Snapshot& snapshot,
                                                     std::uint64_t sequence) noexcept;

class AfterPending {
 public:
  explicit AfterPending(const History* history = nullptr);

  // Statuses as of look(). view() is of use after GANTRY_OK alone.
  gantry_status bind(const Snapshot& base, std::uint64_t sequence,
                     std::span<const gantry_leg> before = {});
  const MarketView& view() const noexcept { return view_; }

 private:
  gantry_status swap(const gantry_pending_event& event, bool is_measured);
  void keep(std::span<const gantry_hop> hops, const MarketView::Traded& traded);

  Snapshot snapshot_;
  std::shared_ptr<PoolOverlays> overlays_ = std::make_shared<PoolOverlays>();
  std::vector<std::vector<std::uint8_t>> spare_;  // bytes of entries that were
  std::vector<std::uint32_t> touched_;
  MarketView view_;
};

}  // namespace gantry::host
