#include "host/live/subscription.hpp"

#include <fmt/format.h>

#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"
#include "host/ports/websocket_words.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host {

namespace {

constexpr std::uint64_t chain_request = 1;
constexpr std::uint64_t heads_request = 2;
// Of the first words for pending transactions; the next words have the next id.
constexpr std::uint64_t pending_request_first = 3;
// Alchemy's, with a filter of its own; geth's, whole; everybody's, by hash.
constexpr std::uint64_t pending_words = 3;
constexpr std::uint64_t goodbye_request = pending_request_first + pending_words;

std::string text_in(const boost::json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

std::string words_of(const boost::json::value& error) {
  const auto* message = member(error, "message");
  const auto* code = member(error, "code");
  const std::string words =
      message != nullptr && message->is_string() ? std::string(message->get_string()) : "";
  const bool has_code = code != nullptr && code->is_int64();
  return fmt::format("'{}' ({})", quoted_words(words), has_code ? code->get_int64() : 0);
}

std::unexpected<Error> no_json_rpc() {
  return fail(ErrorKind::format, "it sends what is no JSON-RPC: is the url a node's?");
}

}  // namespace

std::vector<std::string> Subscription::requests() {
  return {R"({"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]})",
          R"({"jsonrpc":"2.0","id":2,"method":"eth_subscribe","params":["newHeads"]})"};
}

std::string Subscription::goodbye() const {
  return boost::json::serialize(boost::json::object{{"jsonrpc", "2.0"},
                                                    {"id", goodbye_request},
                                                    {"method", "eth_unsubscribe"},
                                                    {"params", boost::json::array{id_}}});
}

bool Subscription::is_goodbye(std::string_view message) {
  boost::json::error_code fault;
  boost::json::parse_options options;
  options.max_depth = rpc_depth_max;
  const boost::json::value value = boost::json::parse(message, fault, {}, options);
  const auto* id = fault ? nullptr : member(value, "id");
  return id != nullptr && *id == goodbye_request;
}

std::string Subscription::pending_request() const {
  boost::json::array params;
  if (words_ == 1) {
    boost::json::array to;
    for (const gantry_address& router : routers_) to.emplace_back(address_text(router));
    params = {"alchemy_pendingTransactions",
              boost::json::object{{"toAddress", std::move(to)}, {"hashesOnly", false}}};
  } else {
    params = {"newPendingTransactions"};
    if (words_ == 2) params.emplace_back(true);
  }
  return boost::json::serialize(boost::json::object{{"jsonrpc", "2.0"},
                                                    {"id", pending_request_first + words_ - 1},
                                                    {"method", "eth_subscribe"},
                                                    {"params", std::move(params)}});
}

Result<Subscription::News> Subscription::take(std::string_view message) {
  boost::json::error_code fault;
  boost::json::parse_options options;
  options.max_depth = rpc_depth_max;
  const boost::json::value value = boost::json::parse(message, fault, {}, options);
  const auto* object = value.if_object();
  if (fault || object == nullptr) return no_json_rpc();
  if (object->contains("method")) return take_news(*object);
  const bool stood = stands();
  auto news = take_answer(*object);
  if (news && stands() && !stood && !routers_.empty()) {
    words_ = 1;
    news->request = pending_request();
  }
  return news;
}

Result<Subscription::News> Subscription::take_answer(const boost::json::object& message) {
  const auto* id = message.if_contains("id");
  if (words_ != 0 && pending_id_.empty() && id != nullptr &&
      *id == pending_request_first + words_ - 1) {
    return take_pending_answer(message);
  }
  if (const auto* error = message.if_contains("error")) {
    return fail(ErrorKind::io,
                fmt::format("it refuses the subscription: {}. Use a url that takes eth_subscribe",
                            words_of(*error)));
  }
  const auto* result = message.if_contains("result");
  if (id == nullptr || result == nullptr) return no_json_rpc();
  if (*id == chain_request && !chain_is_right_) {
    const auto number = quantity(*result);
    chain_is_right_ = number && chain_ == fmt::format("eip155:{}", *number);
    if (chain_is_right_) return News{};
    return fail(ErrorKind::configuration,
                fmt::format("it is of chain {}, not of {}: correct the url",
                            number ? fmt::to_string(*number) : "without a number", chain_));
  }
  if (*id == heads_request && id_.empty()) {
    id_ = text_in(message, "result");
    if (!id_.empty()) return News{};
    return fail(ErrorKind::format, "it confirms the subscription without a name for it");
  }
  return fail(ErrorKind::format, "it answers what was not asked: its ids are not this host's");
}

Result<Subscription::News> Subscription::take_pending_answer(const boost::json::object& message) {
  News news;
  pending_id_ = text_in(message, "result");
  if (!pending_id_.empty()) return news;
  if (words_ < pending_words) {
    ++words_;
    news.request = pending_request();
    return news;
  }
  words_ = 0;
  const auto* error = message.if_contains("error");
  news.no_pending = error == nullptr ? "an answer that is none" : words_of(*error);
  return news;
}

Result<Subscription::News> Subscription::take_news(const boost::json::object& message) const {
  const auto* params = message.if_contains("params");
  const auto* told = params == nullptr ? nullptr : member(*params, "result");
  if (told == nullptr || !params->is_object()) {
    return fail(ErrorKind::format, "it tells of a head without saying which");
  }
  News news;
  // What comes before the confirmation cannot be told apart.
  if (!stands()) return news;
  const std::string of = text_in(params->get_object(), "subscription");
  if (of != id_) {
    if (of == pending_id_ && !of.empty()) {
      news.pending = *told;
      return news;
    }
    // It may be confirmed after its first transaction.
    if (words_ != 0 && pending_id_.empty()) return news;
    return fail(ErrorKind::format, "it tells of a subscription that is not this host's");
  }
  auto block = parse_block(*told);
  if (!block) return std::unexpected(block.error());
  news.head = std::move(*block);
  return news;
}

}  // namespace gantry::host
