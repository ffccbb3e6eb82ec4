// Which plugin each thread is in: set around every call of one, read by the watchdog and by the
// handler of fatal signals, so that who crashed or hangs is known without asking it.
//
// THREADS    A guard belongs to the thread that made it; slots may be read by any thread, and in a
//            signal handler.
// OWNERSHIP  A guard borrows its culprit for as long as it lives.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "host/plugin/health.hpp"

namespace gantry::host {

// Who would be to blame, written down beforehand: a signal handler cannot format.
struct Culprit {
  std::string instance;  // or the library's name, while it is loaded
  std::string plugin;    // its manifest's name
  std::string version;
  std::string sha256;
  std::string file;
  // Where it is mapped; 0: not (yet) known.
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

// One thread's. The counters let a reader tell a thread that is stuck in one call from one that
// makes many.
struct alignas(64) CallSlot {
  std::atomic<const Culprit*> inner{nullptr};  // in whose code the thread is
  std::atomic<const Culprit*> outer{nullptr};  // whom the host called: a strategy asks venues
  std::atomic<Phase> inner_phase{};
  std::atomic<Phase> outer_phase{};
  std::atomic<std::uint64_t> inner_calls{0};  // entered
  std::atomic<std::uint64_t> outer_calls{0};
  std::atomic<bool> taken{false};
};

// Threads beyond these are not watched; their calls run all the same.
inline constexpr std::size_t call_slots_max = 512;
std::array<CallSlot, call_slots_max>& call_slots() noexcept;
// Of the calling thread; null when it has none (yet). A plain pointer: a thread_local with a
// constructor could not be read in a signal handler.
extern constinit thread_local CallSlot* own_call_slot;

class CallGuard {
 public:
  CallGuard(const Culprit& culprit, Phase phase) noexcept : slot_(slot()) {
    if (slot_ == nullptr) return;
    before_ = slot_->inner.load(std::memory_order_relaxed);
    before_phase_ = slot_->inner_phase.load(std::memory_order_relaxed);
    if (before_ == nullptr) {
      slot_->outer_phase.store(phase, std::memory_order_relaxed);
      slot_->outer.store(&culprit, std::memory_order_relaxed);
      bump(slot_->outer_calls);
    }
    slot_->inner_phase.store(phase, std::memory_order_relaxed);
    slot_->inner.store(&culprit, std::memory_order_relaxed);
    bump(slot_->inner_calls);
  }
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;
  ~CallGuard() {
    if (slot_ == nullptr) return;
    slot_->inner_phase.store(before_phase_, std::memory_order_relaxed);
    slot_->inner.store(before_, std::memory_order_relaxed);
    if (before_ == nullptr) slot_->outer.store(nullptr, std::memory_order_relaxed);
  }

 private:
  // Only its own thread writes a slot, so that no locked instruction is needed.
  static void bump(std::atomic<std::uint64_t>& counter) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  static CallSlot* slot() noexcept {
    CallSlot* own = own_call_slot;
    return own != nullptr ? own : claim();
  }
  static CallSlot* claim() noexcept;

  CallSlot* slot_;
  const Culprit* before_ = nullptr;
  Phase before_phase_{};
};

}  // namespace gantry::host
