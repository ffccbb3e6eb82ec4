#include "host/execute/simulation.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/deploy/executor_error.hpp"
#include "host/ledger/signed_amount.hpp"
#include "host/live/chain_text.hpp"
#include "host/log/log.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host {

namespace {

namespace json = boost::json;

// int256[] gains.
std::optional<u256> first_gain(const json::value& answer) {
  const auto bytes = bytes_of(answer);
  if (!bytes || bytes->size() < 3 * word_bytes) return std::nullopt;
  return load_be(bytes->data() + 2 * word_bytes);
}

// Of a run that did not fail.
Simulation judge_gain(const json::value& answer, const u256& planned) {
  const auto gain = first_gain(answer);
  if (!gain) return {SimulationVerdict::unknown, "the executor answered with what is no gain"};
  if (*gain == planned) return {SimulationVerdict::as_planned, {}};
  return {SimulationVerdict::pools_differ,
          fmt::format("it would gain {} where {} was planned",
                      to_string(ledger::SignedAmount::from_bits(*gain)), to_string(planned))};
}

// Of one that did, with what it reverted with, and what the node says of it.
Simulation judge_failure(const std::optional<recording::Bytes>& data, std::string_view message) {
  std::string why = data ? deploy::error_text(*data) : std::string();
  if (why.empty()) why = said_line(message);
  const bool is_short = data && deploy::is_error(*data, "Short(address,int256,int256)");
  return {is_short ? SimulationVerdict::pools_differ : SimulationVerdict::refused,
          "it would fail: " + why};
}

json::object call_of(const SignedPending& signed_one) {
  const sign::Transaction& transaction = signed_one.transaction;
  json::object call{{"from", hex_text(signed_one.from)},
                    {"nonce", quantity_text(transaction.nonce)},
                    {"gas", quantity_text(transaction.gas_limit)},
                    {"value", to_hex(transaction.value)},
                    {"input", hex_text(transaction.data)}};
  if (transaction.to) call["to"] = hex_text(*transaction.to);
  if (transaction.type == sign::TransactionType::dynamic_fee) {
    call["maxFeePerGas"] = to_hex(transaction.max_fee);
    call["maxPriorityFeePerGas"] = to_hex(transaction.max_priority_fee);
  } else {
    call["gasPrice"] = to_hex(transaction.gas_price);
  }
  if (transaction.type == sign::TransactionType::legacy) return call;
  json::array entries;
  for (const sign::AccessListEntry& entry : transaction.access_list) {
    json::array keys;
    for (const Hash32& key : entry.storage_keys) keys.emplace_back(hex_text(key));
    entries.push_back(
        json::object{{"address", hex_text(entry.address)}, {"storageKeys", std::move(keys)}});
  }
  call["accessList"] = std::move(entries);
  return call;
}

constexpr const char* needs_simulation =
    "eth_simulateV1, which a trade behind a pending transaction needs: ";

// Why one of a block's transactions cannot be in it, as nonce, funds or fee: the method's own
// codes, and that of a transaction that is rejected (EIP-1474).
bool is_of_block_rules(std::int64_t code) {
  constexpr std::int64_t first = -38'999;
  constexpr std::int64_t last = -38'000;
  constexpr std::int64_t rejected = -32'003;
  return (code >= first && code <= last) || code == rejected;
}

// Of one call of a simulated block.
struct CallResult {
  bool success = false;
  json::value data;  // what it returned, or reverted with
  std::string message;
};

// Of the one block, its calls; empty: it is not that.
std::vector<CallResult> results_of(const json::value& answer) {
  if (!answer.is_array() || answer.get_array().size() != 1) return {};
  const json::value* calls = member(answer.get_array()[0], "calls");
  if (calls == nullptr || !calls->is_array()) return {};
  std::vector<CallResult> out;
  for (const json::value& call : calls->get_array()) {
    const json::value* status = member(call, "status");
    const json::value* data = member(call, "returnData");
    const auto code = status == nullptr ? std::nullopt : quantity(*status);
    if (!code || data == nullptr) return {};
    CallResult result{*code == 1, *data, {}};
    if (const json::value* error = member(call, "error")) {
      const json::value* message = member(*error, "message");
      if (message != nullptr && message->is_string()) result.message = message->get_string();
      const json::value* more = member(*error, "data");
      const auto bytes = bytes_of(result.data);
      if ((!bytes || bytes->empty()) && more != nullptr) result.data = *more;
    }
    out.push_back(std::move(result));
  }
  return out;
}

}  // namespace

