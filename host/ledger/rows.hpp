// Intents, attempts and results as the tables hold them, and what a result adds to the sums.
// Internal to host/ledger.
//
// THREADS  Whoever has the connection.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/ledger/records.hpp"
#include "host/ledger/sqlite.hpp"

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
inline constexpr int intent_columns_count = 21;
StoredIntent intent_of_row(const Statement& row);
inline constexpr std::string_view result_columns =
    "result.intent, result.attempt, result.purpose, result.success, result.block, "
    "result.block_hash, "
    "result.block_time_s, result.gas_used, result.gas_price, result.data_fee, result.final, "
    "result.token, result.profit, result.value_wei, result.cost_wei, result.profit_wei, "
    "result.price_usd_e6, result.price_source, result.price_age_ms, result.profit_usd_e6, "
    "result.balance_before, result.balance_after, "
    "(SELECT spent FROM exchange WHERE exchange.intent = result.intent), "
    "(SELECT received FROM exchange WHERE exchange.intent = result.intent), "
    "(SELECT worth_wei FROM exchange WHERE exchange.intent = result.intent)";
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

}  // namespace gantry::host::ledger
