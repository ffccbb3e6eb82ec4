#include "host/provider/json_rpc.hpp"

#include <catch2/catch.hpp>

#include "host/provider/pin.hpp"
#include "host/provider/verdict.hpp"

using namespace gantry::host;
namespace json = boost::json;

namespace {

std::string of(std::uint64_t id, const std::string& rest) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + "," + rest + "}";
}
const std::string seven = R"("result":"0x7")";

json::value text(const std::string& words) { return json::string(words); }

HttpOutcome http(std::string body, std::int64_t status = 200) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

RpcFailure failure(std::int64_t code, std::string message, json::value data = nullptr) {
  return {code, std::move(message), std::move(data)};
}

}  // namespace

TEST_CASE("one call is an object, several are a list with ids of their own") {
  const std::vector<RpcCall> calls = {{"eth_chainId", {}}, {"eth_blockNumber", {}}};
  CHECK(encode_batch(std::span(calls).first(1), 9) ==
        R"({"jsonrpc":"2.0","id":9,"method":"eth_chainId","params":[]})");
  CHECK(encode_batch(calls, 9) ==
        R"([{"jsonrpc":"2.0","id":9,"method":"eth_chainId","params":[]},)"
        R"({"jsonrpc":"2.0","id":10,"method":"eth_blockNumber","params":[]}])");
}

TEST_CASE("answers come in the order of the calls, however the server sent them") {
  const auto batch = decode_batch(
      "[" + of(6, seven) + "," + of(5, R"("error":{"code":3,"message":"no"})") + "]", 5, 2);
  REQUIRE(batch);
  CHECK_FALSE(batch->refused);
  REQUIRE(batch->answers.size() == 2);
  REQUIRE_FALSE(batch->answers[0]);
  CHECK(batch->answers[0].error().code == 3);
  CHECK(batch->answers[1].value() == "0x7");
}

TEST_CASE("what is no JSON-RPC answer is garbage") {
  for (const std::string& body : {
           std::string(""),
           std::string("<html>"),
           std::string("7"),
           std::string("[]"),
           std::string("null"),
           std::string(R"({"id":1,"result":1})"),
           std::string(R"({"jsonrpc":"1.0","id":1,"result":1})"),
           of(1, R"("x":1)"),
           of(1, R"("result":1,"error":{"code":1,"message":""})"),
           of(1, R"("error":"no")"),
           of(1, R"("error":{"code":"1","message":"no"})"),
           of(1, R"("error":{"code":1})"),
           "[" + of(1, seven) + "]",
           std::string(100, '['),
           of(1, seven) + "x",
       }) {
    CAPTURE(body);
    const auto batch = decode_batch(body, 1, 1);
    REQUIRE_FALSE(batch);
    CHECK_FALSE(batch.error().wrong_ids);
  }
}

TEST_CASE("ids that are missing, twice or not ours are told apart from garbage") {
  const auto list = [](std::initializer_list<std::string> all) {
    std::string out;
    for (const auto& one : all) out += (out.empty() ? "[" : ",") + one;
    return out + "]";
  };
  for (const std::string& body :
       {list({of(5, seven)}), list({of(5, seven), of(5, seven)}),
        list({of(5, seven), of(7, seven)}), list({of(5, seven), of(6, seven), of(6, seven)}),
        list({of(5, seven), of(4, seven)}),
        list({of(5, seven), R"({"jsonrpc":"2.0","id":"6","result":1})"}),
        list({of(5, seven), R"({"jsonrpc":"2.0","id":6.0,"result":1})"}),
        list({of(5, seven), R"({"jsonrpc":"2.0","id":null,"result":1})"})}) {
    CAPTURE(body);
    const auto batch = decode_batch(body, 5, 2);
    REQUIRE_FALSE(batch);
    CHECK(batch.error().wrong_ids);
  }
}

TEST_CASE("one error without an id refuses the whole batch") {
  const std::string error =
      R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"big"}})";
  for (const std::string& body : {error, "[" + error + "]"}) {
    const auto batch = decode_batch(body, 1, 2);
    REQUIRE(batch);
    REQUIRE(batch->refused);
    CHECK(batch->refused->message == "big");
  }
}