Simulation simulate(Providers& providers, const Rehearsal& rehearsal,
                    std::chrono::milliseconds deadline) {
  const RpcCall call{"eth_call",
                     {json::object{{"from", address_text(rehearsal.owner)},
                                   {"to", address_text(rehearsal.executor)},
                                   {"gas", quantity_text(rehearsal.gas)},
                                   {"data", hex_text(*rehearsal.run)}}}};
  RpcOptions options;
  options.deadline = deadline;
  options.pin = rehearsal.block;
  const auto answers = ask(providers, {&call, 1}, options);
  if (!answers) return {SimulationVerdict::unknown, said_line(answers.error().message)};
  const RpcAnswer& answer = answers->front();
  if (!answer) return judge_failure(bytes_of(answer.error().data), answer.error().message);
  return judge_gain(*answer, rehearsal.gain);
}

Simulation simulate_behind(Providers& providers, const Rehearsal& rehearsal, const InFront& front,
                           std::chrono::milliseconds deadline) {
  json::object ours{{"from", address_text(rehearsal.owner)},
                    {"to", address_text(rehearsal.executor)},
                    {"gas", quantity_text(rehearsal.gas)},
                    {"maxFeePerGas", to_hex(front.max_fee)},
                    {"maxPriorityFeePerGas", to_hex(front.max_priority_fee)},
                    {"input", hex_text(*rehearsal.run)}};
  json::object block{{"blockOverrides", json::object{{"time", quantity_text(front.time_s)}}},
                     {"calls", json::array{call_of(*front.theirs), std::move(ours)}}};
  json::object wanted{{"blockStateCalls", json::array{std::move(block)}}, {"validation", true}};
  const std::array calls{RpcCall{"eth_simulateV1", {std::move(wanted)}},
                         RpcCall{"eth_getTransactionCount", {hex_text(front.theirs->from)}}};
  RpcOptions options;
  options.deadline = deadline;
  options.pin = rehearsal.block;
  const auto answers = ask(providers, calls, options);
  if (!answers) {
    return {SimulationVerdict::unknown, needs_simulation + said_line(answers.error().message)};
  }
  // Nodes differ in whether they look at this.
  const auto count = (*answers)[1] ? quantity(*(*answers)[1]) : std::nullopt;
  if (!count) return {SimulationVerdict::unknown, "nobody said which nonces are taken"};
  const std::uint64_t nonce = front.theirs->transaction.nonce;
  if (*count != nonce) {
    return {SimulationVerdict::not_behind,
            fmt::format("the transaction that it is behind has nonce {}, and its sender's next is "
                        "{}: {}",
                        nonce, *count,
                        *count > nonce ? "it is in a block, or another one took its place"
                                       : "others have to come first")};
  }
  if (const RpcAnswer& said = (*answers)[0]; !said) {
    if (is_of_block_rules(said.error().code)) {
      return {SimulationVerdict::not_behind, "it and what it is behind would not be in a block: " +
                                                 said_line(said.error().message)};
    }
    return {SimulationVerdict::unknown, needs_simulation + said_line(said.error().message)};
  }
  const auto results = results_of(*(*answers)[0]);
  if (results.size() != calls.size()) {
    return {SimulationVerdict::unknown, "eth_simulateV1 was answered with what is no block of two"};
  }
  if (!results[0].success) {
    return {SimulationVerdict::not_behind,
            "the transaction that it is behind would fail: " + said_line(results[0].message)};
  }
  if (!results[1].success) return judge_failure(bytes_of(results[1].data), results[1].message);
  return judge_gain(results[1].data, rehearsal.gain);
}

}  // namespace gantry::host
