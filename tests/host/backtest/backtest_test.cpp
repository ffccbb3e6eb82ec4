// The simulated chain: what a trade pays is computed here from the contracts' formula with other
// integers than the product's.
#include <fmt/format.h>

#include <boost/multiprecision/cpp_int.hpp>
#include <catch2/catch.hpp>
#include <cmath>

#include "gantry/u256_convert.hpp"
#include "host/backtest/backtest_report.hpp"
#include "host/market/data_fee.hpp"
#include "host/recording/writer.hpp"
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
const cpp_int gas_price = 20'000'000'000;

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

// `more` is in each block, before its other facts.
void write_inputs(const std::filesystem::path& file, const std::vector<BlockInput>& inputs,
                  const std::vector<recording::Fact>& more = {}) {
  auto writer = RecordingWriter::create(file);
  REQUIRE(writer);
  REQUIRE(writer->append(
      recording::Header{recording::format_version, "eip155:1", "A test's market.", "tests"}));
  for (const BlockInput& input : inputs) {
    for (const auto& token : input.tokens) REQUIRE(writer->append(token));
    for (const auto& pool : input.pools) REQUIRE(writer->append(pool));
    REQUIRE(writer->append(input.block));
    for (const auto& fact : more) REQUIRE(writer->append(fact));
    for (const auto& fact : input.facts) REQUIRE(writer->append(fact));
  }
  REQUIRE(writer->finish());
}

struct Ended {
  std::vector<BacktestTrade> trades;
  std::size_t under_way = 0;
  SimulatedChain::Open open;
  RunReport run;
};

struct Scene {
  TemporaryFolder folder;
  std::filesystem::path recording = folder.path() / "market.gantry";
  std::string limits = risk;
  std::string strategy = one_trip;

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
            std::uint64_t last_block = UINT64_MAX) {
    const auto configuration = configure(
        folder.path(), {limits, ConfigurationTexts().dex, strategy}, {GANTRY_TEST_PLUGIN_FOLDER});
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
    ended.open = chain.open();
    return ended;
  }
};

