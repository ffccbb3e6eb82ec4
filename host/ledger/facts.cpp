#include "host/ledger/facts.hpp"

#include <span>

#include "host/base/sha256.hpp"
#include "host/base/text.hpp"

namespace gantry::host::ledger {
namespace {

namespace json = boost::json;

json::object lane_json(const Lane& lane) {
  return {{"chain", lane.chain},
          {"sender", lane.sender},
          {"entry_point", lane.entry_point},
          {"key", hex_text(lane.key)}};
}

void add_move(json::object& out, const Move& move) {
  out["state"] = to_string(move.to);
  json::array attempts;
  for (const Move::OfAttempt& each : move.attempts) {
    attempts.push_back(json::array{each.number, to_string(each.to)});
  }
  out["attempts"] = std::move(attempts);
  out["nonce_given_back"] = move.gives_nonce_back;
  out["reason"] = move.reason;
}

}  // namespace

json::object realised_json(const Realised& realised) {
  json::value price = nullptr;
  if (realised.price) {
    price = json::object{{"usd_e6", realised.price->usd_e6},
                         {"source", realised.price->source},
                         {"age_ms", realised.price->age_ms}};
  }
  json::object out{{"token", realised.token},
                   {"profit", to_string(realised.profit)},
                   {"value_wei", to_string(realised.value_wei)},
                   {"cost_wei", to_string(realised.cost_wei)},
                   {"price", std::move(price)},
                   {"balance_before", to_string(realised.balance_before)},
                   {"balance_after", to_string(realised.balance_after)}};
  if (realised.exchange) {
    out["exchange"] = json::object{{"spent", to_string(realised.exchange->spent)},
                                   {"received", to_string(realised.exchange->received)},
                                   {"worth_wei", to_string(realised.exchange->worth_wei)}};
  }
  return out;
}

json::array route_json(const std::vector<Leg>& route) {
  json::array out;
  for (const Leg& leg : route) {
    out.push_back(json::array{leg.venue, leg.pool, leg.token_in, leg.token_out});
  }
  return out;
}

std::vector<Leg> route_of(const std::string& text) {
  json::error_code error;
  const json::value parsed = json::parse(text, error);
  if (error || !parsed.is_array()) return {};
  std::vector<Leg> route;
  for (const json::value& each : parsed.get_array()) {
    const json::array* leg = each.if_array();
    if (leg == nullptr || leg->size() != 4) return {};
    for (const json::value& part : *leg) {
      if (!part.is_string()) return {};
    }
    const auto part = [&](std::size_t i) { return std::string((*leg)[i].get_string()); };
    route.push_back({part(0), part(1), part(2), part(3)});
  }
  return route;
}

std::string lane_facts(const Lane& lane, std::uint64_t next, std::string_view why) {
  json::object out = lane_json(lane);
  out["next"] = next;
  out["why"] = why;
  return json::serialize(out);
}

std::string intent_facts(const StoredIntent& stored) {
  const Intent& intent = stored.intent;
  return json::serialize(json::object{{"intent", stored.id},
                                      {"key", intent.key},
                                      {"kind", to_string(intent.kind)},
                                      {"strategy", intent.strategy},
                                      {"coin", intent.coin},
                                      {"token_in", intent.token_in},
                                      {"token_out", intent.token_out},
                                      {"route", route_json(intent.route)},
                                      {"amount_in", to_string(intent.amount_in)},
                                      {"planned_out", to_string(intent.planned_out)},
                                      {"min_profit", to_string(intent.min_profit)},
                                      {"block", intent.block},
                                      {"last_block", intent.last_block},
                                      {"lane", lane_json(stored.lane)},
                                      {"nonce", stored.nonce},
                                      {"recorded_ms", stored.recorded_ms}});
}

std::string attempt_facts(const StoredAttempt& stored) {
  const Attempt& attempt = stored.attempt;
  json::object out{{"intent", stored.id.intent},
                   {"attempt", stored.id.number},
                   {"purpose", attempt.purpose == Purpose::trade ? "trade" : "cancellation"},
                   {"payer", attempt.payer},
                   {"destination", attempt.destination},
                   {"max_fee", to_string(attempt.max_fee)},
                   {"priority_fee", to_string(attempt.priority_fee)},
                   {"hash", hex_text(attempt.hash)},
                   {"signed_bytes", attempt.bytes.size()},
                   {"signed_sha256", sha256_of(std::as_bytes(std::span(attempt.bytes)))}};
  // Where it went is in the tables alone: the trail is shown to others.
  if (!attempt.endpoint.empty()) {
    out["endpoint_sha256"] = sha256_of(std::as_bytes(std::span(attempt.endpoint)));
  }
  return json::serialize(out);
}

std::string move_facts(const Move& move) {
  json::object out{{"intent", move.intent}};
  add_move(out, move);
  return json::serialize(out);
}

json::object receipt_json(const AttemptId& id, const Receipt& receipt) {
  return {{"attempt", id.number},
          {"success", receipt.success},
          {"block", receipt.block},
          {"block_hash", hex_text(receipt.block_hash)},
          {"block_time_s", receipt.block_time_s},
          {"gas_used", receipt.gas_used},
          {"gas_price", to_string(receipt.gas_price)},
          {"data_fee", to_string(receipt.data_fee)}};
}

std::string result_facts(const AttemptId& id, const Receipt& receipt, const Move& move) {
  json::object out{{"intent", id.intent}, {"receipt", receipt_json(id, receipt)}};
  add_move(out, move);
  return json::serialize(out);
}

std::string realised_facts(IntentId intent, const Realised& realised) {
  return json::serialize(json::object{{"intent", intent}, {"realised", realised_json(realised)}});
}

std::string note_facts(IntentId intent, std::string_view reason) {
  return json::serialize(json::object{{"intent", intent}, {"reason", reason}});
}

std::string text_facts(std::string_view text) {
  return json::serialize(json::object{{"text", text}});
}

}  // namespace gantry::host::ledger
