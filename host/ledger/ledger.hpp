// The ledger: what is about to be sent, before it is; what became of it; what it brought; and a
// trail of all that which nobody can change unseen.
//
// An execution stage uses it so:
//
//   auto reservation = ledger.reserve(lane);            // a nonce, at once, without I/O
//   ... sign with reservation->nonce() ...
//   auto recorded = ledger.record(intent, std::move(*reservation), attempt);   // begins to write
//   ... simulate meanwhile ...
//   if (auto id = recorded.get()) send(attempt.bytes);  // only now: it is on the disk
//   ledger.submitted(*id, "relay");                     // when somebody took it
//   ledger.result(*id, receipt, realised);              // when it is in a block
//
// Nothing may leave before get() has given an id. After a crash, reconcile() says of each open
// intent what became of it, or that the same bytes may be sent again: never other ones. All
// attempts of an intent have its nonce, so a chain includes one of them at most.
//
// DURABILITY  A record whose future is ready without an error is on the disk (WAL, synchronous =
//             FULL): kill -9 does not lose it, nor does a power cut where the disk keeps its word.
// ERRORS      io: the disk is full, the file cannot be written, another process has it; format: it
//             is no ledger, of a newer version, or damaged; usage: a step that is not legal, with
//             the state that forbids it; limit: a bound. Nothing is recorded of what fails.
// THREADS     Any, all functions. One thread of its own writes; readers have connections of theirs
//             and see what is committed, without waiting for the writer.
// OWNERSHIP   Reservations may outlive it.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/base/result.hpp"
#include "host/config/secret.hpp"
#include "host/ledger/queries.hpp"
#include "host/ledger/records.hpp"

namespace gantry::host::ledger {

class NonceBook;

struct LedgerOptions {
  std::filesystem::path key;  // what the trail is signed with; empty: FILE.key. Made where missing
  std::size_t batch_max = 256;  // records that share one synced commit
  // That the first of them waits for others, at most. None: what is there is written at once, and
  // what comes meanwhile shares the next commit.
  std::chrono::milliseconds batch_wait{0};
  std::size_t queue_max = 4096;               // records that wait for the writer; more are refused
  std::function<std::int64_t()> now_ms = {};  // Unix time; none: the machine's
};

// A nonce that is nobody else's. One that is not recorded comes back when this is destroyed.
class Reservation {
 public:
  Reservation(Reservation&&) noexcept = default;
  Reservation& operator=(Reservation&&) = delete;
  ~Reservation();

  const Lane& lane() const { return lane_; }
  // Of a user operation, the 64 low bits: the lane's key stands above them.
  std::uint64_t nonce() const { return nonce_; }

 private:
  friend class NonceBook;
  Reservation(std::shared_ptr<NonceBook> book, Lane lane, std::uint64_t nonce)
      : book_(std::move(book)), lane_(std::move(lane)), nonce_(nonce) {}
  std::shared_ptr<NonceBook> book_;  // null: it is recorded, or was moved from
  Lane lane_;
  std::uint64_t nonce_;
};

// Ready when what was asked for is on the disk, or has failed.
template <class T>
using Pending = std::future<Result<T>>;

class Ledger {
 public:
  // Makes file, key and folder where they are not there, checks that the database is whole (its
  // structure; see verify.hpp for the rest), and holds it alone until it is destroyed.
  static Result<std::unique_ptr<Ledger>> open(const std::filesystem::path& path,
                                              LedgerOptions options = {});
  virtual ~Ledger() = default;  // what was asked for is written first

  // Nonces. The chain's word comes first; reconcile() gives it too. It never goes back.
  virtual Pending<void> observe_nonce(const Lane& lane, std::uint64_t next) = 0;
  virtual Result<Reservation> reserve(const Lane& lane) = 0;

