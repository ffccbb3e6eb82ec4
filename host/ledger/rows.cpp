#include "host/ledger/rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/ledger/facts.hpp"

namespace gantry::host::ledger {
namespace {

constexpr std::int64_t seconds_a_day = 86'400;

}  // namespace

StoredIntent intent_of_row(const Statement& row) {
  StoredIntent out;
  out.id = row.number(0);
  Intent& intent = out.intent;
  intent.key = row.text(1);
  intent.kind = static_cast<Kind>(row.number(2));
  intent.strategy = row.text(3);
  intent.coin = row.text(4);
  intent.token_in = row.text(5);
  intent.token_out = row.text(6);
  intent.route = route_of(row.text(7));
  intent.amount_in = row.amount(8);
  intent.planned_out = row.amount(9);
  intent.min_profit = row.amount(10);
  intent.block = static_cast<std::uint64_t>(row.number(11));
  intent.last_block = static_cast<std::uint64_t>(row.number(12));
  out.nonce = static_cast<std::uint64_t>(row.number(13));
  out.state = static_cast<State>(row.number(14));
  out.reason = row.text(15);
  out.recorded_ms = row.number(16);
  out.lane = {row.text(17), row.text(18), row.text(19), row.bytes<24>(20)};
  return out;
}

StoredResult result_of_row(const Statement& row, int at) {
  StoredResult out;
  out.id = {row.number(at), static_cast<std::uint32_t>(row.number(at + 1))};
  out.purpose = static_cast<Purpose>(row.number(at + 2));
  out.receipt = {row.number(at + 3) != 0,
                 static_cast<std::uint64_t>(row.number(at + 4)),
                 row.bytes<32>(at + 5),
                 row.number(at + 6),
                 static_cast<std::uint64_t>(row.number(at + 7)),
                 row.amount(at + 8),
                 row.amount(at + 9)};
  out.final = row.number(at + 10) != 0;
  if (row.is_null(at + 11)) return out;
  Realised realised{row.text(at + 11),
                    row.signed_amount(at + 12),
                    row.signed_amount(at + 13),
                    row.amount(at + 14),
                    std::nullopt,
                    row.amount(at + 20),
                    row.amount(at + 21)};
  out.profit_wei = row.signed_amount(at + 15);
  if (!row.is_null(at + 16)) {
    realised.price = CoinPrice{static_cast<std::uint64_t>(row.number(at + 16)), row.text(at + 17),
                               row.number(at + 18)};
    out.profit_usd_e6 = row.number(at + 19);
  }
  if (!row.is_null(at + 22)) {
    realised.exchange = Exchange{row.amount(at + 22), row.amount(at + 23), row.amount(at + 24)};
  }
  out.realised = std::move(realised);
  return out;
}

Result<StoredIntent> read_intent(Connection& connection, IntentId id) {
  static const std::string sql =
      fmt::format("SELECT {} FROM intent JOIN lane ON lane.id = intent.lane WHERE intent.id = ?",
                  intent_columns);
  const auto found = connection.query(sql, id);
  if (!found) return std::unexpected(found.error());
  const auto row = (*found)->step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return fail(ErrorKind::not_found, fmt::format("there is no intent {}", id));
  StoredIntent intent = intent_of_row(**found);
  (*found)->reset();
  return intent;
}

Result<std::vector<StoredAttempt>> read_attempts(Connection& connection, IntentId id) {
  const auto found = connection.query(
      "SELECT attempt.number, purpose, payer, destination, max_fee, priority_fee, bytes, hash, "
      "state, ifnull(endpoint, '') FROM attempt LEFT JOIN attempt_endpoint AS own "
      "ON own.intent = attempt.intent AND own.number = attempt.number "
      "WHERE attempt.intent = ? ORDER BY attempt.number",
      id);
  if (!found) return std::unexpected(found.error());
  std::vector<StoredAttempt> out;
  while (true) {
    const auto row = (*found)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const Statement& from = **found;
    StoredAttempt one;
    one.id = {id, static_cast<std::uint32_t>(from.number(0))};
    const Blob bytes = from.blob(6);
    one.attempt = {static_cast<Purpose>(from.number(1)),
                   from.text(2),
                   from.text(3),
                   from.text(9),
                   from.amount(4),
                   from.amount(5),
                   {bytes.begin(), bytes.end()},
                   from.bytes<32>(7)};
    one.state = static_cast<State>(from.number(8));
    out.push_back(std::move(one));
  }
  (*found)->reset();
  return out;
}

Result<std::optional<StoredResult>> read_result(Connection& connection, IntentId id) {
  static const std::string sql =
      fmt::format("SELECT {} FROM result WHERE intent = ?", result_columns);
  const auto found = connection.query(sql, id);
  if (!found) return std::unexpected(found.error());
  const auto row = (*found)->step();
  if (!row) return std::unexpected(row.error());
  std::optional<StoredResult> out;
  if (*row) out = result_of_row(**found, 0);
  (*found)->reset();
  return out;
}

Contribution contribution_of(const StoredResult& result) {
  Contribution out;
  out.day = result.receipt.block_time_s / seconds_a_day;
  const bool trade = result.purpose == Purpose::trade;
  out.included = trade && result.receipt.success ? 1 : 0;
  out.reverted = trade && !result.receipt.success ? 1 : 0;
  out.unreckoned = result.profit_wei ? 0 : 1;
  out.unvalued = result.profit_usd_e6 ? 0 : 1;
  out.wei = result.profit_wei.value_or(SignedAmount());
  out.usd_e6 = result.profit_usd_e6.value_or(0);
  return out;
}

std::vector<VenueContribution> contributions_by_venue(const StoredResult& result,
                                                      const std::vector<Leg>& route) {
  std::vector<VenueContribution> out;
  if (route.empty()) return out;
  const Contribution whole = contribution_of(result);
  const EvenSplit wei = split_evenly(whole.wei, route.size());
  const auto legs = static_cast<std::int64_t>(route.size());
  const std::int64_t usd_each = whole.usd_e6 / legs;
  for (std::size_t i = 0; i < route.size(); ++i) {
    const std::int64_t usd = usd_each + (i == 0 ? whole.usd_e6 % legs : 0);
    const SignedAmount& part = i == 0 ? wei.first : wei.other;
    const auto same = std::ranges::find(out, route[i].venue, &VenueContribution::venue);
    if (same != out.end()) {
      // A part of what is in range is in range.
      static_cast<void>(add(same->part.wei, part, same->part.wei));
      same->part.usd_e6 += usd;
      continue;
    }
    VenueContribution one{route[i].venue, whole};
    one.part.wei = part;
    one.part.usd_e6 = usd;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace gantry::host::ledger
