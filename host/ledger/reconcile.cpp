#include "host/ledger/reconcile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "host/base/text.hpp"

namespace gantry::host::ledger {
namespace {

// What was found of an attempt in a block.
struct Found {
  AttemptId id;
  Purpose purpose = Purpose::trade;
  Receipt receipt;
};

class Reconciler {
 public:
  Reconciler(Ledger& ledger, ChainView& chain, const std::string& chain_id,
             const ReconcileOptions& options)
      : ledger_(ledger), chain_(chain), chain_id_(chain_id), options_(options) {}

  Result<Reconciliation> run() {
    const auto head = chain_.head();
    if (!head) {
      head_error_ = head.error().message;
    } else {
      out_.head = *head;
      if (auto done = look_at_results(); !done) return std::unexpected(done.error());
      if (auto done = look_at_lanes(); !done) return std::unexpected(done.error());
    }
    const auto open = ledger_.open_intents();
    if (!open) return std::unexpected(open.error());
    for (const StoredIntent& intent : *open) {
      if (intent.lane.chain != chain_id_ || done_.contains(intent.id)) continue;
      if (is_being_sent(intent)) continue;
      if (auto done = look_at(intent); !done) return std::unexpected(done.error());
    }
    if (auto done = look_at_watched(); !done) return std::unexpected(done.error());
    return std::move(out_);
  }

 private:
  bool is_being_sent(const StoredIntent& intent) const {
    return !options_.being_sent.empty() && intent.intent.key == options_.being_sent;
  }
  bool is_deep(std::uint64_t block) const { return block + options_.depth <= out_.head; }

  Result<std::optional<Receipt>> receipt_of(const StoredIntent& intent,
                                            const StoredAttempt& attempt) {
    return intent.intent.kind == Kind::user_operation
               ? chain_.user_operation(intent.lane, attempt.attempt.hash, intent.nonce,
                                       intent.intent.block)
               : chain_.transaction(attempt.attempt.hash);
  }

  // Results that a reorganization may have undone.
  Status look_at_results() {
    const auto results = ledger_.results_not_final();
    if (!results) return std::unexpected(results.error());
    for (const StoredResult& result : *results) {
      const auto intent = ledger_.intent(result.id.intent);
      if (!intent) return std::unexpected(intent.error());
      if (intent->lane.chain != chain_id_) continue;
      const auto attempts = ledger_.attempts(result.id.intent);
      if (!attempts) return std::unexpected(attempts.error());
      const auto attempt = std::ranges::find(*attempts, result.id, &StoredAttempt::id);
      if (attempt == attempts->end()) continue;
      const auto receipt = receipt_of(*intent, *attempt);
      if (!receipt) continue;  // nobody says that it is gone
      bool stands = *receipt && (*receipt)->block_hash == result.receipt.block_hash;
      if (!stands) {
        // One answer is one party's: the block itself has to be gone.
        const auto now = chain_.block_hash(result.receipt.block);
        if (!now) continue;
        stands = *now && **now == result.receipt.block_hash;
      }
      if (stands) {
        if (!is_deep(result.receipt.block)) continue;
        if (auto done = ledger_.settled(result.id.intent).get(); !done) return done;
        ++out_.final;
        continue;
      }
      const std::string reason =
          fmt::format("block {} ({}) is no longer the chain's", result.receipt.block,
                      hex_text(result.receipt.block_hash));
      if (auto done = ledger_.reorganized(result.id.intent, reason).get(); !done) return done;
      out_.taken_back.push_back(result.id.intent);
    }
    return {};
  }

  // A nonce that does not come is asked for again with the intent.
  Status look_at_lanes() {
    const auto lanes = ledger_.lanes();
    if (!lanes) return std::unexpected(lanes.error());
    for (const Lane& lane : *lanes) {
      if (lane.chain != chain_id_) continue;
      const auto next = next_nonce(lane, out_.head);
      if (!next) continue;
      if (auto done = ledger_.observe_nonce(lane, *next).get(); !done) return done;
    }
    return {};
  }

