#include "host/sponsor/bundler.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/log/log.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host {

namespace {

namespace json = boost::json;

constexpr std::int64_t http_too_many_requests = 429;
constexpr std::int64_t http_bad_request = 400;

// "0x..." of at most 256 bits; absent and null are 0.
bool read_amount(const json::object& from, const char* name, u256& out) {
  const json::value* value = from.if_contains(name);
  if (value == nullptr || value->is_null()) {
    out = u256();
    return true;
  }
  if (!value->is_string()) return false;
  const std::string_view text = value->get_string();
  if (!text.starts_with("0x")) return false;
  const auto parsed = parse_hex(text);
  if (!parsed) return false;
  out = *parsed;
  return true;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Of 0.7 and later in a field of its own, of 0.6 in one with its data.
bool pays_paymaster(const json::object& operation) {
  if (operation.contains("paymaster")) return true;
  const json::value* both = operation.if_contains("paymasterAndData");
  return both != nullptr && both->is_string() && both->get_string().size() > 2;
}

bool names_paymaster(const RpcFailure& failure) {
  return failure.data.is_object() && failure.data.get_object().contains("paymaster");
}

}  // namespace

std::string_view to_string(BundlerFault fault) {
  switch (fault) {
    case BundlerFault::no_answer:
      return "no answer";
    case BundlerFault::unavailable:
      return "not available";
    case BundlerFault::garbage:
      return "no valid answer";
    case BundlerFault::busy:
      return "busy";
    case BundlerFault::paymaster:
      return "the paymaster is refused";
    case BundlerFault::operation:
      return "the operation is refused";
    case BundlerFault::entry_point:
      return "another EntryPoint";
    case BundlerFault::known:
      return "known already";
  }
  return "?";
}

BundlerFault fault_of_code(std::int64_t code, std::string_view message, BundlerHints hints) {
  // Bundlers differ in the code of one that they have, and agree on the words.
  if (has(message, "lready known") || has(message, "lready in mempool")) {
    return BundlerFault::known;
  }
  // AA3x are the EntryPoint's complaints of a paymaster, and bundlers differ in their codes too.
  if (code <= -32500 && code > -32600 && has(message, "AA3")) return BundlerFault::paymaster;
  switch (code) {
    case -32500:  // rejected in validation
      return BundlerFault::operation;
    case -32503:  // out of its time range
      return hints.sponsored || hints.names_paymaster ? BundlerFault::paymaster
                                                      : BundlerFault::operation;
    case -32502:  // an opcode rule
    case -32504:  // throttled or banned
    case -32505:  // stake too low
    case -32507:  // signature: of EntryPoint 0.6 nobody can say whether the account's or the other
      return hints.names_paymaster || has(message, "aymaster") ? BundlerFault::paymaster
                                                               : BundlerFault::operation;
    case -32501:  // the paymaster's validation
    case -32508:  // the paymaster's balance
      return BundlerFault::paymaster;
    case -32005:  // EIP-1474: limit exceeded
      return BundlerFault::busy;
    case -32506:  // signature aggregator
    case -32521:  // the operation's call reverts
      return BundlerFault::operation;
    case -32600:
    case -32602:  // fields
      return has(message, "ntry") && has(message, "oint") ? BundlerFault::entry_point
                                                          : BundlerFault::operation;
    default:  // an unknown method, an internal error
      return BundlerFault::unavailable;
  }
}

BundlerFailure Bundler::failure(BundlerFault fault, std::int64_t code,
                                std::string_view message) const {
  return {fault, code,
          fmt::format("bundler {}: {}: {}", name_, to_string(fault), said_line(message))};
}

Bundler::Call Bundler::about(const char* method, json::object operation) const {
  Call call{.method = method, .parameters = {}, .sponsored = pays_paymaster(operation)};
  call.parameters.emplace_back(std::move(operation));
  call.parameters.emplace_back(hex_text(entry_point_.address));
  return call;
}

BundlerResult<json::value> Bundler::call(Call what, Deadline deadline) const {
  const RpcCall call{what.method, std::move(what.parameters)};
  constexpr std::uint64_t id = 1;
  HttpRequest request = post_to(endpoint_, encode_batch({&call, 1}, id));
  request.headers.emplace_back("content-type", "application/json");
  request.headers.emplace_back("accept", "application/json");
  const auto outcome = exchange(http_, std::move(request), deadline, what.fresh);
  if (!outcome) {
    const auto fault =
        outcome.error().maybe_taken ? BundlerFault::no_answer : BundlerFault::unavailable;
    return std::unexpected(failure(fault, 0, outcome.error().message));
  }
  if (outcome->status == http_too_many_requests) {
    return std::unexpected(failure(BundlerFault::busy, outcome->status, "HTTP 429"));
  }
  auto decoded = decode_batch(outcome->body, id, 1);
  const bool refused = outcome->status >= http_bad_request;
  const std::string status = fmt::format("HTTP {}", outcome->status);
  if (!decoded) {
    // A gateway's error says nothing of what is behind it.
    return std::unexpected(failure(BundlerFault::garbage, outcome->status,
                                   refused ? status : decoded.error().message));
  }
  const RpcFailure* said = decoded->refused ? &*decoded->refused : nullptr;
  if (said == nullptr && !decoded->answers[0]) said = &decoded->answers[0].error();
  if (said != nullptr) {
    const BundlerHints hints{names_paymaster(*said), what.sponsored};
    constexpr std::int64_t internal_error = -32603;
    BundlerFault fault = fault_of_code(said->code, said->message, hints);
    // It says nothing of what was done before it: what was sent may have been taken.
    if (said->code == internal_error && fault == BundlerFault::unavailable &&
        std::string_view(what.method) == "eth_sendUserOperation") {
      fault = BundlerFault::no_answer;
    }
    return std::unexpected(
        failure(fault, said->code, fmt::format("{} {}", said->code, said->message)));
  }
  if (refused) return std::unexpected(failure(BundlerFault::garbage, outcome->status, status));
  return std::move(*decoded->answers[0]);
}

BundlerResult<void> Bundler::serves(Deadline deadline) const {
  auto answer = call({.method = "eth_supportedEntryPoints"}, deadline);
  if (!answer) return std::unexpected(answer.error());
  const auto* addresses = answer->if_array();
  if (addresses == nullptr) {
    return std::unexpected(failure(BundlerFault::garbage, 0, "entry points that are none"));
  }
  const std::string own = hex_text(entry_point_.address);
  for (const json::value& each : *addresses) {
    const auto* text = each.if_string();
    if (text == nullptr || text->size() != own.size()) continue;
    // Some write capitals in it, as a checksum.
    if (std::ranges::equal(*text, own, {}, [](char c) {
          return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }))
      return {};
  }
  return std::unexpected(failure(BundlerFault::entry_point, 0, "it does not serve " + own));
}

BundlerResult<OperationFees> Bundler::fees(Deadline deadline) const {
  auto answer = call({.method = "pimlico_getUserOperationGasPrice"}, deadline);
  if (!answer) return std::unexpected(answer.error());
  OperationFees fees;
  const auto* levels = answer->if_object();
  const json::value* fast = levels != nullptr ? levels->if_contains("fast") : nullptr;
  if (fast == nullptr || !fast->is_object() ||
      !read_amount(fast->get_object(), "maxFeePerGas", fees.max) ||
      !read_amount(fast->get_object(), "maxPriorityFeePerGas", fees.max_priority) ||
      fees.max.is_zero() || fees.max < fees.max_priority) {
    return std::unexpected(failure(BundlerFault::garbage, 0, "fees that are none"));
  }
  return fees;
}

BundlerResult<OperationGas> Bundler::estimate(const sign::UserOperation& operation,
                                              Deadline deadline) const {
  auto answer = call(
      about("eth_estimateUserOperationGas", user_operation_json(operation, entry_point_.version)),
      deadline);
  if (!answer) return std::unexpected(answer.error());
  OperationGas gas;
  const auto* fields = answer->if_object();
  if (fields == nullptr || !read_amount(*fields, "callGasLimit", gas.call) ||
      !read_amount(*fields, "verificationGasLimit", gas.verification) ||
      !read_amount(*fields, "preVerificationGas", gas.pre_verification) ||
      !read_amount(*fields, "paymasterVerificationGasLimit", gas.paymaster_verification) ||
      !read_amount(*fields, "paymasterPostOpGasLimit", gas.paymaster_post_op) ||
      gas.call.is_zero() || gas.verification.is_zero()) {
    return std::unexpected(failure(BundlerFault::garbage, 0, "an estimate without its limits"));
  }
  return gas;
}

BundlerResult<void> Bundler::send(const sign::UserOperation& operation, const Hash32& hash,
                                  Deadline deadline) const {
  return submit(user_operation_json(operation, entry_point_.version), hash, deadline);
}

BundlerResult<void> Bundler::send_again(std::span<const std::uint8_t> bytes, const Hash32& hash,
                                        Deadline deadline) const {
  json::error_code bad;
  json::value operation =
      json::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, bad);
  if (bad || !operation.is_object()) {
    return std::unexpected(failure(BundlerFault::operation, 0,
                                   "what is to be sent again is no user operation's JSON"));
  }
  return submit(std::move(operation.get_object()), hash, deadline);
}

BundlerResult<void> Bundler::submit(json::object operation, const Hash32& hash,
                                    Deadline deadline) const {
  Call sending = about("eth_sendUserOperation", std::move(operation));
  sending.fresh = true;
  auto answer = call(std::move(sending), deadline);
  if (!answer) return std::unexpected(answer.error());
  if (block_hash(*answer) != hex_text(hash)) {
    return std::unexpected(
        failure(BundlerFault::garbage, 0, "it took an operation of another hash than was signed"));
  }
  return {};
}

}  // namespace gantry::host