SimulationSettings plain() {
  SimulationSettings settings;
  settings.loan_fee_ppm = 0;
  settings.loan_gas = 0;
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
  const SimulationSettings settings{.loan_fee_ppm = 500, .loan_gas = 157'000};
  const Ended ended = scene.run(settings);
  REQUIRE(ended.trades.size() == 2);
  Pools pools;
  const cpp_int fee = ether * 500 / 1'000'000;
  const cpp_int without_loan(digits(scene.run(plain()).trades.front().gas_wei));
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
    CHECK(digits(one.gas_wei) == digits(without_loan + 157'000 * gas_price));
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

TEST_CASE("own trades stay on their pools, under what the recording does to them, for ever") {
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

  // What is forgotten comes back, for who asks for it.
  settings.impact_blocks = 4;
  const Ended fading = scene.run(settings);
  CHECK(filled(fading) > paid.size());
  CHECK(filled(fading) < filled(greedy));

  // A recorded change of the pool does not wash an own swap away, and time does not.
  scene.market(std::vector<std::optional<bool>>(12, true));
  CHECK(filled(scene.run(plain())) == paid.size());
  scene.market(std::vector<std::optional<bool>>(1'000, std::nullopt));
  CHECK(filled(scene.run(plain())) == paid.size());
}

TEST_CASE("trades that are decided on one state are behind each other") {
  // Two are found on states that are alike, and nothing is told until both are long in their
  // blocks.
  Scene scene;
  auto inputs = market_inputs(2, {{0, 1, 1'000'000, 400'000'000}, {0, 1, 1'000'000, 440'000'000}},
                              {{}, {}, {}, {}});
  for (std::size_t i = 2; i < inputs.size(); ++i) {
    inputs[i].block.number += 20;
    inputs[i].block.time_s += 20 * 13;
  }
  write_inputs(scene.recording, inputs);
  SimulationSettings settings = plain();
  settings.latency_blocks = 2;
  const Ended ended = scene.run(settings);
  REQUIRE(ended.trades.size() == 3);
  Pools pools{{1'000 * ether, 400'000 * ether}, {1'000 * ether, 440'000 * ether}};
  const std::string first = digits(pools.trip());
  const std::string second = digits(pools.trip());
  CHECK(digits(ended.trades[0].amount_out) == first);
  CHECK(digits(ended.trades[1].amount_out) == second);
  CHECK(digits(ended.trades[1].predicted_out) == first);
  CHECK(ended.trades[0].block < ended.trades[1].block);
  CHECK(ended.trades[1].block < inputs[2].block.number);
  for (const BacktestTrade& trade : ended.trades) {
    const recording::Block& begin = inputs.front().block;
    CHECK(trade.time_s == begin.time_s + 13 * (trade.block - begin.number));
  }
  // What comes next is found on what both have left.
  CHECK(digits(ended.trades[2].predicted_out) == digits(pools.trip()));
}

TEST_CASE("what does not pay for its loan, its loan's gas and its own reverts, to the last unit") {
  Scene scene;
  SimulationSettings settings = plain();
  settings.loan_fee_ppm = GENERATE(std::uint64_t{0}, std::uint64_t{500});
  settings.loan_gas = GENERATE(std::uint64_t{0}, std::uint64_t{157'000});
  CAPTURE(settings.loan_fee_ppm, settings.loan_gas);
  scene.market({std::nullopt, std::nullopt});
  const cpp_int gas(digits(scene.run(settings).trades.front().gas_wei));
  const cpp_int least = ether + ether * settings.loan_fee_ppm / 1'000'000 + gas;
  // The least that pool 1 may hold of DAI, in thousandths, when the trade is in its block.
  const auto pays = [&](std::uint64_t dai) {
    Pools pools;
    pools.second.dai = ether * dai / 1000;
    return pools.trip() >= least;
  };
  std::uint64_t low = 40'000'000;
  std::uint64_t high = 44'000'000;
  while (high - low > 1) {
    const std::uint64_t middle = (low + high) / 2;
    (pays(middle) ? high : low) = middle;
  }
  const auto outcome = [&](std::uint64_t dai) {
    write_market(scene.recording, 2, {{0, 1, 100'000, 40'000'000}, {0, 1, 100'000, 44'000'000}},
                 {{{1, 100'000, dai}}});
    const Ended ended = scene.run(settings);
    REQUIRE(ended.trades.size() == 1);
    return ended.trades.front();
  };
  CHECK(outcome(high).reason == FillReason::none);
  const BacktestTrade lost = outcome(low);
  CHECK(lost.reason == FillReason::reverted);
  CHECK(digits(lost.result_wei) == digits(gas));
}

TEST_CASE("limits of profit hold after the loan's fee and gas") {
  Scene scene;
  scene.market({std::nullopt, std::nullopt});
  const SimulationSettings loan{.loan_fee_ppm = 500, .loan_gas = 157'000};
  const BacktestTrade lent = scene.run(loan).trades.front();
  const double net_ether = gantry::to_double(lent.predicted_wei) * 1e-18;
  const double gas_ether = gantry::to_double(lent.gas_wei) * 1e-18;
  const std::string limit = GENERATE("min_profit_usd", "min_profit_bps", "min_profit_gas");
  CAPTURE(limit);
  // So much of what is left after the loan is asked for; whether the first trade is sent.
  const auto is_sent = [&](const SimulationSettings& settings, double times) {
    scene.limits = risk;
    scene.strategy = one_trip;
    const double wanted = net_ether * times;
    if (limit == "min_profit_usd") {
      scene.limits.replace(scene.limits.find("min_profit_usd = 0"), 18,
                           fmt::format("min_profit_usd = {:.6f}", wanted * lent.ether_usd));
    } else if (limit == "min_profit_gas") {
      scene.limits += fmt::format("min_profit_gas = {:.3f}\n", wanted / gas_ether);
    } else {
      scene.strategy += fmt::format("min_profit_bps = {}\n", std::llround(wanted * 1e4));
    }
    const Ended ended = scene.run(settings);
    CHECK(ended.run.approved > 0);
    return std::ranges::count(ended.trades, lent.found_block, &BacktestTrade::found_block) == 1;
  };
  CHECK(is_sent(loan, 0.99));
  CHECK_FALSE(is_sent(loan, 1.01));
  CHECK(is_sent(plain(), 1.01));
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

  // Who would have been first finds nothing that he could take.
  settings.competition = 1;
  CHECK_FALSE(scene.run(settings).trades.front().was_taken);
  settings.competition = 0;

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
  settings.impact_blocks = GENERATE(std::uint64_t{0}, std::uint64_t{5});
  scene.market(blocks);
  const Ended whole = scene.run(settings);
  REQUIRE(whole.trades.size() > 5);
  // All that was decided up to a block, as JSON; and all that was sent up to it, whatever became
  // of it.
  const auto past = [&](const Ended& ended, std::uint64_t last) {
    BacktestResult result;
    std::string sent;
    for (const BacktestTrade& trade : ended.trades) {
      if (trade.block <= last) result.trades.push_back(trade);
      if (trade.found_block > last) continue;
      sent += fmt::format("{} {} {} {}\n", trade.found_block, digits(trade.amount_in),
                          digits(trade.predicted_out), digits(trade.predicted_wei));
    }
    return json_text(backtest_json(result).at("trades")) + sent;
  };
  // blocks[i] is the block first_block + 1 + i: from the very next block on all is another.
  for (std::size_t known = 3; known < 27; ++known) {
    CAPTURE(known);
    const std::uint64_t last = whole.run.first_block + known;
    auto other = blocks;
    for (std::size_t i = known; i < other.size(); ++i) other[i] = !*other[i];
    scene.market(other);
    const Ended changed = scene.run(settings);
    CHECK(past(changed, last) == past(whole, last));
    CHECK(past(changed, UINT64_MAX) != past(whole, UINT64_MAX));
  }
  // Nor is it known where it ends: what is sent on the last block is in none.
  scene.market(blocks);
  for (const std::uint64_t known : {7ULL, 15ULL, 16ULL}) {
    const std::uint64_t last = whole.run.first_block + known;
    const Ended cut = scene.run(settings, 0, last);
    CHECK(past(cut, last - 1) == past(whole, last - 1));
  }
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

namespace {

// Buys DAI for an ether in the one pool there is, which then has another price; sells it later.
Ended hold(Scene& scene, std::uint64_t dai_later, const std::string& how) {
  std::vector<std::vector<SmallUpdate>> blocks(20);
  blocks[5].push_back({0, 100'000, dai_later});
  write_market(scene.recording, 2, {{0, 1, 100'000, 40'000'000}}, blocks);
  scene.limits = risk + "max_crossing_bps = 300\n";
  scene.strategy =
      "[strategies.holder_strategy]\nbase = \"0x1000000000000000000000000000000000000000\"\n"
      "token = \"0x1000000000000000000000000000000000000001\"\n" +
      how;
  // What a loan would cost is no matter of positions.
  return scene.run({});
}

std::string signed_digits(const BacktestTrade& trade) {
  return (trade.gained ? "" : "-") + digits(trade.result_wei);
}

}  // namespace

TEST_CASE("what a position brings is what was computed by hand, sold at once and in two parts") {
  Scene scene;
  const std::uint64_t dai_later = GENERATE(std::uint64_t{36'000'000}, std::uint64_t{44'000'000});
  const std::size_t parts = GENERATE(std::size_t{1}, std::size_t{2});
  CAPTURE(dai_later, parts);
  const Ended ended = hold(scene, dai_later, fmt::format("hold_s = 60\nparts = {}\n", parts));
  REQUIRE(ended.trades.size() >= 1 + parts);
  const std::span trades = std::span(ended.trades).first(1 + parts);

  Reserves pool{100 * ether, 40'000 * ether};
  const cpp_int bought = pool.sell_weth(ether);
  const BacktestTrade& opening = trades.front();
  CHECK(opening.one_way);
  CHECK(opening.opens);
  CHECK_FALSE(opening.gained);
  CHECK(digits(opening.amount_out) == digits(bought));
  CHECK(opening.loan_fee.is_zero());
  const cpp_int gas(digits(opening.gas_wei));
  CHECK(digits(opening.result_wei) == digits(gas));

  // The recording's reserves, with the own swap on them.
  pool = Reserves{100 * ether, ether * dai_later / 1000};
  (void)pool.sell_weth(ether);
  cpp_int left = bought;
  cpp_int cost_left = ether;
  cpp_int net = -gas;
  std::size_t gained = 0;
  for (const BacktestTrade& sale : trades.subspan(1)) {
    const cpp_int sold = &sale == &trades.back() ? left : (bought + 1) / 2;
    const cpp_int cost = &sale == &trades.back() ? cost_left : (ether * sold + bought - 1) / bought;
    const cpp_int result = pool.sell_dai(sold) - cost - gas;
    CHECK(sale.one_way);
    CHECK_FALSE(sale.opens);
    CHECK(digits(sale.amount_in) == digits(sold));
    CHECK(sale.gas_wei == opening.gas_wei);
    CHECK(signed_digits(sale) == digits(result));
    left -= sold;
    cost_left -= cost;
    net += result;
    if (result > 0) ++gained;
  }
  CHECK(left == 0);

  const BacktestMetrics metrics = metrics_of(trades, {10, 0, 100, 0, 6000});
  CHECK(metrics.filled == 1 + parts);
  CHECK(metrics.opened == 1);
  CHECK(metrics.gained == gained);
  CHECK((gained == 0) == (dai_later > 40'000'000));
  // The opening is neither won nor lost, and nothing is predicted of any.
  CHECK(metrics.win_rate.value() == static_cast<double>(gained) / static_cast<double>(parts));
  CHECK(metrics.predicted.magnitude().is_zero());
  CHECK(metrics.realised.magnitude().is_zero());
  CHECK((metrics.net.is_loss() ? "-" : "") + digits(metrics.net.magnitude()) == digits(net));
}

TEST_CASE("positions that are open at the end are told with their cost and their worth") {
  Scene scene;
  const Ended ended = hold(scene, 50'000'000, "hold_s = 1000000\n");
  REQUIRE(ended.trades.size() == 1);
  CHECK(ended.open.count == 1);
  CHECK(ended.open.unvalued == 0);
  CHECK(digits(ended.open.cost_wei) == digits(ether));
  // At the recording's price: what was bought is worth no more for having been bought.
  Reserves pool{100 * ether, 40'000 * ether};
  const double bought = pool.sell_weth(ether).convert_to<double>();
  CHECK(gantry::to_double(ended.open.worth_wei) == Approx(bought * 100 / 50'000).epsilon(1e-6));
}

TEST_CASE("on a chain that charges for bytes a trade has paid for them when it is in its block") {
  Scene scene;
  const std::vector<SmallPool> pools{{0, 1, 100'000, 40'000'000}, {0, 1, 100'000, 44'000'000}};
  // What the oracle of Arbitrum answers in each block, in wei for a unit.
  const PoolRequest request = data_fee_requests(DataFeeKind::arbitrum).at(0);
  recording::Fact price;
  price.pool = request.pool;
  price.tag = request.tag;
  price.source = request.target;
  price.data.resize(32);
  price.data[27] = 24;  // 24 * 2^32: about 103 gwei
  write_inputs(scene.recording, market_inputs(2, pools, {{}, {{1, 100'000, 40'000'000}}}), {price});
  const auto run = [&](DataFeeKind kind) {
    auto configuration = configure(scene.folder.path(), {risk, ConfigurationTexts().dex, one_trip},
                                   {GANTRY_TEST_PLUGIN_FOLDER});
    configuration.chains.front().data_fee = kind;
    SimulatedChain chain(plain(), gas_overhead_of(configuration));
    StreetOptions options;
    options.recording = scene.recording;
    options.backtest = &chain;
    run_market(configuration, options);
    REQUIRE(chain.trades().size() == 2);
    return chain.trades();
  };
  const auto free = run(DataFeeKind::none);
  const auto charged = run(DataFeeKind::arbitrum);
  // A filled one, and one that has reverted.
  CHECK(charged[0].reason == FillReason::none);
  CHECK(charged[0].predicted_wei == charged[0].result_wei);
  CHECK(charged[1].reason == FillReason::reverted);
  CHECK(charged[1].result_wei == charged[1].gas_wei);
  for (std::size_t i = 0; i < 2; ++i) {
    // Some thousands of units, each of which it was told the price of.
    const cpp_int fee = cpp_int(digits(charged[i].gas_wei)) - cpp_int(digits(free[i].gas_wei));
    const cpp_int unit = cpp_int(24) << 32;
    CHECK(fee > 2'000 * unit);
    CHECK(fee < 50'000 * unit);
    CHECK(fee % unit == 0);
  }
}

TEST_CASE("what a trade paid less than was quoted reaches the breaker that watches it") {
  Scene scene;
  // In its block pool 1 gives some two percent less for the ether.
  write_market(scene.recording, 2, {{0, 1, 100'000, 40'000'000}, {0, 1, 100'000, 44'000'000}},
               {{{1, 100'000, 43'000'000}}, {}, {}});
  scene.limits.replace(scene.limits.find("max_quote_deviation_bps = 10000"), 31,
                       "max_quote_deviation_bps = 100");
  const auto configuration =
      configure(scene.folder.path(), {scene.limits, ConfigurationTexts().dex, one_trip},
                {GANTRY_TEST_PLUGIN_FOLDER});
  const auto book =
      std::make_shared<RiskBook>(configuration.risk, configuration.chains.front().id, true);
  SimulatedChain chain(plain(), gas_overhead_of(configuration));
  StreetOptions options;
  options.recording = scene.recording;
  options.risk = book;
  options.backtest = &chain;
  run_market(configuration, options);
  REQUIRE_FALSE(chain.trades().empty());
  REQUIRE(chain.trades().front().reason == FillReason::none);
  const cpp_int quoted = Pools().trip();
  Pools later;
  later.second.dai = 43'000 * ether;
  const cpp_int less = (quoted - later.trip()) * 10'000;
  const auto tripped = book->tripped();
  REQUIRE_FALSE(tripped.empty());
  CHECK(tripped.front().cause == BreakerCause::quote_deviation);
  CHECK(tripped.front().breaker.measured ==
        Approx(less.convert_to<double>() / quoted.convert_to<double>()));
}

TEST_CASE("a time inside a recording begins what is traded, as a block does") {
  Scene scene;
  scene.market(std::vector<std::optional<bool>>(20, true));
  SimulationSettings settings = plain();
  settings.impact_blocks = 0;
  const Ended whole = scene.run(settings);
  REQUIRE(whole.trades.size() > 15);
  CHECK(whole.trades.front().found_block == whole.run.first_block);
  // 13 s a block: the seventh is the first that is no earlier than a second after the sixth.
  const std::uint64_t begin_s = whole.trades.front().time_s - 13;
  settings.first_time_s = begin_s + 6 * 13 + 1;
  const Ended later = scene.run(settings);
  REQUIRE_FALSE(later.trades.empty());
  CHECK(later.trades.front().found_block == whole.run.first_block + 7);
  settings.first_time_s = begin_s + 7 * 13;
  CHECK(scene.run(settings).trades.front().found_block == whole.run.first_block + 7);
}
