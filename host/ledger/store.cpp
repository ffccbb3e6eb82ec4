#include "host/ledger/store.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/base/text.hpp"

namespace gantry::host::ledger {
namespace {

std::string cut_reason(const std::string& reason) { return reason.substr(0, reason_bytes_max); }

std::int64_t as_number(State state) { return static_cast<std::int64_t>(state); }

std::unexpected<Error> not_legal(IntentId intent, std::string_view what, State from, State to) {
  return fail(ErrorKind::usage, fmt::format("{} {} is {}: it cannot become {}", what, intent,
                                            to_string(from), to_string(to)));
}

// One row's worth of `sign` (1 or -1) times a contribution, added to a table of sums.
Status add_sum(Connection& connection, std::string_view table, std::string_view name_column,
               const StoredIntent& intent, const std::string& name, const Contribution& part,
               bool take_away) {
  const std::string where =
      fmt::format(" WHERE day = ? AND chain = ? AND coin = ? AND {} = ?", name_column);
  const auto& chain = intent.lane.chain;
  const auto& coin = intent.intent.coin;
  const auto found = connection.query(
      fmt::format("SELECT included, reverted, unreckoned, unvalued, wei, usd_e6 FROM {}{}", table,
                  where),
      part.day, chain, coin, name);
  if (!found) return std::unexpected(found.error());
  const auto row = (*found)->step();
  if (!row) return std::unexpected(row.error());
  Contribution sum;
  if (*row) {
    sum = {part.day,
           (*found)->number(0),
           (*found)->number(1),
           (*found)->number(2),
           (*found)->number(3),
           (*found)->signed_amount(4),
           (*found)->number(5)};
  }
  (*found)->reset();
  const std::int64_t sign = take_away ? -1 : 1;
  SignedAmount wei = part.wei;
  std::int64_t usd = 0;
  const bool fits = (!take_away || negate(part.wei, wei)) && add(sum.wei, wei, sum.wei) &&
                    !__builtin_add_overflow(sum.usd_e6, sign * part.usd_e6, &usd);
  if (!fits) {
    return fail(ErrorKind::limit,
                fmt::format("the result of intent {} cannot be recorded: the day's sum of profits "
                            "is out of range",
                            intent.id));
  }
  return connection.execute(
      fmt::format("INSERT OR REPLACE INTO {} (day, chain, coin, {}, included, reverted, "
                  "unreckoned, unvalued, wei, usd_e6) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  table, name_column),
      part.day, chain, coin, name, sum.included + sign * part.included,
      sum.reverted + sign * part.reverted, sum.unreckoned + sign * part.unreckoned,
      sum.unvalued + sign * part.unvalued, sum.wei, usd);
}

}  // namespace

Result<std::int64_t> Store::lane_id(const Lane& lane) {
  const auto found = connection_.number(
      "SELECT id FROM lane WHERE chain = ? AND sender = ? AND entry_point = ? AND key = ?",
      lane.chain, lane.sender, lane.entry_point, lane.key);
  if (!found) return std::unexpected(found.error());
  if (*found) return **found;
  return fail(ErrorKind::not_found,
              fmt::format("the next nonce of {} on {} is not known: ask the chain first",
                          lane.sender, lane.chain));
}

Status Store::observe(const Lane& lane, std::uint64_t next) {
  if (auto good = check(lane); !good) return good;
  if (next > nonce_max) {
    return fail(ErrorKind::limit, fmt::format("{}: the nonce {} is none", lane.sender, next));
  }
  const auto known = connection_.number(
      "SELECT next FROM lane WHERE chain = ? AND sender = ? AND entry_point = ? AND key = ?",
      lane.chain, lane.sender, lane.entry_point, lane.key);
  if (!known) return std::unexpected(known.error());
  if (!*known) {
    trail(AuditKind::lane, lane_facts(lane, next, "the chain says so"));
    return connection_.execute(
        "INSERT INTO lane (chain, sender, entry_point, key, floor, next) VALUES (?, ?, ?, ?, ?, ?)",
        lane.chain, lane.sender, lane.entry_point, lane.key, next, next);
  }
  if (static_cast<std::int64_t>(next) > **known) {
    trail(AuditKind::lane,
          lane_facts(lane, next, "others than this ledger have used the account's nonces"));
  }
  return connection_.execute(
      "UPDATE lane SET floor = max(floor, ?5), next = max(next, ?5) "
      "WHERE chain = ?1 AND sender = ?2 AND entry_point = ?3 AND key = ?4",
      lane.chain, lane.sender, lane.entry_point, lane.key, next);
}

Result<IntentId> Store::add_intent(const Intent& intent, const Lane& lane, std::uint64_t nonce) {
  if (auto good = check(intent, lane); !good) return std::unexpected(good.error());
  const auto of_lane = lane_id(lane);
  if (!of_lane) return std::unexpected(of_lane.error());
  const auto same = connection_.number("SELECT id FROM intent WHERE key = ?", intent.key);
  if (!same) return std::unexpected(same.error());
  if (*same) {
    return fail(ErrorKind::usage, fmt::format("the intent {} is recorded already: it is number {}",
                                              intent.key, **same));
  }
  const auto holder = connection_.number(
      "SELECT id FROM intent WHERE lane = ? AND nonce = ? AND holds_nonce = 1", *of_lane, nonce);
  if (!holder) return std::unexpected(holder.error());
  if (*holder) {
    return fail(ErrorKind::usage, fmt::format("the nonce {} of {} is that of intent {}", nonce,
                                              lane.sender, **holder));
  }
  const auto last = connection_.number("SELECT max(id) FROM intent");
  if (!last) return std::unexpected(last.error());
  const StoredIntent stored{last->value_or(0) + 1, intent, lane,   nonce,
                            State::intended,       {},     now_ms_};
  auto done = connection_.execute(
      "INSERT INTO intent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, '', ?)",
      stored.id, intent.key, static_cast<std::int64_t>(intent.kind), intent.strategy, intent.coin,
      intent.token_in, intent.token_out, boost::json::serialize(route_json(intent.route)),
      intent.amount_in, intent.planned_out, intent.min_profit, intent.block, intent.last_block,
      *of_lane, nonce, as_number(State::intended), now_ms_);
  if (done) {
    done = connection_.execute("UPDATE lane SET next = max(next, ?) WHERE id = ?", nonce + 1,
                               *of_lane);
  }
  if (!done) return std::unexpected(done.error());
  trail(AuditKind::intent, intent_facts(stored));
  return stored.id;
}

Result<AttemptId> Store::add_attempt(IntentId intent, const Attempt& attempt) {
  if (auto good = check(attempt); !good) return std::unexpected(good.error());
  const auto stored = read_intent(connection_, intent);
  if (!stored) return std::unexpected(stored.error());
  if (!is_open(stored->state)) {
    return fail(ErrorKind::usage, fmt::format("intent {} is {}: it takes no more attempts", intent,
                                              to_string(stored->state)));
  }
  const auto before = connection_.number("SELECT count(*) FROM attempt WHERE intent = ?", intent);
  if (!before) return std::unexpected(before.error());
  if (before->value_or(0) >= attempts_max) {
    return fail(ErrorKind::limit, fmt::format("intent {} has {} attempts, and may have no more",
                                              intent, attempts_max));
  }
  const auto same = connection_.number("SELECT intent FROM attempt WHERE hash = ?", attempt.hash);
  if (!same) return std::unexpected(same.error());
  if (*same) {
    return fail(ErrorKind::usage, fmt::format("{} is recorded already, as an attempt of intent {}",
                                              hex_text(attempt.hash), **same));
  }
  const StoredAttempt one{
      {intent, static_cast<std::uint32_t>(before->value_or(0) + 1)}, attempt, State::intended};
  auto done = connection_.execute(
      "INSERT INTO attempt (intent, number, purpose, payer, destination, max_fee, priority_fee, "
      "bytes, hash, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      intent, one.id.number, static_cast<std::int64_t>(attempt.purpose), attempt.payer,
      attempt.destination, attempt.max_fee, attempt.priority_fee, Blob(attempt.bytes), attempt.hash,
      as_number(State::intended));
  if (done && !attempt.endpoint.empty()) {
    done = connection_.execute("INSERT INTO attempt_endpoint VALUES (?, ?, ?)", intent,
                               one.id.number, attempt.endpoint);
  }
  if (!done) return std::unexpected(done.error());
  trail(AuditKind::attempt, attempt_facts(one));
  return one.id;
}

Status Store::make_checked(const Move& move) {
  const auto state = connection_.number("SELECT state FROM intent WHERE id = ?", move.intent);
  if (!state) return std::unexpected(state.error());
  if (!*state) return fail(ErrorKind::not_found, fmt::format("there is no intent {}", move.intent));
  const auto from = static_cast<State>(**state);
  if (from != move.to && !may_follow(from, move.to)) {
    return not_legal(move.intent, "intent", from, move.to);
  }
  auto done = connection_.execute(
      "UPDATE intent SET state = ?, reason = ?, holds_nonce = holds_nonce AND ? WHERE id = ?",
      as_number(move.to), move.reason, move.gives_nonce_back ? 0 : 1, move.intent);
  if (!done) return done;
  for (const Move::OfAttempt& each : move.attempts) {
    const auto before = connection_.number(
        "SELECT state FROM attempt WHERE intent = ? AND number = ?", move.intent, each.number);
    if (!before) return std::unexpected(before.error());
    if (!*before) {
      return fail(ErrorKind::not_found,
                  fmt::format("intent {} has no attempt {}", move.intent, each.number));
    }
    if (!may_follow(static_cast<State>(**before), each.to)) {
      return not_legal(move.intent, fmt::format("attempt {} of intent", each.number),
                       static_cast<State>(**before), each.to);
    }
    done = connection_.execute("UPDATE attempt SET state = ? WHERE intent = ? AND number = ?",
                               as_number(each.to), move.intent, each.number);
    if (!done) return done;
  }
  return {};
}

Status Store::make(const Move& move, AuditKind kind) {
  if (auto done = make_checked(move); !done) return done;
  trail(kind, move_facts(move));
  return {};
}

Status Store::submit(const AttemptId& id, const std::string& to) {
  const auto attempts = read_attempts(connection_, id.intent);
  if (!attempts) return std::unexpected(attempts.error());
  const auto attempt = std::ranges::find(*attempts, id, &StoredAttempt::id);
  if (attempt == attempts->end()) {
    return fail(ErrorKind::not_found,
                fmt::format("intent {} has no attempt {}", id.intent, id.number));
  }
  if (!is_open(attempt->state)) {
    return not_legal(id.intent, fmt::format("attempt {} of intent", id.number), attempt->state,
                     State::submitted);
  }
  Move move{.intent = id.intent, .to = State::submitted, .reason = cut_reason("taken by " + to)};
  // The same bytes may be sent again.
  if (attempt->state == State::intended) move.attempts.push_back({id.number, State::submitted});
  return make(move);
}

Status Store::set_result(const AttemptId& id, const Receipt& receipt,
                         const std::optional<Realised>& realised) {
  if (auto good = check(receipt); !good) return good;
  if (realised) {
    if (auto good = check(*realised); !good) return good;
  }
  const auto intent = read_intent(connection_, id.intent);
  if (!intent) return std::unexpected(intent.error());
  const auto attempts = read_attempts(connection_, id.intent);
  if (!attempts) return std::unexpected(attempts.error());
  Move move{.intent = id.intent, .to = receipt.success ? State::included : State::reverted};
  Purpose purpose = Purpose::trade;
  for (const StoredAttempt& each : *attempts) {
    if (each.id == id) {
      move.attempts.push_back({each.id.number, move.to});
      purpose = each.attempt.purpose;
    } else if (is_open(each.state)) {
      move.attempts.push_back({each.id.number, State::replaced});
    }
  }
  if (purpose == Purpose::cancellation) move.to = State::replaced;
  move.reason = fmt::format("attempt {} is in block {}", id.number, receipt.block);
  if (intent->state == move.to) {
    return fail(ErrorKind::usage,
                fmt::format("intent {} has its result already: {}", id.intent, intent->reason));
  }
  if (auto done = make_checked(move); !done) return done;
  auto done = connection_.execute(
      "INSERT INTO result (intent, attempt, purpose, success, block, block_hash, block_time_s, "
      "gas_used, "
      "gas_price, data_fee, final) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
      id.intent, id.number, static_cast<std::int64_t>(purpose), receipt.success ? 1 : 0,
      receipt.block, receipt.block_hash, receipt.block_time_s, receipt.gas_used, receipt.gas_price,
      receipt.data_fee);
  if (!done) return done;
  trail(AuditKind::result, result_facts(id, receipt, move));
  const StoredResult result{id, purpose, receipt, false, {}, {}, {}};
  done = add_to_sums(*intent, result, false);
  if (done && realised) done = set_realised(id.intent, *realised);
  return done;
}

Status Store::set_realised(IntentId id, const Realised& realised) {
  if (auto good = check(realised); !good) return good;
  const auto intent = read_intent(connection_, id);
  if (!intent) return std::unexpected(intent.error());
  auto before = read_result(connection_, id);
  if (!before) return std::unexpected(before.error());
  if (!*before) {
    return fail(ErrorKind::usage, fmt::format("intent {} is {}: it has no result to be reckoned",
                                              id, to_string(intent->state)));
  }
  if ((*before)->realised) {
    return fail(ErrorKind::usage, fmt::format("the profit of intent {} is recorded already", id));
  }
  const SignedAmount wei = net_wei(realised).value();  // in range: checked above
  std::optional<std::int64_t> usd;
  if (realised.price) usd = usd_e6_of(wei, *realised.price).value();
  const auto& price = realised.price;
  auto done = connection_.execute(
      "UPDATE result SET token = ?, profit = ?, value_wei = ?, cost_wei = ?, profit_wei = ?, "
      "price_usd_e6 = ?, price_source = ?, price_age_ms = ?, profit_usd_e6 = ?, "
      "balance_before = ?, balance_after = ? WHERE intent = ?",
      realised.token, realised.profit, realised.value_wei, realised.cost_wei, wei,
      price ? std::optional(static_cast<std::int64_t>(price->usd_e6)) : std::nullopt,
      price ? std::optional(price->source) : std::nullopt,
      price ? std::optional(price->age_ms) : std::nullopt, usd, realised.balance_before,
      realised.balance_after, id);
  if (done && realised.exchange) {
    const Exchange& what = *realised.exchange;
    done = connection_.execute(
        "INSERT INTO exchange (intent, spent, received, worth_wei) VALUES (?, ?, ?, ?)", id,
        what.spent, what.received, what.worth_wei);
  }
  if (!done) return done;
  trail(AuditKind::realised, realised_facts(id, realised));
  StoredResult after = **before;
  after.realised = realised;
  after.profit_wei = wei;
  after.profit_usd_e6 = usd;
  done = add_to_sums(*intent, **before, true);
  if (done) done = add_to_sums(*intent, after, false);
  return done;
}

Status Store::undo_result(IntentId id, const std::string& reason) {
  const auto intent = read_intent(connection_, id);
  if (!intent) return std::unexpected(intent.error());
  const auto result = read_result(connection_, id);
  if (!result) return std::unexpected(result.error());
  if (!*result) {
    return fail(ErrorKind::usage, fmt::format("intent {} is {}: it has no result to take back", id,
                                              to_string(intent->state)));
  }
  if ((*result)->final) {
    return fail(ErrorKind::usage,
                fmt::format("the result of intent {} is final: it cannot be taken back", id));
  }
  const auto attempts = read_attempts(connection_, id);
  if (!attempts) return std::unexpected(attempts.error());
  Move move{.intent = id, .to = State::submitted, .reason = cut_reason(reason)};
  for (const StoredAttempt& each : *attempts) {
    if (may_follow(each.state, State::submitted) && !is_open(each.state)) {
      move.attempts.push_back({each.id.number, State::submitted});
    }
  }
  if (auto done = make(move, AuditKind::taken_back); !done) return done;
  if (auto done = connection_.execute("DELETE FROM exchange WHERE intent = ?", id); !done) {
    return done;
  }
  if (auto done = connection_.execute("DELETE FROM result WHERE intent = ?", id); !done) {
    return done;
  }
  return add_to_sums(*intent, **result, true);
}

Status Store::set_final(IntentId id) {
  auto done = connection_.execute("UPDATE result SET final = 1 WHERE intent = ? AND final = 0", id);
  if (!done) return done;
  if (connection_.changes() == 0) {
    return fail(ErrorKind::usage, fmt::format("intent {} has no result that is not final", id));
  }
  trail(AuditKind::final, note_facts(id, "too deep to be reorganized"));
  return {};
}

Status Store::close(IntentId id, State to, const std::string& reason, Closing closing) {
  if (to != State::dropped && to != State::expired) {
    return fail(ErrorKind::usage,
                fmt::format("intent {} cannot be closed as {}: a result is recorded as such", id,
                            to_string(to)));
  }
  if (reason.empty()) {
    return fail(ErrorKind::usage, fmt::format("intent {} cannot be closed without a reason", id));
  }
  const auto intent = read_intent(connection_, id);
  if (!intent) return std::unexpected(intent.error());
  if (to == State::expired && intent->intent.kind == Kind::transaction) {
    return fail(ErrorKind::usage,
                fmt::format("intent {} is a transaction: while its nonce is free it may be "
                            "included. Send a cancellation as another attempt",
                            id));
  }
  if (closing.gives_nonce_back && to == State::dropped && intent->state != State::intended) {
    return fail(ErrorKind::usage, fmt::format("intent {} is {}: its nonce cannot be given back", id,
                                              to_string(intent->state)));
  }
  const auto attempts = read_attempts(connection_, id);
  if (!attempts) return std::unexpected(attempts.error());
  Move move{.intent = id,
            .to = to,
            .reason = cut_reason(reason),
            .gives_nonce_back = closing.gives_nonce_back};
  for (const StoredAttempt& each : *attempts) {
    if (!closing.stays_watched && is_open(each.state)) {
      move.attempts.push_back({each.id.number, to});
    }
  }
  if (intent->state == to) return not_legal(id, "intent", intent->state, to);
  return make(move);
}

Status Store::unwatch(IntentId id) {
  const auto intent = read_intent(connection_, id);
  if (!intent) return std::unexpected(intent.error());
  if (intent->state != State::dropped && intent->state != State::expired) {
    return fail(ErrorKind::usage,
                fmt::format("intent {} is {}: it is not watched", id, to_string(intent->state)));
  }
  const auto attempts = read_attempts(connection_, id);
  if (!attempts) return std::unexpected(attempts.error());
  Move move{.intent = id, .to = intent->state, .reason = intent->reason};
  for (const StoredAttempt& each : *attempts) {
    if (is_open(each.state)) move.attempts.push_back({each.id.number, intent->state});
  }
  return move.attempts.empty() ? Status() : make(move);
}

Status Store::leave_open(IntentId id, const std::string& reason) {
  const auto intent = read_intent(connection_, id);
  if (!intent) return std::unexpected(intent.error());
  if (!is_open(intent->state)) {
    return fail(ErrorKind::usage,
                fmt::format("intent {} is {}, not open", id, to_string(intent->state)));
  }
  const std::string kept = cut_reason(reason);
  if (intent->reason == kept) return {};
  if (auto done = connection_.execute("UPDATE intent SET reason = ? WHERE id = ?", kept, id);
      !done) {
    return done;
  }
  trail(AuditKind::left_open, note_facts(id, kept));
  return {};
}

Status Store::note(AuditKind kind, const std::string& text) {
  trail(kind, text_facts(text));
  return {};
}

Status Store::add_to_sums(const StoredIntent& intent, const StoredResult& result, bool take_away) {
  auto done = add_sum(connection_, "profit_day", "strategy", intent, intent.intent.strategy,
                      contribution_of(result), take_away);
  for (const VenueContribution& each : contributions_by_venue(result, intent.intent.route)) {
    if (!done) return done;
    done = add_sum(connection_, "profit_venue", "venue", intent, each.venue, each.part, take_away);
  }
  return done;
}

}  // namespace gantry::host::ledger
