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
#include "host/ledger/sqlite.hpp"
#include "host/ledger/trail.hpp"

namespace gantry::host::ledger {

// Rows as they are kept. not_found: there is none.
Result<StoredIntent> read_intent(Connection& connection, IntentId id);
Result<std::vector<StoredAttempt>> read_attempts(Connection& connection, IntentId id);
Result<std::optional<StoredResult>> read_result(Connection& connection, IntentId id);
// Of a query that begins with intent_columns (from intent JOIN lane).
inline constexpr std::string_view intent_columns =
    "intent.id, intent.key, intent.kind, intent.strategy, intent.coin, intent.token_in, "
    "intent.token_out, intent.route, intent.amount_in, intent.planned_out, intent.min_profit, "
    "intent.block, intent.last_block, intent.nonce, intent.state, intent.reason, "
    "intent.recorded_ms, lane.chain, lane.sender, lane.entry_point, lane.key";
StoredIntent intent_of_row(const Statement& row);
inline constexpr std::string_view result_columns =
    "result.intent, result.attempt, result.purpose, result.success, result.block, "
    "result.block_hash, "
    "result.block_time_s, result.gas_used, result.gas_price, result.data_fee, result.final, "
    "result.token, result.profit, result.value_wei, result.cost_wei, result.profit_wei, "
    "result.price_usd_e6, result.price_source, result.price_age_ms, result.profit_usd_e6, "
    "result.balance_before, result.balance_after";
// `at`: the column that result_columns begin with.
StoredResult result_of_row(const Statement& row, int at);

// What one settled intent adds to the sums. A cancellation is no trade: it only costs.
struct Contribution {
  std::int64_t day = 0;
  std::int64_t included = 0;
  std::int64_t reverted = 0;
  std::int64_t unreckoned = 0;
  std::int64_t unvalued = 0;
  SignedAmount wei;
  std::int64_t usd_e6 = 0;
};
Contribution contribution_of(const StoredResult& result);
// The same by venue: profit is split evenly over the legs of the route, what is left over to the
// first; a trade counts once at each venue.
struct VenueContribution {
  std::string venue;
  Contribution part;
};
std::vector<VenueContribution> contributions_by_venue(const StoredResult& result,
                                                      const std::vector<Leg>& route);

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
  Status close(IntentId intent, State to, const std::string& reason, bool give_nonce_back);
  Status leave_open(IntentId intent, const std::string& reason);
  Status note(AuditKind kind, const std::string& text);

 private:
  Result<std::int64_t> lane_id(const Lane& lane);
  // Checks every step of it, and makes them.
  Status make(const Move& move);
  Status make_checked(const Move& move);
  Status add_to_sums(const StoredIntent& intent, const StoredResult& result, bool take_away);
  void trail(AuditKind kind, std::string facts) { trail_.add(kind, now_ms_, std::move(facts)); }

  Connection& connection_;
  Trail& trail_;
  std::int64_t now_ms_ = 0;
};

}  // namespace gantry::host::ledger
