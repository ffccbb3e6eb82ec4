// Positions on a chain: the executor's own dollars buy ether, which is sold again later; what is
// held and what it brought is what the chain says, also after a host was killed.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "evm/integer_words.hpp"
#include "evm/trading_books.hpp"
#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using host::ledger::State;
using host::tests::Ended;
using host::tests::has;
using host::tests::Running;

Integer integer_of(const u256& value) { return Integer(gantry::to_string(value)); }
Integer integer_of(const host::ledger::SignedAmount& value) {
  return Integer(host::ledger::to_string(value));
}

std::string address(const TradingScene& scene, const std::string& symbol) {
  for (const PlaygroundToken& token : scene.market.tokens()) {
    if (token.symbol == symbol) return token.address;
  }
  throw std::runtime_error("no token " + symbol);
}

// Buys ether for a thousand dollars.
void hold(TradingScene& scene, const std::string& more) {
  scene.space.edit("strategies.toml",
                   "[strategies.triangular]\nenabled = true\nmin_profit_bps = 5\nmax_hops = 4\n",
                   fmt::format("[strategies.holder_strategy]\nenabled = true\nbase = \"{}\"\n"
                               "token = \"{}\"\namount = \"1000000000\"\n{}",
                               address(scene, "USDC"), address(scene, "WETH"), more));
  scene.space.edit("gantry.toml", "folders = [\"",
                   fmt::format("folders = [\"{}\", \"", GANTRY_TEST_PLUGINS));
  scene.space.edit("gantry.toml", "[risk]\n", "[risk]\nmax_crossing_bps = 1000\n");
}

struct Held {
  Integer dollars;
  Integer ether;
};
Held executor_has(const TradingScene& scene) {
  const std::string& self = scene.executor.address();
  return {scene.executor.balance(address(scene, "USDC"), self),
          scene.executor.balance(address(scene, "WETH"), self)};
}

// What the ledger says moved is what moved, and profits are what came less its cost.
std::size_t check_exchanges(TradingScene& scene, const Held& before) {
  const auto books = scene.books();
  const auto trades = books->exchanges("eip155:31337");
  REQUIRE(trades);
  const std::string dollar = address(scene, "USDC");
  Integer dollars;
  Integer ether;
  Integer quantity;
  Integer cost;
  for (const host::ledger::Trade& trade : *trades) {
    INFO("trade " << trade.intent.id);
    CHECK(trade.intent.state == State::included);
    const auto& realised = *trade.result->realised;
    const Integer spent = integer_of(realised.exchange->spent);
    const Integer received = integer_of(realised.exchange->received);
    CHECK(received >= integer_of(trade.intent.intent.min_profit));
    CHECK(integer_of(realised.balance_after) - integer_of(realised.balance_before) == received);
    if (trade.intent.intent.token_in == dollar) {
      CHECK(integer_of(realised.profit) == 0);
      dollars -= spent;
      ether += received;
      quantity += received;
      cost += spent;
    } else {
      const Integer part = (cost * spent + quantity - 1) / quantity;
      CHECK(integer_of(realised.profit) == received - part);
      dollars += received;
      ether -= spent;
      quantity -= spent;
      cost -= part;
    }
  }
  const Held after = executor_has(scene);
  CHECK(after.dollars - before.dollars == dollars);
  CHECK(after.ether - before.ether == ether);
  CHECK(quantity == ether);
  return trades->size();
}

}  // namespace

TEST_CASE("positions are opened and closed on a chain, and the books are its own to the unit") {
  TradingScene scene(71);
  hold(scene, "hold_s = 3\nparts = 2\n");
  const Held before = executor_has(scene);
  const Holdings owned = scene.holdings();
  const std::string file = (scene.space / "live.gantry").string();
  Running running = scene.start({"--blocks", "80", "--record", file, "--json", "--no-timings"});
  scene.trade_until_ended(running, SIZE_MAX, 150);
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  settle(scene);
  // Bought, and sold in two parts, more than once.
  CHECK(check_exchanges(scene, before) >= 4);
  // Both tokens stay with the executor.
  const Holdings now = scene.holdings();
  CHECK(now.tokens == owned.tokens);
  const Ended verified = scene.space.run({"audit", "verify"});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);

  const Ended replay = scene.space.run({"replay", file, "--json", "--no-timings"});
  INFO(replay.err);
  CHECK(replay.code == 0);
  CHECK(replay.out == ended.out);
}

