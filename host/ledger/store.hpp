// The tables as one transaction of the writer changes them, each change with its row in the trail.
// Internal to host/ledger.
//
// ERRORS   usage: what was asked is not legal in the state that the records are in, with the state;
//          not_found; limit; else SQLite's. After an error the caller rolls back to where it began.
// THREADS  The writer's alone. Reading functions: whoever has the connection.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/ledger/facts.hpp"
#include "host/ledger/records.hpp"
#include "host/ledger/rows.hpp"
#include "host/ledger/sqlite.hpp"
#include "host/ledger/trail.hpp"

namespace gantry::host::ledger {

// What becomes of the nonce, and of attempts, of an intent that is closed.
struct Closing {
  bool gives_nonce_back = false;
  bool stays_watched = false;  // its attempts stay as they are, until unwatch()
};

class Store {
 public:
  Store(Connection& connection, Trail& trail) : connection_(connection), trail_(trail) {}

  void set_time(std::int64_t now_ms) { now_ms_ = now_ms; }
  Connection& connection() { return connection_; }

  // What the chain says that the lane's next nonce is. Never goes back.
  Status observe(const Lane& lane, std::uint64_t next);
  Result<IntentId> add_intent(const Intent& intent, const Lane& lane, std::uint64_t nonce);
  Result<AttemptId> add_attempt(IntentId intent, const Attempt& attempt);
  Status submit(const AttemptId& id, const std::string& to);
  Status set_result(const AttemptId& id, const Receipt& receipt,
                    const std::optional<Realised>& realised);
  Status set_realised(IntentId intent, const Realised& realised);
  // The result is taken back, its profit too: the chain was reorganized.
  Status undo_result(IntentId intent, const std::string& reason);
  Status set_final(IntentId intent);
  // To dropped or expired.
  Status close(IntentId intent, State to, const std::string& reason, Closing closing);
  Status unwatch(IntentId intent);
  Status leave_open(IntentId intent, const std::string& reason);
  Status note(AuditKind kind, const std::string& text);

 private:
  Result<std::int64_t> lane_id(const Lane& lane);
  // Checks every step of it, and makes them.
  Status make(const Move& move, AuditKind kind = AuditKind::moved);
  Status make_checked(const Move& move);
  Status add_to_sums(const StoredIntent& intent, const StoredResult& result, bool take_away);
  void trail(AuditKind kind, std::string facts) { trail_.add(kind, now_ms_, std::move(facts)); }

  Connection& connection_;
  Trail& trail_;
  std::int64_t now_ms_ = 0;
};

}  // namespace gantry::host::ledger
