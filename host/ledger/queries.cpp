#include "host/ledger/queries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <map>

#include "host/ledger/schema.hpp"
#include "host/ledger/store.hpp"

namespace gantry::host::ledger {
namespace {

// Steps through all rows of a query.
template <class Take>
Status for_each_row(const Result<Statement*>& statement, Take&& take) {
  if (!statement) return std::unexpected(statement.error());
  while (true) {
    const auto row = (*statement)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    if (auto done = take(**statement); !done) {
      (*statement)->reset();
      return done;
    }
  }
  (*statement)->reset();
  return {};
}

std::string_view group_column(By by) {
  switch (by) {
    case By::strategy:
      return "strategy";
    case By::venue:
      return "venue";
    case By::chain:
      return "chain";
    case By::day:
      return "day";
  }
  return "strategy";
}

}  // namespace

std::string_view to_string(By by) { return group_column(by); }

std::string day_text(std::int64_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::optional<std::int64_t> parse_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  unsigned parts[3] = {};
  const std::string_view pieces[3] = {text.substr(0, 4), text.substr(5, 2), text.substr(8, 2)};
  for (std::size_t i = 0; i < 3; ++i) {
    const char* const end = pieces[i].data() + pieces[i].size();
    const auto read = std::from_chars(pieces[i].data(), end, parts[i]);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(parts[0])),
                                         std::chrono::month(parts[1]), std::chrono::day(parts[2])};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

Reader::Reader(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Reader::~Reader() = default;

Result<std::unique_ptr<Reader>> Reader::open(const std::filesystem::path& path) {
  auto connection = Connection::open(path, OpenAs::reader);
  if (!connection) return std::unexpected(std::move(connection.error()));
  if (auto known = check_schema(**connection); !known) {
    return std::unexpected(std::move(known.error()));
  }
  return std::unique_ptr<Reader>(new Reader(std::move(*connection)));
}

Result<StoredIntent> Reader::intent(IntentId id) { return read_intent(*connection_, id); }
Result<std::vector<StoredAttempt>> Reader::attempts(IntentId id) {
  return read_attempts(*connection_, id);
}
Result<std::optional<StoredResult>> Reader::result_of(IntentId id) {
  return read_result(*connection_, id);
}

Result<std::vector<StoredIntent>> Reader::open_intents() {
  static const std::string sql = fmt::format(
      "SELECT {} FROM intent JOIN lane ON lane.id = intent.lane "
      "WHERE intent.state <= 2 ORDER BY intent.id LIMIT {}",
      intent_columns, open_intents_max + 1);
  std::vector<StoredIntent> out;
  const auto done = for_each_row(connection_->query(sql), [&](const Statement& row) -> Status {
    out.push_back(intent_of_row(row));
    if (out.size() <= open_intents_max) return {};
    return fail(ErrorKind::limit, fmt::format("{}: more than {} intents are open",
                                              connection_->path().string(), open_intents_max));
  });
  if (!done) return std::unexpected(done.error());
  return out;
}

// An attempt that is open, of an intent that is not.
Result<std::vector<StoredIntent>> Reader::watched_intents() {
  static const std::string sql = fmt::format(
      "SELECT {} FROM intent JOIN lane ON lane.id = intent.lane "
      "WHERE intent.id IN (SELECT intent FROM attempt WHERE state <= 2) AND intent.state > 2 "
      "ORDER BY intent.id LIMIT {}",
      intent_columns, open_intents_max);
  std::vector<StoredIntent> out;
  const auto done = for_each_row(connection_->query(sql), [&](const Statement& row) -> Status {
    out.push_back(intent_of_row(row));
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return out;
}

Result<std::vector<StoredIntent>> Reader::intents_of(const Lane& lane, std::uint64_t nonce) {
  static const std::string sql = fmt::format(
      "SELECT {} FROM lane JOIN intent ON intent.lane = lane.id "
      "WHERE lane.chain = ? AND lane.sender = ? AND lane.entry_point = ? "
      "AND lane.key = ? AND intent.nonce = ? ORDER BY intent.id",
      intent_columns);
  std::vector<StoredIntent> out;
  const auto done = for_each_row(
      connection_->query(sql, lane.chain, lane.sender, lane.entry_point, lane.key, nonce),
      [&](const Statement& row) -> Status {
        out.push_back(intent_of_row(row));
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return out;
}

Result<std::vector<StoredResult>> Reader::results_not_final() {
  static const std::string sql =
      fmt::format("SELECT {} FROM result WHERE final = 0 ORDER BY intent", result_columns);
  std::vector<StoredResult> out;
  const auto done = for_each_row(connection_->query(sql), [&](const Statement& row) -> Status {
    out.push_back(result_of_row(row, 0));
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return out;
}

Result<std::vector<Trade>> Reader::last_trades(std::size_t count) {
  static const std::string sql = fmt::format(
      "SELECT {}, {} FROM intent JOIN lane ON lane.id = intent.lane "
      "LEFT JOIN result ON result.intent = intent.id ORDER BY intent.id DESC LIMIT ?",
      intent_columns, result_columns);
  std::vector<Trade> out;
  const auto done = for_each_row(connection_->query(sql, std::min(count, last_trades_max)),
                                 [&](const Statement& row) -> Status {
                                   Trade trade{intent_of_row(row), std::nullopt};
                                   if (!row.is_null(intent_columns_count)) {
                                     trade.result = result_of_row(row, intent_columns_count);
                                   }
                                   out.push_back(std::move(trade));
                                   return {};
                                 });
  if (!done) return std::unexpected(done.error());
  return out;
}

Result<std::vector<Trade>> Reader::exchanges(const std::string& chain) {
  static const std::string sql = fmt::format(
      "SELECT {}, {} FROM exchange AS made JOIN intent ON intent.id = made.intent "
      "JOIN lane ON lane.id = intent.lane JOIN result ON result.intent = intent.id "
      "WHERE lane.chain = ? ORDER BY result.block, intent.id",
      intent_columns, result_columns);
  std::vector<Trade> out;
  const auto done =
      for_each_row(connection_->query(sql, chain), [&](const Statement& row) -> Status {
        out.push_back({intent_of_row(row), result_of_row(row, intent_columns_count)});
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return out;
}

Result<std::vector<ProfitRow>> Reader::profit(const ProfitQuery& query) {
  const std::string sql = fmt::format(
      "SELECT {}, coin, included, reverted, unreckoned, unvalued, wei, usd_e6 FROM {} "
      "WHERE day BETWEEN ? AND ?",
      group_column(query.by), query.by == By::venue ? "profit_venue" : "profit_day");
  std::map<std::pair<std::string, std::string>, ProfitRow> sums;
  const auto take = [&](const Statement& row) -> Status {
    const std::string group = query.by == By::day ? day_text(row.number(0)) : row.text(0);
    ProfitRow& sum = sums[{group, row.text(1)}];
    sum.group = group;
    sum.coin = row.text(1);
    sum.included += static_cast<std::uint64_t>(row.number(2));
    sum.reverted += static_cast<std::uint64_t>(row.number(3));
    sum.unreckoned += static_cast<std::uint64_t>(row.number(4));
    sum.unvalued += static_cast<std::uint64_t>(row.number(5));
    if (!add(sum.wei, row.signed_amount(6), sum.wei) ||
        __builtin_add_overflow(sum.usd_e6, row.number(7), &sum.usd_e6)) {
      return fail(ErrorKind::limit,
                  fmt::format("the profit of {} is out of range: ask for fewer days", group));
    }
    return {};
  };
  constexpr std::int64_t days_max = 1'000'000'000;
  const auto done = for_each_row(
      connection_->query(sql, query.from_day.value_or(-days_max), query.to_day.value_or(days_max)),
      take);
  if (!done) return std::unexpected(done.error());
  std::vector<ProfitRow> out;
  for (auto& [key, row] : sums) {
    const bool empty = row.included == 0 && row.reverted == 0 && row.wei == SignedAmount();
    if (!empty) out.push_back(std::move(row));  // else all of it was taken back
  }
  if (query.by != By::day) {
    std::ranges::stable_sort(out, std::ranges::greater(), &ProfitRow::usd_e6);
  }
  return out;
}

Result<std::vector<Lane>> Reader::lanes() {
  std::vector<Lane> out;
  const auto done =
      for_each_row(connection_->query("SELECT chain, sender, entry_point, key FROM lane"),
                   [&](const Statement& row) -> Status {
                     out.push_back({row.text(0), row.text(1), row.text(2), row.bytes<24>(3)});
                     return {};
                   });
  if (!done) return std::unexpected(done.error());
  return out;
}

}  // namespace gantry::host::ledger
