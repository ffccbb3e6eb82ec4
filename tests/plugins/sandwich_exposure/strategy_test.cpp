// What the strategy measures, against the contract's own formula; and that none of it is approved.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>

#include "gantry/after_pending.h"
#include "host/market/after_pending.hpp"
#include "host/street/opportunity_check.hpp"
#include "host/street/strategy_runner.hpp"
#include "support/pending_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

const Integer ether = thousandths(1000);

const std::vector<SmallPool> one_pool = {{0, 1, 1'000'000, 400'000'000}};

ConfigurationTexts texts(const std::string& parameters = {}) {
  ConfigurationTexts out;
  // Nothing but what the strategy says of itself stands in the way of a trade.
  out.gantry =
      "[risk]\nmin_confidence = 0\nmin_profit_usd = 0\nmin_profit_gas = 0\nmax_composite = 1\n"
      "max_risk_score = 1\nmin_success = 0\npool_concentration_bps = 10000\n";
  out.dex = pending_dex_toml();
  out.strategies = "[strategies.sandwich_exposure]\n" + parameters;
  return out;
}

struct Scene {
  explicit Scene(std::vector<BlockInput> inputs, const std::string& parameters = {})
      : market(std::move(inputs), texts(parameters)) {
    changes.add(*market.snapshot);
    runner = std::make_unique<StrategyRunner>(market.plugins.strategies.at(0), changes, history,
                                              RunnerOptions{});
    runner->subscribe(*market.snapshot);
  }
  std::vector<Ranked> find() {
    auto batch = runner->run({market.snapshot, 0, {}, 0}, false);
    CHECK(market.plugins.strategies.at(0)->health().strikes() == 0);
    return batch.ranked;
  }

  AppliedMarket market;
  ChangeLog changes;
  History history;
  std::unique_ptr<StrategyRunner> runner;
};

std::vector<BlockInput> with_call(const RouterCall& call,
                                  const std::vector<SmallPool>& pools = one_pool,
                                  std::uint32_t tokens = 2) {
  auto inputs = pending_inputs(tokens, pools, {});
  add_pending(inputs, 0, call, 1);
  return inputs;
}

// What somebody gains who puts `front` before a sale of `sold`; nothing: then it would fail.
std::optional<Integer> taken(const Integer& front, const Integer& sold, const Integer& least) {
  Integer weth = 1'000 * ether;
  Integer dollars = 400'000 * ether;
  const Integer bought = pair_pays(front, weth, dollars);
  weth += front;
  dollars -= bought;
  const Integer paid = pair_pays(sold, weth, dollars);
  if (paid < least) return std::nullopt;
  weth += sold;
  dollars -= paid;
  return Integer(pair_pays(bought, dollars, weth) - front);
}

}  // namespace

TEST_CASE("nothing that waits, and a least out that is what it gets, expose nothing") {
  CHECK(Scene(pending_inputs(2, one_pool, {})).find().empty());
  const Integer gets = pair_pays(50 * ether, 1'000 * ether, 400'000 * ether);
  CHECK(Scene(with_call({{0, 1}, 50 * ether, gets})).find().empty());
  // It would fail anyway.
  CHECK(Scene(with_call({{0, 1}, 50 * ether, gets + 1})).find().empty());
  // A small one with half a percent to give: less than two fees.
  CHECK(Scene(with_call({{0, 1}, ether, 390 * ether})).find().empty());
}

TEST_CASE("the exposure of a swap is what its least out allows, to the unit") {
  const Integer gets = pair_pays(50 * ether, 1'000 * ether, 400'000 * ether);
  const Integer least = gets * 97 / 100;
  const auto found = Scene(with_call({{0, 1}, 50 * ether, least})).find();
  REQUIRE(found.size() == 1);
  const gantry_opportunity& o = found.front().opportunity;
  CHECK(o.flags == GANTRY_OPPORTUNITY_SIMULATE_ONLY);
  CHECK(backrun_of(o).pending == 1);
  CHECK(backrun_of(o).legs_before == 1);
  const Integer front = big(o.amount_in);
  const auto gain = taken(front, 50 * ether, least);
  REQUIRE(gain);
  CHECK(big(o.amount_out) - front == *gain);
  CHECK(*gain > 0);
  // One unit more in front, and the swap fails; a little less, and there is less to be had.
  CHECK_FALSE(taken(front + 1, 50 * ether, least));
  CHECK(*taken(front - ether / 1000, 50 * ether, least) < *gain);
  CHECK(big(o.legs[0].amount_out) == pair_pays(front, 1'000 * ether, 400'000 * ether));
  CHECK(big(o.legs[1].amount_in) == big(o.legs[0].amount_out));
}

