// What became known of results, read back from the trail: whoever was told up to one of its rows
// finds here what came since.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "host/ledger/queries.hpp"
#include "host/ledger/rows.hpp"
#include "host/ledger/trail.hpp"

namespace gantry::host::ledger {
namespace {

namespace json = boost::json;

constexpr auto kind_result = static_cast<std::int64_t>(AuditKind::result);
constexpr auto kind_realised = static_cast<std::int64_t>(AuditKind::realised);
constexpr auto kind_taken_back = static_cast<std::int64_t>(AuditKind::taken_back);

const json::value* part(const json::object& of, std::string_view name) {
  return of.if_contains(name);
}
std::string text_in(const json::object& of, std::string_view name) {
  const json::value* value = part(of, name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}
std::int64_t number_in(const json::object& of, std::string_view name) {
  const json::value* value = part(of, name);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

std::unexpected<Error> no_facts(std::int64_t row) {
  return fail(
      ErrorKind::format,
      fmt::format("row {} of the audit trail holds no facts: run `gantry audit verify`", row));
}

json::object facts_in(const std::string& text) {
  json::error_code error;
  json::value parsed = json::parse(text, error);
  return error || !parsed.is_object() ? json::object() : std::move(parsed.get_object());
}

// The parts of it that ResultNews promises.
bool read_realised(const json::object& facts, Realised& out) {
  const json::value* realised = part(facts, "realised");
  if (realised == nullptr || !realised->is_object()) return false;
  const json::object& from = realised->get_object();
  const auto value = parse_signed(text_in(from, "value_wei"));
  const auto cost = parse_decimal(text_in(from, "cost_wei"));
  if (!value || !cost) return false;
  out.token = text_in(from, "token");
  out.value_wei = *value;
  out.cost_wei = *cost;
  if (const json::value* made = part(from, "exchange"); made != nullptr && made->is_object()) {
    const json::object& what = made->get_object();
    const auto spent = parse_decimal(text_in(what, "spent"));
    const auto received = parse_decimal(text_in(what, "received"));
    const auto worth = parse_decimal(text_in(what, "worth_wei"));
    if (!spent || !received || !worth) return false;
    out.exchange = Exchange{*spent, *received, *worth};
  }
  if (const json::value* price = part(from, "price"); price != nullptr && price->is_object()) {
    out.price =
        CoinPrice{static_cast<std::uint64_t>(
                      std::max<std::int64_t>(number_in(price->get_object(), "usd_e6"), 0)),
                  text_in(price->get_object(), "source"), number_in(price->get_object(), "age_ms")};
  }
  return true;
}

bool read_result_facts(const json::object& facts, StoredResult& out) {
  const json::value* receipt = part(facts, "receipt");
  if (receipt == nullptr || !receipt->is_object()) return false;
  const json::object& from = receipt->get_object();
  const json::value* success = part(from, "success");
  if (success == nullptr || !success->is_bool()) return false;
  out.id.number = static_cast<std::uint32_t>(number_in(from, "attempt"));
  out.receipt.success = success->get_bool();
  out.receipt.block = static_cast<std::uint64_t>(number_in(from, "block"));
  const bool cancelled = text_in(facts, "state") == to_string(State::replaced);
  out.purpose = cancelled ? Purpose::cancellation : Purpose::trade;
  return true;
}

}  // namespace

// The newest of that kind and intent before a row; empty: there is none. A result is never far
// from what followed from it, so few rows are looked at.
Result<std::string> Reader::facts_before(std::int64_t row, std::int64_t kind, IntentId intent,
                                         std::int64_t& found) {
  const auto rows = connection_->query(
      "SELECT sequence, facts FROM audit WHERE sequence < ? AND kind = ? "
      "AND json_extract(facts, '$.intent') = ? ORDER BY sequence DESC LIMIT 1",
      row, kind, intent);
  if (!rows) return std::unexpected(rows.error());
  const auto stepped = (*rows)->step();
  if (!stepped) return std::unexpected(stepped.error());
  found = *stepped ? (*rows)->number(0) : 0;
  std::string facts = *stepped ? (*rows)->text(1) : std::string();
  (*rows)->reset();
  return facts;
}

// nullopt: nobody was ever told what it brought.
Result<std::optional<ResultNews>> Reader::news_of(std::int64_t row, const std::string& text) {
  const json::object facts = facts_in(text);
  ResultNews news;
  news.row = row;
  news.is_taken_back = part(facts, "realised") == nullptr;
  const IntentId id = number_in(facts, "intent");
  news.result.id.intent = id;
  std::int64_t result_row = 0;
  const auto of_result = facts_before(row, kind_result, id, result_row);
  if (!of_result) return std::unexpected(of_result.error());
  if (!read_result_facts(facts_in(*of_result), news.result)) return no_facts(row);
  news.result.realised.emplace();
  if (news.is_taken_back) {
    // What was realised of that result, if anything was.
    const auto realised = connection_->query(
        "SELECT facts FROM audit WHERE sequence > ? AND sequence < ? AND kind = ? "
        "AND json_extract(facts, '$.intent') = ?",
        result_row, row, kind_realised, id);
    if (!realised) return std::unexpected(realised.error());
    const auto stepped = (*realised)->step();
    if (!stepped) return std::unexpected(stepped.error());
    const std::string was = *stepped ? (*realised)->text(0) : std::string();
    (*realised)->reset();
    if (was.empty()) return std::optional<ResultNews>();
    if (!read_realised(facts_in(was), *news.result.realised)) return no_facts(row);
  } else if (!read_realised(facts, *news.result.realised)) {
    return no_facts(row);
  }
  const auto intent = read_intent(*connection_, id);
  if (!intent) return std::unexpected(intent.error());
  news.chain = intent->lane.chain;
  return std::optional(std::move(news));
}

Result<std::vector<ResultNews>> Reader::result_news(std::int64_t after_row) {
  struct Row {
    std::int64_t sequence;
    std::string facts;
  };
  std::vector<Row> found;
  // Those of the first version's trail are listed: see schema.cpp.
  const auto rows = connection_->query(
      "SELECT sequence, facts FROM audit WHERE sequence > ? AND (kind = ? OR kind = ? "
      "OR sequence IN (SELECT row FROM taken_back)) ORDER BY sequence",
      after_row, kind_realised, kind_taken_back);
  if (!rows) return std::unexpected(rows.error());
  while (true) {
    const auto row = (*rows)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    found.push_back({(*rows)->number(0), (*rows)->text(1)});
  }
  (*rows)->reset();
  std::vector<ResultNews> out;
  for (const Row& row : found) {
    auto news = news_of(row.sequence, row.facts);
    if (!news) return std::unexpected(news.error());
    if (*news) out.push_back(std::move(**news));
  }
  return out;
}

}  // namespace gantry::host::ledger
