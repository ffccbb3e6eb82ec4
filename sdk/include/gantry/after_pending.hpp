// gantry/after_pending.hpp: the service of after_pending.h as C++ calls. A draft, as that is.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>

#include "gantry/after_pending.h"
#include "gantry/market.hpp"
#include "gantry/plugin.hpp"

namespace gantry {

// The market as a transaction that waits would leave it. [call]
class AfterPending {
 public:
  AfterPending() = default;  // of no host: nothing is looked behind
  explicit AfterPending(const Host& host)
      : service_(static_cast<const gantry_after_pending_draft_v1*>(
            host.service(GANTRY_AFTER_PENDING_DRAFT_ID))) {}

  bool is_there() const noexcept { return service_ != nullptr; }

  // Calls `with`, gantry_status(const Market& after), in the market behind that swap, with `before`
  // swapped in front of it. What it throws does not get out. Returns what it returned, or what
  // after_pending.h says; GANTRY_UNSUPPORTED where the host has no such service.
  template <class With>
  gantry_status look(const Market& market, std::uint64_t sequence, With with,
                     std::span<const gantry_leg> before = {}) const {
    if (service_ == nullptr) return GANTRY_UNSUPPORTED;
    return service_->look(
        &market.raw(), sequence, before.data(), static_cast<std::uint32_t>(before.size()), &with,
        [](void* self, const gantry_market* after) -> gantry_status {
          return guarded([&] { return (*static_cast<With*>(self))(Market(after)); });
        });
  }

 private:
  const gantry_after_pending_draft_v1* service_ = nullptr;
};

// The beginning of the hash of the event's transaction, whose swaps come one after the other.
inline std::uint64_t transaction_key(const gantry_pending_event& event) noexcept {
  std::uint64_t key = 0;
  std::memcpy(&key, event.transaction, sizeof(key));
  return key;
}

}  // namespace gantry
