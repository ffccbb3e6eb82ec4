#include "host/provider/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "host/provider/json_rpc.hpp"

namespace gantry::host {
namespace {

constexpr std::size_t quoted_chars_max = 160;  // of a node's words in a reason

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.contains(word); });
}

FailureCause cause_of(HttpFailureKind kind) {
  switch (kind) {
    case HttpFailureKind::resolve:
      return FailureCause::resolve;
    case HttpFailureKind::refused:
    case HttpFailureKind::usage:
      return FailureCause::refused;
    case HttpFailureKind::tls_handshake:
      return FailureCause::tls_handshake;
    case HttpFailureKind::certificate:
      return FailureCause::certificate;
    case HttpFailureKind::timed_out:
      return FailureCause::timed_out;
    case HttpFailureKind::too_long:
      return FailureCause::too_long;
    case HttpFailureKind::broken:
      break;
  }
  return FailureCause::broken;
}

// Without the origin that the port puts before it.
std::string without_origin(std::string message) {
  const auto at = message.find(": ");
  return at == std::string::npos ? message : message.substr(at + 2);
}

AnswerVerdict refuse(FailureCause cause, std::string reason, bool maybe_taken) {
  AnswerVerdict verdict;
  verdict.cause = cause;
  verdict.reason = std::move(reason);
  verdict.maybe_taken = maybe_taken;
  return verdict;
}

AnswerVerdict limited(const HttpAnswer& answer, std::string reason) {
  AnswerVerdict verdict = refuse(FailureCause::limited, std::move(reason), false);
  if (answer.retry_after_s) {
    constexpr std::int64_t longest_s = 86400;
    verdict.pause = std::chrono::seconds(std::min(*answer.retry_after_s, longest_s));
  }
  return verdict;
}

// What a contract reverted with. Nodes put words of their own in the same place.
bool are_bytes(const boost::json::value& data) {
  if (!data.is_string()) return false;
  const std::string_view text = data.get_string();
  constexpr std::string_view digits = "0123456789abcdefABCDEF";
  return text.starts_with("0x") && text.size() % 2 == 0 &&
         text.find_first_not_of(digits, 2) == std::string_view::npos;
}

// A contract may say anything: what reverts is its own, whatever words it has.
bool reverts(const RpcFailure& failure, std::string_view words) {
  return failure.code == 3 || words.contains("revert") || are_bytes(failure.data);
}

// What a provider does not sell, which another one may have.
bool speaks_of_plan(std::string_view words) {
  return has_any(words, {"plan", "archive", "upgrade", "subscription", "not available",
                         "not supported", "unauthorized", "not authorized", "forbidden"});
}

// Contracts that end in other ways than by reverting; some nodes call that an error of their own.
bool ends_otherwise(std::string_view words) {
  return has_any(words, {"out of gas", "evm error", "invalid opcode", "invalid jump",
                         "stack underflow", "vm execution error"});
}

// -32005 also says that a filter finds too much, which every provider would.
bool finds_too_much(std::string_view words) {
  return has_any(words, {"returned more than", "block range", "range is too", "too many results",
                         "logs matched", "max results", "response size"});
}

AnswerVerdict of_fault(CallFault fault, const RpcFailure& failure, const HttpAnswer& answer) {
  switch (fault) {
    case CallFault::limited:
      return limited(answer, "too many requests: " + quoted(failure));
    case CallFault::no_block:
      return refuse(FailureCause::behind, "does not have the block: " + quoted(failure), false);
    default:
      return refuse(FailureCause::node, "its node failed: " + quoted(failure), true);
  }
}

AnswerVerdict of_batch(DecodedBatch batch, const HttpAnswer& answer) {
  if (batch.refused) {
    const CallFault fault = fault_of(*batch.refused);
    if (fault == CallFault::limited) return of_fault(fault, *batch.refused, answer);
    // Of these codes the request was never understood. Of others a gateway may tell that had passed
    // it on.
    const bool understood = batch.refused->code != -32600 && batch.refused->code != -32700;
    return refuse(FailureCause::node, "refused the whole request: " + quoted(*batch.refused),
                  understood);
  }
  AnswerVerdict verdict;
  // A batch is one provider's or nobody's, so the first call that another could answer better
  // decides.
  for (const RpcAnswer& one : batch.answers) {
    if (one) {
      ++verdict.first_answers;
      continue;
    }
    const CallFault fault = fault_of(one.error());
    if (fault == CallFault::no_method) verdict.no_method = true;
    if (fault == CallFault::application || fault == CallFault::no_method) continue;
    const std::size_t first_answers = verdict.first_answers;
    verdict = of_fault(fault, one.error(), answer);
    verdict.first_answers = first_answers;
    return verdict;
  }
  verdict.answers = std::move(batch.answers);
  return verdict;
}

}  // namespace

