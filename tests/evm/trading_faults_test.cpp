// What a run that trades makes of a chain, a node and a configuration that are not as they should
// be.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include "evm/held_node.hpp"
#include "evm/integer_words.hpp"
#include "evm/trading_books.hpp"
#include "host/sign/transaction.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;
using host::ledger::State;
using host::tests::Ended;
using host::tests::has;
using host::tests::Running;

// Trades until the newest trade of the books is in that state; false: it never was.
bool trade_until(TradingScene& scene, Running& running, State state,
                 host::ledger::IntentId after = 0) {
  for (int block = 0; block < 300 && !running.ended(); ++block) {
    const auto newest = newest_trade(scene);
    if (newest && newest->intent.id > after && newest->intent.state == state) return true;
    scene.trade_until_ended(running, 1);
  }
  return false;
}

template <class Is>
bool wait_until(Is is) {
  for (int i = 0; i < 500; ++i) {
    if (is()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

}  // namespace

TEST_CASE("a configuration that cannot trade is refused before anything is sent, with what to do") {
  TradingScene scene(23);
  const auto toml = [&] { return host::tests::read_text(scene.space / "config/gantry.toml"); };
  const std::string good = toml();
  const std::string execution = "executor = \"" + scene.executor.address() + "\"";
  const std::string foreign = ExecutorContract(scene.deployer).address();
  // Obeys the same account, and has code of somebody else's.
  const std::string altered = "0x00000000000000000000000000000000000000bb";
  const std::string code = text_of(scene.chain.call(
      "eth_getCode", {json::string(scene.executor.address()), json::string("latest")}));
  scene.chain.call("anvil_setCode", {json::string(altered), json::string(code + "00")});
  struct Case {
    std::string from;
    std::string to;
    int code;
    std::string says;
  };
  const std::vector<Case> cases = {
      {"keystore = \"account.json\"\npassword_variable = \"KEY_PASSWORD\"", "", 2,
       "set `sender`, and `keystore` or `remote_signer`, in [wallet]"},
      {"[chain.execution]\n" + execution + "\nblocks_max = 3\nconfirm_blocks = 4", "", 2,
       "has no [chain.execution]"},
      {execution, "", 2, "there is no executor to trade with"},
      {execution, "executor = \"0x00000000000000000000000000000000000000aa\"", 2,
       "there is no contract at"},
      {execution, "executor = \"" + scene.lender.pool() + "\"", 2, "is no executor"},
      {execution, "executor = \"" + foreign + "\"", 2, "and the account of [wallet] is"},
      {execution, "executor = \"" + altered + "\"", 2,
       "the contract at " + altered + " is not the executor that this program was built with"},
      {"keystore = \"account.json\"", "keystore = \"absent.json\"", 1, "absent.json"},
      {"password_variable = \"KEY_PASSWORD\"", "password_variable = \"NOT_SET\"", 2, "NOT_SET"},
      {"path = \"ledger.sqlite\"", "path = \"account.json\"", 1, "account.json"},
  };
  for (const Case& each : cases) {
    INFO(each.from << " -> " << each.to);
    scene.space.edit("gantry.toml", each.from, each.to);
    Running running = scene.start({"--blocks", "1"});
    scene.trade_until_ended(running, 200, 20);
    const Ended ended = running.wait();
    INFO(ended.err);
    CHECK(ended.code == each.code);
    CHECK(has(ended.err, each.says));
    host::tests::write_text(scene.space / "config/gantry.toml", good);
  }
  CHECK(scene.nonce() == 0);

  // Two hosts with one ledger would take each other's nonces.
  Running first = scene.start({});
  REQUIRE(trade_until(scene, first, State::submitted));
  Running second = scene.start({"--blocks", "1"});
  const Ended refused = second.wait();
  INFO(refused.err);
  CHECK(refused.code == 1);
  CHECK(has(refused.err, "ledger.sqlite"));
  first.signal(SIGINT);
  scene.trade_until_ended(first, 50);
  CHECK(first.wait().code == 0);
}

TEST_CASE("a trade that is in no block in time is cancelled, and trading goes on behind it") {
  TradingScene scene(29);
  HeldNode node(scene.chain);
  RpcServer server(node, node);
  scene.ask(server.url());
  const Holdings before = scene.holdings();
  node.hold(Gate::before_sends);
  // A payment of nothing to itself takes more than elsewhere, and may take a quarter more.
  node.estimate(40'000);
  Running running = scene.start({});
  bool held = false;
  for (int block = 0; block < 200 && !held; ++block) {
    scene.trade_until_ended(running, 1, 0);
    held = node.is_held(std::chrono::milliseconds(60));
  }
  REQUIRE(held);
  // Longer than the host waits: it cannot know whether somebody has it. Nobody has.
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  node.release(false);
  const auto lost = newest_trade(scene);
  REQUIRE(lost);
  CHECK(trade_until(scene, running, State::included, lost->intent.id));
  running.signal(SIGINT);
  scene.trade_until_ended(running, 50);
  CHECK(running.wait().code == 0);
  settle(scene);
  const auto now = scene.books()->intent(lost->intent.id);
  REQUIRE(now);
  CHECK(now->state == State::replaced);
  int cancellations = 0;
  const auto attempts = scene.books()->attempts(lost->intent.id);
  REQUIRE(attempts);
  for (const auto& each : *attempts) {
    if (each.attempt.purpose != host::ledger::Purpose::cancellation) continue;
    ++cancellations;
    const auto sent = host::sign::decode_transaction(each.attempt.bytes);
    REQUIRE(sent);
    CHECK(sent->transaction.gas_limit == 50'000);
  }
  CHECK(cancellations > 0);
  check_books(scene, before);
}

TEST_CASE("a trade whose block is taken back is sent again, and counted once") {
  TradingScene scene(31);
  const Holdings before = scene.holdings();
  Running running = scene.start({});
  std::optional<host::ledger::Trade> trade;
  const auto state = [&] { return scene.books()->intent(trade->intent.id)->state; };
  std::string moment;
  bool taken_back = false;
  for (int attempt = 0; attempt < 20 && !taken_back; ++attempt) {
    REQUIRE(trade_until(scene, running, State::submitted, trade ? trade->intent.id : 0));
    trade = newest_trade(scene);
    moment = text_of(scene.chain.call("evm_snapshot"));
    const std::uint64_t before_it = scene.deployer.block_number();
    scene.mine(1);
    REQUIRE(wait_until([&] { return host::ledger::is_in_block(state()); }));
    // It may have been in a block already when it was looked at, or have been undone there.
    const auto result = scene.books()->result_of(trade->intent.id);
    taken_back =
        state() == State::included && result && *result && (*result)->receipt.block > before_it;
  }
  REQUIRE(taken_back);
  // Whoever was told what it brought has to be told that it is not so.
  REQUIRE(wait_until([&] {
    const auto result = scene.books()->result_of(trade->intent.id);
    return result && *result && (*result)->realised;
  }));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  scene.chain.call("evm_revert", {json::string(moment)});
  // Another chain from here on, longer than the one that was.
  scene.mine(2, 150);
  CHECK(wait_until([&] {
    scene.mine(1);
    return state() == State::included || state() == State::reverted || state() == State::replaced;
  }));
  running.signal(SIGINT);
  scene.mine(5);
  const Ended ended = running.wait();
  INFO(ended.err);
  CHECK(ended.code == 0);
  CHECK(has(ended.err, "is taken back with its block"));
  settle(scene);
  check_books(scene, before);
  check_risk(scene);
}

TEST_CASE("a pool that is not what it was taken for is found by the simulation, and put away") {
  TradingScene scene(37);
  const Holdings before = scene.holdings();
  Running running = scene.start({});
  REQUIRE(trade_until(scene, running, State::included));
  // Reserves of all pairs of one factory change without a log. Slot 8: time, reserve 1, reserve 0.
  for (const PlaygroundPair& pair : scene.market.pairs()) {
    if (pair.factory != 1) continue;
    const json::value slot =
        scene.chain.call("eth_getStorageAt",
                         {json::string(pair.address), json::string("0x8"), json::string("latest")});
    Integer packed(text_of(slot));
    const Integer mask = (Integer(1) << 112) - 1;
    const Integer reserve0 = packed & mask;
    packed += reserve0 / 50;  // more than it holds
    scene.chain.call("anvil_setStorageAt", {json::string(pair.address), json::string("0x8"),
                                            json::string("0x" + word(packed))});
  }
  const fs::path cases = scene.cases();
  const bool found = wait_until([&] {
    scene.trade_until_ended(running, 1, 60);
    return fs::exists(cases) && !fs::is_empty(cases);
  });
  running.signal(SIGINT);
  scene.mine(20, 60);
  const Ended ended = running.wait();
  INFO(ended.err);
  CHECK(found);
  CHECK(has(ended.err, "is quarantined"));
  CHECK(has(ended.err, "is not sent: simulation"));
  // What left meanwhile went through other pools, or was under way already: none of it lost.
  settle(scene);
  check_books(scene, before);
}

}  // namespace gantry::test
