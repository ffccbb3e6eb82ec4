// What a bundler is asked besides operations of ours, and what of its answers is believed.
#include "host/sponsor/bundler.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <mutex>

#include "support/http_server.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

// Answers all with the same text, and keeps what it was asked.
class Answers {
 public:
  explicit Answers(std::string text)
      : server_([this, text = std::move(text)](const HttpCall& call) {
          const std::lock_guard lock(mutex_);
          asked_.push_back(call.body);
          return HttpReply{200, text};
        }),
        http_(make_curl_http_pool().value()),
        bundler_(*http_, "local", {Secret(server_.url(), server_.url()), {}},
                 {sign::EntryPointVersion::v0_6, {}, 1}) {}

  const Bundler& bundler() const { return bundler_; }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;  // guards asked_
  std::vector<std::string> asked_;
  HttpServer server_;
  std::unique_ptr<HttpPool> http_;
  Bundler bundler_;
};

Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(20); }

std::string result(const std::string& json) {
  return R"({"jsonrpc":"2.0","id":1,"result":)" + json + "}";
}
std::string error(const std::string& fields) {
  return R"({"jsonrpc":"2.0","id":1,"error":{)" + fields + "}}";
}

std::vector<std::uint8_t> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace

TEST_CASE("a bundler is asked for its fees, and nothing is taken for fees that are none") {
  Answers good(result(R"({"slow":{"maxFeePerGas":"0x1","maxPriorityFeePerGas":"0x1"},)"
                      R"("fast":{"maxFeePerGas":"0x77359400","maxPriorityFeePerGas":"0x5"}})"));
  const auto fees = good.bundler().fees(soon());
  REQUIRE(fees.has_value());
  CHECK(fees->max == u256(2'000'000'000));
  CHECK(fees->max_priority == u256(5));
  CHECK(good.asked().at(0).find(R"("method":"pimlico_getUserOperationGasPrice")") !=
        std::string::npos);
  for (const char* bad : {"null", "[]", "{}", R"({"fast":null})", R"({"fast":{}})",
                          R"({"fast":{"maxFeePerGas":"0x0","maxPriorityFeePerGas":"0x0"}})",
                          R"({"fast":{"maxFeePerGas":5,"maxPriorityFeePerGas":"0x1"}})",
                          R"({"fast":{"maxFeePerGas":"0x5","maxPriorityFeePerGas":"0x6"}})",
                          R"({"fast":{"maxFeePerGas":"five","maxPriorityFeePerGas":"0x1"}})"}) {
    INFO(bad);
    Answers server(result(bad));
    const auto none = server.bundler().fees(soon());
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().fault == BundlerFault::garbage);
  }
  Answers lacks(error(R"("code":-32601,"message":"the method does not exist")"));
  CHECK(lacks.bundler().fees(soon()).error().fault == BundlerFault::unavailable);
}

TEST_CASE("what was written down is sent again as it is, and what is no operation never leaves") {
  Hash32 hash;
  hash.fill(0xab);
  std::string hash_text;
  for (int i = 0; i < 32; ++i) hash_text += "ab";
  sign::UserOperation operation;
  operation.call_data = {1, 2, 3};
  operation.paymaster.emplace().fill(0x11);
  operation.signature = sign::stub_signature();
  const auto bytes = user_operation_bytes(operation, sign::EntryPointVersion::v0_6);
  Answers takes(result("\"0x" + hash_text + "\""));
  REQUIRE(takes.bundler().send(operation, hash, soon()).has_value());
  REQUIRE(takes.bundler().send_again(bytes, hash, soon()).has_value());
  const auto asked = takes.asked();
  REQUIRE(asked.size() == 2);
  CHECK(asked[0] == asked[1]);
  CHECK(asked[1].find(std::string(bytes.begin(), bytes.end())) != std::string::npos);
  // Of another hash than it had.
  Hash32 other;
  CHECK(takes.bundler().send_again(bytes, other, soon()).error().fault == BundlerFault::garbage);
  for (const char* bad : {"", "0x02f8", "[1]", "\"text\"", "{\"sender\":"}) {
    INFO(bad);
    const auto sent = takes.bundler().send_again(bytes_of(bad), hash, soon());
    REQUIRE_FALSE(sent.has_value());
    CHECK_FALSE(sent.error().maybe_taken());
  }
  CHECK(takes.asked().size() == 3);
}

TEST_CASE("a time range that is over is the paymaster's fault where one pays") {
  Answers late(error(R"("code":-32503,"message":"expires too soon")"));
  sign::UserOperation operation;
  operation.signature = sign::stub_signature();
  CHECK(late.bundler().send(operation, {}, soon()).error().fault == BundlerFault::operation);
  operation.paymaster.emplace().fill(0x11);
  CHECK(late.bundler().send(operation, {}, soon()).error().fault == BundlerFault::paymaster);
  CHECK(late.bundler().estimate(operation, soon()).error().fault == BundlerFault::paymaster);
  const auto bytes = user_operation_bytes(operation, sign::EntryPointVersion::v0_6);
  CHECK(late.bundler().send_again(bytes, {}, soon()).error().fault == BundlerFault::paymaster);
}

TEST_CASE("a bundler's internal error says nothing of what it took before it") {
  Answers broken(error(R"("code":-32603,"message":"internal error")"));
  sign::UserOperation operation;
  operation.signature = sign::stub_signature();
  CHECK(broken.bundler().send(operation, {}, soon()).error().maybe_taken());
  const auto bytes = user_operation_bytes(operation, sign::EntryPointVersion::v0_6);
  CHECK(broken.bundler().send_again(bytes, {}, soon()).error().maybe_taken());
  // Nothing is taken by a question.
  CHECK(broken.bundler().fees(soon()).error().fault == BundlerFault::unavailable);
  CHECK(broken.bundler().estimate(operation, soon()).error().fault == BundlerFault::unavailable);
  Answers knows(error(R"("code":-32603,"message":"already known")"));
  CHECK(knows.bundler().send(operation, {}, soon()).error().fault == BundlerFault::known);
}
