// The strategy on real venues, with prices from outside as a recording holds them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "host/market/after_pending.hpp"
#include "host/market/outside_prices.hpp"
#include "host/street/strategy_runner.hpp"
#include "support/pending_market.hpp"
#include "support/sanitized.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

const Integer ether = thousandths(1000);
// 400 T1 for a WETH.
const std::vector<SmallPool> one_pool = {{0, 1, 1'000'000, 400'000'000}};
constexpr std::uint64_t first_ms = 1'600'000'000'500;

ConfigurationTexts texts(const std::string& parameters = {}) {
  ConfigurationTexts out;
  out.gantry = "[risk]\nmin_confidence = 0\nmin_profit_usd = 0\nmax_composite = 1\n";
  out.dex = pending_dex_toml();
  out.strategies = "[strategies.latency]\nmin_profit_bps = 0\n" + parameters;
  return out;
}

// One WETH in T1.
void add_price(std::vector<BlockInput>& inputs, std::size_t block, double bid, double ask,
               std::uint64_t time_ms = first_ms) {
  const auto& tokens = inputs[0].tokens;
  const OutsidePrice price{tokens[0].address, tokens[1].address, bid, ask, time_ms, "a test's"};
  inputs.at(block).events.push_back({MarketEventKind::price, 0, 0, {}, encode(price)});
}
void set_clock(std::vector<BlockInput>& inputs, std::size_t block, std::uint64_t time_ms) {
  inputs.at(block).events.push_back({MarketEventKind::clock, time_ms, 0, {}});
}

struct Scene {
  explicit Scene(std::vector<BlockInput> inputs, const std::string& parameters = {})
      : market(std::move(inputs), texts(parameters)) {
    changes.add(*market.snapshot);
    runner = std::make_unique<StrategyRunner>(instance(), changes, history, RunnerOptions{});
    runner->subscribe(*market.snapshot);
  }
  const std::shared_ptr<StrategyInstance>& instance() const {
    return market.plugins.strategies.at(0);
  }
  void advance() {
    market.advance();
    changes.add(*market.snapshot);
  }
  std::vector<Ranked> find() {
    auto batch = runner->run({market.snapshot, 0, {}, 0}, false);
    CHECK(instance()->health().strikes() == 0);
    return batch.ranked;
  }

  AppliedMarket market;
  ChangeLog changes;
  History history;
  std::unique_ptr<StrategyRunner> runner;
};

std::vector<BlockInput> with_price(double bid, double ask, std::uint64_t time_ms = first_ms,
                                   std::uint64_t clock_ms = first_ms) {
  auto inputs = pending_inputs(2, one_pool, {});
  set_clock(inputs, 0, clock_ms);
  add_price(inputs, 0, bid, ask, time_ms);
  return inputs;
}

}  // namespace

TEST_CASE("no price, and a price that the pool has followed, give no trade") {
  CHECK(Scene(pending_inputs(2, one_pool, {})).find().empty());
  CHECK(Scene(with_price(399.9, 400.1)).find().empty());
  // Out of line by less than the pool's fee.
  CHECK(Scene(with_price(400.8, 401)).find().empty());
  // By more, and by less than is wanted.
  CHECK(Scene(with_price(404, 404.5), "min_price_deviation_bps = 100\n").find().empty());
  CHECK(Scene(pending_inputs(2, {}, {})).find().empty());
}

TEST_CASE("a price beside no pool, or an empty one, gives no trade") {
  for (const std::vector<SmallPool>& pools : {std::vector<SmallPool>{}, {{0, 1, 0, 0}}}) {
    auto inputs = pending_inputs(2, pools, {});
    set_clock(inputs, 0, first_ms);
    add_price(inputs, 0, 410, 420, first_ms);
    CHECK(Scene(std::move(inputs)).find().empty());
  }
}

