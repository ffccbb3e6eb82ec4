// The program trades for good on a chain of its own: it finds, borrows, trades, repays and writes
// down, and what it wrote is what the chain holds.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "evm/held_node.hpp"
#include "evm/integer_words.hpp"
#include "evm/random_kills.hpp"
#include "evm/trading_books.hpp"
#include "host/base/text.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using host::ledger::State;
using host::tests::Ended;
using host::tests::Running;

}  // namespace

TEST_CASE("trades are executed, and the books are the chain's to the unit") {
  TradingScene scene(11);
  const Holdings before = scene.holdings();
  const std::string file = (scene.space / "live.gantry").string();
  Running running = scene.start({"--blocks", "60", "--record", file, "--json", "--no-timings"});
  scene.trade_until_ended(running);
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  const json::value report = json::parse(ended.out);
  CHECK(report.at("dry_run") == false);
  // What was sent with the last blocks.
  settle(scene);

  check_books(scene, before);
  CHECK(report.at("executed").at("filled").to_number<int>() >= 5);

  const Ended replay = scene.space.run({"replay", file, "--json", "--no-timings"});
  INFO(replay.err);
  CHECK(replay.code == 0);
  CHECK(replay.out == ended.out);
}

TEST_CASE("the strategies of pairs and bridges trade, and the books are the chain's to the unit") {
  struct Way {
    const char* name;
    const char* parameters;
    std::uint64_t seed;
  };
  // On three factories, so that pairs have more than two pools.
  const Way way = GENERATE(Way{"multi_dex", "", 21},
                           Way{"liquidity_sweep", "min_price_deviation_bps = 10\n", 22},
                           Way{"curve_bridge", "", 23});
  INFO(way.name);
  TradingScene scene(way.seed, 3);
  scene.use(fmt::format("[strategies.{}]\nenabled = true\nmin_profit_bps = 5\n{}", way.name,
                        way.parameters));
  const Holdings before = scene.holdings();
  Running running = scene.start({"--blocks", "50", "--json", "--no-timings"});
  scene.trade_until_ended(running);
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  settle(scene);
  check_books(scene, before);
  CHECK(json::parse(ended.out).at("executed").at("filled").to_number<int>() >= 1);
  if (way.name == std::string("curve_bridge")) return;
  const auto trades = scene.books()->last_trades(10'000);
  REQUIRE(trades);
  const auto splits = std::ranges::count_if(*trades, [](const host::ledger::Trade& trade) {
    return trade.intent.state == State::included && trade.intent.intent.route.size() > 2;
  });
  CHECK(splits >= 1);
}

TEST_CASE(
    "a trade alone in its block earns what was planned, less the lender's premium, to the wei") {
  struct Way {
    const char* name;
    const char* parameters;
    std::uint64_t seed;
  };
  const Way way = GENERATE(Way{"triangular", "max_hops = 4\n", 31}, Way{"multi_dex", "", 32},
                           Way{"liquidity_sweep", "min_price_deviation_bps = 10\n", 33},
                           Way{"curve_bridge", "", 34});
  INFO(way.name);
  TradingScene scene(way.seed, 3);
  scene.use(fmt::format("[strategies.{}]\nenabled = true\nmin_profit_bps = 5\n{}", way.name,
                        way.parameters));
  const Holdings before = scene.holdings();
  Running running = scene.start({});
  // Others trade, and then nobody but the program does for two blocks.
  int compared = 0;
  for (int turn = 0; turn < 60 && compared < 4 && !running.ended(); ++turn) {
    scene.market.trade(true);
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    scene.mine(2, 100);
    const auto books = scene.books_or_none();
    const auto trades =
        books ? books->last_trades(100) : host::Result<std::vector<host::ledger::Trade>>();
    if (!trades) continue;
    compared = static_cast<int>(std::ranges::count_if(
        *trades, [](const auto& each) { return each.result && each.result->realised; }));
  }
  running.signal(SIGINT);
  for (int i = 0; i < 100 && !running.ended(); ++i) scene.mine(1, 50);
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  settle(scene);
  check_books(scene, before);

  const auto integer = [](const auto& value) {
    using gantry::to_string;
    using host::ledger::to_string;
    return Integer(to_string(value));
  };
  const auto wrapped =
      std::ranges::find(scene.market.tokens(), std::string("WETH"), &PlaygroundToken::symbol);
  REQUIRE(wrapped != scene.market.tokens().end());
  int alone = 0;
  const auto trades = scene.books()->last_trades(100);
  REQUIRE(trades);
  for (const host::ledger::Trade& trade : *trades) {
    const auto& intent = trade.intent.intent;
    INFO("trade " << trade.intent.id << ", planned on block " << intent.block);
    if (!trade.result || !trade.result->realised) continue;
    const json::value count =
        scene.chain.call("eth_getBlockTransactionCountByNumber",
                         {json::string(fmt::format("{:#x}", trade.result->receipt.block))});
    if (count != "0x1") continue;
    ++alone;
    CHECK(trade.intent.state == State::included);
    // The wrapped coin is borrowed; of other tokens the executor has its own.
    const Integer amount = integer(intent.amount_in);
    const bool is_lent = intent.token_in == wrapped->address;
    CHECK(integer(trade.result->realised->profit) ==
          integer(intent.planned_out) - amount - (is_lent ? AaveV3::premium(amount) : Integer(0)));
  }
  CHECK(alone >= 3);
}

TEST_CASE("a host that is killed loses no trade, and no intent takes effect twice") {
  struct Phase {
    const char* name;
    Gate gate;
  };
  const std::array phases{
      Phase{"written, not simulated", Gate::simulation},
      Phase{"leaving", Gate::before_sends},
      Phase{"left, and nobody said so", Gate::after_sends},
      Phase{"under way", Gate::open},
      Phase{"in a block that it has not seen", Gate::open},
      Phase{"realised, and not told", Gate::open},
  };
  const int trials = kill_trials(20);
  const unsigned seed = 20261122;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  TradingScene scene(13);
  HeldNode node(scene.chain);
  RpcServer server(node, node);
  scene.ask(server.url());
  const Holdings before = scene.holdings();
  std::map<std::string, int> reached;
  for (int trial = 0; trial < trials; ++trial) {
    for (std::size_t i = 0; i < phases.size(); ++i) {
      const Phase& phase = phases[i];
      INFO("trial " << trial << ", " << phase.name);
      const auto known = newest_trade(scene);
      const host::ledger::IntentId last = known ? known->intent.id : 0;
      node.hold(phase.gate);
      Running running = scene.start({});
      bool there = false;
      for (int block = 0; block < 200 && !there && !running.ended(); ++block) {
        scene.market.trade(true);
        if (phase.gate != Gate::open) {
          there = node.is_held(std::chrono::milliseconds(60));
          continue;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(60));
        const auto newest = newest_trade(scene);
        there = newest && newest->intent.id > last && newest->intent.state == State::submitted;
        if (!there || i != 5) continue;
        // The risk book is told with the next block, and there is none.
        scene.chain.call("evm_mine");
        there = false;
        for (int k = 0; k < 50 && !there; ++k) {
          std::this_thread::sleep_for(std::chrono::milliseconds(10));
          there = has_untold_result(scene);
        }
      }
      if (there) ++reached[phase.name];
      if (i == 4) {
        running.signal(SIGSTOP);
        scene.chain.call("evm_mine");
      }
      running.signal(SIGKILL);
      INFO(running.wait().err);
      CHECK(there);
      // What was on its way may still arrive.
      node.release(random() % 2 == 0);
    }
  }
  for (const Phase& phase : phases) CHECK(reached[phase.name] >= trials);
  settle(scene);
  check_books(scene, before);
  check_risk(scene);
}

TEST_CASE("a host that is killed at any moment of a run loses no transaction, and repeats none") {
  TradingScene scene(71);
  const Holdings before = scene.holdings();
  RandomKills kills;
  kills.trials = kill_trials(4);
  kills.seed = kill_seed();
  kills.step = [&](Running&) {
    scene.market.trade(true);
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  };
  WARN(kill_at_random(scene, kills));
  settle(scene);
  CHECK(newest_trade(scene).has_value());
  check_books(scene, before);
  check_risk(scene);
}

TEST_CASE("the risk book counts what the ledger does, however a run ends") {
  TradingScene scene(61);
  // Successes and failures of a scope, as they are kept.
  const auto counted = [&](const std::string& scope = "total -") -> std::uint64_t {
    const std::string text = host::tests::read_text(scene.space / "config/risk/eip155.31337.state");
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("counts " + scope + " ")) continue;
      std::istringstream in(line);
      const std::vector<std::string> words{std::istream_iterator<std::string>(in), {}};
      return std::stoull(words.at(10)) + std::stoull(words.at(11));
    }
    return 0;
  };
  const auto executed = [&]() -> std::uint64_t {
    const auto books = scene.books_or_none();
    const auto trades =
        books ? books->last_trades(10'000) : host::Result<std::vector<host::ledger::Trade>>();
    if (!trades) return 0;
    return static_cast<std::uint64_t>(std::ranges::count_if(
        *trades, [](const auto& each) { return each.result && each.result->realised; }));
  };
  for (const int how : {SIGKILL, SIGKILL, SIGKILL, SIGINT, SIGINT, SIGINT}) {
    const std::uint64_t before = executed();
    Running running = scene.start({});
    for (int i = 0; i < 300 && executed() == before && !running.ended(); ++i) {
      scene.market.trade(true);
      for (int k = 0; k < 60 && executed() == before; ++k) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }
    // No block has come since that the book could have been told with.
    INFO((how == SIGKILL ? "killed" : "interrupted") << " at " << executed());
    CHECK(executed() > before);
    running.signal(how);
    for (int i = 0; i < 200 && !running.ended(); ++i) scene.mine(how == SIGINT ? 1 : 0, 50);
    (void)running.wait();
    if (how == SIGINT) CHECK(counted() == executed());
  }
  settle(scene);
  CHECK(executed() >= 6);
  CHECK(counted() == executed());
  // Of an earlier run's trades too: its strategy and venues, and the libraries that they are of.
  CHECK(counted("strategy triangular") == executed());
  CHECK(counted("plugin triangular") == executed());
  CHECK(counted("plugin uniswap_v2") == executed());
  const auto trades = scene.books()->last_trades(10'000);
  REQUIRE(trades);
  for (const std::string venue : {"uniswap_v2", "sushiswap"}) {
    std::uint64_t of_venue = 0;
    for (const auto& trade : *trades) {
      const bool there = std::ranges::any_of(trade.intent.intent.route,
                                             [&](const auto& leg) { return leg.venue == venue; });
      of_venue += trade.result && trade.result->realised && there ? 1U : 0U;
    }
    CHECK(counted("venue " + venue) == of_venue);
  }
}

TEST_CASE("an operator says what became of a trade, and the chain is asked whether it can be so") {
  TradingScene scene(67);
  const Holdings before = scene.holdings();
  // Killed with a trade on its way.
  const auto under_way = [&] {
    const auto known = newest_trade(scene);
    const host::ledger::IntentId last = known ? known->intent.id : 0;
    Running running = scene.start({});
    bool there = false;
    for (int block = 0; block < 200 && !there && !running.ended(); ++block) {
      scene.market.trade(true);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      const auto newest = newest_trade(scene);
      if (!newest || newest->intent.id <= last) continue;
      // The host may be slower to see a block than this is.
      const auto attempts = scene.books()->attempts(newest->intent.id);
      there = newest->intent.state == State::submitted && attempts &&
              !scene.holds(host::hex_text(attempts->front().attempt.hash));
    }
    running.signal(SIGKILL);
    (void)running.wait();
    REQUIRE(there);
    return *newest_trade(scene);
  };
  const auto resolve = [&](host::ledger::IntentId id, std::vector<std::string> words) {
    words.insert(words.begin(), {"audit", "resolve", std::to_string(id)});
    return scene.space.run(words);
  };
  const auto trade = under_way();
  const host::ledger::IntentId id = trade.intent.id;
  const std::string hash = host::hex_text(scene.books()->attempts(id)->front().attempt.hash);
  const std::string other = "0x" + std::string(64, '7');
  CHECK(host::tests::has(resolve(id, {"--included", hash, "--yes"}).err, "has no transaction"));
  CHECK(host::tests::has(resolve(id, {"--dropped", "--yes"}).err, "may still be included"));
  CHECK(host::tests::has(resolve(id, {"--included", "0x12", "--yes"}).err, "is no hash"));
  CHECK(host::tests::has(resolve(id, {}).err, "--dropped or --included"));
  CHECK(host::tests::has(resolve(id + 9, {"--dropped"}).err, "there is no intent"));
  scene.mine(6);
  CHECK(host::tests::has(resolve(id, {"--dropped", "--yes"}).err, "it was not dropped"));
  CHECK(host::tests::has(resolve(id, {"--included", other, "--yes"}).err, "has no transaction"));
  const Ended asked = resolve(id, {"--included", hash});
  CHECK(asked.code == 2);
  CHECK(host::tests::has(asked.err, "add --yes"));
  CHECK(scene.books()->intent(id)->state == State::submitted);
  const Ended included = resolve(id, {"--included", hash, "--yes"});
  INFO(included.err);
  CHECK(included.code == 0);
  // Or reverted, if the market moved meanwhile.
  CHECK(host::ledger::is_in_block(scene.books()->intent(id)->state));
  CHECK(scene.books()->result_of(id)->has_value());
  CHECK(host::tests::has(resolve(id, {"--dropped"}).err, "nothing to resolve"));
  settle(scene);
  check_books(scene, before);

  const auto lost = under_way();
  const std::string gone =
      host::hex_text(scene.books()->attempts(lost.intent.id)->front().attempt.hash);
  scene.chain.call("anvil_dropTransaction", {json::string(gone)});
  scene.chain.call("eth_sendTransaction",
                   {json::object{{"from", scene.owner}, {"to", scene.owner}, {"value", "0x0"}}});
  scene.mine(6);
  const Ended dropped = resolve(lost.intent.id, {"--dropped", "--yes"});
  INFO(dropped.err);
  CHECK(dropped.code == 0);
  CHECK(scene.books()->intent(lost.intent.id)->state == State::dropped);
  CHECK(scene.space.run({"audit", "verify"}).code == 0);
}

TEST_CASE("while trading is HALTED nothing leaves, and afterwards it does") {
  TradingScene scene(17);
  const auto sent = [&] {
    return json::value_to<std::string>(
        scene.chain.call("eth_getTransactionCount", {json::string(scene.owner), "pending"}));
  };
  {
    Running running = scene.start({});
    for (int i = 0; i < 300 && sent() == "0x0"; ++i) scene.trade_until_ended(running, 1);
    REQUIRE(sent() != "0x0");
    const Ended stopped = scene.space.run({"stop"});
    INFO(stopped.err);
    CHECK(stopped.code == 0);
    scene.trade_until_ended(running, 50);
    CHECK(running.wait().code == 0);
  }
  settle(scene);
  const std::string before = sent();
  {
    // It outlives the restart. Blocks come in which there was always something to trade.
    Running running = scene.start({"--blocks", "40", "--json"});
    scene.trade_until_ended(running);
    const Ended ended = running.wait();
    INFO(ended.err);
    REQUIRE(ended.code == 0);
    const json::value report = json::parse(ended.out);
    CHECK(report.at("refusals").as_array().size() > 0);
    CHECK(report.at("plans") == 0);
    CHECK(sent() == before);
  }
  const Ended resumed = scene.space.run({"resume"});
  INFO(resumed.err);
  CHECK(resumed.code == 0);
  Running running = scene.start({"--blocks", "60"});
  scene.trade_until_ended(running);
  CHECK(running.wait().code == 0);
  CHECK(sent() != before);
}

// With every limit of [risk] as the program ships it; none is looser here. What they need of a
// market: pools of 4 and 20 billion dollars, so that a trade may gain min_profit_usd (1000); a ramp
// of 24 hours, which pass between two blocks; and large swaps that come out of calm, for what comes
// into a market in uproar is refused by min_success and max_slippage_bps.
TEST_CASE("five hundred trades in a row under competing swaps: none loses, and all is explained") {
  constexpr std::uint64_t wanted = 500;
  constexpr std::uint64_t ramp_successes = 20;  // of every scope
  constexpr int ramp_s = 24 * 3600;
  constexpr int calm_s = 30;  // less than a plan's deadline
  TradingScene scene(19, 2, 5000);
  scene.limit("");
  scene.fund(100'000'000);
  const Holdings before = scene.holdings();
  Running running = scene.start({"--json"});
  // Of the group with the fewest.
  const auto filled = [&scene](host::ledger::By by, std::size_t groups) -> std::uint64_t {
    const auto books = scene.books_or_none();
    const auto rows =
        books ? books->profit({by, {}, {}}) : host::Result<std::vector<host::ledger::ProfitRow>>();
    if (!rows || rows->size() < groups) return 0;
    return std::ranges::min(*rows, {}, &host::ledger::ProfitRow::included).included;
  };
  std::mt19937 random(19);
  const auto& pairs = scene.market.pairs();
  std::uint64_t blocks = 0;
  const auto trade = [&](int jump_every, double share) {
    if (blocks++ % static_cast<std::uint64_t>(jump_every) == 0) {
      scene.chain.call("evm_increaseTime", {calm_s});
      // Any way back goes through the second factory, whose venue is in a ramp of its own.
      std::size_t pair = random() % pairs.size();
      while (pairs[pair].factory != 1) pair = random() % pairs.size();
      scene.market.jump(pair, share);
    }
    scene.market.trade();
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
  };
  while (filled(host::ledger::By::venue, 2) < ramp_successes && blocks < 2000 && !running.ended()) {
    trade(30, 0.05);
  }
  CHECK(filled(host::ledger::By::venue, 2) >= ramp_successes);
  scene.mine(3, 100);  // what is under way is of the old day
  scene.chain.call("evm_increaseTime", {ramp_s});
  while (filled(host::ledger::By::chain, 1) < wanted && blocks < 20'000 && !running.ended()) {
    trade(10, 0.03);
  }
  running.signal(SIGINT);
  const Ended ended = running.wait();
  INFO(ended.err.substr(0, 20'000));
  REQUIRE(ended.code == 0);
  settle(scene);
  check_books(scene, before);
  check_risk(scene);
  CHECK(filled(host::ledger::By::chain, 1) >= wanted);
  // No breaker tripped.
  const std::string kept = host::tests::read_text(scene.space / "config/risk/eip155.31337.state");
  CHECK(kept.find("\nbreaker ") == std::string::npos);

  // What was not filled is counted by its reason, and each that was undone on the chain is
  // explained.
  const json::value report = json::parse(ended.out);
  const json::object& executed = report.at("executed").as_object();
  const auto number = [](const json::value& value) { return value.to_number<std::uint64_t>(); };
  std::uint64_t ends = number(executed.at("filled"));
  // Of the last ones the report is not told: they ended behind the last block.
  constexpr std::uint64_t last_max = 4;
  std::string others;
  for (const auto& [reason, count] : executed.at("others").as_object()) {
    others += fmt::format(", {} {}", number(count), std::string(reason));
    ends += number(count);
    // Each has its line in the log, which says why.
    // On a machine that is busy some are in no block in time.
    const std::string said(reason);
    const std::string line = said == "reverted"  ? ": reverted ("
                             : said == "expired" ? " is expired: "
                                                 : " is not sent: " + said + ": ";
    std::uint64_t explained = 0;
    for (std::size_t at = 0; (at = ended.err.find(line, at)) != std::string::npos; ++at) {
      ++explained;
    }
    INFO(line);
    CHECK(explained >= number(count));
    CHECK(explained <= number(count) + last_max);
  }
  const std::uint64_t plans = number(report.at("plans"));
  CHECK(ends <= plans);
  CHECK(ends + last_max >= plans);

  // So is what a limit refused: the best of each reason would have gained, and is beyond the limit.
  const std::set<std::string> of_the_market{
      "composite",      "low_confidence",    "max_concurrent", "max_position", "min_profit",
      "min_profit_bps", "pool_used_already", "ramp",           "reserve",      "slippage",
      "success",        "value_at_risk",     "volatility"};
  std::uint64_t judged = number(report.at("opportunities").at("approved"));
  std::string refusals;
  std::map<std::string, std::uint64_t> refused;
  for (const json::value& row : report.at("refusals").as_array()) {
    const std::string reason(row.at("reason").as_string());
    const json::value& best = row.at("best");
    const double gain = best.at("profit_usd").is_string()
                            ? std::stod(std::string(best.at("profit_usd").as_string()))
                            : best.at("profit_usd").to_number<double>();
    const double measured = best.at("risk_gate").at("measured").to_number<double>();
    const double limit = best.at("risk_gate").at("limit").to_number<double>();
    const bool is_least =
        reason == "low_confidence" || reason.starts_with("min_") || reason == "success";
    INFO(reason << ": " << measured << ", and the limit is " << limit);
    CHECK(of_the_market.contains(reason));
    CHECK(gain > 0);
    if (reason != "pool_used_already") CHECK((is_least ? measured < limit : measured > limit));
    refused[reason] = number(row.at("count"));
    judged += refused[reason];
    refusals += fmt::format("\n  {} {}; the best would gain ${:.2f}: {:.4g}, and the limit is {:g}",
                            refused[reason], reason, gain, measured, limit);
  }
  CHECK(judged == number(report.at("opportunities").at("sightings")));
  for (const char* reason : {"low_confidence", "ramp", "success"}) {
    INFO(reason);
    CHECK(refused[reason] > 0);
  }
  WARN(fmt::format("{} filled in {} blocks{}; refused:{}", number(executed.at("filled")), blocks,
                   others, refusals));
}

}  // namespace gantry::test
