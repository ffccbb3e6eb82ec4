// A provider's answer as the host meets it: status, pause and body of an HTTP answer to calls that
// were asked. The first byte chooses how many, the second the status, the third whether the rest is
// the body itself or is put where a result stands: else no mutation would get past the envelope.
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "host/provider/json_rpc.hpp"
#include "host/provider/pin.hpp"
#include "host/provider/verdict.hpp"
#include "input.hpp"

namespace {

using namespace gantry::host;
using gantry::fuzz::must;
namespace json = boost::json;

constexpr std::uint64_t first_id = 41;
constexpr std::size_t calls_most = 4;

std::string in_a_batch(std::string_view rest, std::size_t calls) {
  std::string body = "[";
  for (std::size_t i = 0; i < calls; ++i) {
    body += i == 0 ? "" : ",";
    body += R"({"jsonrpc":"2.0","id":)" + std::to_string(first_id + i) + ",";
    body += rest;
    body += "}";
  }
  return body + "]";
}

// What is handed on is what the body says of this id, and the body says it once.
void check_answer(const json::value& body, std::uint64_t id, const RpcAnswer& answer) {
  std::size_t found = 0;
  const auto one = [&](const json::value& reply) {
    const auto* object = reply.if_object();
    if (object == nullptr) return;
    const json::value* told = object->if_contains("id");
    if (told == nullptr || !told->is_number() || told->to_number<double>() != double(id)) return;
    ++found;
    must(object->contains("result") == answer.has_value());
    if (answer) must(object->at("result") == *answer);
    if (!answer) must(object->at("error").at("code") == answer.error().code);
  };
  if (const auto* array = body.if_array()) {
    for (const json::value& reply : *array) one(reply);
  } else {
    one(body);
  }
  must(found == 1);
}

void check_batch(const std::string& body, std::size_t calls) {
  const auto batch = decode_batch(body, first_id, calls);
  if (!batch) return must(!batch.error().message.empty());
  if (batch->refused) return must(batch->answers.empty());
  must(batch->answers.size() == calls);
  const json::value parsed = json::parse(body, {}, {.max_depth = rpc_depth_max});
  for (std::size_t i = 0; i < calls; ++i) check_answer(parsed, first_id + i, batch->answers[i]);
}

void check_pins(std::span<const RpcAnswer> answers) {
  const BlockPin pin{0x64, "0x" + std::string(64, 'a')};
  const RpcCall call{"eth_getBalance", {"0x1"}};
  const auto batch = pinned(std::span(&call, 1), pin, PinForm::number);
  must(batch.has_value());
  if (answers.size() == batch->calls.size()) (void)guards_fault(*batch, pin, answers);
  for (const RpcAnswer& answer : answers) {
    if (!answer) continue;
    const auto head = head_of(*answer, "fuzz");
    if (head) must(head->hash.size() == 66 && head->parent_hash.size() == 66);
    if (const auto number = quantity(*answer)) {
      must(quantity_text(*number) == std::string_view(answer->as_string()) ||
           std::string_view(answer->as_string()).find_first_of("ABCDEF") != std::string_view::npos);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  constexpr std::int64_t statuses[] = {200, 200, 200, 400, 401, 429, 500, 503};
  const std::size_t calls = 1 + data[0] % calls_most;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 3, size - 3);
  HttpAnswer answer;
  answer.status = statuses[data[1] % 8];
  if (data[1] >= 128) answer.retry_after_s = data[1];
  answer.body = data[2] % 2 == 0 ? std::string(rest) : in_a_batch(rest, calls);
  check_batch(answer.body, calls);
  const Verdict verdict = judge(answer, first_id, calls);
  must(verdict.answers.size() == (verdict.cause ? 0 : calls));
  must(verdict.cause.has_value() == !verdict.reason.empty());
  if (answer.status == 429) must(verdict.cause == FailureCause::limited);
  check_pins(verdict.answers);
  return 0;
}
