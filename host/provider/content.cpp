#include "host/provider/content.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "host/provider/json_rpc.hpp"
#include "host/provider/verdict.hpp"

namespace gantry::host::provider {
namespace {

namespace json = boost::json;

constexpr std::size_t topics_max = 4;
constexpr std::size_t address_bytes = 20;
constexpr std::size_t word_bytes = 32;

bool reads_state(const RpcCall& call) {
  return call.method == "eth_call" || call.method == "eth_getCode" ||
         call.method == "eth_getStorageAt";
}

// Reads that every node has: who says that it does not is asked no more than one that fails.
bool is_of_every_node(const RpcCall& call) {
  constexpr std::array<std::string_view, 12> methods = {"eth_call",
                                                        "eth_getCode",
                                                        "eth_getStorageAt",
                                                        "eth_getLogs",
                                                        "eth_getBlockByNumber",
                                                        "eth_getBlockByHash",
                                                        "eth_getBalance",
                                                        "eth_getTransactionCount",
                                                        "eth_getTransactionReceipt",
                                                        "eth_blockNumber",
                                                        "eth_chainId",
                                                        "eth_gasPrice"};
  return std::ranges::find(methods, call.method) != methods.end();
}

bool names_block(const RpcCall& call) {
  return call.method == "eth_getBlockByNumber" || call.method == "eth_getBlockByHash";
}

// The block's hash in a filter of logs; empty: it names none.
std::string filter_hash(const RpcCall& call) {
  if (call.params.empty() || !call.params[0].is_object()) return {};
  const json::value* hash = call.params[0].get_object().if_contains("blockHash");
  return hash == nullptr ? std::string() : block_hash(*hash);
}

// "0x" and whole bytes in hexadecimal; of `size` where that is given.
bool is_bytes(const json::value* value, std::optional<std::size_t> size = {}) {
  if (value == nullptr || !value->is_string()) return false;
  const std::string_view text(value->get_string());
  if (!text.starts_with("0x") || text.size() % 2 != 0) return false;
  if (size && text.size() != 2 + 2 * *size) return false;
  return text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos;
}

bool is_number(const json::value* value) { return value != nullptr && quantity(*value); }

// The field of a log that is missing or malformed, and what it has to be; null: none.
const char* wrong_field(const json::value& value) {
  const json::object* log = value.if_object();
  if (log == nullptr) return "a log that is no object";
  if (!is_bytes(log->if_contains("address"), address_bytes)) {
    return "a log whose address is no 20 bytes";
  }
  const json::value* topics = log->if_contains("topics");
  if (topics == nullptr || !topics->is_array() || topics->get_array().size() > topics_max) {
    return "a log whose topics are no list of at most four";
  }
  for (const json::value& topic : topics->get_array()) {
    if (!is_bytes(&topic, word_bytes)) return "a log with a topic that is no 32 bytes";
  }
  if (!is_bytes(log->if_contains("data"))) return "a log whose data are no bytes";
  if (!is_number(log->if_contains("blockNumber"))) return "a log without a blockNumber";
  if (!is_number(log->if_contains("logIndex"))) return "a log without a logIndex";
  if (!is_bytes(log->if_contains("blockHash"), word_bytes)) return "a log without a blockHash";
  return nullptr;
}

std::string fault_of_logs(const RpcCall& call, const json::value& answer) {
  if (!answer.is_array()) return "answers eth_getLogs with no list of logs";
  const std::string wanted = filter_hash(call);
  for (const json::value& log : answer.get_array()) {
    const json::value* hash = log.is_object() ? log.get_object().if_contains("blockHash") : nullptr;
    if (!wanted.empty() && (hash == nullptr || block_hash(*hash) != wanted)) {
      return "answers eth_getLogs with logs that are not of the block that was asked for";
    }
    if (const char* what = wrong_field(log)) {
      return fmt::format("answers eth_getLogs with {}", what);
    }
  }
  return {};
}

std::string fault_of_block(const RpcCall& call, const json::value& answer) {
  const auto head = head_of(answer, {});
  if (!head)
    return fmt::format("answers {} with a block without number, time, hash or parent", call.method);
  if (call.params.empty()) return {};
  const auto number = quantity(call.params[0]);
  const std::string hash = block_hash(call.params[0]);
  const bool other = call.method == "eth_getBlockByHash" ? !hash.empty() && head->hash != hash
                                                         : number && head->number != *number;
  return other ? fmt::format("answers {} with another block", call.method) : std::string();
}

}  // namespace

std::optional<AnswerFault> content_fault(std::span<const RpcCall> calls,
                                         std::span<const RpcAnswer> answers,
                                         bool blocks_are_there) {
  // First, for whoever lacks a block has no logs of it either.
  for (std::size_t i = 0; blocks_are_there && i < calls.size(); ++i) {
    const bool is_block = calls[i].method.starts_with("eth_getBlock");
    if (is_block && answers[i] && answers[i]->is_null()) {
      return AnswerFault{FailureCause::behind, "does not have the block"};
    }
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const bool logs = calls[i].method == "eth_getLogs";
    const bool block = blocks_are_there && names_block(calls[i]);
    if (!logs && !block) continue;
    if (answers[i]) {
      std::string fault =
          logs ? fault_of_logs(calls[i], *answers[i]) : fault_of_block(calls[i], *answers[i]);
      if (!fault.empty()) return AnswerFault{FailureCause::garbage, std::move(fault)};
      continue;
    }
    const RpcFailure& failure = answers[i].error();
    if (!blocks_are_there || fault_of(failure) == CallFault::no_method) continue;
    if (logs && is_of_filter(failure)) continue;
    return AnswerFault{FailureCause::node,
                       fmt::format("refuses {}: {}", calls[i].method, quoted(failure))};
  }
  return std::nullopt;
}

bool lacks_overrides(std::span<const RpcCall> calls, std::span<const RpcAnswer> answers) {
  constexpr std::size_t place = 2;  // behind the call and its block
  bool has_any = false;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const json::array& params = calls[i].params;
    if (calls[i].method != "eth_call" || params.size() <= place) continue;
    has_any = true;
    const bool ignored = answers[i] && answers[i]->is_string() && answers[i]->get_string() == "0x";
    if (!ignored && (answers[i] || !refuses_overrides(answers[i].error()))) return false;
  }
  return has_any;
}

std::string unsure_answer(std::span<const RpcCall> calls, std::span<const RpcAnswer> answers) {
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (!answers[i] && fault_of(answers[i].error()) == CallFault::no_method) {
      if (!is_of_every_node(calls[i])) continue;
      return fmt::format("does not have {}: {}", calls[i].method, quoted(answers[i].error()));
    }
    const bool logs = calls[i].method == "eth_getLogs";
    if (!logs && !reads_state(calls[i])) continue;
    if (answers[i]) {
      if (logs || answers[i]->is_string()) continue;
      return fmt::format("answers {} with no bytes", calls[i].method);
    }
    const RpcFailure& failure = answers[i].error();
    if (logs ? is_of_filter(failure) : is_of_execution(failure)) continue;
    return fmt::format("refuses {}: {}", calls[i].method, quoted(failure));
  }
  return {};
}

}  // namespace gantry::host::provider
