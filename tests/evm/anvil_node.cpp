#include "evm/anvil_node.hpp"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>

namespace gantry::test {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;

// Where a method names the block that it reads.
struct BlockPlace {
  std::string_view method;
  std::size_t parameter;
};
constexpr std::array<BlockPlace, 6> block_places = {{{"eth_getBlockByNumber", 0},
                                                     {"eth_getBlockTransactionCountByHash", 0},
                                                     {"eth_call", 1},
                                                     {"eth_getCode", 1},
                                                     {"eth_getBalance", 1},
                                                     {"eth_getStorageAt", 2}}};

std::uint64_t number_in(const json::value& quantity) {
  return std::stoull(std::string(quantity.as_string()), nullptr, 16);
}

std::string quantity_of(std::uint64_t number) {
  std::array<char, 19> text{};
  std::snprintf(text.data(), text.size(), "0x%llx", static_cast<unsigned long long>(number));
  return text.data();
}

json::object error_reply(const json::object& call, std::int64_t code, const char* message) {
  return {
      {"jsonrpc", "2.0"}, {"id", call.at("id")}, {"error", {{"code", code}, {"message", message}}}};
}

json::object result_reply(const json::object& call, json::value result) {
  return {{"jsonrpc", "2.0"}, {"id", call.at("id")}, {"result", std::move(result)}};
}

}  // namespace

AnvilNode::AnvilNode(const Anvil& chain) : port_(chain.url().substr(chain.url().rfind(':') + 1)) {}

json::value AnvilNode::post(const json::value& body) const {
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  const auto port = static_cast<std::uint16_t>(std::stoul(port_));
  socket.connect({asio::ip::address_v4::loopback(), port});
  http::request<http::string_body> request(http::verb::post, "/", 11);
  request.set(http::field::host, "127.0.0.1:" + port_);
  request.set(http::field::content_type, "application/json");
  request.body() = json::serialize(body);
  request.prepare_payload();
  http::write(socket, request);
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  http::read(socket, buffer, parser);
  return json::parse(parser.get().body());
}

json::value AnvilNode::ask(const std::string& method, json::array params) const {
  const json::value reply = post(json::object{
      {"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", std::move(params)}});
  const json::value* result = reply.as_object().if_contains("result");
  return result == nullptr ? json::value() : *result;
}

std::optional<std::uint64_t> AnvilNode::number_of(const json::value& hash) const {
  const json::value block = ask("eth_getBlockByHash", {hash, false});
  if (!block.is_object()) return std::nullopt;
  return number_in(block.at("number"));
}

// What is answered without the node, which knows more; the newest block is put in where the call
// says "latest".
std::optional<json::object> AnvilNode::refusal(json::object& call, std::uint64_t head,
                                               const Manner& manner) const {
  const std::string method(call.at("method").as_string());
  json::array& params = call.at("params").as_array();
  if (method == "eth_blockNumber") return result_reply(call, json::string(quantity_of(head)));
  json::value* block = nullptr;
  if (method == "eth_getLogs") {
    block = params.at(0).as_object().if_contains("blockHash");
  }
  for (const BlockPlace& place : block_places) {
    if (method == place.method && place.parameter < params.size()) block = &params[place.parameter];
  }
  if (block == nullptr) return std::nullopt;
  if (block->is_string() && *block == "latest") {
    *block = json::string(quantity_of(head));
    return std::nullopt;
  }
  const bool named = block->is_object() && block->as_object().contains("blockHash");
  if (named && !manner.by_hash) {
    return error_reply(call, -32602, "invalid argument 1: cannot unmarshal object");
  }
  const json::value hash = named ? block->as_object().at("blockHash") : *block;
  constexpr std::size_t hash_digits = 66;
  const bool is_hash = hash.is_string() && hash.as_string().size() == hash_digits;
  if (!is_hash && !hash.is_string()) return std::nullopt;
  const auto number = is_hash ? number_of(hash) : number_in(hash);
  if (number && *number <= head) return std::nullopt;
  if (method == "eth_getLogs" && manner.empty_for_none) return result_reply(call, json::array());
  if (method == "eth_getLogs") return error_reply(call, -32000, "unknown block");
  if (method.starts_with("eth_getBlock")) return result_reply(call, nullptr);
  return error_reply(call, -32000, "header not found");
}

json::array AnvilNode::answer(const json::array& calls, const Manner& manner) {
  if (manner.lag == 0 && manner.by_hash) return post(calls).as_array();
  const std::uint64_t newest = number_in(ask("eth_blockNumber", {}));
  const std::uint64_t head = newest > manner.lag ? newest - manner.lag : 0;
  json::array replies;
  json::array handed_on;
  for (const json::value& each : calls) {
    json::object call = each.as_object();
    if (auto refused = refusal(call, head, manner)) {
      replies.push_back(std::move(*refused));
    } else {
      handed_on.push_back(std::move(call));
    }
  }
  if (handed_on.empty()) return replies;
  const json::value answered = post(handed_on);
  for (const json::value& reply : answered.as_array()) replies.push_back(reply);
  return replies;
}

}  // namespace gantry::test