TEST_CASE("numbers and hashes are read strictly") {
  CHECK(quantity("0x0") == 0U);
  CHECK(quantity("0x1b4") == 436U);
  CHECK(quantity("0xffffffffffffffff") == ~std::uint64_t{0});
  for (const json::value& none : {json::value("0x"), json::value("0x01"), json::value("1b4"),
                                  json::value("0xg"), json::value("0x10000000000000000"),
                                  json::value(5), json::value(nullptr), json::value("0x-1")}) {
    CHECK_FALSE(quantity(none));
  }
  CHECK(quantity_text(436) == "0x1b4");
  CHECK(block_hash(text("0x" + std::string(64, 'A'))) == "0x" + std::string(64, 'a'));
  CHECK(block_hash(text("0x" + std::string(63, 'a'))).empty());
  CHECK(block_hash(json::value(1)).empty());
}

TEST_CASE("what a contract says is the call's own, whatever words it has") {
  using enum CallFault;
  CHECK(fault_of(failure(3, "execution reverted: rate limit")) == application);
  CHECK(fault_of(failure(-32000, "execution reverted")) == application);
  CHECK(fault_of(failure(-32603, "VM Exception", "0x08c379a0")) == application);
  CHECK(fault_of(failure(-32602, "invalid argument 0")) == application);
  CHECK(fault_of(failure(-32603, "EVM error OutOfGas")) == application);
  CHECK(fault_of(failure(-32603, "EVM error InvalidJump")) == application);
  CHECK(fault_of(failure(-32603, "out of gas: gas required exceeds: 30000000")) == application);
  CHECK(fault_of(failure(-32000, "invalid opcode: INVALID")) == application);
  CHECK(fault_of(failure(-32000, "nonce too low")) == application);
  CHECK(fault_of(failure(-32005, "query returned more than 10000 results")) == application);
}

TEST_CASE("words that a node puts where a revert's bytes would be are no revert") {
  using enum CallFault;
  CHECK(fault_of(failure(429, "Too Many Requests", "see our plans")) == limited);
  CHECK(fault_of(failure(-32005, "daily request count exceeded", "wait a day")) == limited);
  CHECK(fault_of(failure(-32000, "header not found", "0xnothing")) == no_block);
  CHECK(fault_of(failure(-32603, "internal error", "at handler.go:17")) == node);
  CHECK(fault_of(failure(-32603, "internal error", "0x1")) == node);
  CHECK_FALSE(is_of_execution(failure(429, "Too Many Requests", "see our plans")));
  CHECK(fault_of(failure(-32000, "unhappy", "0x08c379a0")) == application);
}

TEST_CASE("what every node would say of a call is told from what may be one node's trouble") {
  for (const RpcFailure& one :
       {failure(3, "execution reverted"), failure(-32000, "execution reverted"),
        failure(-32015, "VM execution error."), failure(-32603, "VM Exception", "0x08c379a0"),
        failure(-32000, "out of gas"), failure(-32000, "invalid opcode: INVALID"),
        failure(-32000, "stack limit reached 1024 (1023)"), failure(-32000, "write protection"),
        failure(-32602, "invalid argument 0"), failure(-32000, "unhappy", "0x")}) {
    CAPTURE(one.message);
    CHECK(fault_of(one) == CallFault::application);
    CHECK(is_of_execution(one));
  }
  for (const RpcFailure& one :
       {failure(-32600, "no such thing"), failure(-32600, "eth_call is not available on your plan"),
        failure(-32602, "archive state needs an upgrade of your plan"),
        failure(-32000, "Temporary internal error. Please retry"),
        failure(-32001, "resource not available"), failure(-32046, "cannot fulfill request")}) {
    CAPTURE(one.message);
    CHECK(fault_of(one) == CallFault::application);
    CHECK_FALSE(is_of_execution(one));
    CHECK_FALSE(is_of_filter(one));
  }
  CHECK(is_of_filter(failure(-32602, "invalid block range params")));
  CHECK(is_of_filter(failure(-32005, "query returned more than 10000 results")));
  CHECK_FALSE(is_of_filter(failure(-32600, "eth_getLogs is not available on your plan")));
}

TEST_CASE("limits, missing blocks, missing methods and failing nodes are told apart") {
  using enum CallFault;
  CHECK(fault_of(failure(-32005, "daily request count exceeded")) == limited);
  CHECK(fault_of(failure(429, "compute units")) == limited);
  CHECK(fault_of(failure(-32016, "over rate limit")) == limited);
  CHECK(fault_of(failure(-32000, "Too Many Requests, retry in 10s")) == limited);
  CHECK(fault_of(failure(-32000, "header not found")) == no_block);
  CHECK(fault_of(failure(-32602, "BlockOutOfRangeError: block height is 5")) == no_block);
  CHECK(fault_of(failure(-32000, "missing trie node abc")) == no_block);
  CHECK(fault_of(failure(-32601, "the method does not exist")) == no_method);
  CHECK(fault_of(failure(-32603, "internal error")) == node);
  CHECK(fault_of(failure(-32000, "execution aborted (timeout = 5s)")) == node);
}

