// Positions on a chain: the executor's own dollars buy ether, which is sold again later; what is
// held and what it brought is what the chain says, also after a host was killed.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "evm/integer_words.hpp"
#include "evm/trading_books.hpp"
#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/live/history_store.hpp"

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
  scene.use(
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

// Two tokens that rise and fall together, a minute a block, and swing around each other.
class MovingPair {
 public:
  explicit MovingPair(TradingScene& scene) : scene_(scene) {}

  void go_on() {
    common_ += std::uniform_real_distribution<double>(-0.03, 0.03)(random_);
    ++blocks_;
    scene_.chain.call("evm_increaseTime", {60});
    bring(0.01 * std::sin(blocks_ / 2.0));
  }
  // Now, and nothing else in that block.
  void bring(double spread) {
    std::vector<RpcRequest> transactions;
    for (const PlaygroundPair& each : scene_.market.pairs()) {
      const std::size_t coin = symbol(each, 0) == "WETH" ? 0 : 1;
      if (symbol(each, coin) != "WETH") continue;
      const std::string& other = symbol(each, 1 - coin);
      if (other == "LINK") put_in(each, coin, 0.005 * std::exp(common_ + spread), transactions);
      if (other == "WBTC") put_in(each, coin, 20 * std::exp(common_), transactions);
    }
    transactions.push_back({.method = "anvil_setNextBlockBaseFeePerGas", .params = {"0x77359400"}});
    transactions.push_back({.method = "evm_mine", .params = {}});
    for (const RpcAnswer& answer : scene_.chain.batch(transactions)) {
      if (answer.failure) throw std::runtime_error("the chain: " + answer.failure->message);
    }
  }

 private:
  const std::string& symbol(const PlaygroundPair& pair, std::size_t side) const {
    return scene_.market.tokens()[pair.token[side]].symbol;
  }
  void send(const std::string& to, const std::string& data, std::vector<RpcRequest>& out) const {
    out.push_back({.method = "eth_sendTransaction",
                   .params = {json::object{{"from", scene_.deployer.account()},
                                           {"to", to},
                                           {"gas", "0x493e0"},
                                           {"gasPrice", "0x2540be400"},
                                           {"data", data}}}});
  }
  // One swap that brings the other token to that many ether, to a thousandth or so: it pays a fee.
  void put_in(const PlaygroundPair& pair, std::size_t coin, double ether,
              std::vector<RpcRequest>& out) const {
    Deployer& chain = scene_.deployer;
    const std::string answer = chain.read(pair.address, chain.selector("getReserves()"));
    const Integer reserves[2] = {word_at(answer, 0), word_at(answer, 1)};
    const auto whole = [&](std::size_t side) {
      return reserves[side].convert_to<double>() /
             std::pow(10.0, scene_.market.tokens()[pair.token[side]].decimals);
    };
    // What goes in makes its token (1 + share)^2 times as cheap.
    const double dear = whole(coin) / whole(1 - coin) / ether;
    const std::size_t in = dear > 1 ? 1 - coin : coin;
    const double share = std::sqrt(std::max(dear, 1 / dear)) - 1;
    const Integer amount =
        reserves[in] * static_cast<std::uint64_t>(std::llround(share * 1e9)) / 1'000'000'000;
    const Integer kept = amount * 997;
    const Integer paid = kept * reserves[1 - in] / (reserves[in] * 1000 + kept);
    if (paid == 0) return;
    send(scene_.market.tokens()[pair.token[in]].address,
         chain.selector("transfer(address,uint256)") + address_word(pair.address) + word(amount),
         out);
    send(pair.address,
         chain.selector("swap(uint256,uint256,address,bytes)") + word(in == 0 ? Integer(0) : paid) +
             word(in == 0 ? paid : Integer(0)) + address_word(chain.account()) + word(128) +
             word(0),
         out);
  }

  TradingScene& scene_;
  std::mt19937_64 random_{97};
  double common_ = 0;
  int blocks_ = 0;
};

// The trade of that number, from 0, once it is included; blocks without any other are mined for it.
std::optional<host::ledger::Trade> wait_for_trade(TradingScene& scene, Running& running,
                                                  std::size_t number) {
  for (int i = 0; i < 100 && !running.ended(); ++i) {
    if (const auto books = scene.books_or_none()) {
      const auto trades = books->exchanges("eip155:31337");
      if (trades && trades->size() > number && (*trades)[number].result &&
          (*trades)[number].result->realised) {
        return (*trades)[number];
      }
    }
    scene.mine(1, 200);
  }
  return std::nullopt;
}

// What was quoted is what was paid, to the unit: nothing else was in its block.
void check_as_planned(TradingScene& scene, const host::ledger::Trade& trade) {
  const auto& intent = trade.intent.intent;
  INFO("trade " << trade.intent.id << " of block " << trade.result->receipt.block);
  CHECK(intent.strategy == "statistical");
  CHECK(trade.intent.state == State::included);
  REQUIRE(trade.result->realised->exchange);
  CHECK(trade.result->realised->exchange->spent == intent.amount_in);
  CHECK(trade.result->realised->exchange->received == intent.planned_out);
  const json::value count =
      scene.chain.call("eth_getBlockTransactionCountByNumber",
                       {json::string(fmt::format("{:#x}", trade.result->receipt.block))});
  CHECK(text_of(count) == "0x1");
}

}  // namespace

