#include "host/plugin/call_guard.hpp"

#include <signal.h>
#include <sys/mman.h>

namespace gantry::host {

constinit thread_local CallSlot* own_call_slot = nullptr;

namespace {

std::array<CallSlot, call_slots_max> slots;

// A stack for the handler of fatal signals: a thread that overflowed its own has none left.
class SignalStack {
 public:
  SignalStack() noexcept {
    stack_t present{};
    // A sanitizer, or whoever made the thread, may have given it one.
    if (::sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) return;
    void* memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    stack_t own{};
    own.ss_sp = memory;
    own.ss_size = bytes;
    if (::sigaltstack(&own, nullptr) == 0) {
      memory_ = memory;
    } else {
      ::munmap(memory, bytes);
    }
  }
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;
  ~SignalStack() {
    if (memory_ == nullptr) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    ::sigaltstack(&none, nullptr);
    ::munmap(memory_, bytes);
  }

 private:
  static constexpr std::size_t bytes = 64U << 10U;
  void* memory_ = nullptr;
};

// Gives the thread's slot back when the thread ends.
struct Return {
  SignalStack stack;
  ~Return() {
    if (own_call_slot == nullptr) return;
    // A plugin called exit(): this runs before what was registered with atexit(), which wants to
    // know whose call it was.
    if (own_call_slot->inner.load(std::memory_order_relaxed) != nullptr) return;
    own_call_slot->taken.store(false, std::memory_order_release);
    own_call_slot = nullptr;
  }
};

}  // namespace

std::array<CallSlot, call_slots_max>& call_slots() noexcept { return slots; }

CallSlot* CallGuard::claim() noexcept {
  for (CallSlot& slot : slots) {
    bool free = false;
    if (!slot.taken.compare_exchange_strong(free, true, std::memory_order_acquire)) continue;
    own_call_slot = &slot;
    thread_local const Return giver;
    static_cast<void>(giver);
    return own_call_slot;
  }
  return nullptr;
}

}  // namespace gantry::host
