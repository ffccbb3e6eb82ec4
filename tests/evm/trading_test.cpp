// The program trades for good on a chain of its own: it finds, borrows, trades, repays and writes
// down, and what it wrote is what the chain holds.
#include <catch2/catch.hpp>

#include "evm/integer_words.hpp"
#include "evm/trading_scene.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using host::ledger::State;
using host::tests::Ended;
using host::tests::Running;

Integer integer_of(const u256& value) { return Integer(gantry::to_string(value)); }
Integer integer_of(const host::ledger::SignedAmount& value) {
  return Integer(host::ledger::to_string(value));
}

}  // namespace

TEST_CASE("trades are executed, and the books are the chain's to the unit") {
  TradingScene scene(11);
  const auto before = scene.owned();
  const Integer coins_before = scene.coins();
  const std::string file = (scene.space / "live.gantry").string();
  Running running = scene.start({"--blocks", "60", "--record", file, "--json", "--no-timings"});
  scene.trade_until_ended(running);
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  const json::value report = json::parse(ended.out);
  CHECK(report.at("dry_run") == false);
  // What was sent with the last blocks.
  scene.mine(6);
  Running settling = scene.start({"--blocks", "8"});
  for (int i = 0; !settling.ended(); ++i) scene.mine(1);
  REQUIRE(settling.wait().code == 0);

  const auto trades = scene.books()->last_trades(1000);
  REQUIRE(trades);
  std::map<std::string, Integer> profit;
  Integer cost;
  std::size_t filled = 0;
  for (const host::ledger::Trade& trade : *trades) {
    INFO("trade " << trade.intent.id << ": " << to_string(trade.intent.state) << " "
                  << trade.intent.reason);
    CHECK_FALSE(host::ledger::is_open(trade.intent.state));
    if (!trade.result || !trade.result->realised) continue;
    const auto& realised = *trade.result->realised;
    profit[realised.token] += integer_of(realised.profit);
    cost += integer_of(realised.cost_wei);
    if (trade.intent.state != State::included) continue;
    ++filled;
    CHECK(integer_of(realised.profit) >= integer_of(trade.intent.intent.min_profit));
    CHECK(integer_of(*trade.result->profit_wei) > 0);
    CHECK(integer_of(realised.balance_after) - integer_of(realised.balance_before) ==
          integer_of(realised.profit));
  }
  WARN(filled << " filled of " << trades->size());
  CHECK(filled >= 5);
  for (const auto& [token, amount] : scene.owned()) {
    CHECK(amount - before.at(token) == profit[token]);
  }
  CHECK(coins_before - scene.coins() == cost);

  const Ended replay = scene.space.run({"replay", file, "--json", "--no-timings"});
  INFO(replay.err);
  CHECK(replay.code == 0);
  CHECK(replay.out == ended.out);
}

}  // namespace gantry::test