TEST_CASE("a host that is killed knows what it holds when it starts again, and sells it") {
  TradingScene scene(73);
  hold(scene, "hold_s = 1000000\n");
  const Held before = executor_has(scene);
  Running first = scene.start({});
  bool bought = false;
  for (int block = 0; block < 200 && !bought && !first.ended(); ++block) {
    scene.market.trade(true);
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    bought = executor_has(scene).ether > before.ether;
  }
  REQUIRE(bought);
  first.signal(SIGKILL);
  (void)first.wait();

  // It holds one, so it does not buy another.
  Running second = scene.start({"--blocks", "25"});
  scene.trade_until_ended(second, 12, 150);
  const Ended status = scene.space.run({"status"});
  INFO(status.out);
  CHECK(has(status.out, "    holder_strategy holds "));
  CHECK(has(status.out, "bought for 1000000000 of " + address(scene, "USDC")));
  scene.trade_until_ended(second, SIZE_MAX, 150);
  const Ended ended = second.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  settle(scene);
  CHECK(check_exchanges(scene, before) == 1);
  const Ended report = scene.space.run({"audit", "report", "--json"});
  INFO(report.out << report.err);
  REQUIRE(report.code == 0);
  const json::value told = json::parse(report.out);
  const json::array& open = told.at("positions").as_array();
  REQUIRE(open.size() == 1);
  CHECK(text_of(open[0].at("strategy")) == "holder_strategy");
  CHECK(Integer(text_of(open[0].at("quantity"))) == executor_has(scene).ether - before.ether);
  CHECK(Integer(text_of(open[0].at("cost"))) == 1'000'000'000);

  scene.space.edit("strategies.toml", "hold_s = 1000000", "hold_s = 0");
  Running third = scene.start({"--blocks", "40"});
  scene.trade_until_ended(third, SIZE_MAX, 150);
  const Ended last = third.wait();
  INFO(last.err);
  REQUIRE(last.code == 0);
  CHECK(has(ended.err + last.err, "holder_strategy holds "));
  settle(scene);
  CHECK(check_exchanges(scene, before) >= 2);
}

TEST_CASE("the executor's own is what a position is bought with, and nobody lends for it") {
  TradingScene scene(79);
  hold(scene, "hold_s = 3\n");
  scene.space.edit("strategies.toml", "amount = \"1000000000\"", "amount = \"1000000000001\"");
  scene.space.edit("gantry.toml", "[risk]\n",
                   "[risk]\nmax_loss_usd = 1e9\nmax_loss_bps = 10000\npool_concentration_bps = "
                   "10000\nmax_position_usd = 1e9\nramp_successes = 0\nramp_hours = 0\n"
                   "max_value_at_risk_usd = 1e12\n");
  scene.space.edit("gantry.toml", "max_crossing_bps = 1000", "max_crossing_bps = 10000");
  const Held before = executor_has(scene);
  Running running = scene.start({"--blocks", "30", "--json"});
  scene.trade_until_ended(running, SIZE_MAX, 100);
  const Ended ended = running.wait();
  INFO(ended.err << ended.out);
  REQUIRE(ended.code == 0);
  const json::value report = json::parse(ended.out);
  CHECK(report.at("executed").at("filled").to_number<int>() == 0);
  CHECK(report.at("executed").at("others").as_object().contains("no funds"));
  CHECK(has(ended.err, "gantry executor fund"));
  const Held after = executor_has(scene);
  CHECK(after.dollars == before.dollars);
  CHECK(after.ether == before.ether);
}

TEST_CASE(
    "what an earlier run sold is not sold again, whether it was in a block or waits for one") {
  TradingScene scene(83);
  hold(scene, "hold_s = 1000000\n");
  const Held empty = executor_has(scene);
  Running first = scene.start({});
  bool bought = false;
  for (int block = 0; block < 200 && !bought && !first.ended(); ++block) {
    scene.market.trade(true);
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    bought = executor_has(scene).ether > empty.ether;
  }
  REQUIRE(bought);
  scene.mine(8, 150);
  first.signal(SIGKILL);
  (void)first.wait();
  const Integer position = executor_has(scene).ether - empty.ether;
  // The executor also has the operator's own ether, which nobody may sell.
  const std::string wrapped = address(scene, "WETH");
  scene.deployer.send(wrapped, scene.deployer.selector("deposit()"), position * 2);
  scene.deployer.send(wrapped, scene.deployer.selector("transfer(address,uint256)") +
                                   address_word(scene.executor.address()) + word(position * 2));
  // A breaker that has cooled down: the host sells what is open.
  const std::filesystem::path state = scene.space / "config/risk";
  bool found = false;
  for (const auto& file : std::filesystem::directory_iterator(state)) {
    if (file.path().extension() != ".state") continue;
    std::ofstream(file.path(), std::ios::app) << "breaker total - drawdown REDUCING 1 0 0 1 1\n";
    found = true;
  }
  REQUIRE(found);
  Running second = scene.start({});
  const auto last = newest_trade(scene)->intent.id;
  bool sent = false;
  for (int i = 0; i < 600 && !sent && !second.ended(); ++i) {
    const auto newest = newest_trade(scene);
    sent = newest && newest->intent.id > last && newest->intent.state == State::submitted;
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  second.signal(SIGKILL);
  INFO(second.wait().err);
  REQUIRE(sent);

  SECTION("it was in a block") { scene.mine(3); }
  SECTION("it waits for one") {}
  Running third = scene.start({"--blocks", "20"});
  while (!third.ended()) scene.mine(1, 300);
  const Ended ended = third.wait();
  INFO(ended.err);
  CHECK(ended.code == 0);
  settle(scene);
  CHECK(executor_has(scene).ether == empty.ether + position * 2);
  const auto trades = scene.books()->exchanges("eip155:31337");
  REQUIRE(trades);
  CHECK(trades->size() == 2);
}

}  // namespace gantry::test
