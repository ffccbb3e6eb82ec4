#include "host/deploy/chain_reads.hpp"

#include <fmt/format.h>

#include <array>
#include <thread>
#include <utility>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/deploy/executor.hpp"
#include "host/deploy/executor_error.hpp"
#include "host/plan/abi_words.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host::deploy {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds read_deadline{15000};
constexpr std::chrono::milliseconds newer_block_pause{200};
constexpr int newer_block_tries = 50;  // ten seconds

std::unexpected<Error> no_answer(const RpcError& error) {
  return fail(ErrorKind::io, error.message);
}
std::unexpected<Error> odd_answer(std::string_view method) {
  return fail(ErrorKind::format,
              fmt::format("{} is answered with what it cannot be: the provider is broken", method));
}

std::string reason_of(const RpcFailure& failure) {
  const auto data = failure.data.is_string() ? bytes_of_hex(std::string(failure.data.get_string()))
                                             : std::nullopt;
  const auto known = data ? known_error_text(*data) : std::nullopt;
  return known ? "reverts with " + *known : failure.message;
}

json::object transaction_json(const TriedCall& tried) {
  json::object out{{"data", hex_text(tried.data)}};
  if (tried.from.length != 0) out["from"] = hex_text({tried.from.bytes, tried.from.length});
  if (tried.to) out["to"] = hex_text({tried.to->bytes, tried.to->length});
  if (!tried.value.is_zero()) out["value"] = fmt::format("0x{}", hex_digits(tried.value));
  return out;
}

std::optional<u256> amount_of_json(const json::value& value) {
  if (!value.is_string()) return std::nullopt;
  const std::string_view text = value.get_string();
  return text.starts_with("0x") ? parse_hex(text) : std::nullopt;
}

std::optional<Bytes> bytes_of_json(const json::value& value) {
  return value.is_string() ? bytes_of_hex(std::string_view(value.get_string())) : std::nullopt;
}

json::value text_of_account(const gantry_address& account) {
  return json::value(hex_text({account.bytes, account.length}));
}

const json::value* member(const json::value& of, std::string_view name) {
  return of.is_object() ? of.get_object().if_contains(name) : nullptr;
}

}  // namespace

Status ChainReads::begin(std::uint64_t at_least) {
  for (int tries = 0; tries < newer_block_tries; ++tries) {
    auto head = providers_.poll_head(read_deadline);
    if (!head) return no_answer(head.error());
    head_ = *std::move(head);
    if (head_.number >= at_least) return {};
    std::this_thread::sleep_for(newer_block_pause);
  }
  return fail(ErrorKind::io,
              fmt::format("no provider has block {}, which one of them has told of", at_least));
}

Result<json::value> ChainReads::ask(const char* method, json::array params, bool at_block) {
  const RpcCall call{method, std::move(params)};
  RpcOptions options;
  options.deadline = read_deadline;
  if (at_block) options.pin = head_.pin();
  auto asked = providers_.ask({&call, 1}, options);
  if (!asked) return no_answer(asked.error());
  RpcAnswer& answer = asked->answers.front();
  if (!answer) return fail(ErrorKind::not_found, reason_of(answer.error()));
  return std::move(*answer);
}

Result<u256> ChainReads::balance(const gantry_address& account) {
  const auto answer = ask("eth_getBalance", {text_of_account(account)}, true);
  if (!answer) return std::unexpected(answer.error());
  const auto amount = amount_of_json(*answer);
  if (!amount) return odd_answer("eth_getBalance");
  return *amount;
}

Result<Bytes> ChainReads::code(const gantry_address& account) {
  const auto answer = ask("eth_getCode", {text_of_account(account)}, true);
  if (!answer) return std::unexpected(answer.error());
  auto bytes = bytes_of_json(*answer);
  if (!bytes) return odd_answer("eth_getCode");
  return *std::move(bytes);
}

