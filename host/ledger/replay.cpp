#include "host/ledger/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>

#include "host/base/text.hpp"
#include "host/ledger/queries.hpp"

namespace gantry::host::ledger {
namespace {

namespace json = boost::json;

std::int64_t whole(const json::object& facts, std::string_view name) {
  const json::value* value = facts.if_contains(name);
  if (value == nullptr) return -1;
  if (const auto* number = value->if_int64()) return *number;
  return -1;
}

std::string words(const json::object& facts, std::string_view name) {
  const json::value* value = facts.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<State> state_of(std::string_view text) {
  for (std::int64_t number = 1; is_state(number); ++number) {
    const auto state = static_cast<State>(number);
    if (to_string(state) == text) return state;
  }
  return std::nullopt;
}

char as_character(State state) { return static_cast<char>(state); }

std::size_t digest(const std::string& text) { return std::hash<std::string>()(text); }

void add_to(Contribution& sum, const Contribution& part) {
  sum.included += part.included;
  sum.reverted += part.reverted;
  sum.unreckoned += part.unreckoned;
  sum.unvalued += part.unvalued;
  static_cast<void>(add(sum.wei, part.wei, sum.wei));
  sum.usd_e6 += part.usd_e6;
}

bool same_sum(const Contribution& a, const Contribution& b) {
  return a.included == b.included && a.reverted == b.reverted && a.unreckoned == b.unreckoned &&
         a.unvalued == b.unvalued && a.wei == b.wei && a.usd_e6 == b.usd_e6;
}

}  // namespace

std::vector<Finding> Findings::take() {
  // What is of no row in particular comes last.
  std::ranges::stable_sort(found_, {}, [](const Finding& each) {
    return each.row == 0 ? std::numeric_limits<std::int64_t>::max() : each.row;
  });
  return std::move(found_);
}

Replay::Held* Replay::held(const AuditRow& row, const json::object& facts) {
  const std::int64_t id = whole(facts, "intent");
  if (id >= 1 && id <= intents()) return &intents_[static_cast<std::size_t>(id - 1)];
  findings_.add(row.sequence, "is of an intent that the trail does not have");
  return nullptr;
}

Status Replay::take(const AuditRow& row) {
  json::error_code error;
  const json::value parsed = json::parse(row.facts, error);
  if (error || !parsed.is_object()) {
    findings_.add(row.sequence, "holds no facts: it was changed");
    return {};
  }
  const json::object& facts = parsed.get_object();
  switch (row.kind) {
    case AuditKind::lane:
      take_lane(facts, whole(facts, "next"));
      return {};
    case AuditKind::intent:
      return take_intent(row, facts);
    case AuditKind::attempt:
      return take_attempt(row, facts);
    case AuditKind::moved:
    case AuditKind::taken_back:
    case AuditKind::result:
      take_move(row, facts);
      return {};
    case AuditKind::realised:
      if (Held* intent = held(row, facts)) intent->realised = row.sequence;
      return {};
    case AuditKind::final:
      if (Held* intent = held(row, facts)) intent->final = true;
      return {};
    case AuditKind::left_open:
      if (Held* intent = held(row, facts)) intent->reason = digest(words(facts, "reason"));
      return {};
    case AuditKind::opened:
    case AuditKind::operator_command:
    case AuditKind::breaker:
    case AuditKind::configuration:
      return {};
  }
  findings_.add(row.sequence, "is of no kind that this version writes: it was changed");
  return {};
}

void Replay::take_lane(const json::object& lane, std::int64_t next) {
  std::int64_t& known = next_[{words(lane, "chain"), words(lane, "sender"),
                               words(lane, "entry_point"), words(lane, "key")}];
  known = std::max(known, next);
}

Status Replay::take_intent(const AuditRow& row, const json::object& facts) {
  const std::int64_t id = whole(facts, "intent");
  if (id != intents() + 1) {
    findings_.add(row.sequence,
                  fmt::format("is of intent {}, where {} would follow", id, intents() + 1));
  }
  Held intent;
  intent.row = row.sequence;
  intent.reason = digest("");
  intents_.push_back(std::move(intent));
  if (const json::value* lane = facts.if_contains("lane"); lane != nullptr && lane->is_object()) {
    take_lane(lane->get_object(), whole(facts, "nonce") + 1);
  }
  const auto stored = read_intent(connection_, id);
  if (!stored && stored.error().kind == ErrorKind::not_found) {
    findings_.add(row.sequence,
                  fmt::format("is of intent {}, which was taken out of the tables", id));
    return {};
  }
  if (!stored) return std::unexpected(stored.error());
  if (intent_facts(*stored) != row.facts) {
    findings_.add(row.sequence,
                  fmt::format("is of intent {}, which the tables have otherwise", id));
  }
  return {};
}

Status Replay::take_attempt(const AuditRow& row, const json::object& facts) {
  Held* intent = held(row, facts);
  if (intent == nullptr) return {};
  intent->attempts += as_character(State::intended);
  const auto stored = read_attempts(connection_, whole(facts, "intent"));
  if (!stored) return std::unexpected(stored.error());
  const auto number = static_cast<std::size_t>(whole(facts, "attempt"));
  if (number < 1 || number > stored->size()) {
    findings_.add(row.sequence, fmt::format("is of an attempt of intent {} that was taken out of "
                                            "the tables",
                                            whole(facts, "intent")));
  } else if (attempt_facts((*stored)[number - 1]) != row.facts) {
    findings_.add(row.sequence,
                  fmt::format("is of attempt {} of intent {}, which the tables have otherwise",
                              number, whole(facts, "intent")));
  }
  return {};
}

void Replay::take_move(const AuditRow& row, const json::object& facts) {
  Held* intent = held(row, facts);
  const auto to = state_of(words(facts, "state"));
  const json::value* attempts = facts.if_contains("attempts");
  if (intent == nullptr) return;
  if (!to || attempts == nullptr || !attempts->is_array()) {
    findings_.add(row.sequence, "holds no facts: it was changed");
    return;
  }
  intent->state = *to;
  intent->reason = digest(words(facts, "reason"));
  const json::value* given_back = facts.if_contains("nonce_given_back");
  if (given_back != nullptr && given_back->is_bool() && given_back->get_bool()) {
    intent->holds_nonce = false;
  }
  for (const json::value& each : attempts->get_array()) {
    const json::array* pair = each.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_int64() || !(*pair)[1].is_string()) {
      continue;
    }
    const auto number = static_cast<std::size_t>((*pair)[0].get_int64());
    const auto state = state_of((*pair)[1].get_string());
    if (state && number >= 1 && number <= intent->attempts.size()) {
      intent->attempts[number - 1] = as_character(*state);
    }
  }
  if (row.kind == AuditKind::result) {
    intent->result = row.sequence;
  } else if (*to == State::submitted) {
    // Of the first version: a step like any other.
    if (row.kind == AuditKind::moved && intent->result != 0) taken_back_.push_back(row.sequence);
    intent->result = 0;
    intent->realised = 0;
  }
}

Result<json::object> Replay::facts_of(std::int64_t row) {
  const auto found = connection_.query("SELECT facts FROM audit WHERE sequence = ?", row);
  if (!found) return std::unexpected(found.error());
  const auto stepped = (*found)->step();
  if (!stepped) return std::unexpected(stepped.error());
  json::error_code error;
  const json::value parsed = json::parse(*stepped ? (*found)->text(0) : "{}", error);
  (*found)->reset();
  return error || !parsed.is_object() ? json::object() : parsed.get_object();
}

Status Replay::check_intents() {
  const auto rows =
      connection_.query("SELECT id, state, holds_nonce, reason FROM intent ORDER BY id");
  if (!rows) return std::unexpected(rows.error());
  while (true) {
    const auto row = (*rows)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const std::int64_t id = (*rows)->number(0);
    if (id < 1 || id > intents()) {
      findings_.add(0, fmt::format("intent {} is in the tables, and not in the trail", id));
      continue;
    }
    const Held& intent = intents_[static_cast<std::size_t>(id - 1)];
    if ((*rows)->number(1) != static_cast<std::int64_t>(intent.state) ||
        ((*rows)->number(2) != 0) != intent.holds_nonce ||
        digest((*rows)->text(3)) != intent.reason) {
      findings_.add(intent.row,
                    fmt::format("begins intent {}, which became {}, and the tables have "
                                "another state or reason",
                                id, to_string(intent.state)));
    }
  }
  (*rows)->reset();
  const auto attempts =
      connection_.query("SELECT intent, number, state FROM attempt ORDER BY intent, number");
  if (!attempts) return std::unexpected(attempts.error());
  while (true) {
    const auto row = (*attempts)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const std::int64_t id = (*attempts)->number(0);
    const std::int64_t number = (*attempts)->number(1);
    const bool known = id >= 1 && id <= intents() && number >= 1 &&
                       number <= static_cast<std::int64_t>(
                                     intents_[static_cast<std::size_t>(id - 1)].attempts.size());
    if (!known) {
      findings_.add(0, fmt::format("attempt {} of intent {} is in the tables, and not in the trail",
                                   number, id));
      continue;
    }
    const Held& intent = intents_[static_cast<std::size_t>(id - 1)];
    const auto state = static_cast<State>(intent.attempts[static_cast<std::size_t>(number - 1)]);
    if ((*attempts)->number(2) != static_cast<std::int64_t>(state)) {
      findings_.add(intent.row,
                    fmt::format("begins intent {}, whose attempt {} became {}, and the tables have "
                                "another state",
                                id, number, to_string(state)));
    }
  }
  (*attempts)->reset();
  return {};
}

Status Replay::check_result(const StoredResult& result, const StoredIntent& intent) {
  const Held& held = intents_[static_cast<std::size_t>(intent.id - 1)];
  const auto of_result = facts_of(held.result);
  if (!of_result) return std::unexpected(of_result.error());
  const json::value* receipt = of_result->if_contains("receipt");
  bool same = receipt != nullptr && result.final == held.final &&
              json::serialize(*receipt) == json::serialize(receipt_json(result.id, result.receipt));
  if (held.realised != 0 || result.realised) {
    const auto of_realised = facts_of(held.realised);
    if (!of_realised) return std::unexpected(of_realised.error());
    const json::value* realised = of_realised->if_contains("realised");
    same = same && realised != nullptr && result.realised &&
           json::serialize(*realised) == json::serialize(realised_json(*result.realised));
    // What follows from it.
    const auto net = result.realised ? net_wei(*result.realised) : Result<SignedAmount>();
    same = same && net && result.profit_wei && *net == *result.profit_wei;
    if (same && result.realised->price) {
      const auto usd = usd_e6_of(*net, *result.realised->price);
      same = usd && result.profit_usd_e6 && *usd == *result.profit_usd_e6;
    }
  }
  if (!same) {
    findings_.add(held.result, fmt::format("is of the result of intent {}, which the tables have "
                                           "otherwise",
                                           intent.id));
  }
  return {};
}

Status Replay::check_results() {
  const std::string sql = fmt::format("SELECT {} FROM result ORDER BY intent", result_columns);
  const auto rows = connection_.query(sql);
  if (!rows) return std::unexpected(rows.error());
  std::vector<bool> seen(intents_.size());
  while (true) {
    const auto row = (*rows)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const StoredResult result = result_of_row(**rows, 0);
    const std::int64_t id = result.id.intent;
    if (id < 1 || id > intents() || intents_[static_cast<std::size_t>(id - 1)].result == 0) {
      findings_.add(
          0, fmt::format("a result of intent {} is in the tables, and not in the trail", id));
      continue;
    }
    seen[static_cast<std::size_t>(id - 1)] = true;
    const auto intent = read_intent(connection_, id);
    if (!intent && intent.error().kind == ErrorKind::not_found) continue;  // told already
    if (!intent) return std::unexpected(intent.error());
    if (auto done = check_result(result, *intent); !done) return done;
    const Contribution whole = contribution_of(result);
    add_to(
        by_strategy_[{whole.day, intent->lane.chain, intent->intent.coin, intent->intent.strategy}],
        whole);
    for (const VenueContribution& each : contributions_by_venue(result, intent->intent.route)) {
      add_to(by_venue_[{whole.day, intent->lane.chain, intent->intent.coin, each.venue}],
             each.part);
    }
  }
  (*rows)->reset();
  for (std::size_t i = 0; i < intents_.size(); ++i) {
    if (intents_[i].result == 0 || seen[i]) continue;
    findings_.add(
        intents_[i].result,
        fmt::format("is of the result of intent {}, which was taken out of the tables", i + 1));
  }
  return {};
}

Status Replay::check_lanes() {
  const auto rows = connection_.query("SELECT chain, sender, entry_point, key, next FROM lane");
  if (!rows) return std::unexpected(rows.error());
  std::size_t count = 0;
  while (true) {
    const auto row = (*rows)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    ++count;
    const auto expected = next_.find(
        {(*rows)->text(0), (*rows)->text(1), (*rows)->text(2), hex_text((*rows)->bytes<24>(3))});
    if (expected == next_.end() || expected->second != (*rows)->number(4)) {
      findings_.add(0, fmt::format("the next nonce of {} on {} is not what the trail says",
                                   (*rows)->text(1), (*rows)->text(0)));
    }
  }
  (*rows)->reset();
  if (count < next_.size()) {
    findings_.add(0, "the nonces of an account that the trail has are not in the tables");
  }
  return {};
}

Status Replay::check_sums(std::string_view table, std::string_view name,
                          const std::map<SumKey, Contribution>& expected) {
  const auto rows = connection_.query(
      fmt::format("SELECT day, chain, coin, {}, included, reverted, unreckoned, unvalued, wei, "
                  "usd_e6 FROM {}",
                  name, table));
  if (!rows) return std::unexpected(rows.error());
  std::size_t matched = 0;
  while (true) {
    const auto row = (*rows)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const Statement& from = **rows;
    const Contribution sum{from.number(0), from.number(4),        from.number(5), from.number(6),
                           from.number(7), from.signed_amount(8), from.number(9)};
    const auto found = expected.find({from.number(0), from.text(1), from.text(2), from.text(3)});
    if (found != expected.end()) ++matched;
    // What was taken back leaves a sum of nothing.
    if (same_sum(sum, found != expected.end() ? found->second : Contribution())) continue;
    findings_.add(0, fmt::format("the sum of day {}, {}, {} {} is not that of its trades",
                                 day_text(from.number(0)), from.text(1), name, from.text(3)));
  }
  (*rows)->reset();
  if (matched < expected.size()) {
    findings_.add(0, fmt::format("{} of the sums by {} were taken out of the tables",
                                 expected.size() - matched, name));
  }
  return {};
}

// The list has the rows of the first version that took a result back, and no others.
Status Replay::check_taken_back() {
  const auto version = connection_.number("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (version->value_or(0) < 2) return {};  // it has none yet
  const auto rows = connection_.query("SELECT row FROM taken_back ORDER BY row");
  if (!rows) return std::unexpected(rows.error());
  std::vector<std::int64_t> listed;
  while (true) {
    const auto row = (*rows)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    listed.push_back((*rows)->number(0));
  }
  (*rows)->reset();
  std::vector<std::int64_t> differ;
  std::ranges::set_symmetric_difference(taken_back_, listed, std::back_inserter(differ));
  for (const std::int64_t row : differ) {
    findings_.add(row, "takes a result back, or does not, and the tables have it otherwise");
  }
  return {};
}

Status Replay::end() {
  auto done = check_intents();
  if (done) done = check_taken_back();
  if (done) done = check_results();
  if (done) done = check_lanes();
  if (done) done = check_sums("profit_day", "strategy", by_strategy_);
  if (done) done = check_sums("profit_venue", "venue", by_venue_);
  return done;
}

}  // namespace gantry::host::ledger
