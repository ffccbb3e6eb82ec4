// After a start, and as often as one likes: what the chain says of every intent that is open, and
// of every result that may still be reorganized, is written down. Afterwards no intent is open
// without a reason.
//
// RULES    An attempt has a receipt: its intent is included or reverted, its other attempts are
//          replaced, and other intents of that nonce dropped.
//          None has one, and the nonce is taken in a block that is `depth` deep: dropped.
//          The nonce is taken, and not yet as deep: it stays open and waits.
//          The nonce is free: the very bytes of its attempts may be sent again; after its last
//          block a bundle is expired, and its nonce the next one's; anything else needs a
//          cancellation with that nonce. The chain does not answer: it stays open, with the error
//          as its reason. The receipt of a result is gone, or of another block, and its block is
//          the chain's no more: the result is taken back, and the intent looked at anew. A result
//          `depth` deep is final. What was given up or expired is watched until its nonce is taken
//          in a block that is `depth` deep: it may be included all the same, and is written down
//          then.
// THREADS  One reconciliation of a chain at a time.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "host/ledger/chain_view.hpp"
#include "host/ledger/ledger.hpp"

namespace gantry::host::ledger {

struct ReconcileOptions {
  std::uint64_t depth = 64;  // blocks after which nothing is reorganized
  // Beyond that nodes may have forgotten receipts: a missing one then proves nothing.
  std::uint64_t receipt_blocks_max = 2'000'000;
  // The key of an intent that its caller is about to send: nothing is decided of it, as long as it
  // is. Empty: none.
  std::string being_sent = {};
};

enum class Verdict : std::int32_t {
  included = 1,
  reverted = 2,
  replaced = 3,  // by a cancellation of ours
  dropped = 4,
  expired = 5,
  send_again = 6,  // the bytes in `bytes_of`, and no others
  cancel = 7,      // its time is over and its nonce is free: an attempt that cancels has to leave
  wait = 8,
  unknown = 9,  // the chain did not say
};
std::string_view to_string(Verdict verdict);

struct Reconciled {
  IntentId intent = 0;
  Verdict verdict = Verdict::unknown;
  std::string reason;                 // as it is written in the ledger
  std::vector<AttemptId> send_again;  // with `send_again`: newest first
};

struct Reconciliation {
  std::uint64_t head = 0;
  std::vector<Reconciled> intents;   // that were open, or whose result was taken back
  std::vector<IntentId> taken_back;  // whose result was
  std::uint64_t final = 0;           // results that became so
};

// Of one chain's intents. Fails only when the ledger does: a chain that does not answer is a
// reason.
Result<Reconciliation> reconcile(Ledger& ledger, ChainView& chain, const std::string& chain_id,
                                 const ReconcileOptions& options = {});

}  // namespace gantry::host::ledger
