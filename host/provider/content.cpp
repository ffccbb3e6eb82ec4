#include "host/provider/content.hpp"

#include <fmt/format.h>

#include "host/provider/json_rpc.hpp"
#include "host/provider/verdict.hpp"

namespace gantry::host::provider {
namespace {

namespace json = boost::json;

bool reads_state(const RpcCall& call) {
  return call.method == "eth_call" || call.method == "eth_getCode" ||
         call.method == "eth_getStorageAt";
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

std::string fault_of_logs(const RpcCall& call, const json::value& answer) {
  if (!answer.is_array()) return "answers eth_getLogs with no list of logs";
  const std::string wanted = filter_hash(call);
  if (wanted.empty()) return {};
  for (const json::value& log : answer.get_array()) {
    const json::value* hash = log.is_object() ? log.get_object().if_contains("blockHash") : nullptr;
    if (hash == nullptr || block_hash(*hash) != wanted) {
      return "answers eth_getLogs with logs that are not of the block that was asked for";
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

std::optional<ContentFault> content_fault(std::span<const RpcCall> calls,
                                          std::span<const RpcAnswer> answers,
                                          bool blocks_are_there) {
  // First, for whoever lacks a block has no logs of it either.
  for (std::size_t i = 0; blocks_are_there && i < calls.size(); ++i) {
    const bool is_block = calls[i].method.starts_with("eth_getBlock");
    if (is_block && answers[i] && answers[i]->is_null()) {
      return ContentFault{FailureCause::behind, "does not have the block"};
    }
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const bool logs = calls[i].method == "eth_getLogs";
    const bool block = blocks_are_there && names_block(calls[i]);
    if (!logs && !block) continue;
    if (answers[i]) {
      std::string fault =
          logs ? fault_of_logs(calls[i], *answers[i]) : fault_of_block(calls[i], *answers[i]);
      if (!fault.empty()) return ContentFault{FailureCause::garbage, std::move(fault)};
      continue;
    }
    const RpcFailure& failure = answers[i].error();
    if (!blocks_are_there || fault_of(failure) == CallFault::no_method) continue;
    if (logs && is_of_filter(failure)) continue;
    return ContentFault{FailureCause::node,
                        fmt::format("refuses {}: {}", calls[i].method, quoted(failure))};
  }
  return std::nullopt;
}

std::string unsure_answer(std::span<const RpcCall> calls, std::span<const RpcAnswer> answers) {
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const bool logs = calls[i].method == "eth_getLogs";
    if (!logs && !reads_state(calls[i])) continue;
    if (answers[i]) {
      if (logs || answers[i]->is_string()) continue;
      return fmt::format("answers {} with no bytes", calls[i].method);
    }
    const RpcFailure& failure = answers[i].error();
    if (fault_of(failure) == CallFault::no_method) continue;
    if (logs ? is_of_filter(failure) : is_of_execution(failure)) continue;
    return fmt::format("refuses {}: {}", calls[i].method, quoted(failure));
  }
  return {};
}

}  // namespace gantry::host::provider