TEST_CASE("an answer with a limit for one of its calls is no answer") {
  const std::string limited = R"("error":{"code":-32005,"message":"limit exceeded"})";
  const AnswerVerdict verdict = judge(http("[" + of(1, seven) + "," + of(2, limited) + "]"), 1, 2);
  REQUIRE(verdict.cause);
  CHECK(*verdict.cause == FailureCause::limited);
  CHECK(verdict.answers.empty());
}

TEST_CASE("a result under a status of failure is not believed, a refusal of the call is") {
  CHECK(judge(http(of(1, seven), 500), 1, 1).cause == FailureCause::status);
  const AnswerVerdict verdict =
      judge(http(of(1, R"("error":{"code":-32602,"message":"bad"})"), 400), 1, 1);
  CHECK_FALSE(verdict.cause);
  REQUIRE(verdict.answers.size() == 1);
  CHECK(verdict.answers[0].error().code == -32602);
}

TEST_CASE("the pause that a server names is taken over") {
  HttpAnswer answer;
  answer.status = 429;
  answer.retry_after_s = 7;
  const AnswerVerdict verdict = judge(answer, 1, 1);
  CHECK(verdict.cause == FailureCause::limited);
  CHECK(verdict.pause == std::chrono::seconds(7));
  CHECK_FALSE(verdict.maybe_taken);
}

TEST_CASE("a pinned batch names one block in each call, where the method has it") {
  const BlockPin pin{100, "0x" + std::string(64, 'a')};
  const json::object block{{"blockHash", pin.hash}};
  const std::vector<RpcCall> calls = {
      {"eth_call", {json::object{{"to", "0x1"}}, json::object{{"0x2", json::object{}}}}},
      {"eth_getStorageAt", {"0x1", "0x0"}},
      {"eth_getLogs", {json::object{{"address", "0x1"}}}},
      {"eth_chainId", {}}};
  const auto by_hash = pinned(calls, pin, PinForm::hash);
  REQUIRE(by_hash);
  REQUIRE(by_hash->calls.size() == 4);
  CHECK(by_hash->calls[0].params[1] == block);
  CHECK(by_hash->calls[0].params.size() == 3);
  CHECK(by_hash->calls[1].params[2] == block);
  CHECK(by_hash->calls[2].params[0].at("blockHash") == text(pin.hash));
  CHECK(by_hash->calls[3].params.empty());

  const auto by_number = pinned(calls, pin, PinForm::number);
  REQUIRE(by_number);
  REQUIRE(by_number->calls.size() == 6);
  CHECK(by_number->calls.front().method == "eth_getBlockByNumber");
  CHECK(by_number->calls.back().method == "eth_getBlockByNumber");
  CHECK(by_number->calls[1].params[1] == "0x64");
  CHECK(by_number->calls[3].params[0].at("toBlock") == "0x64");
}

TEST_CASE("a call of a pinned batch that names a block of its own is refused") {
  const BlockPin pin{100, "0x" + std::string(64, 'a')};
  for (const RpcCall& call :
       {RpcCall{"eth_call", {json::object{}, "latest"}}, RpcCall{"eth_getStorageAt", {"0x1"}},
        RpcCall{"eth_getLogs", {json::object{{"fromBlock", "0x1"}}}},
        RpcCall{"eth_getBalance", {"0x1", json::object{{"blockHash", pin.hash}}}}}) {
    CHECK_FALSE(pinned(std::span(&call, 1), pin, PinForm::hash));
    CHECK_FALSE(pinned(std::span(&call, 1), pin, PinForm::number));
  }
}

TEST_CASE("a number that is another block now, or was before, is noticed") {
  const BlockPin pin{100, "0x" + std::string(64, 'a')};
  const RpcCall call{"eth_getBalance", {"0x1"}};
  const auto batch = pinned(std::span(&call, 1), pin, PinForm::number);
  REQUIRE(batch);
  const json::value right = json::object{{"number", "0x64"}, {"hash", pin.hash}};
  const json::value wrong = json::object{{"number", "0x64"}, {"hash", "0x" + std::string(64, 'b')}};
  const auto fault = [&](const json::value& before, const json::value& after) {
    const std::vector<RpcAnswer> answers = {before, json::value("0x1"), after};
    return guards_fault(*batch, pin, answers);
  };
  CHECK(fault(right, right).empty());
  CHECK_FALSE(fault(wrong, right).empty());
  CHECK_FALSE(fault(right, wrong).empty());
  CHECK_FALSE(fault(right, nullptr).empty());
}
