#include "host/live/subscription.hpp"

#include <fmt/format.h>

#include "host/live/chain_text.hpp"
#include "host/ports/websocket_words.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host {

namespace {

constexpr std::uint64_t chain_request = 1;
constexpr std::uint64_t heads_request = 2;

std::string text_in(const boost::json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

std::unexpected<Error> refuses(const boost::json::value& error) {
  const auto* message = member(error, "message");
  const auto* code = member(error, "code");
  const std::string words =
      message != nullptr && message->is_string() ? std::string(message->get_string()) : "";
  const bool has_code = code != nullptr && code->is_int64();
  return fail(
      ErrorKind::io,
      fmt::format("it refuses the subscription: '{}' ({}). Use a url that takes eth_subscribe",
                  quoted_words(words), has_code ? code->get_int64() : 0));
}

}  // namespace

std::vector<std::string> Subscription::requests() {
  return {R"({"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]})",
          R"({"jsonrpc":"2.0","id":2,"method":"eth_subscribe","params":["newHeads"]})"};
}

Result<std::optional<ChainBlock>> Subscription::take(std::string_view message) {
  boost::json::error_code fault;
  boost::json::parse_options options;
  options.max_depth = rpc_depth_max;
  const boost::json::value value = boost::json::parse(message, fault, {}, options);
  const auto* object = value.if_object();
  if (fault || object == nullptr) {
    return fail(ErrorKind::format, "it sends what is no JSON-RPC: is the url a node's?");
  }
  if (object->contains("method")) return take_news(*object);
  if (auto taken = take_answer(*object); !taken) return std::unexpected(taken.error());
  return std::optional<ChainBlock>();
}

Status Subscription::take_answer(const boost::json::object& message) {
  if (const auto* error = message.if_contains("error")) return refuses(*error);
  const auto* id = message.if_contains("id");
  const auto* result = message.if_contains("result");
  if (id == nullptr || result == nullptr) {
    return fail(ErrorKind::format, "it sends what is no JSON-RPC: is the url a node's?");
  }
  if (*id == chain_request && !chain_is_right_) {
    const auto number = quantity(*result);
    chain_is_right_ = number && chain_ == fmt::format("eip155:{}", *number);
    if (chain_is_right_) return {};
    return fail(ErrorKind::configuration,
                fmt::format("it is of chain {}, not of {}: correct the url",
                            number ? fmt::to_string(*number) : "without a number", chain_));
  }
  if (*id == heads_request && id_.empty()) {
    id_ = text_in(message, "result");
    if (!id_.empty()) return {};
    return fail(ErrorKind::format, "it confirms the subscription without a name for it");
  }
  return fail(ErrorKind::format, "it answers what was not asked: its ids are not this host's");
}

Result<std::optional<ChainBlock>> Subscription::take_news(
    const boost::json::object& message) const {
  const auto* params = message.if_contains("params");
  const auto* head = params == nullptr ? nullptr : member(*params, "result");
  if (head == nullptr || !params->is_object()) {
    return fail(ErrorKind::format, "it tells of a head without saying which");
  }
  // What comes before the confirmation cannot be told apart.
  if (!stands()) return std::optional<ChainBlock>();
  if (text_in(params->get_object(), "subscription") != id_) {
    return fail(ErrorKind::format, "it tells of a subscription that is not this host's");
  }
  auto block = parse_block(*head);
  if (!block) return std::unexpected(block.error());
  return std::optional(std::move(*block));
}

}  // namespace gantry::host
