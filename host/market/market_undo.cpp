// Blocks that are taken back, and pools that are read anew or kept out: what a feed's events do.
#include <fmt/format.h>

#include <algorithm>

#include "host/market/market_facts.hpp"

namespace gantry::host {

Status MarketState::take(const MarketEvent& event, Snapshot& snapshot) {
  switch (event.kind) {
    case MarketEventKind::keep:
      undo_blocks_ = std::min(event.number, undo_blocks_max);
      return {};
    case MarketEventKind::undo:
      return undo_to(event.number, snapshot);
    case MarketEventKind::fresh:
      kept_.clear();
      for (std::uint32_t pool = 0; pool < snapshot.topology->pools.size(); ++pool) {
        if (!takes_part(snapshot, pool)) continue;
        read_anew(snapshot, pool);
      }
      return {};
    case MarketEventKind::quarantine:
      if (event.pool >= snapshot.topology->pools.size()) {
        return fail(ErrorKind::format, fmt::format("pool {} is quarantined, and there are only {}",
                                                   event.pool, snapshot.topology->pools.size()));
      }
      grow().pools[event.pool].use = PoolUse::quarantined;
      snapshot.topology = growing_;
      return {};
    case MarketEventKind::clock:
      snapshot.time_ms = event.number;
      return {};
    case MarketEventKind::between:
      snapshot.between = true;
      return {};
    case MarketEventKind::pending:
    case MarketEventKind::price:
    case MarketEventKind::mined:
      return {};  // read when the block's pools are known
    case MarketEventKind::past:
      return {};  // the street's, when strategies have said what they want
  }
  return {};
}

bool MarketState::can_undo_to(std::uint64_t number) const noexcept {
  return std::ranges::find(kept_, number, &Kept::block) != kept_.end();
}

Status MarketState::undo_to(std::uint64_t number, Snapshot& snapshot) {
  if (!can_undo_to(number)) {
    return fail(
        ErrorKind::format,
        fmt::format("blocks after {} are to be undone, and that block is not kept", number));
  }
  std::vector<std::uint32_t> pools;
  while (kept_.back().block != number) {
    pools.insert(pools.end(), kept_.back().touched.begin(), kept_.back().touched.end());
    kept_.pop_back();
  }
  std::ranges::sort(pools);
  const auto repeated = std::ranges::unique(pools);
  pools.erase(repeated.begin(), repeated.end());
  for (const std::uint32_t pool : pools) restore(snapshot, pool, kept_.back().states);
  return {};
}

void MarketState::restore(Snapshot& snapshot, std::uint32_t pool, const StateTree& then) {
  store_.open(pool);
  store_.restore(then);
  touched_.push_back(pool);
  if (store_.current().chunks == nullptr) {
    read_anew(snapshot, pool);
  } else {
    changed(snapshot, pool);
  }
}

// As if it had just been found: it is asked from round 0 on.
void MarketState::read_anew(Snapshot& snapshot, std::uint32_t pool) {
  if (pool < begun_.size()) begun_[pool] = false;
  store_.open(pool);
  store_.restore(StateTree());
  touched_.push_back(pool);
  gantry_pool_traits traits{};
  if (takes_part(snapshot, pool) && open_pool(*snapshot.topology, pool, traits)) {
    store_.open(pool);
    store_.withhold();
  }
  changed(snapshot, pool);
}

void MarketState::keep(const Snapshot& snapshot) {
  std::ranges::sort(touched_);
  const auto repeated = std::ranges::unique(touched_);
  touched_.erase(repeated.begin(), repeated.end());
  kept_.push_back({snapshot.context.state_block, snapshot.states,
                   std::make_unique<VersionLease>(live_, snapshot.id), touched_});
  // The one that the last is undone to is kept too.
  while (kept_.size() > undo_blocks_ + 1) kept_.pop_front();
}

bool MarketState::drop_block() {
  if (!topology_) return false;
  growing_.reset();
  if (kept_.empty()) return false;
  std::ranges::sort(touched_);
  const auto repeated = std::ranges::unique(touched_);
  touched_.erase(repeated.begin(), repeated.end());
  for (const std::uint32_t pool : touched_) {
    store_.open(pool);
    store_.restore(kept_.back().states);
  }
  touched_.clear();
  return true;
}

}  // namespace gantry::host