  Status look_at(const StoredIntent& intent) {
    if (!head_error_.empty()) return leave(intent, Verdict::unknown, head_error_);
    // All that share the nonce: one of them at most is in a block.
    const auto group = ledger_.intents_of(intent.lane, intent.nonce);
    if (!group) return std::unexpected(group.error());
    std::optional<Found> found;
    for (const StoredIntent& each : *group) {
      const auto attempts = ledger_.attempts(each.id);
      if (!attempts) return std::unexpected(attempts.error());
      for (const StoredAttempt& attempt : *attempts) {
        if (is_in_block(attempt.state)) {
          return drop(intent, fmt::format("its nonce {} is that of intent {}, which is in a block",
                                          intent.nonce, each.id));
        }
        const auto receipt = receipt_of(each, attempt);
        if (!receipt) {
          return leave(intent, Verdict::unknown,
                       "the chain did not say what became of it: " + receipt.error().message);
        }
        if (*receipt) found = Found{attempt.id, attempt.attempt.purpose, **receipt};
      }
    }
    if (found) return settle(*group, *found);
    return look_at_nonce(intent);
  }

  // Those of which somebody said that nobody has them. Nothing of a nonce that is free is in a
  // block.
  Status look_at_watched() {
    if (!head_error_.empty()) return {};
    const auto watched = ledger_.watched_intents();
    if (!watched) return std::unexpected(watched.error());
    for (const StoredIntent& intent : *watched) {
      if (intent.lane.chain != chain_id_ || done_.contains(intent.id)) continue;
      const auto next = next_nonce(intent.lane, out_.head);
      if (!next || *next <= intent.nonce) continue;
      if (auto done = look_at_watched_one(intent); !done) return done;
    }
    return {};
  }

  Status look_at_watched_one(const StoredIntent& intent) {
    const auto group = ledger_.intents_of(intent.lane, intent.nonce);
    if (!group) return std::unexpected(group.error());
    std::vector<StoredAttempt> all;
    for (const StoredIntent& each : *group) {
      const auto attempts = ledger_.attempts(each.id);
      if (!attempts) return std::unexpected(attempts.error());
      all.insert(all.end(), attempts->begin(), attempts->end());
    }
    const bool decided =
        std::ranges::any_of(all, [](const StoredAttempt& each) { return is_in_block(each.state); });
    for (const StoredAttempt& each : all) {
      if (decided || each.id.intent != intent.id || !is_open(each.state)) continue;
      const auto receipt = receipt_of(intent, each);
      if (!receipt) return {};  // nobody says: with the next block
      if (*receipt) return settle(*group, {each.id, each.attempt.purpose, **receipt});
    }
    const auto before = next_nonce(intent.lane, deep_block());
    if (!before || *before <= intent.nonce) return {};
    return ledger_.unwatch(intent.id).get();
  }

  std::uint64_t deep_block() const {
    return out_.head > options_.depth ? out_.head - options_.depth : 0;
  }

  // Asked once in a pass.
  Result<std::uint64_t> next_nonce(const Lane& lane, std::uint64_t block) {
    const auto known = next_.find({lane, block});
    if (known != next_.end()) return known->second;
    const auto next = chain_.next_nonce(lane, block);
    if (next) next_.emplace(std::pair(lane, block), *next);
    return next;
  }

  Status settle(const std::vector<StoredIntent>& group, const Found& found) {
    if (auto done = ledger_.result(found.id, found.receipt).get(); !done) return done;
    const State state = found.receipt.success ? State::included : State::reverted;
    const bool cancelled = found.purpose == Purpose::cancellation;
    tell(found.id.intent,
         cancelled                  ? Verdict::replaced
         : state == State::included ? Verdict::included
                                    : Verdict::reverted,
         fmt::format("attempt {} is in block {}", found.id.number, found.receipt.block));
    for (const StoredIntent& each : group) {
      if (each.id == found.id.intent || !is_open(each.state) || is_being_sent(each)) continue;
      auto done = drop(each, fmt::format("its nonce {} is that of intent {}, which is in block {}",
                                         each.nonce, found.id.intent, found.receipt.block));
      if (!done) return done;
    }
    return {};
  }

