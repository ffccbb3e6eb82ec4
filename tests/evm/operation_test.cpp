// The program trades by user operations that somebody else pays for: real bundler, real paymaster's
// server, the EntryPoint's own bytecode. What it wrote is what the chain holds.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <map>
#include <random>
#include <thread>

#include "evm/operation_scene.hpp"
#include "evm/random_kills.hpp"
#include "evm/trading_books.hpp"

namespace gantry::test {
namespace {

using Gate = HeldBundler::Gate;
using host::ledger::State;
using host::tests::Ended;
using host::tests::has;
using host::tests::Running;

// Ends the host and whatever it still waits for.
Ended end_of(OperationScene& scene, Running& running) {
  running.signal(SIGINT);
  while (!running.ended()) scene.trading.mine(1);
  return running.wait();
}

// Who paid for each trade that was carried out.
std::vector<std::string> payers(OperationScene& scene) {
  std::vector<std::string> out;
  const auto books = scene.trading.books();
  const auto trades = books->last_trades(1000);
  REQUIRE(trades);
  for (const host::ledger::Trade& trade : *trades) {
    if (!trade.result || trade.intent.state != State::included) continue;
    const auto attempts = books->attempts(trade.intent.id);
    REQUIRE(attempts);
    for (const auto& each : *attempts) {
      if (each.id == trade.result->id) out.push_back(each.attempt.payer);
    }
  }
  return out;
}

// What the account has of the coin is what it had: check_books() says it of the costs.
void check_operations(OperationScene& scene, const Holdings& before) {
  check_books(scene.trading, before);
  CHECK(scene.trading.holdings().coins == before.coins);
}

}  // namespace

TEST_CASE("trades leave as operations that somebody else pays for, and the books are the chain's") {
  OperationScene scene(11);
  const Holdings before = scene.trading.holdings();
  Running running = scene.trading.start({"--json", "--no-timings"});
  CHECK(scene.trade_until(running, 10));
  const Ended ended = end_of(scene, running);
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  scene.settle();
  check_operations(scene, before);
  const auto paid = payers(scene);
  CHECK(paid.size() >= 8);
  CHECK(std::ranges::all_of(paid, [](const std::string& who) { return who == "server"; }));
}

TEST_CASE("where the first paymaster refuses or hangs the second pays, and there is one effect") {
  std::atomic<bool> hangs = false;
  std::atomic<int> asked = 0;
  HttpServer first([&](const HttpCall&) {
    ++asked;
    HttpReply reply{200, R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no"}})"};
    reply.hang = hangs;
    return reply;
  });
  OperationScene scene(13);
  scene.pay_first(first.url());
  const Holdings before = scene.trading.holdings();
  for (const bool silent : {false, true}) {
    hangs = silent;
    asked = 0;
    Running running = scene.trading.start({});
    CHECK(scene.trade_until(running, 2));
    const Ended ended = end_of(scene, running);
    INFO(ended.err);
    CHECK(ended.code == 0);
    CHECK(asked >= 1);
  }
  scene.settle();
  check_operations(scene, before);
  const auto paid = payers(scene);
  CHECK(paid.size() >= 2);
  CHECK(std::ranges::all_of(paid, [](const std::string& who) { return who == "server"; }));
}

TEST_CASE(
    "a host that is killed while the bundler has its operation loses none, and repeats none") {
  constexpr int trials = 40;  // half of them before the bundler has it, half after
  const unsigned seed = 20261122;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  OperationScene scene(17);
  const Holdings before = scene.trading.holdings();
  for (int trial = 0; trial < trials; ++trial) {
    INFO("trial " << trial);
    scene.bundler.hold(trial % 2 == 0 ? Gate::before : Gate::after);
    Running running = scene.trading.start({});
    bool held = false;
    for (int i = 0; i < 100 && !held && !running.ended(); ++i) {
      scene.step(running, 150);
      held = scene.bundler.is_held(std::chrono::milliseconds(50));
    }
    CHECK(held);
    running.signal(SIGKILL);
    INFO(running.wait().err);
    // What was on its way may still arrive.
    scene.bundler.release(random() % 2 == 0);
    scene.trading.mine(1);
  }
  scene.settle();
  check_operations(scene, before);
  const auto trades = scene.trading.books()->last_trades(1000);
  REQUIRE(trades);
  std::map<State, int> states;
  for (const host::ledger::Trade& trade : *trades) ++states[trade.intent.state];
  std::string told;
  for (const auto& [state, count] : states) {
    told += fmt::format("{}{} {}", told.empty() ? "" : ", ", count, to_string(state));
  }
  WARN(told);
  CHECK(trades->size() >= trials / 4);
  // What the bundler had, and what it never got, whose nonce was then taken.
  CHECK(states[State::included] + states[State::reverted] >= 1);
  CHECK(states[State::replaced] >= 1);
}

TEST_CASE("a host that is killed at any moment of a run loses no operation, and repeats none") {
  OperationScene scene(31);
  const Holdings before = scene.trading.holdings();
  RandomKills kills;
  kills.trials = kill_trials(4);
  kills.seed = kill_seed();
  kills.step = [&](Running& running) { scene.step(running, 150); };
  // What left may be in a block before the next one starts, or later.
  kills.between = [&] { scene.trading.mine(1); };
  WARN(kill_at_random(scene.trading, kills));
  Running running = scene.trading.start({});
  CHECK(scene.trade_until(running, 1));
  const Ended ended = end_of(scene, running);
  INFO(ended.err);
  CHECK(ended.code == 0);
  scene.settle();
  check_operations(scene, before);
}

TEST_CASE("a reload that drops a paymaster while its operation leaves loses none of them") {
  OperationScene scene(29);
  // Both pay by the same server; one of them goes.
  scene.pay_first(scene.paymaster_url());
  scene.trading.space.edit("gantry.toml", "timeout_ms = 300", "timeout_ms = 4000");
  const Holdings before = scene.trading.holdings();
  Running running = scene.trading.start({});
  CHECK(scene.trade_until(running, 1));
  scene.bundler.hold(Gate::before);
  bool held = false;
  for (int i = 0; i < 100 && !held && !running.ended(); ++i) {
    scene.step(running, 150);
    held = scene.bundler.is_held(std::chrono::milliseconds(50));
  }
  REQUIRE(held);
  scene.trading.space.edit("gantry.toml", "name = \"first\"\n",
                           "name = \"first\"\nenabled = false\n");
  Running reload = scene.trading.space.start({"reload"});
  for (int i = 0; i < 100 && !reload.ended(); ++i) scene.trading.mine(1, 100);
  const Ended changed = reload.wait();
  INFO(changed.out << changed.err);
  // The host may have seen by itself that the file has changed.
  CHECK(changed.code == 0);
  // Signed by the one that went, it is in a block.
  scene.bundler.release(true);
  const auto paid_before = payers(scene).size();
  CHECK(scene.trade_until(running, 3));
  const Ended ended = end_of(scene, running);
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  CHECK(has(ended.err, "paymaster first: disable"));
  CHECK_FALSE(has(ended.err, "still mapped"));
  scene.settle();
  check_operations(scene, before);
  // The newest come first.
  const auto paid = payers(scene);
  REQUIRE(paid.size() > paid_before);
  CHECK(paid.front() == "server");
  CHECK(paid.back() == "first");
  CHECK(std::ranges::is_sorted(paid, std::ranges::greater()));
}

TEST_CASE("while trading is HALTED no operation leaves") {
  OperationScene scene(19);
  {
    Running running = scene.trading.start({});
    CHECK(scene.trade_until(running, 1));
    const Ended stopped = scene.trading.space.run({"stop"});
    INFO(stopped.err);
    CHECK(stopped.code == 0);
    while (!running.ended()) scene.trading.mine(1);
    CHECK(running.wait().code == 0);
  }
  const std::size_t sent = scene.bundler.sends();
  REQUIRE(sent >= 1);
  Running running = scene.trading.start({"--blocks", "15"});
  while (!running.ended()) {
    scene.step(running, 100);
    scene.trading.mine(1);
  }
  const Ended ended = running.wait();
  INFO(ended.err);
  CHECK(ended.code == 0);
  CHECK(scene.bundler.sends() == sent);
}

TEST_CASE("operations that cannot be sent are refused with what to do") {
  OperationScene scene(23);
  const auto file = scene.trading.space / "config/gantry.toml";
  const std::string good = host::tests::read_text(file);
  const std::string entry_point = "entry_point = \"" + scene.trading.entry_point + "\"";
  struct Case {
    std::string from;
    std::string to;
    std::string says;
  };
  const std::array cases{
      Case{"[[paymaster]]\n", "[[paymaster]]\nenabled = false\n", "nobody pays for them"},
      Case{entry_point, "", "set `entry_point`"},
      Case{"owner = \"" + TradingScene::key_owner() + "\"\n", "", "owner"},
      Case{entry_point, "entry_point = \"0x00000000000000000000000000000000000000aa\"",
           "it does not serve 0x00000000000000000000000000000000000000aa"},
      Case{entry_point, "entry_point = \"" + entry_point_text(EntryPointVersion::v0_6) + "\"",
           "obeys the EntryPoint " + scene.trading.entry_point},
  };
  for (const Case& each : cases) {
    INFO(each.from << " -> " << each.to);
    scene.trading.space.edit("gantry.toml", each.from, each.to);
    Running running = scene.trading.start({"--blocks", "1"});
    while (!running.ended()) scene.trading.mine(1);
    const Ended ended = running.wait();
    INFO(ended.err);
    CHECK(ended.code == 2);
    CHECK(has(ended.err, each.says));
    host::tests::write_text(file, good);
  }
  // A bundler that is not there may come: each trade says what is the matter, and none is lost.
  scene.trading.space.edit("gantry.toml", scene.bundler.url(), "http://127.0.0.1:1");
  Running running = scene.trading.start({"--blocks", "15"});
  while (!running.ended()) {
    scene.step(running, 60);
    scene.trading.mine(1);
  }
  const Ended ended = running.wait();
  INFO(ended.err);
  CHECK(ended.code == 0);
  CHECK(has(ended.err, "nothing is sent on eip155:31337 until it answers"));
  CHECK(has(ended.err, "is not sent: not taken: bundler alto: not available"));
  CHECK(scene.trading.nonce() == 0);
}

}  // namespace gantry::test