TEST_CASE(
    "statistical begins with the prices of the run before, and earns what it planned to the wei") {
  TradingScene scene(89, 2, 10);
  const std::string wrapped = address(scene, "WETH");
  const std::string link = address(scene, "LINK");
  scene.use(
      "[strategies.statistical]\nenabled = true\nlookback_hours = 1\n"
      "sample_minutes = 1\nmin_samples = 20\nrebalance_interval_hours = 1\n"
      "stop_z_score = 50\nz_score_threshold = 4.0\n");
  scene.space.edit("gantry.toml", "[risk]\n",
                   "[risk]\nmax_crossing_bps = 1000\nramp_successes = 0\nramp_hours = 0\n");
  // Nobody lends for what does not come back in the same transaction.
  const Integer ten = Integer(10) * Integer("1000000000000000000");
  scene.deployer.send(wrapped, scene.deployer.selector("deposit()"), ten);
  scene.deployer.send(wrapped, scene.deployer.selector("transfer(address,uint256)") +
                                   address_word(scene.executor.address()) + word(ten));
  const Integer ether_before = scene.executor.balance(wrapped, scene.executor.address());
  REQUIRE(ether_before >= ten);
  REQUIRE(scene.executor.balance(link, scene.executor.address()) == 0);

  MovingPair pair(scene);
  pair.go_on();
  Running first = scene.start({"--blocks", "45"});
  for (int i = 0; i < 200 && !first.ended(); ++i) {
    pair.go_on();
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
  }
  const Ended warmed = first.wait();
  INFO(warmed.err);
  REQUIRE(warmed.code == 0);
  CHECK(has(warmed.err, "no prices of an earlier run are there for the 5 series"));
  CHECK(std::filesystem::exists(scene.space / "config/risk/eip155.31337.prices"));
  REQUIRE_FALSE(newest_trade(scene));

  // Half an hour of prices is what it needs, and it has them at once.
  pair.bring(0);
  const std::string file = (scene.space / "live.gantry").string();
  Running second = scene.start({"--record", file, "--json", "--no-timings"});
  scene.mine(8, 300);
  CHECK_FALSE(newest_trade(scene));
  pair.bring(-0.15);
  const auto bought = wait_for_trade(scene, second, 0);
  const Integer held = scene.executor.balance(link, scene.executor.address());
  pair.bring(0.02);
  const auto sold = wait_for_trade(scene, second, 1);
  second.signal(SIGINT);
  for (int i = 0; i < 100 && !second.ended(); ++i) scene.mine(1, 50);
  const Ended ended = second.wait();
  INFO(ended.err << ended.out);
  REQUIRE(ended.code == 0);
  CHECK(has(ended.err, "5 of the 5 series that strategies look back at begin with "));
  REQUIRE(bought);
  REQUIRE(sold);

  check_as_planned(scene, *bought);
  check_as_planned(scene, *sold);
  const auto& entry = *bought->result->realised->exchange;
  const auto& exit = *sold->result->realised->exchange;
  CHECK(bought->intent.intent.token_in == wrapped);
  CHECK(bought->intent.intent.token_out == link);
  CHECK(sold->intent.intent.token_in == link);
  CHECK(sold->intent.intent.token_out == wrapped);
  CHECK(integer_of(entry.received) == held);
  CHECK(exit.spent == entry.received);
  // The whole trip, by the books and by the chain.
  const Integer trip = integer_of(exit.received) - integer_of(entry.spent);
  CHECK(trip > 0);
  CHECK(integer_of(sold->result->realised->profit) == trip);
  CHECK(integer_of(sold->intent.intent.planned_out) - integer_of(bought->intent.intent.amount_in) ==
        trip);
  CHECK(scene.executor.balance(wrapped, scene.executor.address()) - ether_before == trip);
  CHECK(scene.executor.balance(link, scene.executor.address()) == 0);

  // One that is damaged is told of, and the run's own takes its place.
  const auto prices = scene.space / "config/risk/eip155.31337.prices";
  host::tests::write_text(prices, "no prices");
  Running third = scene.start({"--blocks", "3"});
  for (int i = 0; i < 100 && !third.ended(); ++i) scene.mine(1, 100);
  const Ended without = third.wait();
  INFO(without.err);
  CHECK(without.code == 0);
  CHECK(has(without.err, "prices of an earlier run cannot be read"));
  const auto store = host::HistoryStore::open(scene.space / "config/risk");
  REQUIRE(store);
  const auto kept = store->read("eip155:31337");
  REQUIRE(kept);
  CHECK(kept->size() == 5);
  settle(scene);
  const Ended verified = scene.space.run({"audit", "verify"});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);

  // What it began with is in the recording: the replay needs no file of the run before.
  std::filesystem::remove(prices);
  const Ended replay = scene.space.run({"replay", file, "--json", "--no-timings"});
  INFO(replay.err);
  CHECK(replay.code == 0);
  CHECK(replay.out == ended.out);
}

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
