// The strategy as the host runs it: real venues, transactions that wait, and the market behind
// them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <set>

#include "gantry/after_pending.h"
#include "host/market/after_pending.hpp"
#include "host/street/strategy_runner.hpp"
#include "support/pending_market.hpp"
#include "support/sanitized.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

// 1,000 WETH and 400,000 T1 on both venues, and a third token in line with them.
const std::vector<SmallPool> fair_pools = {{0, 1, 1'000'000, 400'000'000},
                                           {0, 1, 1'000'000, 400'000'000, "other"},
                                           {1, 2, 400'000'000, 200'000'000},
                                           {0, 2, 1'000'000, 200'000'000}};

ConfigurationTexts texts(const std::string& parameters = {}) {
  ConfigurationTexts out;
  out.gantry = "[risk]\nmin_confidence = 0\nmin_profit_usd = 0\nmax_composite = 1\n";
  out.dex = pending_dex_toml();
  out.strategies = "[strategies.backrun]\nmin_profit_bps = 0\n" + parameters;
  return out;
}

// Runs the strategy on one snapshot after the other.
struct Scene {
  explicit Scene(std::vector<BlockInput> inputs, const std::string& parameters = {})
      : market(std::move(inputs), texts(parameters)) {
    REQUIRE(market.plugins.strategies.size() == 1);
    changes.add(*market.snapshot);
    runner = std::make_unique<StrategyRunner>(instance(), changes, history, RunnerOptions{});
    runner->subscribe(*market.snapshot);
  }
  const std::shared_ptr<StrategyInstance>& instance() const {
    return market.plugins.strategies.front();
  }
  void advance() {
    market.advance();
    changes.add(*market.snapshot);
  }
  std::vector<Ranked> find() {
    auto batch = runner->run({market.snapshot, 0, {}, 0}, false);
    CHECK(instance()->health().strikes() == 0);
    for (const Ranked& ranked : batch.ranked) {
      CHECK(ranked.opportunity.kind == GANTRY_OPPORTUNITY_BACKRUN);
      CHECK(ranked.opportunity.flags == 0);
      CHECK(ranked.opportunity.valid_until_block == ranked.opportunity.block + 1);
    }
    return batch.ranked;
  }

  AppliedMarket market;
  ChangeLog changes;
  History history;
  std::unique_ptr<StrategyRunner> runner;
};

std::vector<BlockInput> with_call(const RouterCall& call,
                                  const std::vector<SmallPool>& pools = fair_pools) {
  auto inputs = pending_inputs(3, pools, {});
  add_pending(inputs, 0, call, 1);
  return inputs;
}

const Integer ether = thousandths(1000);

// 50 WETH into a pool of 1,000.
const RouterCall large_sale{{0, 1}, 50 * ether, 18'000 * ether};

}  // namespace

TEST_CASE("nothing that waits, or nothing that pays after fees, gives no back-run") {
  CHECK(Scene(pending_inputs(3, fair_pools, {})).find().empty());
  CHECK(Scene(with_call({{0, 1}, ether, 390 * ether})).find().empty());
  CHECK(Scene(with_call(large_sale, {fair_pools[0]})).find().empty());
}

TEST_CASE("behind a swap in a market without pools, or through one that is empty, is nothing") {
  CHECK(Scene(with_call(large_sale, {})).find().empty());
  auto drained = fair_pools;
  drained[0].reserve0 = drained[0].reserve1 = 0;
  CHECK(Scene(with_call(large_sale, drained)).find().empty());
}

