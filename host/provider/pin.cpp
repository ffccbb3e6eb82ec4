#include "host/provider/pin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "host/provider/json_rpc.hpp"

namespace gantry::host {
namespace {

namespace json = boost::json;

struct PinnedMethod {
  std::string_view name;
  std::size_t parameter;
};
constexpr std::array<PinnedMethod, 10> pinned_methods = {{{"eth_getBlockReceipts", 0},
                                                          {"eth_call", 1},
                                                          {"eth_estimateGas", 1},
                                                          {"eth_createAccessList", 1},
                                                          {"eth_getBalance", 1},
                                                          {"eth_getCode", 1},
                                                          {"eth_getTransactionCount", 1},
                                                          {"eth_simulateV1", 1},
                                                          {"eth_getStorageAt", 2},
                                                          {"eth_getProof", 2}}};

json::value block_of(const BlockPin& pin, PinForm form) {
  if (form == PinForm::hash) return json::object{{"blockHash", pin.hash}};
  return json::string(quantity_text(pin.number));
}

// Also an argument that merely looks like one: better refused than read at two blocks.
bool names_a_block(const json::value& value) {
  if (value.is_string()) return true;
  const json::object* object = value.if_object();
  return object != nullptr && (object->contains("blockHash") || object->contains("blockNumber"));
}

std::optional<std::string> pin_logs(json::array& params, const BlockPin& pin, PinForm form) {
  if (params.size() != 1 || !params[0].is_object()) return "wants one filter";
  json::object& filter = params[0].get_object();
  for (const std::string_view key : {"fromBlock", "toBlock", "blockHash"}) {
    if (filter.contains(key)) return "names a block of its own";
  }
  if (form == PinForm::hash) {
    filter["blockHash"] = pin.hash;
  } else {
    filter["fromBlock"] = quantity_text(pin.number);
    filter["toBlock"] = quantity_text(pin.number);
  }
  return std::nullopt;
}

std::optional<std::string> pin_call(RpcCall& call, const BlockPin& pin, PinForm form) {
  if (call.method == "eth_getLogs") return pin_logs(call.params, pin, form);
  const auto* method = std::ranges::find(pinned_methods, call.method, &PinnedMethod::name);
  if (method == pinned_methods.end()) return std::nullopt;
  if (call.params.size() < method->parameter) return "has too few parameters";
  if (call.params.size() > method->parameter && names_a_block(call.params[method->parameter])) {
    return "names a block of its own";
  }
  call.params.insert(call.params.begin() + static_cast<std::ptrdiff_t>(method->parameter),
                     block_of(pin, form));
  return std::nullopt;
}

}  // namespace

std::expected<PinnedBatch, std::string> pinned(std::span<const RpcCall> calls, const BlockPin& pin,
                                               PinForm form) {
  PinnedBatch batch;
  const RpcCall guard{"eth_getBlockByNumber", {quantity_text(pin.number), false}};
  const bool guarded = form == PinForm::number && !pin.hash.empty();
  batch.calls.reserve(calls.size() + 2);
  if (guarded) batch.calls.push_back(guard);
  for (const RpcCall& call : calls) {
    batch.calls.push_back(call);
    if (const auto fault = pin_call(batch.calls.back(), pin, form)) {
      return std::unexpected(
          fmt::format("call {} ({}) {}", &call - calls.data(), call.method, *fault));
    }
  }
  if (guarded) batch.calls.push_back(guard);
  batch.guards_before = batch.guards_after = guarded ? 1 : 0;
  return batch;
}

std::string guards_fault(const PinnedBatch& batch, const BlockPin& pin,
                         std::span<const RpcAnswer> answers) {
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (i >= batch.guards_before && i < answers.size() - batch.guards_after) continue;
    if (!answers[i]) return "did not say which block it reads";
    const json::object* block = answers[i]->if_object();
    if (block == nullptr) return fmt::format("does not have block {}", pin.number);
    const json::value* hash = block->if_contains("hash");
    const json::value* number = block->if_contains("number");
    if (hash == nullptr || number == nullptr || quantity(*number) != pin.number) {
      return "did not say which block it reads";
    }
    if (block_hash(*hash) != pin.hash) {
      return fmt::format("has another block {}", pin.number);
    }
  }
  return {};
}

}  // namespace gantry::host
