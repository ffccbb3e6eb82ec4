#include "host/backtest/own_swaps.hpp"

#include <algorithm>

#include "gantry/dex.h"
#include "host/market/market_view.hpp"

namespace gantry::host {
namespace {

using Bytes = std::vector<std::uint8_t>;

// One swap on `overlay`, which is then the state after it, and empty where that is not known.
// Nothing: it cannot be swapped.
std::optional<u256> swap_on(const Snapshot& snapshot, const OwnSwap& swap, Bytes& overlay) {
  const Topology& topology = *snapshot.topology;
  if (swap.pool >= topology.pools.size()) return std::nullopt;
  const PoolInfo& info = topology.pools[swap.pool];
  const gantry_state* base = snapshot.states.find(swap.pool);
  if (info.use != PoolUse::usable || base == nullptr) return std::nullopt;
  const VenueInstance& venue = topology.venue_of(info);
  if (!venue.health().usable(snapshot.id)) return std::nullopt;
  const gantry_swap order{swap.amount_in, info.index_of(swap.token_in),
                          info.index_of(swap.token_out), GANTRY_EXACT_IN, 0};
  if (!is_direction(info, order.token_in, order.token_out)) return std::nullopt;
  const gantry_pool_state state{*base, {overlay.data(), overlay.size()}, &snapshot.context};
  Bytes next(GANTRY_OVERLAY_BYTES_MAX);
  gantry_buffer buffer{next.data(), next.size(), 0};
  const bool can_follow = info.traits.overlay_bytes != 0;
  gantry_quote quote{};
  const auto status = venue.call<&gantry_dex_v1::quote>(Phase::quote, &state, &order, &quote,
                                                        can_follow ? &buffer : nullptr);
  venue.health().accept(Phase::quote, status, snapshot.id);
  if (status != GANTRY_OK) return std::nullopt;
  next.resize(buffer.size <= next.size() ? buffer.size : 0);
  overlay = std::move(next);
  return u256(quote.amount_out);
}

void sort_once(std::vector<std::uint32_t>& pools) {
  std::ranges::sort(pools);
  const auto repeated = std::ranges::unique(pools);
  pools.erase(repeated.begin(), repeated.end());
}

}  // namespace

void OwnSwaps::add(std::uint64_t block, std::span<const gantry_leg> legs) {
  for (const gantry_leg& leg : legs) {
    const gantry_hop& hop = leg.hop;
    kept_[hop.pool].push_back(
        {block, {hop.pool, hop.token_in, hop.token_out, u256(leg.amount_in)}});
    dirty_.push_back(hop.pool);
  }
}

void OwnSwaps::meet(Snapshot& snapshot) {
  const std::uint64_t block = snapshot.context.state_block;
  for (auto& [pool, swaps] : kept_) {
    const auto old = std::erase_if(swaps, [&](const Kept& kept) {
      return kept.block < block && block - kept.block > blocks_kept_;
    });
    if (old != 0) dirty_.push_back(pool);
  }
  put_on(snapshot);
  std::erase_if(kept_, [](const auto& each) { return each.second.empty(); });
  if (untold_.empty()) return;
  sort_once(untold_);
  std::vector<std::uint32_t> changed;
  std::ranges::set_union(snapshot.changed, untold_, std::back_inserter(changed));
  snapshot.changed = std::move(changed);
  untold_.clear();
}

void OwnSwaps::put_on(Snapshot& snapshot) {
  sort_once(dirty_);
  if (kept_.empty()) return;
  auto made = std::make_shared<PoolOverlays>();
  for (const auto& [pool, swaps] : kept_) {
    if (swaps.empty()) continue;
    const bool moved = snapshot.cold || std::ranges::binary_search(snapshot.changed, pool) ||
                       std::ranges::binary_search(dirty_, pool);
    const auto* before = overlays_ == nullptr ? nullptr : overlays_->find(pool);
    if (!moved && before != nullptr) {
      made->entries.push_back(*before);
      continue;
    }
    Bytes overlay;
    for (const Kept& kept : swaps) {
      if (swap_on(snapshot, kept.swap, overlay) && !overlay.empty()) continue;
      overlay.clear();
      break;
    }
    made->entries.push_back({pool, std::move(overlay)});
  }
  untold_.insert(untold_.end(), dirty_.begin(), dirty_.end());
  dirty_.clear();
  overlays_ = std::move(made);
  snapshot.overlays = overlays_->entries.empty() ? nullptr : overlays_;
}

}  // namespace gantry::host
