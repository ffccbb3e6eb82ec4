#include "host/market/after_pending.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "gantry/u256.hpp"

namespace gantry::host {
namespace {

// A base fee falls by an eighth from one block to the next at most (EIP-1559).
bool can_pay_base_fee(const gantry_pending_event& event, const gantry_context& context) {
  const u256 base_fee(context.base_fee);
  return u256(event.gas_price) >= wrapping_sub(base_fee, shift_right(base_fee, 3));
}

}  // namespace

gantry_backrun backrun_of(const gantry_opportunity& opportunity) noexcept {
  static_assert(sizeof(gantry_backrun) <= sizeof(opportunity.data));
  gantry_backrun backrun;
  std::memcpy(&backrun, opportunity.data, sizeof(backrun));
  return backrun;
}

std::span<const gantry_pending_event> transaction_of(const Snapshot& snapshot,
                                                     std::uint64_t sequence) noexcept {
  if (snapshot.pending == nullptr) return {};
  const PendingWindow& window = *snapshot.pending;
  const std::uint64_t before_window = window.last - window.events.size();
  if (sequence <= before_window || sequence > window.last) return {};
  if (std::ranges::find(window.mined, sequence) != window.mined.end()) return {};
  const std::span all(window.events);
  std::size_t first = sequence - before_window - 1;
  std::size_t last = first;
  const auto is_same = [&](std::size_t i) {
    return std::ranges::equal(all[i].transaction, all[first].transaction);
  };
  while (last + 1 < all.size() && is_same(last + 1)) ++last;
  while (first > 0 && is_same(first - 1)) --first;
  // What the window has dropped may have been of it.
  if (first == 0 && before_window != 0) return {};
  return all.subspan(first, last - first + 1);
}

AfterPending::AfterPending(const History* history)
    : snapshot_(std::make_shared<LiveVersions>(), 0), view_(history) {}

gantry_status AfterPending::bind(const Snapshot& base, std::uint64_t sequence,
                                 std::span<const gantry_leg> before) {
  if (before.size() > GANTRY_LEGS_MAX) return GANTRY_BAD_ARGUMENT;
  const auto events = transaction_of(base, sequence);
  if (events.empty()) return GANTRY_BAD_ARGUMENT;
  // It is the base's, but for what is put over it; the base's lease holds the states.
  snapshot_.id = base.id;
  snapshot_.topology = base.topology;
  // Not owned: they own whoever looks.
  snapshot_.plugins = std::shared_ptr<const PluginSet>(std::shared_ptr<void>(), base.plugins.get());
  snapshot_.states = base.states;
  snapshot_.context = base.context;
  snapshot_.data_fee = base.data_fee;
  snapshot_.time_ms = base.time_ms;
  snapshot_.ether_usd_e6 = base.ether_usd_e6;
  for (PoolOverlays::Entry& entry : overlays_->entries) spare_.push_back(std::move(entry.bytes));
  overlays_->entries.clear();
  overlays_->under = base.overlays;
  snapshot_.overlays = overlays_;
  snapshot_.after = sequence;
  touched_.clear();
  view_.bind(snapshot_, {}, false);
  if (!before.empty()) {
    std::array<gantry_hop, GANTRY_LEGS_MAX> hops;
    std::ranges::transform(before, hops.begin(), &gantry_leg::hop);
    const std::span route(hops.data(), before.size());
    MarketView::Traded traded;
    const auto status = view_.trade(route, {}, GANTRY_EXACT_IN, before, traded);
    if (status != GANTRY_OK) {
      return status == GANTRY_UNSUPPORTED || status == GANTRY_BAD_ARGUMENT ? status
                                                                           : GANTRY_REFUSED;
    }
    keep(route, traded);
    touched_.clear();
  }
  for (const gantry_pending_event& event : events) {
    if (const auto status = swap(event, !before.empty()); status != GANTRY_OK) return status;
  }
  std::ranges::sort(touched_);
  const auto repeated = std::ranges::unique(touched_);
  touched_.erase(repeated.begin(), repeated.end());
  view_.bind(snapshot_, touched_, false);
  return GANTRY_OK;
}

gantry_status AfterPending::swap(const gantry_pending_event& event, bool is_measured) {
  const std::span hops(event.hops, event.hop_count);
  const auto known = [&](const gantry_hop& hop) {
    return hop.pool < snapshot_.topology->pools.size();
  };
  if ((event.flags & GANTRY_PENDING_MAY_STOP) != 0 || !std::ranges::all_of(hops, known)) {
    return GANTRY_UNSUPPORTED;
  }
  if (event.deadline_s != 0 && event.deadline_s < snapshot_.context.execution_time_s) {
    return GANTRY_REFUSED;
  }
  if (!can_pay_base_fee(event, snapshot_.context)) return GANTRY_REFUSED;
  const bool exact_in = event.mode == GANTRY_EXACT_IN;
  MarketView::Traded traded;
  const auto status =
      view_.trade(hops, exact_in ? event.amount_in : event.amount_out, event.mode, {}, traded);
  if (status == GANTRY_UNSUPPORTED) return status;
  if (status != GANTRY_OK) return GANTRY_REFUSED;
  const bool as_ordered = exact_in ? u256(traded.amounts[hops.size()]) >= u256(event.amount_out)
                                   : u256(traded.amounts[0]) <= u256(event.amount_in);
  if (!as_ordered) return GANTRY_REFUSED;
  if (!exact_in && !is_measured) {
    // Some routers pay out what was ordered, others all that the input brings (Uniswap's
    // SwapRouter02 and Universal Router through V2 pairs): it is known where both are the same.
    // What is measured alone takes the order at its word.
    MarketView::Traded again;
    const auto repeated = view_.trade(hops, traded.amounts[0], GANTRY_EXACT_IN, {}, again);
    for (std::size_t i = 0; i <= hops.size(); ++i) {
      if (repeated != GANTRY_OK || u256(again.amounts[i]) != u256(traded.amounts[i])) {
        return GANTRY_UNSUPPORTED;
      }
    }
    keep(hops, again);
    return GANTRY_OK;
  }
  keep(hops, traded);
  return GANTRY_OK;
}

// In the order of the hops: a pool's last visit stands.
void AfterPending::keep(std::span<const gantry_hop> hops, const MarketView::Traded& traded) {
  auto& entries = overlays_->entries;
  for (std::size_t i = 0; i < hops.size(); ++i) {
    touched_.push_back(hops[i].pool);
    auto at = std::ranges::lower_bound(entries, hops[i].pool, {}, &PoolOverlays::Entry::pool);
    if (at == entries.end() || at->pool != hops[i].pool) {
      std::vector<std::uint8_t> bytes;
      if (!spare_.empty()) {
        bytes = std::move(spare_.back());
        spare_.pop_back();
      }
      at = entries.insert(at, {hops[i].pool, std::move(bytes)});
    }
    at->bytes.assign(traded.left[i].data, traded.left[i].data + traded.left[i].size);
  }
}

}  // namespace gantry::host
