// The simulated chain: what a trade pays is computed here from the contracts' formula with other
// integers than the product's.
#include <boost/multiprecision/cpp_int.hpp>
#include <catch2/catch.hpp>

#include "gantry/u256_convert.hpp"
#include "host/backtest/backtest_report.hpp"
#include "host/report/json_text.hpp"
#include "support/small_market.hpp"

using namespace gantry::host;
using namespace gantry::test;
using boost::multiprecision::cpp_int;

namespace {

// One WETH into pool 1 for DAI, and back through pool 0.
const std::string one_trip = "[strategies.round_trip_strategy]\ntrips = \"1 0 1000\"\n";
const std::string risk =
    "[risk]\nmin_confidence = 0\nmin_profit_usd = 0\nramp_successes = 0\nramp_hours = 0\n"
    "max_quote_deviation_bps = 10000\nmax_failures = 1000\nmax_gas_eth_day = 1000\n";
const cpp_int ether = 1'000'000'000'000'000'000;

struct Reserves {
  cpp_int weth;
  cpp_int dai;

  cpp_int sell_weth(const cpp_int& in) { return swap(weth, dai, in); }
  cpp_int sell_dai(const cpp_int& in) { return swap(dai, weth, in); }

 private:
  // UniswapV2Library.getAmountOut, at 30 bps.
  static cpp_int swap(cpp_int& from, cpp_int& to, const cpp_int& in) {
    const cpp_int out = in * 997 * to / (from * 1000 + in * 997);
    from += in;
    to -= out;
    return out;
  }
};

struct Pools {
  Reserves first{100 * ether, 40'000 * ether};
  Reserves second{100 * ether, 44'000 * ether};

  cpp_int trip() { return first.sell_dai(second.sell_weth(ether)); }
};

struct Ended {
  std::vector<BacktestTrade> trades;
  std::size_t under_way = 0;
  RunReport run;
};

struct Scene {
  TemporaryFolder folder;
  std::filesystem::path recording = folder.path() / "market.gantry";

  // In each block pool 1 is as it was (true) or in line with pool 0 (false); nothing: it is not in
  // that block at all.
  void market(const std::vector<std::optional<bool>>& blocks) const {
    std::vector<std::vector<SmallUpdate>> updates;
    for (const auto& out : blocks) {
      updates.emplace_back();
      if (out) updates.back().push_back({1, 100'000, *out ? 44'000'000U : 40'000'000U});
    }
    write_market(recording, 2, {{0, 1, 100'000, 40'000'000}, {0, 1, 100'000, 44'000'000}}, updates);
  }
  Ended run(const SimulationSettings& settings, std::int64_t threads = 0,
            std::uint64_t last_block = UINT64_MAX, const std::string& more = {}) {
    const auto configuration =
        configure(folder.path(), {risk + more, ConfigurationTexts().dex, one_trip},
                  {GANTRY_TEST_PLUGIN_FOLDER});
    SimulatedChain chain(settings, gas_overhead_of(configuration));
    StreetOptions options;
    options.recording = recording;
    options.backtest = &chain;
    options.threads = threads;
    options.last_block = last_block;
    Ended ended;
    ended.run = run_market(configuration, options);
    ended.trades = chain.trades();
    ended.under_way = chain.under_way();
    return ended;
  }
};

SimulationSettings plain() {
  SimulationSettings settings;
  settings.loan_fee_ppm = 0;
  return settings;
}

std::string digits(const gantry::u256& value) { return to_string(value); }
std::string digits(const cpp_int& value) { return value.str(); }

std::uint64_t filled(const Ended& ended) {
  return static_cast<std::uint64_t>(
      std::ranges::count(ended.trades, FillReason::none, &BacktestTrade::reason));
}

}  // namespace

TEST_CASE(
    "a trade is in the block after its state, and pays what the contracts would, to the wei") {
  Scene scene;
  scene.market({std::nullopt, std::nullopt});
  SimulationSettings settings = plain();
  settings.loan_fee_ppm = 500;
  const Ended ended = scene.run(settings);
  REQUIRE(ended.trades.size() == 2);
  Pools pools;
  const cpp_int fee = ether * 500 / 1'000'000;
  for (const BacktestTrade& one : ended.trades) {
    // The second finds what the first has left.
    const cpp_int out = pools.trip();
    CHECK(digits(one.predicted_out) == digits(out));
    CHECK(digits(one.amount_out) == digits(out));
    CHECK(digits(one.loan_fee) == digits(fee));
    CHECK(one.block == one.found_block + 1);
    REQUIRE(one.gained);
    CHECK(digits(one.result_wei) == digits(out - ether - fee - cpp_int(digits(one.gas_wei))));
    CHECK(one.predicted_wei == one.result_wei);
  }
  const BacktestTrade& trade = ended.trades.front();
  CHECK(trade.gas_wei > gantry::u256(60'000ULL * 20'000'000'000ULL));
  CHECK(trade.strategy == "round_trip_strategy");
  REQUIRE(trade.legs.size() == 2);
  CHECK(trade.legs.front().venue == "uniswap_v2");
}

TEST_CASE("legs of a split keep their shares of what there is when its pools have moved") {
  // One pool sells DAI for WETH and two buy it, alike; then the first gives more for the same.
  Scene scene;
  write_market(
      scene.recording, 2,
      {{0, 1, 100'000, 40'000'000}, {0, 1, 100'000, 40'000'000}, {0, 1, 100'000, 44'000'000}},
      {{{2, 100'000, 46'000'000}}});
  const auto configuration =
      configure(scene.folder.path(),
                {risk, ConfigurationTexts().dex,
                 "[strategies.multi_dex]\nmin_profit_bps = 0\nsame_venue = true\n"},
                {GANTRY_TEST_PLUGIN_FOLDER});
  SimulatedChain chain(plain(), gas_overhead_of(configuration));
  StreetOptions options;
  options.recording = scene.recording;
  options.backtest = &chain;
  run_market(configuration, options);
  REQUIRE(chain.trades().size() == 1);
  const BacktestTrade& trade = chain.trades().front();
  REQUIRE(trade.legs.size() == 3);
  REQUIRE(trade.reason == FillReason::none);
  const cpp_int in(digits(trade.amount_in));
  const cpp_int bought = Reserves{100 * ether, 46'000 * ether}.sell_weth(in);
  const auto half = [] { return Reserves{100 * ether, 40'000 * ether}; };
  const cpp_int out = half().sell_dai(bought / 2) + half().sell_dai(bought - bought / 2);
  CHECK(abs(cpp_int(digits(trade.amount_out)) - out) <= 2);
  CHECK(trade.amount_out > trade.predicted_out);
}

TEST_CASE("own trades stay on their pools, under what the recording does to them, and then fade") {
  Scene scene;
  scene.market(std::vector<std::optional<bool>>(12, std::nullopt));
  SimulationSettings settings = plain();

  // Nothing else moves: each takes what the one before has left.
  Ended ended = scene.run(settings);
  Pools pools;
  std::vector<std::string> wanted;
  for (std::uint64_t i = 0; i < filled(ended); ++i) wanted.push_back(digits(pools.trip()));
  std::vector<std::string> paid;
  for (const BacktestTrade& trade : ended.trades) {
    if (trade.reason == FillReason::none) paid.push_back(digits(trade.amount_out));
  }
  CHECK(paid == wanted);
  CHECK(paid.size() >= 2);

  // Without impact the same money is there in each block.
  settings.impact_blocks = 0;
  const Ended greedy = scene.run(settings);
  CHECK(filled(greedy) > 2 * paid.size());
  for (const BacktestTrade& trade : greedy.trades) {
    CHECK(digits(trade.amount_out) == wanted.front());
  }

  // What is forgotten comes back.
  settings.impact_blocks = 4;
  const Ended fading = scene.run(settings);
  CHECK(filled(fading) > paid.size());
  CHECK(filled(fading) < filled(greedy));

  // A recorded change of the pool does not wash an own swap away.
  scene.market(std::vector<std::optional<bool>>(12, true));
  settings.impact_blocks = 300;
  CHECK(filled(scene.run(settings)) == paid.size());
}

TEST_CASE("who comes too late reverts and pays his gas, and who is before all others does not") {
  Scene scene;
  scene.market({false, false});
  SimulationSettings settings = plain();
  const Ended late = scene.run(settings);
  REQUIRE(late.trades.size() == 1);
  CHECK(late.trades.front().reason == FillReason::reverted);
  CHECK_FALSE(late.trades.front().gained);
  CHECK(late.trades.front().result_wei == late.trades.front().gas_wei);
  CHECK_FALSE(late.trades.front().gas_wei.is_zero());
  CHECK(late.trades.front().amount_out.is_zero());

  settings.place = BlockPlace::first;
  const Ended first = scene.run(settings);
  REQUIRE(first.trades.size() == 1);
  Pools pools;
  CHECK(first.trades.front().reason == FillReason::none);
  CHECK(digits(first.trades.front().amount_out) == digits(pools.trip()));

  // Two blocks of latency: what is first in the second is behind the first.
  settings.latency_blocks = 2;
  const Ended slow = scene.run(settings);
  REQUIRE(slow.trades.size() == 1);
  CHECK(slow.trades.front().block == slow.trades.front().found_block + 2);
  CHECK(slow.trades.front().reason == FillReason::reverted);
}

TEST_CASE(
    "a competitor takes the trade and leaves his own on the pools; a missed one costs nothing") {
  Scene scene;
  scene.market(std::vector<std::optional<bool>>(6, std::nullopt));
  SimulationSettings settings = plain();
  const Ended alone = scene.run(settings);
  settings.competition = 1;
  const Ended taken = scene.run(settings);
  REQUIRE_FALSE(taken.trades.empty());
  for (const BacktestTrade& trade : taken.trades) {
    CHECK(trade.reason == FillReason::reverted);
    CHECK_FALSE(trade.gained);
  }
  CHECK(taken.trades.front().was_taken);
  // His trades move the pools as ours would have.
  CHECK(std::ranges::count(taken.trades, true, &BacktestTrade::was_taken) ==
        static_cast<std::ptrdiff_t>(filled(alone)));

  settings.competition = 0;
  settings.missed = 1;
  const Ended missed = scene.run(settings);
  REQUIRE(missed.trades.size() == 6);
  for (const BacktestTrade& trade : missed.trades) {
    CHECK(trade.reason == FillReason::expired);
    CHECK(trade.result_wei.is_zero());
    CHECK(trade.gas_wei.is_zero());
  }
}

TEST_CASE("the chances are the seed's: some trades are taken, others with another seed") {
  Scene scene;
  scene.market(std::vector<std::optional<bool>>(40, true));
  SimulationSettings settings = plain();
  settings.impact_blocks = 0;
  settings.competition = 0.5;
  const auto taken = [&] {
    std::string which;
    for (const BacktestTrade& trade : scene.run(settings).trades) {
      which += trade.was_taken ? '1' : '0';
    }
    return which;
  };
  const std::string one = taken();
  CHECK(taken() == one);
  CHECK(std::ranges::count(one, '1') > 8);
  CHECK(std::ranges::count(one, '0') > 8);
  settings.seed = 2;
  CHECK(taken() != one);
}

TEST_CASE("nothing is known of what comes: with another future the past is the same to the byte") {
  Scene scene;
  std::vector<std::optional<bool>> blocks;
  for (int i = 0; i < 30; ++i) blocks.emplace_back(i % 3 != 1);
  SimulationSettings settings = plain();
  settings.impact_blocks = 5;
  constexpr std::uint64_t known = 15;
  // All that was decided up to a block, as JSON.
  const auto past = [&](const Ended& ended, std::uint64_t last) {
    BacktestResult result;
    for (const BacktestTrade& trade : ended.trades) {
      if (trade.block <= last) result.trades.push_back(trade);
    }
    return json_text(backtest_json(result).at("trades"));
  };
  scene.market(blocks);
  const Ended whole = scene.run(settings);
  REQUIRE_FALSE(whole.trades.empty());
  const std::uint64_t last = whole.run.first_block + known;
  CHECK(past(whole, last).size() > 1000);
  CHECK(past(scene.run(settings, 0, last), last) == past(whole, last));
  for (std::size_t i = known + 1; i < blocks.size(); ++i) blocks[i] = !*blocks[i];
  scene.market(blocks);
  const Ended other = scene.run(settings);
  CHECK(past(other, last) == past(whole, last));
  CHECK(past(other, UINT64_MAX) != past(whole, UINT64_MAX));
}

TEST_CASE("a backtest is the same with any number of threads") {
  Scene scene;
  write_busy_market(scene.recording, 5, 300, 11);
  const auto configuration =
      configure(scene.folder.path(),
                {risk, ConfigurationTexts().dex, "[strategies.triangular]\nmin_profit_bps = 0\n"},
                {GANTRY_TEST_PLUGIN_FOLDER});
  SimulationSettings settings = plain();
  settings.competition = 0.2;
  settings.missed = 0.1;
  const auto text = [&](std::int64_t threads) {
    SimulatedChain chain(settings, gas_overhead_of(configuration));
    StreetOptions options;
    options.recording = scene.recording;
    options.backtest = &chain;
    options.threads = threads;
    BacktestResult result;
    result.run = run_market(configuration, options);
    result.run.recording.clear();
    result.trades = chain.trades();
    result.settings = settings;
    const auto& window = chain.window().value();
    result.frame = {3750, window.first_block, window.last_block, window.first_time_s,
                    window.last_time_s};
    return json_text(backtest_json(result));
  };
  const std::string one = text(1);
  CHECK(one.contains("\"outcome\": \"filled\""));
  CHECK(one.contains("\"outcome\": \"reverted\""));
  CHECK(one.contains("\"outcome\": \"expired\""));
  CHECK(text(2) == one);
  CHECK(text(4) == one);
}

TEST_CASE(
    "before the first block of the window nothing is traded, and results reach the risk book") {
  Scene scene;
  scene.market(std::vector<std::optional<bool>>(20, false));
  SimulationSettings settings = plain();
  settings.place = BlockPlace::last;
  // In line from the second block on: one trade, found on the first, which reverts.
  REQUIRE(scene.run(settings).trades.size() == 1);
  const std::uint64_t first = scene.run(settings).run.first_block;
  settings.first_block = first + 1;
  const Ended later = scene.run(settings);
  CHECK(later.trades.empty());

  // Reverts in a row halt it, as they would live.
  std::vector<std::optional<bool>> blocks;
  for (int i = 0; i < 40; ++i) blocks.emplace_back(i % 2 == 1);
  scene.market(blocks);
  settings.first_block = 0;
  settings.impact_blocks = 0;
  std::string few = risk;
  few.replace(few.find("max_failures = 1000"), 19, "max_failures = 3");
  const auto configuration = configure(
      scene.folder.path(), {few, ConfigurationTexts().dex, one_trip}, {GANTRY_TEST_PLUGIN_FOLDER});
  SimulatedChain chain(settings, gas_overhead_of(configuration));
  StreetOptions options;
  options.recording = scene.recording;
  options.backtest = &chain;
  const RunReport halted = run_market(configuration, options);
  CHECK(chain.trades().size() == 4);
  CHECK(halted.refusals.contains(RefusalReason::halted));
}
