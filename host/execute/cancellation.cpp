#include "host/execute/cancellation.hpp"

#include <algorithm>

namespace gantry::host {

Cancellation cancellation_after(std::span<const ledger::StoredAttempt> attempts,
                                bool newest_never_left, const u256& bound) {
  const ledger::StoredAttempt& newest = attempts.back();
  const bool cancels = newest.attempt.purpose == ledger::Purpose::cancellation;
  if (cancels && newest_never_left) return {&newest, {}};
  const Fees before{newest.attempt.max_fee, newest.attempt.priority_fee};
  if (const auto more = bumped(before, bound)) return {nullptr, *more};
  if (cancels) return {&newest, {}};
  return {nullptr, {bound, std::min(before.priority, bound)}};
}

}  // namespace gantry::host
