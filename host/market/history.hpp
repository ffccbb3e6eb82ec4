// Prices of the past, kept for the series that strategies subscribed to: bounded, in snapshot time,
// reduced in a fixed order, so that a replay computes the same doubles.
//
// A series holds as many samples whatever it reaches back to. Where it was asked for so many
// seconds, it has at most one sample in each span of lookback / samples_kept seconds, the first
// that has a price, so that the samples it keeps always cover what was asked for: a day takes one
// each 11 s, which is each block of Ethereum. Else it has one of each snapshot.
//
// THREADS  subscribe(), warm() and add() from the snapshot stage; the others from any thread. A
//          reader of snapshot s sees exactly the samples up to s, whatever was added since.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "host/base/result.hpp"
#include "host/market/past_prices.hpp"
#include "host/market/snapshot.hpp"

namespace gantry::host {

class History {
 public:
  static constexpr std::size_t series_max = past_series_max;
  static constexpr std::uint64_t samples_kept = past_samples_max;  // of a series
  // How far the writer may run ahead of the slowest reader without taking samples from it.
  static constexpr std::uint64_t reader_lag_max = 1024;

  // How far back a series may be asked to reach, in seconds: 400 days.
  static constexpr std::uint64_t lookback_s_max = past_interval_s_max;

  // Where one series lies, for a process that is shown the arena.
  struct SharedSeries {
    std::uint32_t token;
    std::uint32_t quote;
    std::uint64_t interval_s;
    std::uint64_t address;
  };

  // With an arena, samples lie where another process can be shown them.
  explicit History(std::shared_ptr<SharedArena> arena = {}) : arena_(std::move(arena)) {
    series_.reserve(series_max);
  }

  // Keeps the price of `token` in `quote`, from the next add() on, for at least so many seconds of
  // the chain's clock; 0: of the last snapshots. One that is kept so already costs nothing. False:
  // over the bound, of series or of seconds.
  bool subscribe(std::uint32_t token, std::uint32_t quote, std::uint64_t lookback_s = 0);
  void add(const Snapshot& snapshot);

  // What warm() found for the series that were asked for.
  struct Warmth {
    std::size_t series = 0;      // that were asked for
    std::size_t warm = 0;        // of them, those that have prices of before now
    std::uint64_t samples = 0;   // of all
    std::uint64_t oldest_s = 0;  // of all; 0: none
    std::uint64_t newest_s = 0;
  };
  // Before the first add(): fills what was subscribed to with prices of before `first`, whose
  // readers are the first to see them. Of several pasts of two tokens the one that was sampled as
  // the series is counts, else the one that reaches back furthest.
  Warmth warm(const Snapshot& first, std::span<const PastPrices> past);
  // All that is kept up to a snapshot, to be handed on to the next run.
  std::vector<PastPrices> kept(const Snapshot& snapshot) const;

  // As gantry_market_services::history. Of several series of two tokens, the finest answers that
  // reaches back to the beginning of the window.
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
    std::atomic<std::uint64_t> number{0};  // of the sample, from 1; 0 while it is written
    std::atomic<std::uint64_t> snapshot{0};
    std::atomic<std::uint64_t> time_s{0};
    std::atomic<double> price{0};
  };
  struct Ring {
    static constexpr std::uint64_t slot_count = samples_kept + reader_lag_max;
    std::atomic<std::uint64_t> written{0};  // samples so far
    Slot slots[slot_count];
  };
  struct Series {
    std::uint32_t token;
    std::uint32_t quote;
    std::uint64_t interval_s;  // 0: a sample of each snapshot
    std::uint64_t next_s;      // the writer's: no sample before that time
    Ring* ring;
    std::unique_ptr<Ring> own;  // that memory, where it is not an arena's

    bool reaches(std::uint64_t seconds) const noexcept {
      return interval_s * samples_kept >= seconds;
    }
  };
  class Window;

  static void put(Series& series, std::uint64_t snapshot, const gantry_sample& sample);
  // Null: not kept.
  const Series* find(std::uint32_t token, std::uint32_t quote, std::uint64_t back_s) const;
  std::span<const Series> all() const noexcept {
    return {series_.data(), count_.load(std::memory_order_acquire)};
  }

  std::shared_ptr<SharedArena> arena_;
  std::vector<Series> series_;  // never moved: readers see the first `count_` while it grows
  std::atomic<std::size_t> count_{0};
};

}  // namespace gantry::host
