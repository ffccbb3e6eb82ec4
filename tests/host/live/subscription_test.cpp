#include "host/live/subscription.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "host/live/reconnects.hpp"

using namespace gantry::host;
using namespace std::chrono_literals;

namespace {

const std::string hash(64, 'a');
const std::string head = R"({"number":"0x10","hash":"0x)" + hash + R"(","parentHash":"0x)" + hash +
                         R"(","timestamp":"0x5"})";
const std::string chain_answer = R"({"jsonrpc":"2.0","id":1,"result":"0x1"})";
const std::string confirmation = R"({"jsonrpc":"2.0","id":2,"result":"0xab"})";
const std::string news =
    R"({"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0xab","result":)" +
    head + "}}";

std::string fault_of(Subscription& subscription, const std::string& message) {
  const auto taken = subscription.take(message);
  return taken ? "" : taken.error().message;
}

}  // namespace

TEST_CASE("a subscription stands when the chain is right and it is confirmed, in either order") {
  const bool turned = GENERATE(false, true);
  Subscription one("eip155:1");
  REQUIRE(one.take(turned ? confirmation : chain_answer));
  CHECK_FALSE(one.stands());
  CHECK_FALSE(one.take(news).value().head);
  const auto last = one.take(turned ? chain_answer : confirmation);
  REQUIRE(last);
  CHECK(last->request.empty());
  CHECK(one.stands());
  const auto told = one.take(news);
  REQUIRE(told);
  REQUIRE(told->head);
  CHECK(told->head->number == 16);
  CHECK(told->head->hash == "0x" + hash);
}

TEST_CASE("an answer counts once, and under its own id") {
  Subscription one("eip155:1");
  REQUIRE(one.take(chain_answer));
  CHECK(fault_of(one, chain_answer) ==
        "it answers what was not asked: its ids are not this host's");
  CHECK(fault_of(one, R"({"id":"2","result":"0xab"})") ==
        "it answers what was not asked: its ids are not this host's");
  CHECK(fault_of(one, R"({"id":2,"result":7})") ==
        "it confirms the subscription without a name for it");
  CHECK(fault_of(one, R"({"id":2})") == "it sends what is no JSON-RPC: is the url a node's?");
  CHECK(fault_of(one, "[]") == "it sends what is no JSON-RPC: is the url a node's?");
  CHECK(fault_of(one, R"({"method":"eth_subscription"})") ==
        "it tells of a head without saying which");
  CHECK(fault_of(one, R"({"method":"eth_subscription","params":[]})") ==
        "it tells of a head without saying which");
  CHECK(fault_of(one, R"({"id":null,"error":{"message":"busy"}})") ==
        "it refuses the subscription: 'busy' (0). Use a url that takes eth_subscribe");
  CHECK_FALSE(one.stands());
}

TEST_CASE("the end of a subscription names it, and its answer is told from others") {
  Subscription one("eip155:1");
  REQUIRE(one.take(chain_answer));
  REQUIRE(one.take(confirmation));
  CHECK(one.goodbye() ==
        R"({"jsonrpc":"2.0","id":6,"method":"eth_unsubscribe","params":["0xab"]})");
  CHECK(Subscription::is_goodbye(R"({"jsonrpc":"2.0","id":6,"result":true})"));
  CHECK(Subscription::is_goodbye(R"({"jsonrpc":"2.0","id":6,"error":{"code":-32601}})"));
  for (const std::string& other :
       {chain_answer, confirmation, news, std::string("[]"), std::string("<html>"), std::string(),
        std::string(R"({"id":"6"})")}) {
    CHECK_FALSE(Subscription::is_goodbye(other));
  }
}

TEST_CASE("messages that were turned at random are refused or understood, never both") {
  std::mt19937 random(20261122);
  int faults = 0;
  int heads = 0;
  for (int i = 0; i < 20'000; ++i) {
    Subscription one("eip155:1");
    for (std::string message : {chain_answer, confirmation, news}) {
      for (int turns = static_cast<int>(random() % 3); turns > 0; --turns) {
        message[random() % message.size()] = static_cast<char>(random() % 256);
      }
      const auto taken = one.take(message);
      if (!taken) {
        ++faults;
        CHECK_FALSE(taken.error().message.empty());
        CHECK(taken.error().message.find('\n') == std::string::npos);
        break;
      }
      if (taken->head) {
        ++heads;
        REQUIRE(one.stands());
        REQUIRE(taken->head->hash.size() == 66);
      }
    }
  }
  CHECK(faults > 5'000);
  CHECK(heads > 500);
}

TEST_CASE("one that fails is left alone for twice as long each time, and for what it asks for") {
  Reconnects reconnects;
  const Reconnects::Time start = Reconnects::Time{} + 1000h;
  CHECK(reconnects.due("a") < start);
  for (const auto pause :
       {250ms, 500ms, 1000ms, 2000ms, 4000ms, 8000ms, 16000ms, 30000ms, 30000ms}) {
    CHECK(reconnects.failed("a", start) == pause);
    CHECK(reconnects.due("a") == start + pause);
  }
  CHECK(reconnects.failed("a", start, 90s) == 90s);
  CHECK(reconnects.failed("a", start, 100h) == 1h);
  CHECK(reconnects.due("b") < start);
  reconnects.works("a");
  CHECK(reconnects.due("a") < start);
  CHECK(reconnects.failed("a", start, 100ms) == 250ms);
}

TEST_CASE("pending transactions are asked for in one provider's words after the other's") {
  gantry_address router{};
  router.kind = GANTRY_ADDRESS_EVM;
  router.length = 20;
  router.bytes[19] = 7;
  Subscription one("eip155:1", {router});
  REQUIRE(one.take(chain_answer));
  auto news_of = [&](const std::string& message) { return one.take(message).value(); };
  const auto refusal = [](int id) {
    return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) +
           R"(,"error":{"code":-32602,"message":"what?"}})";
  };
  const std::string pending =
      R"({"method":"eth_subscription","params":{"subscription":"0xcd","result":"0x12"}})";
  CHECK(
      news_of(confirmation).request ==
      R"({"jsonrpc":"2.0","id":3,"method":"eth_subscribe","params":["alchemy_pendingTransactions",)"
      R"({"toAddress":["0x0000000000000000000000000000000000000007"],"hashesOnly":false}]})");
  CHECK(
      news_of(refusal(3)).request ==
      R"({"jsonrpc":"2.0","id":4,"method":"eth_subscribe","params":["newPendingTransactions",true]})");
  CHECK_FALSE(news_of(pending).pending);  // nobody has said yet that this is ours
  SECTION("they are told of") {
    CHECK(news_of(R"({"id":4,"result":"0xcd"})").request.empty());
    CHECK(one.tells_pending());
    CHECK(news_of(pending).pending == boost::json::value("0x12"));
    REQUIRE(news_of(news).head);
    CHECK(fault_of(one, refusal(4)) != "");
  }
  SECTION("they are not, and heads come all the same") {
    CHECK(
        news_of(refusal(4)).request ==
        R"({"jsonrpc":"2.0","id":5,"method":"eth_subscribe","params":["newPendingTransactions"]})");
    CHECK(news_of(refusal(5)).no_pending == "'what?' (-32602)");
    CHECK_FALSE(one.tells_pending());
    CHECK(news_of(news).head);
  }
}
