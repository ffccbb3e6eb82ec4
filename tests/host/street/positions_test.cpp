// Trades between two tokens on the street: what opens a position and what closes it, what the book
// has of them, and that the host closes what is left open. Amounts against the constant product,
// in Boost's integers.
#include <fmt/format.h>

#include <boost/multiprecision/cpp_int.hpp>
#include <catch2/catch.hpp>

#include "gantry/u256_convert.hpp"
#include "host/backtest/simulated_chain.hpp"
#include "host/risk/book.hpp"
#include "support/small_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

using boost::multiprecision::cpp_int;
const cpp_int ether("1000000000000000000");

cpp_int number(const u256& value) { return cpp_int(to_string(value)); }

cpp_int swapped(const cpp_int& in, const cpp_int& reserve_in, const cpp_int& reserve_out) {
  return in * 997 * reserve_out / (reserve_in * 1000 + in * 997);
}

// A pool of 100 ether and 40,000 dollars, which `later` says what becomes of.
struct Scene {
  TemporaryFolder folder;
  std::filesystem::path recording = folder.path() / "market.gantry";
  std::filesystem::path recorded = folder.path() / "run.gantry";
  std::shared_ptr<RiskBook> book;

  explicit Scene(const std::vector<std::uint64_t>& dollars_later) {
    std::vector<std::vector<SmallUpdate>> blocks;
    for (const std::uint64_t dollars : dollars_later) {
      blocks.push_back({{0, 100'000, dollars * 1000}});
    }
    write_market(recording, 2, {{0, 1, 100'000, 40'000'000}}, blocks);
  }
  // Buys dollars for one ether, and sells them later.
  Configuration make(const std::string& risk, const std::string& strategy) const {
    return configure(folder.path(),
                     {"[street]\nsnapshots_in_flight = 1\n[risk]\nmin_confidence = 0\n"
                      "dry_run_fills = \"next_block\"\nramp_successes = 0\nramp_hours = 0\n" +
                          risk,
                      ConfigurationTexts().dex,
                      "[strategies.holder_strategy]\n"
                      "base = \"0x1000000000000000000000000000000000000000\"\n"
                      "token = \"0x1000000000000000000000000000000000000001\"\n" +
                          strategy},
                     {GANTRY_TEST_PLUGIN_FOLDER});
  }
  RunReport run(const Configuration& configuration) {
    book = std::make_shared<RiskBook>(configuration.risk, configuration.chains.front().id, true);
    StreetOptions options;
    options.recording = recording;
    options.record_to = recorded;
    options.risk = book;
    return run_market(configuration, options);
  }
  RunReport replay(const Configuration& configuration, std::int64_t threads) const {
    StreetOptions options;
    options.recording = recorded;
    options.threads = threads;
    return run_market(configuration, options);
  }
  ScopeCounts total() const { return book->view()->scopes[total_scope].counts; }
  std::span<const Position> held() const { return book->view()->positions->all(); }
};

std::uint64_t counted(const RunReport& report, const std::string& name) {
  for (const PluginReport& plugin : report.plugins) {
    if (plugin.instance != "holder_strategy") continue;
    const auto found = plugin.counters.find(name);
    return found == plugin.counters.end() ? 0 : found->second;
  }
  return 0;
}

std::uint64_t refused(const RunReport& report, RefusalReason reason) {
  const auto found = report.refusals.find(reason);
  return found == report.refusals.end() ? 0 : found->second.count;
}

const std::vector<std::uint64_t> quiet(12, 40'000);

}  // namespace

TEST_CASE("a position is opened and closed, and the book has what it brought to the wei") {
  Scene scene(quiet);
  // It is heard of three blocks after it was found, and sold then.
  const auto configuration = scene.make("max_crossing_bps = 300\n", "hold_s = 26\n");
  const RunReport report = scene.run(configuration);

  const cpp_int dollars = swapped(ether, 100 * ether, 40'000 * ether);
  const cpp_int back = swapped(dollars, 40'000 * ether, 100 * ether);
  const ScopeCounts counts = scene.total();
  CHECK(counts.failures == 0);
  // Opened and closed in turn; a position that is open at the end has cost its gas alone.
  const auto closed = counts.successes / 2;
  REQUIRE(closed >= 2);
  CHECK(number(counts.lost_wei) == closed * (ether - back) + number(counts.gas_wei));
  CHECK(counts.gained_wei.is_zero());
  CHECK(scene.held().size() == counts.successes % 2);
  CHECK(counted(report, "snapshots with 1 positions") > 0);
  CHECK(counted(report, "own planned") == counts.successes);
  CHECK(counted(report, "the host's planned") == 0);
  for (const std::int64_t threads : {1, 4}) {
    CHECK(report_text(scene.replay(configuration, threads)) == report_text(report));
  }
}

TEST_CASE("a position that is sold in parts leaves the rest, at its share of the cost") {
  Scene scene(std::vector<std::uint64_t>(8, 40'000));
  const auto configuration = scene.make("max_crossing_bps = 300\n", "hold_s = 0\nparts = 3\n");
  (void)scene.run(configuration);
  const cpp_int dollars = swapped(ether, 100 * ether, 40'000 * ether);
  const cpp_int part = (dollars + 2) / 3;
  REQUIRE(scene.held().size() == 1);
  const Position& rest = scene.held().front();
  CHECK(rest.strategy == "holder_strategy");
  const cpp_int sold = dollars - number(rest.quantity);
  REQUIRE(sold % part == 0);
  REQUIRE(sold > 0);
  cpp_int cost = ether;
  cpp_int left = dollars;
  for (cpp_int i = 0; i < sold / part; ++i) {
    cost -= (cost * part + left - 1) / left;
    left -= part;
  }
  CHECK(number(rest.cost) == cost);
  CHECK(number(scene.total().held_wei) == number(rest.cost_wei));
}

TEST_CASE("what it costs to open a position is held against a limit of its own") {
  Scene scene({40'000, 40'000, 40'000});
  const std::string never = "hold_s = 1000000\n";
  const RunReport refused_one = scene.run(scene.make("", never));  // 100 bps
  CHECK(refused(refused_one, RefusalReason::crossing) > 0);
  CHECK(scene.held().empty());
  const auto& example = refused_one.refusals.at(RefusalReason::crossing).example;
  REQUIRE(example);
  const RiskRefusal best = example->refusal;
  CHECK(best.limit == 100);
  // The fee and the price that it moves, and the gas beside them.
  const cpp_int dollars = swapped(ether, 100 * ether, 40'000 * ether);
  const double lost = 1 - dollars.convert_to<double>() / 400e18;
  CHECK(best.measured > lost * 1e4);
  CHECK(best.measured < lost * 1e4 + 60);

  const auto limit = static_cast<int>(best.measured);
  (void)scene.run(scene.make(fmt::format("max_crossing_bps = {}\n", limit), never));
  CHECK(scene.held().empty());
  (void)scene.run(scene.make(fmt::format("max_crossing_bps = {}\n", limit + 1), never));
  CHECK(scene.held().size() == 1);
}

TEST_CASE(
    "a position is a trade like others before it is open, and none that a strategy's word "
    "alone may close") {
  Scene scene(quiet);
  const std::string open = "max_crossing_bps = 300\n";
  SECTION("it has to be expected to pay") {
    const RunReport report = scene.run(scene.make(open, "profit_bps = -1\n"));
    CHECK(refused(report, RefusalReason::min_profit) == report.opportunities);
    CHECK(scene.held().empty());
  }
  SECTION("all of it may be lost") {
    // 400 dollars, and the gas
    const RunReport report = scene.run(scene.make(open + "max_loss_usd = 400\n", ""));
    CHECK(refused(report, RefusalReason::loss_per_trade) == report.opportunities);
  }
  SECTION("what is held counts as under way") {
    // Once the first is held there is no room for a second; it goes on after that is sold.
    const RunReport report =
        scene.run(scene.make(open + "max_concurrent_eth = 1\n", "hold_s = 1000000\n"));
    CHECK(scene.total().successes == 1);
    CHECK(scene.held().size() == 1);
    CHECK(report.approved == 1);
  }
  SECTION("to close it no gain is asked for") {
    const RunReport report = scene.run(scene.make(open + "min_profit_usd = 5\n", "hold_s = 26\n"));
    CHECK(scene.total().successes >= 2);
    CHECK(refused(report, RefusalReason::min_profit) == 0);
  }
}

TEST_CASE(
    "while trading is REDUCING the host closes what is left open, and while HALTED nobody "
    "does") {
  // Dollars fall by a tenth: 0.1 ether of a capital of 100 are lost until they are sold.
  std::vector<std::uint64_t> dollars(4, 40'000);
  dollars.insert(dollars.end(), 12, 44'000);
  Scene scene(dollars);
  const std::string risk =
      "max_crossing_bps = 300\ncapital_eth = 100\nmax_drawdown_bps = 9\nmax_loss_bps = 10000\n"
      "cool_down_s = 26\nreduced_s = 100000\n";
  const std::string hold = "hold_s = 1000000\n";
  const auto configuration = scene.make(risk, hold);
  const RunReport report = scene.run(configuration);

  CHECK(scene.held().empty());
  CHECK(counted(report, "own planned") == 1);
  CHECK(counted(report, "the host's planned") == 1);
  // It would open another one, which is refused.
  CHECK(refused(report, RefusalReason::reducing) > 0);
  const cpp_int bought = swapped(ether, 100 * ether, 40'000 * ether);
  const cpp_int back = swapped(bought, 44'000 * ether, 100 * ether);
  CHECK(number(scene.total().lost_wei) == ether - back + number(scene.total().gas_wei));
  CHECK(scene.total().open_loss_wei.is_zero());
  CHECK(scene.total().held_wei.is_zero());
  for (const std::int64_t threads : {1, 4}) {
    CHECK(report_text(scene.replay(configuration, threads)) == report_text(report));
  }

  const RunReport kept = scene.run(scene.make(risk + "unwind = false\n", hold));
  CHECK(scene.held().size() == 1);
  CHECK(counted(kept, "the host's planned") == 0);
  CHECK(scene.book->mode() == TradingMode::reducing);

  const RunReport halted = scene.run(scene.make(risk + "recovery = \"by_hand\"\n", hold));
  CHECK(scene.held().size() == 1);
  CHECK(scene.book->mode() == TradingMode::halted);
  CHECK(counted(halted, "the host's planned") == 0);
}

TEST_CASE("the host sells in parts what does not pass at once") {
  // The pool is a quarter of what it was when the position is to be sold, and dollars have fallen.
  Scene scene({40'000});
  std::vector<std::vector<SmallUpdate>> blocks(4, {{0, 100'000, 40'000'000}});
  blocks.insert(blocks.end(), 40, {{0, 25'000, 11'000'000}});
  write_market(scene.recording, 2, {{0, 1, 100'000, 40'000'000}}, blocks);
  const std::string risk =
      "capital_eth = 100\nmax_drawdown_bps = 9\nmax_loss_bps = 10000\ncool_down_s = 26\n"
      "reduced_s = 100000\n";
  const std::string hold = "hold_s = 1000000\n";
  SECTION("a limit of the strategy's own: 2 % of a pool, where the position is 3.6 %") {
    const RunReport report =
        scene.run(scene.make("max_crossing_bps = 1000\n" + risk +
                                 "[risk.strategy.holder_strategy]\npool_concentration_bps = 200\n",
                             hold));
    CHECK(scene.held().empty());
    CHECK(counted(report, "the host's planned") >= 2);
    CHECK(refused(report, RefusalReason::pool_concentration) == 0);
  }
  SECTION("all of it would cost more than max_crossing_bps, a part does not") {
    const RunReport report = scene.run(scene.make("max_crossing_bps = 300\n" + risk, hold));
    CHECK(scene.held().empty());
    CHECK(counted(report, "the host's planned") >= 2);
  }
  SECTION("nothing of it passes: it stays, and the refusal is seen") {
    const RunReport report =
        scene.run(scene.make("max_crossing_bps = 300\n" + risk + "[risk.venue.uniswap_v2]\n" +
                                 "max_snapshot_age_blocks = 2\nmax_gas_eth_day = 0.004\n",
                             hold));
    CHECK(scene.held().size() == 1);
    // Of all of it at once; a part would meet the budget of gas.
    CHECK(refused(report, RefusalReason::crossing) > 0);
  }
}

TEST_CASE("a position that nobody prices any more counts as lost, all of it") {
  Scene scene({40'000});
  const std::uint64_t left = GENERATE(1, 0);  // thousandths of an ether in the pool
  std::vector<std::vector<SmallUpdate>> blocks(5, {{0, 100'000, 40'000'000}});
  blocks.insert(blocks.end(), 6, {{0, left, 40'000'000}});
  write_market(scene.recording, 2, {{0, 1, 100'000, 40'000'000}}, blocks);
  (void)scene.run(scene.make(
      "max_crossing_bps = 300\ncapital_eth = 100\nmax_drawdown_bps = 40\nmax_loss_bps = 10000\n"
      "recovery = \"by_hand\"\n",
      "hold_s = 1000000\n"));
  CHECK(scene.held().size() == 1);
  CHECK(scene.book->mode() == TradingMode::halted);
  if (left == 0) CHECK(number(scene.total().open_loss_wei) == ether);
}

TEST_CASE("what a library's strategies hold counts in the library's limits, and no venue's") {
  Scene scene(quiet);
  const std::string two =
      "hold_s = 1000000\n[strategies.second]\nplugin = \"holder_strategy\"\nhold_s = 1000000\n"
      "base = \"0x1000000000000000000000000000000000000000\"\n"
      "token = \"0x1000000000000000000000000000000000000001\"\n";
  const std::string open = "max_crossing_bps = 300\n";
  (void)scene.run(scene.make(open + "max_concurrent_eth = 1\n", two));
  CHECK(scene.held().size() == 1);
  (void)scene.run(
      scene.make(open + "[risk.plugin.holder_strategy]\nmax_concurrent_eth = 1\n", two));
  CHECK(scene.held().size() == 1);
  (void)scene.run(scene.make(open + "[risk.venue.uniswap_v2]\nmax_concurrent_eth = 1\n", two));
  CHECK(scene.held().size() == 2);
}

TEST_CASE("a position is sold once, however late what is under way is known") {
  Scene scene(std::vector<std::uint64_t>(24, 40'000));
  const auto configuration = scene.make("max_crossing_bps = 300\n", "hold_s = 0\n");
  SimulationSettings settings;
  settings.latency_blocks = 8;
  SimulatedChain chain(settings, gas_overhead_of(configuration));
  scene.book =
      std::make_shared<RiskBook>(configuration.risk, configuration.chains.front().id, true);
  StreetOptions options;
  options.recording = scene.recording;
  options.risk = scene.book;
  options.backtest = &chain;
  const RunReport report = run_market(configuration, options);
  std::size_t bought = 0;
  std::size_t sold = 0;
  for (const BacktestTrade& trade : chain.trades()) {
    ++(trade.token == "WETH" ? bought : sold);
    CHECK(trade.one_way);
    if (trade.reason == FillReason::none) CHECK(trade.opens == (trade.token == "WETH"));
  }
  CHECK(bought >= 1);
  CHECK(sold == 1);  // of what was bought before it was known to be there, all at once
  CHECK(refused(report, RefusalReason::not_held) > 0);
}