std::string quoted(const RpcFailure& failure) {
  return fmt::format("'{}' ({})", failure.message.substr(0, quoted_chars_max), failure.code);
}

bool is_of_execution(const RpcFailure& failure) {
  const std::string words = lower_case(failure.message);
  return reverts(failure, words) || ends_otherwise(words) || failure.code == -32015 ||
         (failure.code == -32602 && !speaks_of_plan(words)) ||
         has_any(words, {"stack limit", "stack overflow", "bad jump", "bad instruction",
                         "write protection", "return data out of bounds", "gas uint", "code size",
                         "initcode", "intrinsic gas"});
}

bool is_of_filter(const RpcFailure& failure) {
  const std::string words = lower_case(failure.message);
  return (failure.code == -32602 && !speaks_of_plan(words)) || finds_too_much(words);
}

bool refuses_overrides(const RpcFailure& failure) {
  const std::string words = lower_case(failure.message);
  return (failure.code == -32602 && !speaks_of_plan(words)) || has_any(words, {"overrid"});
}

CallFault fault_of(const RpcFailure& failure) {
  const std::string words = lower_case(failure.message);
  if (reverts(failure, words) || ends_otherwise(words)) return CallFault::application;
  if (has_any(words,
              {"header not found", "block not found", "unknown block", "header for hash not found",
               "could not find block", "missing trie node", "state not available",
               "state is not available", "historical state", "state already been pruned",
               "not currently canonical", "blockoutofrange", "block is not available",
               "block requested not found", "after last accepted block"})) {
    return CallFault::no_block;
  }
  if (finds_too_much(words)) return CallFault::application;
  constexpr std::array<std::int64_t, 6> limit_codes = {429, -32005, -32007, -32011, -32016, -32605};
  if (std::ranges::find(limit_codes, failure.code) != limit_codes.end() ||
      has_any(words, {"rate limit", "too many requests", "request limit", "compute units per",
                      "quota exceeded", "capacity exceeded"})) {
    return CallFault::limited;
  }
  if (failure.code == -32601) return CallFault::no_method;
  constexpr std::array<std::int64_t, 3> node_codes = {-32603, -32002, -32700};
  if (std::ranges::find(node_codes, failure.code) != node_codes.end() ||
      has_any(words, {"timeout", "timed out", "backend request failed"})) {
    return CallFault::node;
  }
  return CallFault::application;
}

AnswerVerdict judge(HttpOutcome outcome, std::uint64_t first_id, std::size_t calls) {
  if (!outcome) {
    HttpFailure& failure = outcome.error();
    return refuse(cause_of(failure.kind), without_origin(std::move(failure.message)),
                  failure.maybe_taken);
  }
  const HttpAnswer& answer = *outcome;
  if (answer.status == 429) return limited(answer, "too many requests (HTTP status 429)");
  if (answer.status == 401 || answer.status == 402 || answer.status == 403) {
    return refuse(FailureCause::key_refused,
                  fmt::format("refuses the key (HTTP status {})", answer.status), false);
  }
  if (answer.status == 503 && answer.retry_after_s) {
    AnswerVerdict verdict = limited(answer, "wants a pause (HTTP status 503)");
    verdict.maybe_taken = true;
    return verdict;
  }
  auto batch = decode_batch(answer.body, first_id, calls);
  const bool success = answer.status >= 200 && answer.status < 300;
  if (!batch && !success) {
    const char* hint = answer.status == 404 ? ": is the path of its url right?" : "";
    return refuse(FailureCause::status, fmt::format("HTTP status {}{}", answer.status, hint), true);
  }
  if (!batch) {
    return refuse(batch.error().wrong_ids ? FailureCause::wrong_ids : FailureCause::garbage,
                  std::move(batch.error().message), true);
  }
  // A result under a status that says there is none is not believed; what the node says of a call
  // is, for some send that under 400 or 500.
  const auto has_result = [](const RpcAnswer& one) { return one.has_value(); };
  if (!success && std::ranges::any_of(batch->answers, has_result)) {
    return refuse(FailureCause::status, fmt::format("HTTP status {}", answer.status), true);
  }
  return of_batch(*std::move(batch), answer);
}

}  // namespace gantry::host
