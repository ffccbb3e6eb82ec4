// Prices over the last snapshots, kept for the series that strategies subscribed to: bounded, in
// snapshot time, reduced in a fixed order, so that a replay computes the same doubles.
//
// THREADS  subscribe() and add() from the snapshot stage; read() and full() from any thread. A
//          reader of snapshot s sees exactly the samples up to s, whatever was added since.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "host/base/result.hpp"
#include "host/market/snapshot.hpp"

namespace gantry::host {

class History {
 public:
  static constexpr std::size_t series_max = 256;
  static constexpr std::uint64_t samples_kept = 8192;  // one a snapshot
  // How far the writer may run ahead of the slowest reader without taking samples from it.
  static constexpr std::uint64_t reader_lag_max = 1024;

  // Where one series lies, for a process that is shown the arena.
  struct SharedSeries {
    std::uint32_t token;
    std::uint32_t quote;
    std::uint64_t address;
  };

  // With an arena, samples lie where another process can be shown them.
  explicit History(std::shared_ptr<SharedArena> arena = {}) : arena_(std::move(arena)) {
    series_.reserve(series_max);
  }

  // Keeps the price of `token` in `quote`, from the next add() on. False: over the bound.
  bool subscribe(std::uint32_t token, std::uint32_t quote);
  void add(const Snapshot& snapshot);

  // As gantry_market_services::history.
  gantry_status read(const Snapshot& snapshot, const gantry_history_query& query,
                     std::span<gantry_sample> out, std::uint32_t& count) const;
  bool empty() const noexcept { return size() == 0; }
  bool full() const noexcept { return size() == series_max; }
  std::size_t size() const noexcept { return count_.load(std::memory_order_acquire); }
  std::vector<SharedSeries> shared() const;
  // Reads series that another process writes, in place of its own.
  void mirror(std::span<const SharedSeries> series);

 private:
  struct Slot {
    std::atomic<std::uint64_t> snapshot{0};
    std::atomic<std::uint64_t> time_s{0};
    std::atomic<double> price{0};
  };
  struct Series {
    std::uint32_t token;
    std::uint32_t quote;
    Slot* slots;
    std::unique_ptr<Slot[]> own;  // that memory, where it is not an arena's
  };
  class Window;

  const Series* find(std::uint32_t token, std::uint32_t quote) const;
  std::span<const Series> all() const noexcept {
    return {series_.data(), count_.load(std::memory_order_acquire)};
  }

  std::shared_ptr<SharedArena> arena_;
  std::vector<Series> series_;  // never moved: readers see the first `count_` while it grows
  std::atomic<std::size_t> count_{0};
};

}  // namespace gantry::host