  Status look_at_nonce(const StoredIntent& intent) {
    const auto next = next_nonce(intent.lane, out_.head);
    if (!next) {
      return leave(intent, Verdict::unknown,
                   "the chain did not say which nonces are taken: " + next.error().message);
    }
    if (*next <= intent.nonce) return look_at_time(intent, *next);
    const auto before = next_nonce(intent.lane, deep_block());
    if (!before) {
      return leave(intent, Verdict::unknown,
                   "the chain did not say which nonces were taken: " + before.error().message);
    }
    if (*before <= intent.nonce) {
      return leave(intent, Verdict::wait,
                   fmt::format("its nonce {} was taken by what is not of this ledger, in one of "
                               "the last {} blocks: it waits until that is final",
                               intent.nonce, options_.depth));
    }
    // An operation's own search has ended, or said how far it is.
    if (intent.intent.kind != Kind::user_operation &&
        out_.head > intent.intent.block + options_.receipt_blocks_max) {
      return leave(intent, Verdict::unknown,
                   fmt::format("it is of block {}, so old that a receipt that is missing proves "
                               "nothing: look for its attempts in an archive, and say what became "
                               "of it with `gantry audit resolve {}`",
                               intent.intent.block, intent.id));
    }
    return drop(intent,
                fmt::format("its nonce {} was taken by what is not of this ledger", intent.nonce));
  }

  // Its nonce is free, or not reached yet.
  Status look_at_time(const StoredIntent& intent, std::uint64_t next) {
    const std::uint64_t last = intent.intent.last_block;
    const std::string waits =
        next < intent.nonce ? fmt::format("; nonces {} to {} come first", next, intent.nonce - 1)
                            : std::string();
    if (last == 0 || out_.head < last) {
      const auto attempts = ledger_.attempts(intent.id);
      if (!attempts) return std::unexpected(attempts.error());
      std::vector<AttemptId> again;
      for (const StoredAttempt& each : *attempts) {
        if (is_open(each.state)) again.insert(again.begin(), each.id);
      }
      return leave(intent, Verdict::send_again,
                   fmt::format("its nonce {} is free: the same bytes may be sent again{}",
                               intent.nonce, waits),
                   std::move(again));
    }
    if (intent.intent.kind == Kind::bundle) {
      // No honest relay lets it in any more. Its nonce is the next trade's, and both are watched: a
      // chain includes one of them at most.
      const std::string reason = fmt::format("its last block {} is over, and it is in none", last);
      auto done = ledger_.expired(intent.id, reason).get();
      if (done) tell(intent.id, Verdict::expired, reason);
      return done;
    }
    return leave(intent, Verdict::cancel,
                 fmt::format("its last block {} is over and its nonce {} is free: it may still be "
                             "included until a cancellation is{}",
                             last, intent.nonce, waits));
  }

  Status drop(const StoredIntent& intent, const std::string& reason) {
    auto done = ledger_.dropped(intent.id, reason).get();
    if (done) tell(intent.id, Verdict::dropped, reason);
    return done;
  }

  Status leave(const StoredIntent& intent, Verdict verdict, const std::string& reason,
               std::vector<AttemptId> again = {}) {
    auto done = ledger_.left_open(intent.id, reason).get();
    if (done) tell(intent.id, verdict, reason, std::move(again));
    return done;
  }

  void tell(IntentId intent, Verdict verdict, std::string reason,
            std::vector<AttemptId> again = {}) {
    done_.insert(intent);
    out_.intents.push_back({intent, verdict, std::move(reason), std::move(again)});
  }

  Ledger& ledger_;
  ChainView& chain_;
  const std::string& chain_id_;
  const ReconcileOptions& options_;
  std::string head_error_;
  std::set<IntentId> done_;
  std::map<std::pair<Lane, std::uint64_t>, std::uint64_t> next_;  // nonces, after a block
  Reconciliation out_;
};

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::included:
      return "included";
    case Verdict::reverted:
      return "reverted";
    case Verdict::replaced:
      return "replaced";
    case Verdict::dropped:
      return "dropped";
    case Verdict::expired:
      return "expired";
    case Verdict::send_again:
      return "send_again";
    case Verdict::cancel:
      return "cancel";
    case Verdict::wait:
      return "wait";
    case Verdict::unknown:
      return "unknown";
  }
  return "unknown";
}

Result<Reconciliation> reconcile(Ledger& ledger, ChainView& chain, const std::string& chain_id,
                                 const ReconcileOptions& options) {
  return Reconciler(ledger, chain, chain_id, options).run();
}

}  // namespace gantry::host::ledger
