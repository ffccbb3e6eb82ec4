// A snapshot: the whole market as of one block, immutable, shared by whoever looks at it.
//
// THREADS    Const members from any thread.
// OWNERSHIP  Holds its version of the state store alive until the last owner lets go.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "host/market/data_fee.hpp"
#include "host/market/state_store.hpp"
#include "host/market/topology.hpp"

namespace gantry::host {

// Which versions somebody may still read: the writer reuses memory behind the oldest.
class LiveVersions {
 public:
  // A version may be added several times, and is removed as often.
  void add(std::uint64_t version);
  void remove(std::uint64_t version) noexcept;
  // The oldest that is alive, or `newest` when none is.
  std::uint64_t oldest(std::uint64_t newest) const;

 private:
  mutable std::mutex mutex_;  // guards versions_
  std::vector<std::uint64_t> versions_;
};

// Released with the snapshot that holds it.
class VersionLease {
 public:
  VersionLease(std::shared_ptr<LiveVersions> live, std::uint64_t version)
      : live_(std::move(live)), version_(version) {
    live_->add(version_);
  }
  VersionLease(const VersionLease&) = delete;
  VersionLease& operator=(const VersionLease&) = delete;
  ~VersionLease() { live_->remove(version_); }

 private:
  std::shared_ptr<LiveVersions> live_;
  std::uint64_t version_;
};

struct PluginSet;      // host/plugin/plugin_set.hpp
struct PendingWindow;  // host/market/pending_swaps.hpp
struct PriceWindow;    // host/market/outside_prices.hpp

// States that pools would have after swaps that the chain has not got, by pool: a backtest's own,
// or those of a transaction that waits.
struct PoolOverlays {
  struct Entry {
    std::uint32_t pool = 0;
    std::vector<std::uint8_t> bytes;  // empty: what they would leave is not known
  };
  std::vector<Entry> entries;                 // ascending by pool
  std::shared_ptr<const PoolOverlays> under;  // of the other pools; null: they are the chain's own

  const Entry* find(std::uint32_t pool) const noexcept {
    const auto at = std::ranges::lower_bound(entries, pool, {}, &Entry::pool);
    if (at != entries.end() && at->pool == pool) return &*at;
    return under == nullptr ? nullptr : under->find(pool);
  }
};

struct Snapshot {
  Snapshot(std::shared_ptr<LiveVersions> live, std::uint64_t version)
      : id(version), lease(std::move(live), version) {}

  std::uint64_t id;  // also the version in the state store; from 1, dense
  std::shared_ptr<const Topology> topology;
  std::shared_ptr<const PluginSet> plugins;  // what works on it; null outside the street
  StateTree states;
  gantry_context context{};
  DataFee data_fee;                              // what a transaction's bytes cost besides its gas
  std::vector<std::uint32_t> changed;            // pools whose state this block changed, ascending
  bool cold = false;                             // every pool counts as changed
  std::shared_ptr<const PendingWindow> pending;  // swaps that wait; null: none was told of yet
  std::shared_ptr<const PoolOverlays> overlays;  // null: the chain's own states
  std::uint64_t after = 0;  // the pending swap whose transaction the overlays have in them; 0: none
  std::shared_ptr<const PriceWindow> prices;  // from outside the chain; null: none was told yet
  std::uint64_t time_ms = 0;  // the host's clock, Unix; 0: not told, and the chain's stands for it
  bool between = false;       // no block: what came since the newest one, which it is again
  std::uint64_t ether_usd_e6 = 0;  // millionths of a dollar for one coin; 0: no dollar price
  std::chrono::steady_clock::time_point arrived{};
  VersionLease lease;

  // The state of a usable pool as its venue wants it; false when it has none.
  bool pool_state(std::uint32_t pool, gantry_pool_state& out) const noexcept {
    const gantry_state* state = states.find(pool);
    if (state == nullptr) return false;
    out = {*state, {}, &context};
    if (overlays == nullptr) [[likely]]
      return true;
    const PoolOverlays::Entry* swapped = overlays->find(pool);
    if (swapped == nullptr) return true;
    out.overlay = {swapped->bytes.data(), swapped->bytes.size()};
    return !swapped->bytes.empty();
  }
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

// The changed pools of the last snapshots, so that one who skipped some can catch up.
class ChangeLog {
 public:
  // How far a viewer may have fallen behind. The newest snapshot may be `ahead_max` further on when
  // it catches up: what it is told does not depend on how far others are.
  static constexpr std::size_t kept = 1024;
  static constexpr std::size_t ahead_max = 1024;

  void add(const Snapshot& snapshot);
  // Collects into `out` (ascending, unique) what changed after snapshot `last` up to `now`. False:
  // too long ago, or a new topology lies between, so everything counts as changed.
  bool since(std::uint64_t last, std::uint64_t now, std::vector<std::uint32_t>& out) const;

 private:
  struct Entry {
    std::uint64_t id = 0;
    bool cold = true;
    std::vector<std::uint32_t> changed;
  };
  mutable std::mutex mutex_;  // guards entries_
  std::vector<Entry> entries_ = std::vector<Entry>(kept + ahead_max);
};

}  // namespace gantry::host
