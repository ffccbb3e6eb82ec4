#include "evm/trading_books.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "evm/integer_words.hpp"
#include "host/base/text.hpp"
#include "host/risk/store.hpp"

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

void check_risk(const TradingScene& scene) {
  std::map<std::int64_t, Integer> profit;  // by day
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
  const auto trades = scene.books()->last_trades(10'000);
  REQUIRE(trades);
  for (const host::ledger::Trade& trade : *trades) {
    if (!trade.result) continue;
    REQUIRE(trade.result->profit_wei);
    constexpr std::int64_t day_s = 86'400;
    profit[trade.result->receipt.block_time_s / day_s] += integer_of(*trade.result->profit_wei);
    ++(trade.intent.state == State::included ? successes : failures);
  }
  const auto store = host::RiskStore::open(scene.space / "config/risk");
  REQUIRE(store);
  const auto text = store->read("eip155:31337");
  REQUIRE(text);
  INFO(*text);
  std::istringstream lines(*text);
  bool found = false;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    const std::vector<std::string> word{std::istream_iterator<std::string>(words), {}};
    if (word.size() != 15 || word[0] != "counts" || word[1] != "chain") continue;
    found = true;
    CHECK(std::stoull(word[10]) == successes);
    CHECK(std::stoull(word[11]) == failures);
    CHECK(Integer(word[4]) - Integer(word[5]) == profit[std::stoll(word[3])]);
  }
  CHECK(found);
}

bool has_untold_result(const TradingScene& scene) {
  const auto store = host::RiskStore::open(scene.space / "config/risk");
  const auto text = store ? store->read("eip155:31337") : host::Result<std::string>();
  const auto books = scene.books_or_none();
  if (!text || !books) return false;
  const std::size_t at = text->find("\ntold ");
  if (at == std::string::npos) return false;
  const auto news = books->result_news(std::stoll(text->substr(at + 6)));
  return news && !news->empty();
}

int kill_trials(int usual) {
  const char* wanted = std::getenv("GANTRY_KILL_TRIALS");
  const int count = wanted == nullptr ? usual : std::atoi(wanted);
  if (count < 1) throw std::runtime_error("GANTRY_KILL_TRIALS is no number of trials");
  return count;
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
