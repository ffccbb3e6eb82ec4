// A plugin instance's record with the host: faults cost strikes, too many retire it with a reason.
//
// A strike is dated with the snapshot that was being worked on, and counts from that snapshot on. A
// venue is called for several snapshots at once, so its strikes count `lag` snapshots later, when
// all work on theirs is done: from which snapshot on it is retired then depends on what it did, and
// not on which thread was faster.
//
// THREADS  strike(), accept() and usable() from any thread.
#pragma once
#include <atomic>
#include <compare>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/abi.h"

namespace gantry::host {

enum class Phase : std::int32_t {
  load = 1,
  create = 2,
  open_pool = 3,
  apply = 4,
  quote = 5,
  prepare = 6,
  find = 7,
  validate = 8,
  size = 9,
  plan = 10,
  sponsor = 11,
  result = 12,
  subscribe = 13,
  init = 14,
  destroy = 15,
  unload = 16,
  pending = 17,
  event = 18,
};
std::string_view to_string(Phase phase);
std::string_view status_name(gantry_status status);

// One fault, as the report shows it.
struct Strike {
  std::uint64_t snapshot;
  Phase phase;
  std::string reason;

  auto operator<=>(const Strike&) const = default;
};

class Health {
 public:
  Health(std::string instance, std::string file, std::int64_t strikes_max)
      : instance_(std::move(instance)),
        file_(std::move(file)),
        strikes_max_(static_cast<std::size_t>(strikes_max)) {}

  // Before the first call: strikes count this many snapshots later. What the one thread that makes
  // snapshots sees (open_pool, apply) counts at once.
  void set_lag(std::uint64_t snapshots) noexcept { lag_ = snapshots; }

  // Records a fault. Only the earliest texts are kept; all are counted.
  void strike(Phase phase, std::string_view reason, std::uint64_t snapshot);
  // Strikes for what only a faulty plugin returns, and says whether the call succeeded.
  bool accept(Phase phase, gantry_status status, std::uint64_t snapshot);
  // A strike for a deadline that passed: the machine may be to blame.
  void strike_late(Phase phase, std::uint64_t snapshot);
  // A strike for what may be another's doing, as when its process was killed from outside.
  void strike_unproven(Phase phase, std::string_view reason, std::uint64_t snapshot);

  // Whether it may be called for this snapshot.
  bool usable(std::uint64_t snapshot) const noexcept {
    return snapshot < retired_from_.load(std::memory_order_relaxed);
  }
  // Whether it is, or is bound to be.
  bool retired() const noexcept { return !usable(never - 1); }
  // The first snapshot that it may not be called for. Set from outside by who only follows another
  // process's judgement, whose own is then none: strikes_max is 0 there.
  std::uint64_t retired_from() const noexcept {
    return retired_from_.load(std::memory_order_relaxed);
  }
  void set_retired_from(std::uint64_t snapshot) noexcept {
    retired_from_.store(snapshot, std::memory_order_relaxed);
  }
  std::uint64_t strikes() const noexcept { return count_.load(std::memory_order_relaxed); }
  // Whether its strikes retire it also without those that may not be its doing.
  bool broke_contract() const noexcept {
    const auto excused = late_.load(std::memory_order_relaxed) + unproven();
    return strikes() - excused >= strikes_max_;
  }
  std::uint64_t unproven() const noexcept { return unproven_.load(std::memory_order_relaxed); }
  std::vector<Strike> kept() const;
  const std::string& instance() const noexcept { return instance_; }
  const std::string& file() const noexcept { return file_; }

 private:
  static constexpr std::size_t kept_max = 8;
  static constexpr std::uint64_t never = ~std::uint64_t{0};

  std::string instance_;
  std::string file_;
  std::size_t strikes_max_;
  std::uint64_t lag_ = 0;
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> late_{0};
  std::atomic<std::uint64_t> retired_from_{never};
  mutable std::mutex mutex_;                // guards the next two
  std::vector<std::uint64_t> counts_from_;  // of the strikes_max_ earliest, ascending
  std::vector<Strike> kept_;                // the kept_max earliest, ascending
  std::atomic<std::uint64_t> unproven_{0};
};

}  // namespace gantry::host