Result<std::uint64_t> ChainReads::nonce(const gantry_address& account) {
  const auto answer = ask("eth_getTransactionCount", {text_of_account(account)}, true);
  if (!answer) return std::unexpected(answer.error());
  const auto count = quantity(*answer);
  if (!count) return odd_answer("eth_getTransactionCount");
  return *count;
}

Result<std::uint64_t> ChainReads::pending_nonce(const gantry_address& account) {
  const auto answer = ask("eth_getTransactionCount", {text_of_account(account), "pending"}, false);
  if (!answer) return std::unexpected(answer.error());
  const auto count = quantity(*answer);
  if (!count) return odd_answer("eth_getTransactionCount");
  return *count;
}

Result<Bytes> ChainReads::call(const TriedCall& tried) {
  const auto answer = ask("eth_call", {transaction_json(tried)}, true);
  if (!answer) return std::unexpected(answer.error());
  auto bytes = bytes_of_json(*answer);
  if (!bytes) return odd_answer("eth_call");
  return *std::move(bytes);
}

Result<std::vector<std::optional<Bytes>>> ChainReads::call_many(std::span<const TriedCall> tried) {
  std::vector<std::optional<Bytes>> out;
  if (tried.empty()) return out;
  std::vector<RpcCall> calls;
  for (const TriedCall& one : tried) calls.push_back({"eth_call", {transaction_json(one)}});
  RpcOptions options;
  options.deadline = read_deadline;
  options.pin = head_.pin();
  const auto asked = providers_.ask(calls, options);
  if (!asked) return no_answer(asked.error());
  for (const RpcAnswer& answer : asked->answers) {
    out.push_back(answer ? bytes_of_json(*answer) : std::nullopt);
  }
  return out;
}

Result<std::uint64_t> ChainReads::estimate_gas(const TriedCall& tried) {
  const auto answer = ask("eth_estimateGas", {transaction_json(tried)}, true);
  if (!answer) return std::unexpected(answer.error());
  const auto gas = quantity(*answer);
  if (!gas) return odd_answer("eth_estimateGas");
  return *gas;
}

Result<std::optional<u256>> ChainReads::base_fee() {
  const auto answer =
      ask("eth_getBlockByNumber", {json::value(quantity_text(head_.number)), false}, false);
  if (!answer) return std::unexpected(answer.error());
  if (member(*answer, "number") == nullptr) return odd_answer("eth_getBlockByNumber");
  const json::value* fee = member(*answer, "baseFeePerGas");
  if (fee == nullptr || fee->is_null()) return std::optional<u256>();
  const auto amount = amount_of_json(*fee);
  if (!amount) return odd_answer("eth_getBlockByNumber");
  return amount;
}

Result<u256> ChainReads::gas_price() {
  const auto answer = ask("eth_gasPrice", {}, false);
  if (!answer) return std::unexpected(answer.error());
  const auto amount = amount_of_json(*answer);
  if (!amount) return odd_answer("eth_gasPrice");
  return *amount;
}

Result<std::optional<IncludedIn>> ChainReads::included(const Hash32& transaction) {
  const auto answer = ask("eth_getTransactionReceipt", {json::value(hex_text(transaction))}, false);
  if (!answer) return std::unexpected(answer.error());
  if (answer->is_null()) return std::optional<IncludedIn>();
  const json::value none;
  const auto part = [&](std::string_view name) -> const json::value& {
    const json::value* found = member(*answer, name);
    return found == nullptr ? none : *found;
  };
  IncludedIn out;
  const auto block = quantity(part("blockNumber"));
  const auto status = quantity(part("status"));
  const auto used = quantity(part("gasUsed"));
  out.block_hash = block_hash(part("blockHash"));
  if (block_hash(part("transactionHash")) != hex_text(transaction) || !block || !status || !used ||
      out.block_hash.empty()) {
    return odd_answer("eth_getTransactionReceipt");
  }
  out.block = *block;
  out.reverted = *status == 0;
  out.gas_used = *used;
  out.gas_price = amount_of_json(part("effectiveGasPrice")).value_or(u256());
  return out;
}

}  // namespace gantry::host::deploy
