#include "evm/trading_books.hpp"

#include <catch2/catch.hpp>

#include "evm/integer_words.hpp"
#include "host/base/text.hpp"

namespace gantry::test {
namespace {

using host::ledger::State;
using host::tests::Ended;
using host::tests::Running;

Integer integer_of(const u256& value) { return Integer(gantry::to_string(value)); }
Integer integer_of(const host::ledger::SignedAmount& value) {
  return Integer(host::ledger::to_string(value));
}

}  // namespace

void check_books(TradingScene& scene, const Holdings& before) {
  const auto reader = scene.books();
  const auto trades = reader->last_trades(10'000);
  REQUIRE(trades);
  std::map<std::string, Integer> profit;
  Integer cost;
  std::size_t in_blocks = 0;
  for (const host::ledger::Trade& trade : *trades) {
    INFO("trade " << trade.intent.id << ": " << to_string(trade.intent.state) << " "
                  << trade.intent.reason);
    CHECK_FALSE(host::ledger::is_open(trade.intent.state));
    const auto attempts = reader->attempts(trade.intent.id);
    REQUIRE(attempts);
    std::size_t included = 0;
    for (const host::ledger::StoredAttempt& attempt : *attempts) {
      included += scene.holds(host::hex_text(attempt.attempt.hash)) ? 1U : 0U;
    }
    CHECK(included == (trade.result ? 1U : 0U));
    in_blocks += included;
    if (!trade.result) continue;
    REQUIRE(trade.result->realised);
    const auto& realised = *trade.result->realised;
    profit[realised.token] += integer_of(realised.profit);
    cost += integer_of(realised.cost_wei);
    if (trade.intent.state != State::included) continue;
    CHECK(integer_of(realised.profit) >= integer_of(trade.intent.intent.min_profit));
    // No trade that was carried out lost.
    CHECK(integer_of(*trade.result->profit_wei) > 0);
  }
  const Holdings after = scene.holdings();
  for (const auto& [token, amount] : after.tokens) {
    CHECK(amount - before.tokens.at(token) == profit[token]);
  }
  CHECK(before.coins - after.coins == cost);
  // Nothing else of the account's is on the chain.
  CHECK(scene.nonce() == in_blocks);
  const Ended verified = scene.space.run({"audit", "verify"});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);
}

std::optional<host::ledger::Trade> newest_trade(const TradingScene& scene) {
  const auto books = scene.books_or_none();
  if (!books) return std::nullopt;
  auto trades = books->last_trades(1);
  if (!trades || trades->empty()) return std::nullopt;
  return std::move(trades->front());
}

void settle(TradingScene& scene) {
  Running running = scene.start({"--blocks", "14"});
  while (!running.ended()) scene.mine(1);
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
}

}  // namespace gantry::test
