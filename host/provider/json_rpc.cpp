#include "host/provider/json_rpc.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace gantry::host {
namespace {

namespace json = boost::json;

std::unexpected<DecodeFault> garbage(std::string message) {
  return std::unexpected(DecodeFault{false, std::move(message)});
}
std::unexpected<DecodeFault> wrong_ids(std::string message) {
  return std::unexpected(DecodeFault{true, std::move(message)});
}

json::object call_object(const RpcCall& call, std::uint64_t id) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"method", call.method}, {"params", call.params}};
}

std::optional<RpcFailure> failure_of(json::value& value) {
  if (!value.is_object()) return std::nullopt;
  json::object& error = value.get_object();
  const json::value* code = error.if_contains("code");
  const json::value* message = error.if_contains("message");
  if (code == nullptr || !code->is_int64()) return std::nullopt;
  if (message == nullptr || !message->is_string()) return std::nullopt;
  RpcFailure failure{code->get_int64(), std::string(message->get_string()), nullptr};
  if (json::value* data = error.if_contains("data")) failure.data = std::move(*data);
  return failure;
}

struct Reply {
  const json::value* id = nullptr;  // nullptr: none, or null
  RpcAnswer answer;
};

std::expected<Reply, DecodeFault> reply_of(json::value& value) {
  if (!value.is_object()) return garbage("an answer is no JSON object");
  json::object& object = value.get_object();
  const json::value* version = object.if_contains("jsonrpc");
  if (version == nullptr || !version->is_string() || version->get_string() != "2.0") {
    return garbage("an answer does not say that it is JSON-RPC 2.0");
  }
  json::value* result = object.if_contains("result");
  json::value* error = object.if_contains("error");
  if ((result == nullptr) == (error == nullptr)) {
    return garbage(result == nullptr ? "an answer has neither a result nor an error"
                                     : "an answer has both a result and an error");
  }
  Reply reply;
  if (const json::value* id = object.if_contains("id"); id != nullptr && !id->is_null()) {
    reply.id = id;
  }
  if (result != nullptr) {
    reply.answer = std::move(*result);
    return reply;
  }
  auto failure = failure_of(*error);
  if (!failure) return garbage("an answer's error has no code or no message");
  reply.answer = std::unexpected(*std::move(failure));
  return reply;
}

std::optional<std::uint64_t> number_of(const json::value& id) {
  if (id.is_uint64()) return id.get_uint64();
  if (id.is_int64() && id.get_int64() >= 0) return static_cast<std::uint64_t>(id.get_int64());
  return std::nullopt;
}

bool is_hex(std::string_view digits) {
  return digits.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

}  // namespace

std::string encode_batch(std::span<const RpcCall> calls, std::uint64_t first_id) {
  if (calls.size() == 1) return json::serialize(call_object(calls.front(), first_id));
  json::array batch;
  batch.reserve(calls.size());
  for (const RpcCall& call : calls) batch.push_back(call_object(call, first_id + batch.size()));
  return json::serialize(batch);
}

std::expected<DecodedBatch, DecodeFault> decode_batch(std::string_view body, std::uint64_t first_id,
                                                      std::size_t calls) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = rpc_depth_max;
  json::value value = json::parse(body, error, {}, options);
  if (error) return garbage("the answer is no JSON: " + error.message());
  const bool is_array = value.is_array();
  if (is_array && value.get_array().empty()) return garbage("the answer is an empty list");
  const std::span<json::value> replies =
      is_array ? std::span(value.get_array().data(), value.get_array().size())
               : std::span(&value, 1);
  DecodedBatch decoded;
  std::vector<std::optional<RpcAnswer>> answers(calls);
  for (json::value& one : replies) {
    auto reply = reply_of(one);
    if (!reply) return std::unexpected(std::move(reply.error()));
    if (reply->id == nullptr) {
      // So a server answers what it could not tell apart: the batch as a whole.
      if (replies.size() != 1 || reply->answer) return wrong_ids("an answer has no id");
      decoded.refused = std::move(reply->answer.error());
      return decoded;
    }
    const auto id = number_of(*reply->id);
    if (!id || *id < first_id || *id - first_id >= calls) {
      return wrong_ids("an answer has an id that was not asked");
    }
    auto& place = answers[*id - first_id];
    if (place) return wrong_ids("two answers have one id");
    place = std::move(reply->answer);
  }
  // Checked after the ids, for a server that refuses a batch answers with one object without any.
  if (is_array != (calls > 1)) {
    return garbage(is_array ? "one call was answered with a list"
                            : "a batch was answered with one object");
  }
  decoded.answers.reserve(calls);
  for (auto& answer : answers) {
    if (!answer) {
      return wrong_ids(fmt::format("{} calls were answered with {}", calls, replies.size()));
    }
    decoded.answers.push_back(*std::move(answer));
  }
  return decoded;
}

std::optional<std::uint64_t> quantity(const json::value& value) {
  if (!value.is_string()) return std::nullopt;
  std::string_view digits = value.get_string();
  if (!digits.starts_with("0x")) return std::nullopt;
  digits.remove_prefix(2);
  if (digits.empty() || (digits.size() > 1 && digits[0] == '0') || !is_hex(digits)) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  const auto end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, number, 16);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return number;
}

std::string quantity_text(std::uint64_t number) { return fmt::format("{:#x}", number); }

std::string block_hash(const json::value& value) {
  if (!value.is_string()) return {};
  const std::string_view text = value.get_string();
  if (text.size() != 66 || !text.starts_with("0x") || !is_hex(text.substr(2))) return {};
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::optional<Head> head_of(const json::value& block, std::string provider) {
  const json::object* object = block.if_object();
  if (object == nullptr) return std::nullopt;
  const json::value none;
  const auto field = [&](std::string_view name) -> const json::value& {
    const json::value* value = object->if_contains(name);
    return value == nullptr ? none : *value;
  };
  const auto number = quantity(field("number"));
  const auto time = quantity(field("timestamp"));
  Head head{number.value_or(0), block_hash(field("hash")), block_hash(field("parentHash")),
            static_cast<std::int64_t>(time.value_or(0)), std::move(provider)};
  if (!number || *number > block_number_max || !time || head.hash.empty() ||
      head.parent_hash.empty())
    return std::nullopt;
  return head;
}

}  // namespace gantry::host
