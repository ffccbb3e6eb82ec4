#include "plugins/paymasters/erc4337/answer.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <limits>
#include <optional>

#include "plugins/paymasters/erc4337/operation_json.hpp"

namespace gantry::erc4337 {
namespace {

namespace json = boost::json;

constexpr std::size_t message_chars_max = 200;
constexpr std::size_t depth_max = 16;
constexpr std::uint32_t http_ok = 200;
constexpr std::uint32_t http_bad_request = 400;
constexpr std::uint32_t http_too_many = 429;

// A provider's text ends up in a terminal and a log.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, message_chars_max));
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

const std::string_view* find_text(const json::object& from, const char* name,
                                  std::string_view& out) {
  const json::value* value = from.if_contains(name);
  if (value == nullptr || !value->is_string()) return nullptr;
  out = value->get_string();
  return &out;
}

bool read_paymaster(std::string_view bytes, gantry_address& out) {
  if (bytes.size() != 20 || bytes.find_first_not_of('\0') == std::string_view::npos) return false;
  out = gantry_address{};
  out.kind = GANTRY_ADDRESS_EVM;
  out.length = 20;
  std::copy(bytes.begin(), bytes.end(), out.bytes);
  return true;
}

bool read_paymaster_fields(const json::object& from, bool packed, Grant& out) {
  std::string_view text;
  if (packed) {
    if (find_text(from, "paymasterAndData", text) == nullptr) return false;
    const auto bytes = bytes_of_hex(text);
    if (!bytes || bytes->size() < 20) return false;
    out.paymaster_data = bytes->substr(20);
    return read_paymaster(std::string_view(*bytes).substr(0, 20), out.paymaster);
  }
  if (find_text(from, "paymaster", text) == nullptr) return false;
  const auto paymaster = bytes_of_hex(text);
  if (!paymaster || !read_paymaster(*paymaster, out.paymaster)) return false;
  if (find_text(from, "paymasterData", text) == nullptr) return false;
  auto data = bytes_of_hex(text);
  if (!data) return false;
  out.paymaster_data = std::move(*data);
  return true;
}

std::int32_t clamp_code(std::int64_t code) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(
      code, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()));
}

// The "error" member, or nothing when it is not one.
std::optional<Answer> read_error(const json::object& error, std::uint32_t http_status) {
  const json::value* code = error.if_contains("code");
  if (code == nullptr || !code->is_int64()) return std::nullopt;
  Answer answer;
  answer.reading = Reading::refused;
  std::string_view message;
  find_text(error, "message", message);
  const json::value* data = error.if_contains("data");
  const bool names_paymaster =
      data != nullptr && data->is_object() && data->get_object().contains("paymaster");
  answer.outcome = http_status == http_too_many
                       ? GANTRY_SPONSOR_RETRY_SAME
                       : outcome_of_error(code->get_int64(), message, names_paymaster);
  answer.code = clamp_code(code->get_int64());
  answer.message = printable(message);
  return answer;
}

std::optional<json::object> parse_body(std::string_view body) {
  if (body.size() > answer_bytes_max) return std::nullopt;
  json::parse_options options;
  options.max_depth = depth_max;
  json::error_code error;
  json::value root = json::parse(body, error, {}, options);
  if (error || !root.is_object()) return std::nullopt;
  return std::move(root.get_object());
}

}  // namespace

bool read_quantity(const json::object& from, const char* name, bool wide, u256& out) {
  const json::value* value = from.if_contains(name);
  if (value == nullptr || value->is_null()) {
    out = u256();
    return true;
  }
  if (!value->is_string()) return false;
  const std::string_view text = value->get_string();
  if (!text.starts_with("0x")) return false;
  const auto parsed = parse_hex(text);
  if (!parsed || (!wide && !parsed->fits_u128())) return false;
  out = *parsed;
  return true;
}

bool read_grant(const json::object& from, bool packed, Grant& out) {
  if (!read_paymaster_fields(from, packed, out)) return false;
  const json::value* final = from.if_contains("isFinal");
  if (final != nullptr && !final->is_bool()) return false;
  out.final = final != nullptr && final->get_bool();
  if (!read_quantity(from, "callGasLimit", packed, out.call_gas_limit) ||
      !read_quantity(from, "verificationGasLimit", packed, out.verification_gas_limit) ||
      !read_quantity(from, "preVerificationGas", true, out.pre_verification_gas)) {
    return false;
  }
  if (packed) return true;
  return read_quantity(from, "paymasterVerificationGasLimit", false,
                       out.paymaster_verification_gas_limit) &&
         read_quantity(from, "paymasterPostOpGasLimit", false, out.paymaster_post_op_gas_limit);
}

std::int32_t outcome_of_error(std::int64_t code, std::string_view message, bool names_paymaster) {
  // AA3x are the EntryPoint's complaints of a paymaster, whichever code a bundler gives them.
  if (code <= -32500 && code > -32600 && message.find("AA3") != std::string_view::npos) {
    return GANTRY_SPONSOR_RETRY_OTHER;
  }
  switch (code) {
    case -32500:  // rejected in validation
      return GANTRY_SPONSOR_OUR_FAULT;
    case -32502:  // an opcode rule
    case -32503:  // out of its time range: the paymaster's range or ours
      return names_paymaster ? GANTRY_SPONSOR_RETRY_OTHER : GANTRY_SPONSOR_OUR_FAULT;
    case -32506:  // signature aggregator
    case -32507:  // signature
    case -32521:  // the operation's call reverts
    case -32600:  // no request
    case -32602:  // fields
    case -32700:  // no JSON
      return GANTRY_SPONSOR_OUR_FAULT;
    case -32005:  // EIP-1474: limit exceeded
      return GANTRY_SPONSOR_RETRY_SAME;
    case -32501:  // its validation reverted
    case -32504:  // throttled or banned
    case -32505:  // stake too low
    case -32508:  // balance too low
    default:      // a policy that says no, an unknown method, an internal error
      return GANTRY_SPONSOR_RETRY_OTHER;
  }
}

std::int32_t outcome_of_http(std::uint32_t http_status) {
  if (http_status == http_too_many) return GANTRY_SPONSOR_RETRY_SAME;
  if (http_status == http_bad_request) return GANTRY_SPONSOR_OUR_FAULT;
  return GANTRY_SPONSOR_RETRY_OTHER;
}

Answer read_answer(std::uint32_t http_status, std::string_view body, bool packed,
                   const ReadResult& read_result) {
  const auto root = parse_body(body);
  if (root) {
    const json::value* error = root->if_contains("error");
    if (error != nullptr && error->is_object()) {
      if (auto answer = read_error(error->get_object(), http_status)) return *std::move(answer);
    }
  }
  Answer answer;
  if (http_status != http_ok) {
    answer.reading = Reading::refused;
    answer.outcome = outcome_of_http(http_status);
    answer.code = clamp_code(http_status);
    answer.message = "HTTP " + std::to_string(http_status);
    return answer;
  }
  if (!root) return answer;
  const json::value* error = root->if_contains("error");
  const json::value* id = root->if_contains("id");
  const json::value* result = root->if_contains("result");
  if (error != nullptr && !error->is_null()) return answer;
  if (id == nullptr || !id->is_int64() || id->get_int64() != 1) return answer;
  if (result == nullptr || !result->is_object()) return answer;
  if (read_result(result->get_object(), packed, answer.grant)) answer.reading = Reading::granted;
  return answer;
}

}  // namespace gantry::erc4337