TEST_CASE("a back-run is the best cycle in the market as the transaction leaves it, to the unit") {
  Scene scene(with_call(large_sale), "max_hops = 2\n");
  const auto found = scene.find();
  REQUIRE(found.size() == 1);
  const gantry_opportunity& o = found.front().opportunity;
  // WETH is cheap now where 50 of it were sold.
  const Integer sold = pair_pays(50 * ether, 1'000 * ether, 400'000 * ether);
  const Integer weth = 1'050 * ether;
  const Integer dollars = 400'000 * ether - sold;
  const auto gain = [&](const Integer& in) {
    const Integer bought = pair_pays(in, 1'000 * ether, 400'000 * ether);
    return Integer(pair_pays(bought, dollars, weth) - in);
  };
  REQUIRE(o.leg_count == 2);
  REQUIRE(o.token_in == 0);
  CHECK(o.legs[0].hop.pool == 1);
  CHECK(o.legs[1].hop.pool == 0);
  const Integer in = big(o.amount_in);
  CHECK(big(o.amount_out) - in == gain(in));
  // Of all sizes, a thousandth of a WETH apart, none gains more.
  Integer most = 0;
  for (std::uint64_t i = 1; i < 100'000; ++i) most = std::max(most, gain(thousandths(i)));
  CHECK(gain(in) >= most);
  CHECK(gain(in) > ether / 2);
  CHECK(backrun_of(o).pending == 1);
  CHECK(backrun_of(o).legs_before == 0);
  // In the market as it is, the same trade loses.
  gantry_route_quote now{};
  const gantry_hop hops[] = {o.legs[0].hop, o.legs[1].hop};
  REQUIRE(scene.market.view.quote_route(hops, o.amount_in, GANTRY_EXACT_IN, now) == GANTRY_OK);
  CHECK(big(now.amount_out) < in);
  // Each transaction is looked behind once.
  CHECK(scene.find().empty());
}

TEST_CASE("an exact amount out, several hops and several transactions are each looked behind") {
  // By the contract's own formula (UniswapV2Library.getAmountIn).
  const auto pair_takes = [](const Integer& out, const Integer& has_in, const Integer& has_out) {
    return Integer(has_in * out * 10000 / ((has_out - out) * 9970) + 1);
  };
  // Through two pools, for exactly so much, which is all that the input for it brings.
  Integer paid = 24 * ether;
  Integer bought;
  Integer sold;
  do {
    bought = pair_pays(++paid, 1'000 * ether, 400'000 * ether);
    sold = pair_pays(bought, 400'000 * ether, 200'000 * ether);
  } while (pair_takes(sold, 400'000 * ether, 200'000 * ether) != bought);
  paid = pair_takes(bought, 1'000 * ether, 400'000 * ether);
  auto inputs = pending_inputs(3, fair_pools, {});
  RouterCall exact{{0, 1, 2}, 60 * ether, sold};
  exact.exact_in = false;
  add_pending(inputs, 0, exact, 1);
  add_pending(inputs, 0, large_sale, 2);
  Scene scene(std::move(inputs), "max_hops = 3\n");
  const auto found = scene.find();
  std::array<std::size_t, 3> behind{};
  for (const Ranked& ranked : found) ++behind.at(backrun_of(ranked.opportunity).pending);
  CHECK(behind[1] > 0);
  CHECK(behind[2] > 0);

  // What the first leaves.
  AfterPending after;
  REQUIRE(after.bind(*scene.market.snapshot, 1) == GANTRY_OK);
  const auto balances = [&](std::uint32_t pool) {
    std::array<gantry_amount, 2> raw{};
    gantry_pool_view view{0, 2, raw.data()};
    REQUIRE(after.view().view(pool, view) == GANTRY_OK);
    return std::pair(big(raw[0]), big(raw[1]));
  };
  CHECK(balances(0) == std::pair(Integer(1'000 * ether + paid), Integer(400'000 * ether - bought)));
  CHECK(balances(1) == std::pair(Integer(1'000 * ether), Integer(400'000 * ether)));
  CHECK(balances(2) ==
        std::pair(Integer(400'000 * ether + bought), Integer(200'000 * ether - sold)));
  CHECK(after.view().market()->pending == 1);
  CHECK(std::vector(after.view().market()->changed_pools,
                    after.view().market()->changed_pools + after.view().market()->changed_count) ==
        std::vector<std::uint32_t>{0, 2});
}

TEST_CASE("what would fail, or whose effect is not known, is not looked behind") {
  const auto status_of = [](RouterCall call, const std::vector<SmallPool>& pools = fair_pools) {
    AppliedMarket market(with_call(call, pools), texts());
    AfterPending after;
    return after.bind(*market.snapshot, 1);
  };
  CHECK(status_of(large_sale) == GANTRY_OK);
  // To the unit: the least out is met, and missed by one.
  const Integer sold = pair_pays(50 * ether, 1'000 * ether, 400'000 * ether);
  CHECK(status_of({{0, 1}, 50 * ether, sold}) == GANTRY_OK);
  CHECK(status_of({{0, 1}, 50 * ether, sold + 1}) == GANTRY_REFUSED);
  // The first block is of second 1,600,000,000, the next one 13 s later.
  CHECK(status_of({{0, 1}, 50 * ether, 1, true, 1'600'000'011}) == GANTRY_REFUSED);
  CHECK(status_of({{0, 1}, 50 * ether, 1, true, 1'600'000'100}) == GANTRY_OK);
  RouterCall dear{{0, 1}, 10 * ether, 1'000'000 * ether};
  dear.exact_in = false;
  CHECK(status_of(dear) == GANTRY_REFUSED);
  // Some routers would pay more than that, all that the input for it brings.
  RouterCall doubtful{{0, 1}, 60 * ether, 20'000 * ether};
  doubtful.exact_in = false;
  CHECK(status_of(doubtful) == GANTRY_UNSUPPORTED);
  // Its second pool is none that the market has.
  CHECK(status_of({{0, 1, 2}, ether, 1}, {fair_pools[0], fair_pools[3]}) == GANTRY_UNSUPPORTED);

  AppliedMarket market(with_call(large_sale), texts());
  AfterPending after;
  for (const std::uint64_t unknown : {0ULL, 2ULL, ~0ULL}) {
    CHECK(after.bind(*market.snapshot, unknown) == GANTRY_BAD_ARGUMENT);
  }
  auto inputs = with_call(large_sale);
  inputs[0].block.base_fee = u256(200'000'000'000);  // twice what it pays at most
  AppliedMarket busy(std::move(inputs), texts());
  CHECK(after.bind(*busy.snapshot, 1) == GANTRY_REFUSED);
  // Behind one that waits, no other is looked at.
  struct Nothing {
    static gantry_status look(void*, const gantry_market*) { return GANTRY_OK; }
  };
  REQUIRE(after.bind(*market.snapshot, 1) == GANTRY_OK);
  CHECK(market.view.look(1, {}, nullptr, &Nothing::look) == GANTRY_OK);
  CHECK(after.view().look(1, {}, nullptr, &Nothing::look) == GANTRY_UNSUPPORTED);
}

TEST_CASE("a size within limits is the best within them, behind the same transaction") {
  Scene scene(with_call(large_sale), "max_hops = 2\n");
  RunnerOptions small;
  small.position_max_eth = 2;
  StrategyRunner runner(scene.instance(), scene.changes, scene.history, small);
  runner.subscribe(*scene.market.snapshot);
  const auto batch = runner.run({scene.market.snapshot, 0, {}, 0}, false);
  CHECK(scene.instance()->health().strikes() == 0);
  REQUIRE(batch.ranked.size() == 1);
  const gantry_opportunity& o = batch.ranked.front().opportunity;
  CHECK(big(o.amount_in) <= 2 * ether);
  CHECK(big(o.amount_in) > ether);
  CHECK(o.kind == GANTRY_OPPORTUNITY_BACKRUN);
  CHECK(backrun_of(o).pending == 1);
  CHECK(batch.ranked.front().pays);
}

TEST_CASE("the gate refuses a back-run where trades are carried out, and not by bundles") {
  Scene scene(with_call(large_sale), "max_hops = 2\n");
  const auto found = scene.find();
  REQUIRE(found.size() == 1);
  RiskSettings risk;
  risk.min_confidence = 0;
  risk.min_profit_usd = 0;
  risk.min_success = 0;
  risk.max_composite = 1;
  const RiskGate gate(risk);
  const auto book = RiskBook(risk, {}, false).view();
  AfterPending after;
  REQUIRE(after.bind(*scene.market.snapshot, 1) == GANTRY_OK);
  const auto judge = [&](Carries carries) {
    TradeRisk of{book.get(), {}, {}, nullptr, {}, carries};
    of.forecast = forecast(PoolVolatility(), scene.market.snapshot->context, found.front(), {});
    return gate.check(after.view(), found.front(), StrategySettings(),
                      found.front().opportunity.block, of);
  };
  CHECK(judge(Carries::nothing));
  CHECK(judge(Carries::backruns));
  const auto refused = judge(Carries::trades);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == RefusalReason::backrun_not_sent);
}

TEST_CASE("the newest transactions are looked behind when there are more than it may") {
  auto inputs = pending_inputs(3, fair_pools, {});
  for (std::uint64_t i = 1; i <= 5; ++i) add_pending(inputs, 0, large_sale, i);
  Scene scene(std::move(inputs), "max_transactions = 2\nmax_hops = 2\n");
  std::set<std::uint64_t> behind;
  std::set<std::uint64_t> keys;
  for (const Ranked& ranked : scene.find()) {
    behind.insert(backrun_of(ranked.opportunity).pending);
    keys.insert(ranked.opportunity.key);
  }
  CHECK(behind == std::set<std::uint64_t>{4, 5});
  CHECK(keys.size() == 2);
}

namespace {

// Blocks that move little, each with swaps of all sizes that wait.
std::vector<BlockInput> busy_inputs() {
  std::vector<std::vector<SmallUpdate>> updates;
  for (std::uint64_t i = 0; i < 40; ++i) {
    updates.push_back(
        {{static_cast<std::uint32_t>(i % 2), 1'000'000 + 500 * (i % 7), 400'000'000}});
  }
  auto inputs = pending_inputs(3, fair_pools, updates);
  for (std::uint64_t i = 0; i < 120; ++i) {
    const bool up = i % 2 == 0;
    const Integer in = Integer(1 + i % 60) * (up ? ether : 400 * ether);
    add_pending(
        inputs, i / 3,
        {up ? std::vector<std::uint32_t>{0, 1} : std::vector<std::uint32_t>{1, 0, 2}, in, 1}, i);
  }
  for (std::uint64_t i = 0; i < 120; i += 5) add_mined(inputs, i / 3, i);
  return inputs;
}

}  // namespace

TEST_CASE("what is in a block is not looked behind") {
  auto inputs = with_call(large_sale);
  add_pending(inputs, 0, large_sale, 2);
  add_mined(inputs, 0, 1);
  Scene scene(std::move(inputs), "max_hops = 2\n");
  const auto found = scene.find();
  REQUIRE(found.size() == 1);
  CHECK(backrun_of(found.front().opportunity).pending == 2);
}

TEST_CASE("back-runs are planned in a dry run, and a replay is the same to the byte") {
  TemporaryFolder folder;
  const auto recording = folder.path() / "market.gantry";
  write_inputs(recording, busy_inputs());
  std::string first;
  for (const int threads : {1, 2, 4}) {
    ConfigurationTexts with = texts();
    with.gantry += "[street]\nthreads = " + std::to_string(threads) + "\n";
    const auto configuration = configure(folder.path(), with);
    StreetOptions options;
    options.recording = recording;
    options.record_to = folder.path() / "again.gantry";
    const auto report = run_market(configuration, options);
    CHECK(report.opportunities > 30);
    CHECK(report.approved > 0);
    REQUIRE(report.plan);
    const std::string text = report_text(report);
    if (first.empty()) first = text;
    CHECK(text == first);
    StreetOptions replay;
    replay.recording = options.record_to;
    const auto again = run_market(configuration, replay);
    CHECK(again.opportunities == report.opportunities);
    CHECK(again.approved == report.approved);
    std::filesystem::remove(options.record_to);
  }
}

TEST_CASE("a back-run in a process of its own finds the same") {
  if (sanitized) return;
  TemporaryFolder folder;
  const auto recording = folder.path() / "market.gantry";
  write_inputs(recording, busy_inputs());
  StreetOptions options;
  options.recording = recording;
  const auto run = [&](const std::string& isolation) {
    const auto configuration = configure(folder.path(), texts(isolation));
    Plugins plugins = make_plugins(configuration, folder.path() / "store", {},
                                   {GANTRY_PROGRAM, [](const PutAway&) {}});
    REQUIRE((plugins.strategies.at(0)->isolated != nullptr) == !isolation.empty());
    auto report = Street(configuration, std::move(plugins), options).run();
    REQUIRE(report);
    return report_text(*report);
  };
  CHECK(run("isolation = \"process\"\n") == run(""));
}