  // Before it leaves: the intent, its nonce and its first attempt, all or nothing.
  virtual Pending<AttemptId> record(Intent intent, Reservation nonce, Attempt attempt) = 0;
  // Another attempt of the same intent, before it leaves: the same nonce, a higher fee or another
  // payer, or a cancellation.
  virtual Pending<AttemptId> record(IntentId intent, Attempt attempt) = 0;
  // Somebody took it; also when the same bytes are sent again.
  virtual Pending<void> submitted(const AttemptId& id, std::string by) = 0;
  // It is in a block. `realised` may follow.
  virtual Pending<void> result(const AttemptId& id, const Receipt& receipt,
                               std::optional<Realised> realised = std::nullopt) = 0;
  virtual Pending<void> realised(IntentId intent, Realised realised) = 0;
  // The block is no longer the chain's: the result and its profit are taken back, it waits again.
  virtual Pending<void> reorganized(IntentId intent, std::string reason) = 0;
  // Its block is too deep to be reorganized.
  virtual Pending<void> settled(IntentId intent) = 0;
  // It surely never left this host, as after a failed simulation: its nonce is free again.
  virtual Pending<void> withdraw(IntentId intent, std::string reason) = 0;
  // Somebody was handed it, and nobody has it, as they say: its nonce is free again, and it is
  // watched, for it may be in a block all the same.
  virtual Pending<void> given_up(IntentId intent, std::string reason) = 0;
  // Its nonce was taken by what is not of this ledger.
  virtual Pending<void> dropped(IntentId intent, std::string reason) = 0;
  // Nobody may include it any more, though its nonce is free, and given back: a bundle whose last
  // block is over, a user operation whose time is. Never a transaction. It is watched like one that
  // was given up.
  virtual Pending<void> expired(IntentId intent, std::string reason) = 0;
  // One that is watched: its nonce is taken for good, so it can be in no block any more.
  virtual Pending<void> unwatch(IntentId intent) = 0;
  // Why it is still open.
  virtual Pending<void> left_open(IntentId intent, std::string reason) = 0;

  // The rest of what the trail covers: one line each, without secrets.
  virtual Pending<void> operator_command(std::string what) = 0;
  virtual Pending<void> breaker(std::string what) = 0;
  virtual Pending<void> configuration(std::string what) = 0;

  virtual Result<StoredIntent> intent(IntentId id) const = 0;
  virtual Result<std::vector<StoredAttempt>> attempts(IntentId id) const = 0;
  virtual Result<std::optional<StoredResult>> result_of(IntentId id) const = 0;
  virtual Result<std::vector<StoredIntent>> open_intents() const = 0;  // the oldest first
  // Given up or expired, and their nonce was not taken for good since; the oldest first.
  virtual Result<std::vector<StoredIntent>> watched_intents() const = 0;
  // Of one lane and nonce, whoever holds it now.
  virtual Result<std::vector<StoredIntent>> intents_of(const Lane& lane,
                                                       std::uint64_t nonce) const = 0;
  virtual Result<std::vector<StoredResult>> results_not_final() const = 0;
  virtual Result<std::vector<Trade>> last_trades(std::size_t count) const = 0;  // newest first
  virtual Result<std::vector<ProfitRow>> profit(const ProfitQuery& query) const = 0;
  virtual Result<std::vector<Trade>> exchanges(const std::string& chain) const = 0;
  virtual Result<std::vector<Lane>> lanes() const = 0;
  virtual Result<std::vector<ResultNews>> result_news(std::int64_t after_row) const = 0;

  // Of the trail, committed: what to note elsewhere, so that a copy put back is noticed.
  virtual std::int64_t last_row() const = 0;
  // Commits since it was opened, and records in them.
  struct Written {
    std::uint64_t commits = 0;
    std::uint64_t records = 0;
  };
  virtual Written written() const = 0;
};

// $XDG_STATE_HOME/gantry/ledger.sqlite, or below $HOME/.local/state. Nothing: neither is set.
std::optional<std::filesystem::path> default_ledger(const Environment& environment);
// FILE.key
std::filesystem::path default_key_file(const std::filesystem::path& ledger);

}  // namespace gantry::host::ledger