TEST_CASE("a swap without a least out exposes the most of all sizes, not an endless one") {
  const auto found = Scene(with_call({{0, 1}, 50 * ether, 1})).find();
  REQUIRE(found.size() == 1);
  const Integer front = big(found.front().opportunity.amount_in);
  const Integer gain = *taken(front, 50 * ether, 1);
  CHECK(big(found.front().opportunity.amount_out) - front == gain);
  Integer most = 0;
  for (std::uint64_t i = 1; i <= 16'000; ++i) {
    most = std::max(most, *taken(i * ether, 50 * ether, 1));
  }
  CHECK(gain >= most);
  CHECK(front < 16'000 * ether);
}

TEST_CASE("of several hops the worst is told, and an exact amount out has a limit too") {
  const std::vector<SmallPool> pools = {{0, 1, 1'000'000, 400'000'000},
                                        {1, 2, 40'000'000, 20'000'000},
                                        {0, 2, 1'000'000, 200'000'000}};
  const auto found = Scene(with_call({{0, 1, 2}, 20 * ether, 1}, pools, 3)).find();
  REQUIRE(found.size() == 1);
  // The second pool is a tenth as deep.
  CHECK(found.front().opportunity.legs[0].hop.pool == 1);

  const Integer out = pair_pays(53 * ether, 1'000 * ether, 400'000 * ether);
  const Integer costs = 1'000 * ether * out * 10000 / ((400'000 * ether - out) * 9970) + 1;
  RouterCall exact{{0, 1}, costs * 105 / 100, out};
  exact.exact_in = false;
  CHECK(Scene(with_call(exact)).find().size() == 1);
  exact.amount_in = costs;
  CHECK(Scene(with_call(exact)).find().empty());
}

TEST_CASE("a swap through a pool that is empty, or that nobody follows, exposes nothing") {
  const RouterCall call{{0, 1}, 50 * ether, 1};
  CHECK(Scene(with_call(call, {}, 2)).find().empty());
  CHECK(Scene(with_call(call, {{0, 1, 0, 0}})).find().empty());
}

TEST_CASE("our own swaps are counted by themselves and told of") {
  const std::string own = "own_senders = \"0x0000000000000000000000000000000000000077\"\n";
  Scene scene(with_call({{0, 1}, 50 * ether, 1}), own);
  CHECK(scene.find().size() == 1);
  CHECK_THROWS(Scene(pending_inputs(2, one_pool, {}), "own_senders = \"me\"\n"));
}

TEST_CASE("what has legs in front of a pending swap is nonsense unless it is measured alone") {
  Scene scene(with_call({{0, 1}, 50 * ether, 1}));
  auto found = scene.find();
  REQUIRE(found.size() == 1);
  gantry_opportunity o = found.front().opportunity;
  CHECK(fits_together(*scene.market.snapshot, o));
  o.flags = 0;
  CHECK_FALSE(fits_together(*scene.market.snapshot, o));
  o.flags = GANTRY_OPPORTUNITY_SIMULATE_ONLY;
  gantry_backrun backrun = backrun_of(o);
  backrun.legs_before = 2;
  std::memcpy(o.data, &backrun, sizeof(backrun));
  CHECK_FALSE(fits_together(*scene.market.snapshot, o));
  backrun = {2, 1, 0};  // nobody was told of that
  std::memcpy(o.data, &backrun, sizeof(backrun));
  CHECK_FALSE(fits_together(*scene.market.snapshot, o));
}

TEST_CASE("the gate approves no exposure, whatever the limits are") {
  TemporaryFolder folder;
  const auto recording = folder.path() / "market.gantry";
  std::vector<std::vector<SmallUpdate>> updates;
  for (std::uint64_t i = 0; i < 20; ++i) updates.push_back({{0, 1'000'000 + i, 400'000'000}});
  auto inputs = pending_inputs(2, one_pool, updates);
  for (std::uint64_t i = 0; i < 60; ++i) {
    add_pending(inputs, i / 3, {{0, 1}, Integer(20 + i) * ether, 1}, i);
  }
  write_inputs(recording, inputs);
  const auto configuration = configure(folder.path(), texts());
  StreetOptions options;
  options.recording = recording;
  const auto report = run_market(configuration, options);
  CHECK(report.opportunities == 60);
  CHECK(report.approved == 0);
  CHECK_FALSE(report.plan);
  for (const auto& one : report.best) {
    CHECK(one.refusal.reason == RefusalReason::simulate_only);
  }
  CHECK_FALSE(report.best.empty());
}
