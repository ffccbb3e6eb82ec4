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
  REQUIRE(one.take(turned ? confirmation : chain_answer).value() == std::nullopt);
  CHECK_FALSE(one.stands());
  REQUIRE(one.take(news).value() == std::nullopt);
  REQUIRE(one.take(turned ? chain_answer : confirmation).value() == std::nullopt);
  CHECK(one.stands());
  const auto told = one.take(news);
  REQUIRE(told);
  REQUIRE(*told);
  CHECK((*told)->number == 16);
  CHECK((*told)->hash == "0x" + hash);
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
      if (*taken) {
        ++heads;
        REQUIRE(one.stands());
        REQUIRE((*taken)->hash.size() == 66);
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
