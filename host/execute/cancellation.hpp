// What takes the nonce of a trade that is in no block in time.
//
// THREADS  Pure: any.
#pragma once
#include <span>

#include "host/ledger/records.hpp"
#include "host/submit/fees.hpp"

namespace gantry::host {

struct Cancellation {
  // The newest attempt, a cancellation, whose very bytes are sent again; null: a new one at `fees`.
  const ledger::StoredAttempt* again = nullptr;
  Fees fees;
};

// `attempts` are the trade's, the newest last, and one at least. What is new offers an eighth more
// than the newest, so that a node takes it in that one's place. Where `bound` does not allow that,
// the newest cancellation is sent again, as long as it takes; the first one offers all that the
// bound allows, which is taken where the trade is not waiting any more. `newest_never_left`: it is
// not offered more than, for nobody has it.
Cancellation cancellation_after(std::span<const ledger::StoredAttempt> attempts,
                                bool newest_never_left, const u256& bound);

}  // namespace gantry::host