TEST_CASE("a pool that is behind a price is bought from up to that price, and no further") {
  const auto found = Scene(with_price(420, 420.5)).find();
  REQUIRE(found.size() == 1);
  const gantry_opportunity& o = found.front().opportunity;
  CHECK(o.kind == GANTRY_OPPORTUNITY_POSITION);
  REQUIRE(o.leg_count == 1);
  CHECK(o.token_in == 1);
  CHECK(o.token_out == 0);
  CHECK(o.valid_until_block == o.block + 1);
  const Integer in = big(o.amount_in);
  CHECK(big(o.amount_out) == pair_pays(in, 400'000 * ether, 1'000 * ether));
  // sqrt(reserves * price * (1 - fee)) less the reserve, over 1 - fee: where the margin is the bid.
  const double best = (std::sqrt(400'000.0 * 1'000.0 * 420 * 0.997) - 400'000.0) / 0.997;
  const double whole = in.convert_to<double>() / 1e18;
  CHECK(whole == Approx(best).epsilon(1e-6));
  CHECK(o.expected_profit_bps > 0);
  CHECK(o.confidence > 0);
  CHECK(o.confidence < 1);
  CHECK(o.flags == GANTRY_OPPORTUNITY_SIMULATE_ONLY);
  const auto traded = Scene(with_price(420, 420.5), "simulate_only = false\n").find();
  REQUIRE(traded.size() == 1);
  CHECK(traded.front().opportunity.flags == 0);
}

TEST_CASE("a pool that a pending swap will push away from a price is measured as that leaves it") {
  // 50 WETH into a pool of 1,000, at a price that the pool has followed.
  const RouterCall sale{{0, 1}, 50 * ether, 18'000 * ether};
  const auto inputs = [&](double bid, double ask, std::uint64_t time_ms) {
    auto out = with_price(bid, ask, time_ms);
    add_pending(out, 0, sale, 1);
    return out;
  };
  const std::string on = "behind_pending = true\n";
  CHECK(Scene(inputs(399.9, 400.1, first_ms)).find().empty());
  // Without a swap that waits it is as if it were off.
  CHECK(Scene(with_price(399.9, 400.1), on).find().empty());
  CHECK(Scene(inputs(399.9, 400.1, first_ms - 501), on).find().empty());
  // The pool sells for 362.86 and its fee then, which is 9.88 % below the bid.
  const auto at_least = [&](int bps) {
    const std::string wanted = "min_price_deviation_bps = " + std::to_string(bps) + "\n";
    return Scene(inputs(399.9, 400.1, first_ms), on + wanted).find().size();
  };
  CHECK(at_least(980) == 1);
  CHECK(at_least(1000) == 0);
  for (const char* also : {"", "simulate_only = false\n"}) {
    Scene scene(inputs(399.9, 400.1, first_ms), on + also);
    const auto found = scene.find();
    REQUIRE(found.size() == 1);
    const gantry_opportunity& o = found.front().opportunity;
    CHECK(o.kind == GANTRY_OPPORTUNITY_BACKRUN);
    CHECK(o.flags == GANTRY_OPPORTUNITY_SIMULATE_ONLY);
    CHECK(o.valid_until_block == o.block + 1);
    CHECK(backrun_of(o).pending == 1);
    CHECK(backrun_of(o).legs_before == 0);
    REQUIRE(o.leg_count == 1);
    CHECK(o.token_in == 1);
    CHECK(o.token_out == 0);
    // By the contract's own formula, on the reserves that the sale leaves.
    const Integer sold = pair_pays(50 * ether, 1'000 * ether, 400'000 * ether);
    const Integer in = big(o.amount_in);
    CHECK(big(o.amount_out) == pair_pays(in, 400'000 * ether - sold, 1'050 * ether));
    const double dollars = (400'000 * ether - sold).convert_to<double>() / 1e18;
    const double best = (std::sqrt(dollars * 1'050.0 * 399.9 * 0.997) - dollars) / 0.997;
    CHECK(in.convert_to<double>() / 1e18 == Approx(best).epsilon(1e-6));
    // As the pool is now it would lose.
    CHECK(pair_pays(in, 400'000 * ether, 1'000 * ether).convert_to<double>() * 399.9 <
          in.convert_to<double>());
    CHECK(scene.find().empty());  // once
  }
  // What is in a block, or would fail, is not looked behind.
  auto mined = inputs(399.9, 400.1, first_ms);
  add_mined(mined, 0, 1);
  CHECK(Scene(std::move(mined), on).find().empty());
  auto failing = with_price(399.9, 400.1);
  add_pending(failing, 0, {{0, 1}, 50 * ether, 19'000 * ether}, 1);
  CHECK(Scene(std::move(failing), on).find().empty());
}

TEST_CASE("a pool that pays more than a price is sold to") {
  const auto found = Scene(with_price(379.5, 380)).find();
  REQUIRE(found.size() == 1);
  const gantry_opportunity& o = found.front().opportunity;
  CHECK(o.token_in == 0);
  CHECK(o.token_out == 1);
  const double best = (std::sqrt(1'000.0 * 400'000.0 / 380 * 0.997) - 1'000.0) / 0.997;
  CHECK(big(o.amount_in).convert_to<double>() / 1e18 == Approx(best).epsilon(1e-6));
}

TEST_CASE("a price that is too old, or of a time that has not come, is not traded against") {
  CHECK(Scene(with_price(420, 421, first_ms, first_ms + 500)).find().size() == 1);
  CHECK(Scene(with_price(420, 421, first_ms, first_ms + 501)).find().empty());
  CHECK(Scene(with_price(420, 421, first_ms, first_ms + 501), "max_age_ms = 501\n").find().size() ==
        1);
  CHECK(Scene(with_price(420, 421, first_ms + 501, first_ms)).find().empty());
  // Where the host's clock was not recorded, the chain's second stands for it.
  auto inputs = pending_inputs(2, one_pool, {});
  add_price(inputs, 0, 420, 421, first_ms);
  CHECK(Scene(inputs).find().size() == 1);
  inputs[0].events.clear();
  add_price(inputs, 0, 420, 421, first_ms + 1);
  CHECK(Scene(inputs).find().empty());
}

TEST_CASE("a trade holds for as many blocks as its urgency says") {
  const auto holds = [](const std::string& urgency) {
    const auto found =
        Scene(with_price(420, 421), "execution_urgency = \"" + urgency + "\"\n").find();
    REQUIRE(found.size() == 1);
    return found.front().opportunity.valid_until_block - found.front().opportunity.block;
  };
  CHECK(holds("critical") == 1);
  CHECK(holds("high") == 2);
  CHECK(holds("normal") == 3);
  CHECK_THROWS(Scene(pending_inputs(2, one_pool, {}), "execution_urgency = \"soon\"\n"));
}

TEST_CASE("between two blocks the market is as it was, and prices are heard of") {
  auto inputs = pending_inputs(2, one_pool, {{}, {{0, 1'000'000, 420'000'000}}});
  inputs[1].block = inputs[0].block;
  inputs[1].events.push_back({MarketEventKind::between, 0, 0, {}});
  set_clock(inputs, 1, first_ms + 100);
  add_price(inputs, 1, 420, 420.5, first_ms + 100);
  set_clock(inputs, 2, first_ms + 200);
  Scene scene(std::move(inputs));
  CHECK(scene.find().empty());
  const auto before = scene.market.snapshot;
  scene.advance();
  CHECK(scene.market.snapshot->id == before->id + 1);
  CHECK(scene.market.snapshot->between);
  CHECK(scene.market.snapshot->changed.empty());
  CHECK_FALSE(scene.market.snapshot->cold);
  CHECK(scene.market.snapshot->context.state_block == before->context.state_block);
  CHECK(scene.market.view.market()->time_ms == first_ms + 100);
  CHECK(scene.find().size() == 1);
  // The pool follows.
  scene.advance();
  CHECK_FALSE(scene.market.snapshot->between);
  gantry_pool_view view{};
  std::array<gantry_amount, 2> has{};
  view = {0, 2, has.data()};
  REQUIRE(scene.market.view.view(0, view) == GANTRY_OK);
  CHECK(big(has[1]) == 420'000 * ether);
  CHECK(scene.find().empty());
}

TEST_CASE("what came between blocks with a block's facts, or before any block, is refused") {
  auto inputs = pending_inputs(2, one_pool, {{{0, 1'000'000, 420'000'000}}});
  inputs[1].events.push_back({MarketEventKind::between, 0, 0, {}});
  AppliedMarket market(inputs, texts());
  CHECK_THROWS_WITH(market.advance(), Catch::Contains("between two blocks"));
  inputs[0].events.push_back({MarketEventKind::between, 0, 0, {}});
  CHECK_THROWS(AppliedMarket(inputs, texts()));
}

TEST_CASE("a price that cannot be is not decoded") {
  const auto inputs = pending_inputs(2, one_pool, {});
  const OutsidePrice good{
      inputs[0].tokens[0].address, inputs[0].tokens[1].address, 1, 2, 3, "source"};
  const auto decoded = decode_price(encode(good));
  REQUIRE(decoded);
  CHECK(decoded->bid == 1);
  CHECK(decoded->ask == 2);
  CHECK(decoded->time_ms == 3);
  CHECK(decoded->source == "source");
  const auto refused = [&](auto change) {
    OutsidePrice bad = good;
    change(bad);
    CHECK_FALSE(decode_price(encode(bad)));
  };
  refused([](OutsidePrice& p) { p.bid = 0; });
  refused([](OutsidePrice& p) { p.bid = -1; });
  refused([](OutsidePrice& p) { p.bid = std::nan(""); });
  refused([](OutsidePrice& p) { p.ask = std::numeric_limits<double>::infinity(); });
  refused([](OutsidePrice& p) { p.ask = 0.5; });
  refused([](OutsidePrice& p) { p.quote = p.token; });
  refused([](OutsidePrice& p) { p.time_ms = 0; });
  refused([](OutsidePrice& p) { p.source = ""; });
  refused([](OutsidePrice& p) { p.source = "a\nb"; });
  auto bytes = encode(good);
  bytes.pop_back();
  CHECK_FALSE(decode_price(bytes));
  bytes.resize(bytes.size() + 2);
  CHECK_FALSE(decode_price(bytes));
}

TEST_CASE("prices are replayed to the byte, in process and in a process of its own") {
  TemporaryFolder folder;
  const auto recording = folder.path() / "market.gantry";
  auto inputs = pending_inputs(2, one_pool, std::vector<std::vector<SmallUpdate>>(20));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::uint64_t now = (1'600'000'000 + 13 * i) * 1000;
    set_clock(inputs, i, now);
    add_price(inputs, i, 410 + static_cast<double>(i % 5), 420, now - 50 * (i % 4));
  }
  write_inputs(recording, inputs);
  const auto run = [&](const std::string& isolation) {
    const auto configuration = configure(folder.path(), texts(isolation));
    Plugins plugins = make_plugins(configuration, folder.path() / "store", {},
                                   {GANTRY_PROGRAM, [](const PutAway&) {}});
    StreetOptions options;
    options.recording = recording;
    auto report = Street(configuration, std::move(plugins), options).run();
    REQUIRE(report);
    CHECK(report->opportunities == 21);
    CHECK(report->approved == 0);
    REQUIRE_FALSE(report->best.empty());
    CHECK(report->best.front().refusal.reason == RefusalReason::simulate_only);
    return report_text(*report);
  };
  const std::string in_process = run("");
  if (!sanitized) CHECK(run("isolation = \"process\"\n") == in_process);
}
