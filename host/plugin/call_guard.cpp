#include "host/plugin/call_guard.hpp"

namespace gantry::host {

namespace {

std::array<CallSlot, call_slots_max> slots;
// A plain pointer: a thread_local with a constructor could not be read in a signal handler.
constinit thread_local CallSlot* own_slot = nullptr;

// Gives the thread's slot back when the thread ends.
struct Return {
  ~Return() {
    if (own_slot == nullptr) return;
    own_slot->taken.store(false, std::memory_order_release);
    own_slot = nullptr;
  }
};

}  // namespace

std::array<CallSlot, call_slots_max>& call_slots() noexcept { return slots; }
CallSlot* call_slot_if_any() noexcept { return own_slot; }

CallSlot* CallGuard::claim() noexcept {
  for (CallSlot& slot : slots) {
    bool free = false;
    if (!slot.taken.compare_exchange_strong(free, true, std::memory_order_acquire)) continue;
    own_slot = &slot;
    thread_local const Return giver;
    static_cast<void>(giver);
    return own_slot;
  }
  return nullptr;
}

}  // namespace gantry::host
