// The strategy as the host meets it: through the C table. The statistics that decide are computed
// here again, from the prices, in long double and by other formulas.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "gantry/u256_convert.hpp"
#include "plugins/statistical/price_market.hpp"
#include "plugins/triangular/allocation_count.hpp"

using gantry::u256;
using namespace price_market;

namespace {

constexpr std::uint64_t step_s = 300;
constexpr std::uint64_t start_s = 7200ULL * 222'225;  // pairs are found anew two hours later
constexpr std::size_t formed_at = 24;                 // the step of that
constexpr std::size_t window_steps = 24;

// Two hours of lookback, by steps of five minutes.
Trader::Options short_options() {
  Trader::Options options;
  options.integers = {{"lookback_hours", 2}, {"rebalance_interval_hours", 2}, {"min_samples", 10}};
  return options;
}

struct Moments {
  long double mean = 0, deviation = 0, correlation = 0, share = 0;
};

long double sample_variance(long double sum, long double squares, long double n) {
  return (squares - sum * sum / n) / (n - 1);
}

Moments moments_of(const std::vector<std::vector<double>>& prices, std::size_t first,
                   std::size_t last, std::size_t one = 0, std::size_t other = 1) {
  long double s = 0, ss = 0, a = 0, aa = 0, b = 0, bb = 0, ab = 0;
  for (std::size_t i = first; i <= last; ++i) {
    const long double spread =
        std::log(static_cast<long double>(prices[i][one]) / prices[i][other]);
    s += spread;
    ss += spread * spread;
    if (i == first) continue;
    const long double ra = std::log(static_cast<long double>(prices[i][one]) / prices[i - 1][one]);
    const long double rb =
        std::log(static_cast<long double>(prices[i][other]) / prices[i - 1][other]);
    a += ra;
    aa += ra * ra;
    b += rb;
    bb += rb * rb;
    ab += ra * rb;
  }
  const auto n = static_cast<long double>(last - first + 1);
  const long double va = sample_variance(a, aa, n - 1);
  const long double vb = sample_variance(b, bb, n - 1);
  return {s / n, std::sqrt(sample_variance(s, ss, n)),
          (ab - a * b / (n - 1)) / (n - 2) / std::sqrt(va * vb), va / (va + vb)};
}

// Tokens that rise and fall together by up to 5 % a step, and apart by 2 %.
std::vector<double> usual_prices(std::size_t step) {
  std::uint64_t seed = 12345;
  double common = 0;
  for (std::size_t i = 0; i <= step; ++i) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    common += (static_cast<double>(seed >> 40U) / 16777216.0 - 0.5) * 0.2;
  }
  const double apart = 0.02 * std::sin(static_cast<double>(step) * 0.7853981633974483);
  return {0.05 * std::exp(common + apart), 2.5 * std::exp(common - apart)};
}

struct Scene {
  explicit Scene(const Trader::Options& options = short_options(), double depth_ether = 1000)
      : market(2, depth_ether), trader(options) {}

  const std::vector<gantry_opportunity>& step(const std::vector<double>& now) {
    prices.push_back(now);
    snapshot = market.at(time_s(), now);
    return trader.look(market, snapshot);
  }
  std::uint64_t time_s() const { return start_s + (prices.size() - 1) * step_s; }
  // Up to the step in which pairs are found.
  Scene& warm() {
    while (prices.size() <= formed_at) {
      if (!step(usual_prices(prices.size())).empty()) throw std::runtime_error("a trade too early");
    }
    moments = moments_of(prices, formed_at - window_steps + 1, formed_at);
    return *this;
  }
  // The prices at which the first token stands so many deviations above the mean.
  std::vector<double> at_z(long double z) const {
    const double other = prices.back()[1];
    return {static_cast<double>(other * std::exp(moments.mean + z * moments.deviation)), other};
  }
  const gantry_opportunity& bought() {
    if (step(at_z(-3)).size() != 1) throw std::runtime_error("nothing was bought");
    const gantry_opportunity& o = trader.found[0];
    market.fill(o, time_s());
    return o;
  }

  PriceMarket market;
  Trader trader;
  std::vector<std::vector<double>> prices;
  const gantry_market* snapshot = nullptr;
  Moments moments;
};

constexpr long double hair = 1e-9L;

bool refuses(const Trader::Options& options, const std::string& part) {
  try {
    const Trader trader(options);
  } catch (const std::runtime_error& error) {
    return std::string(error.what()).find(part) != std::string::npos;
  }
  return false;
}

}  // namespace

TEST_CASE("the token that has fallen behind is bought at the threshold, and not before") {
  Scene scene;
  scene.warm();
  CHECK(scene.moments.correlation > 0.7L);
  SECTION("the first") {
    CHECK(scene.step(scene.at_z(-2.5L + hair)).empty());
    REQUIRE(scene.step(scene.at_z(-2.5L - hair)).size() == 1);
    CHECK(scene.trader.found[0].token_out == 1);
  }
  SECTION("the second, when the first has run ahead") {
    CHECK(scene.step(scene.at_z(2.5L - hair)).empty());
    REQUIRE(scene.step(scene.at_z(2.5L + hair)).size() == 1);
    CHECK(scene.trader.found[0].token_out == 2);
  }
  SECTION("not beyond the stop, nor on its way back from there") {
    CHECK(scene.step(scene.at_z(-4 - hair)).empty());
    CHECK(scene.step(scene.at_z(-3)).empty());
    CHECK(scene.step(scene.at_z(-0.5L - hair)).empty());
    CHECK(scene.step(scene.at_z(-3)).empty());
    CHECK(scene.step(scene.at_z(-0.5L + hair)).empty());
    CHECK(scene.step(scene.at_z(-3)).size() == 1);
  }
}

TEST_CASE("a purchase is exact, and says what the formulas of the manual say") {
  Scene scene;
  scene.market.context.gas_price = u256(50'000'000'000ULL);
  scene.warm();
  REQUIRE(scene.step(scene.at_z(-3)).size() == 1);
  const gantry_opportunity o = scene.trader.found[0];
  CHECK(o.kind == GANTRY_OPPORTUNITY_POSITION);
  CHECK(o.token_in == 0);
  CHECK(o.leg_count == 1);
  CHECK(o.block == scene.market.context.state_block);
  CHECK(o.valid_until_block == o.block + 1);
  const u256 one_ether(1'000'000'000'000'000'000ULL);
  CHECK(u256(o.amount_in) == one_ether);
  const u256 bought = scene.market.paid(0, 1, one_ether);
  CHECK(u256(o.amount_out) == bought);
  CHECK(u256(o.legs[0].amount_out) == bought);
  CHECK(o.key >> 32U != 0xffffffffU);
  CHECK(scene.trader.validate(scene.snapshot, o) == GANTRY_OK);

  const long double back = gantry::to_double(scene.market.paid(1, 0, bought)) / 1e18L;
  const long double move = std::exp((3 - 0.5L) * scene.moments.deviation * scene.moments.share);
  const long double gas = 2 * (100'000 + 60'000) * 50e-9L;
  const long double profit_bps = (back * move - 1 - gas) * 10'000;
  CHECK(o.expected_profit_bps == Approx(static_cast<double>(profit_bps)).epsilon(1e-9));
  const long double depth = 1000 / 1010.0L;
  CHECK(o.confidence == Approx(static_cast<double>(depth * scene.moments.correlation)));
  CHECK(o.risk_score == Approx(static_cast<double>(1 - depth * (1 - 1 / 1000.0L) * (1 / 3.5L))));

  // What it is expected to leave decides.
  for (const int more : {0, 1}) {
    Trader::Options options = short_options();
    options.integers["min_profit_bps"] = static_cast<std::int64_t>(profit_bps) + more;
    Scene other(options);
    other.market.context.gas_price = u256(50'000'000'000ULL);
    other.warm();
    CHECK(other.step(other.at_z(-3)).size() == (more == 0 ? 1 : 0));
    CHECK(other.trader.counted("entries_that_do_not_pay") == (more == 0 ? 0 : 1));
  }
}

TEST_CASE("a pair is one at its correlation, and none above it") {
  const auto known = Scene().warm().moments.correlation;
  for (const long double off : {-hair, hair}) {
    Trader::Options options = short_options();
    options.numbers["correlation_threshold"] = static_cast<double>(known + off);
    Scene scene(options);
    scene.warm();
    CHECK(scene.step(scene.at_z(-3)).size() == (off < 0 ? 1 : 0));
  }
}

TEST_CASE("what is held is sold when the pair is back, and not before") {
  Scene scene;
  scene.warm();
  const gantry_opportunity bought = scene.bought();
  CHECK(scene.step(scene.at_z(-0.5L - hair)).empty());
  REQUIRE(scene.step(scene.at_z(-0.5L + hair)).size() == 1);
  const gantry_opportunity sold = scene.trader.found[0];
  CHECK(sold.token_in == 1);
  CHECK(sold.token_out == 0);
  CHECK(u256(sold.amount_in) == u256(bought.amount_out));
  CHECK(u256(sold.amount_out) == scene.market.paid(1, 0, u256(bought.amount_out)));
  CHECK(sold.confidence == 1);
  CHECK(sold.risk_score == 0);
  const double gained = gantry::to_double(u256(sold.amount_out)) / 1e18 - 1;
  CHECK(sold.expected_profit_bps == Approx(gained * 1e4));
  CHECK(scene.trader.validate(scene.snapshot, sold) == GANTRY_OK);
  CHECK(scene.trader.counted("sold_at_exit") == 1);
}

TEST_CASE(
    "what falls further behind is sold at the stop, at a loss, and not bought again at once") {
  Scene scene;
  scene.warm();
  scene.bought();
  CHECK(scene.step(scene.at_z(-4 + hair)).empty());
  REQUIRE(scene.step(scene.at_z(-4 - hair)).size() == 1);
  CHECK(scene.trader.found[0].token_in == 1);
  CHECK(scene.trader.found[0].expected_profit_bps < 0);
  CHECK(scene.trader.counted("sold_at_stop") == 1);
  scene.market.fill(scene.trader.found[0], scene.time_s());
  CHECK(scene.step(scene.at_z(-3)).empty());
}

TEST_CASE("what has no pair when they are found anew is sold, then and not before") {
  Scene scene;
  scene.warm();
  scene.bought();
  // By the pair as it was found it stays between exit and stop, but one rises when the other falls.
  const auto middle = scene.at_z(-2.2L);
  for (std::size_t i = scene.prices.size(); i < formed_at + window_steps; ++i) {
    const double move = i % 2 == 0 ? 1.015 : 1 / 1.015;
    CHECK(scene.step({middle[0] * move, middle[1] / move}).empty());
  }
  REQUIRE(scene.step(middle).size() == 1);
  CHECK(scene.trader.found[0].token_in == 1);
  CHECK(scene.trader.counted("sold_for_no_partner") == 1);
  CHECK(scene.trader.counted("rebalances") == 3);
}

TEST_CASE("what is held too long is sold, whether prices are known or not") {
  for (const bool known : {true, false}) {
    Trader::Options options = short_options();
    options.integers["max_holding_hours"] = 1;
    Scene scene(options);
    scene.warm();
    scene.bought();
    const std::uint64_t since_s = scene.time_s();
    if (!known) scene.market.keeps_history = false;
    while (scene.time_s() + step_s < since_s + 3600) CHECK(scene.step(scene.at_z(-2)).empty());
    CHECK(scene.step(scene.at_z(-2)).size() == 1);
    CHECK(scene.trader.counted("sold_for_age") == 1);
  }
}

TEST_CASE("a trade is not made again while it is under way") {
  Scene scene;
  scene.warm();
  REQUIRE(scene.step(scene.at_z(-3)).size() == 1);
  const gantry_opportunity o = scene.trader.found[0];
  SECTION("it is refused, and tried again") {
    CHECK(scene.step(scene.at_z(-3)).empty());
    scene.trader.hear(o.key, GANTRY_RESULT_REFUSED);
    CHECK(scene.step(scene.at_z(-3)).size() == 1);
  }
  SECTION("it failed, and is tried again") {
    scene.trader.hear(o.key, GANTRY_RESULT_PLANNED);
    scene.trader.hear(o.key, GANTRY_RESULT_FAILED);
    CHECK(scene.step(scene.at_z(-3)).size() == 1);
  }
  SECTION("nothing is heard of it") {
    for (int i = 0; i < 16; ++i) CHECK(scene.step(scene.at_z(-3)).empty());
    CHECK(scene.step(scene.at_z(-3)).size() == 1);
    CHECK(scene.trader.counted("trades_never_heard_of") == 1);
  }
  SECTION("it is planned, and heard of much later") {
    for (int i = 0; i < 10; ++i) CHECK(scene.step(scene.at_z(-3)).empty());
    scene.trader.hear(o.key, GANTRY_RESULT_PLANNED);
    for (int i = 0; i < 10; ++i) CHECK(scene.step(scene.at_z(-3)).empty());
    scene.trader.hear(o.key, GANTRY_RESULT_FILLED);
    scene.market.fill(o, scene.time_s());
    CHECK(scene.step(scene.at_z(-3)).empty());
    REQUIRE(scene.step(scene.at_z(0)).size() == 1);
    CHECK(scene.step(scene.at_z(0)).empty());  // nor is its sale
    scene.trader.hear(scene.trader.found.empty() ? 1ULL << 32U : 0, GANTRY_RESULT_REFUSED);
    CHECK(scene.step(scene.at_z(0)).size() == 1);
  }
  SECTION("the host closes it itself") {
    scene.market.fill(o, scene.time_s());
    CHECK(scene.step(scene.at_z(-3)).empty());
    scene.trader.hear(0xffffffff00000001ULL, GANTRY_RESULT_PLANNED);
    CHECK(scene.step(scene.at_z(0)).empty());
    scene.market.positions.clear();
    CHECK(scene.step(scene.at_z(-3)).size() == 1);
  }
}

TEST_CASE("after a restart what is held is known from the host, and sold as it would have been") {
  Scene scene;
  scene.warm();
  scene.bought();
  const auto behind = static_cast<double>(std::exp(-2 * scene.moments.deviation));
  while (scene.prices.size() < formed_at + window_steps) {
    const auto prices = usual_prices(scene.prices.size());
    CHECK(scene.step({prices[0] * behind, prices[1]}).empty());
  }
  // It begins where pairs are found anew, with a host that has kept the prices.
  Trader restarted(short_options());
  CHECK(scene.step(scene.at_z(-3.3L)).empty());
  CHECK(restarted.look(scene.market, scene.snapshot).empty());
  const std::size_t last = scene.prices.size() - 1;
  scene.moments = moments_of(scene.prices, last - window_steps + 1, last);
  CHECK(scene.step(scene.at_z(-0.5L - hair)).empty());
  CHECK(restarted.look(scene.market, scene.snapshot).empty());
  REQUIRE(scene.step(scene.at_z(-0.5L + hair)).size() == 1);
  REQUIRE(restarted.look(scene.market, scene.snapshot).size() == 1);
  CHECK(restarted.found[0].token_in == 1);
  CHECK(std::memcmp(scene.trader.found.data(), restarted.found.data(),
                    sizeof(gantry_opportunity)) == 0);
}

TEST_CASE("no more than max_positions are open, those under way counted") {
  Trader::Options options = short_options();
  options.integers["max_positions"] = 1;
  Scene scene(options);
  scene.warm();
  scene.market.positions.push_back({0, 9, u256(5), u256(5), start_s, 0});
  // Token 9 is not known here: it is offered to nobody, and takes a place.
  CHECK(scene.step(scene.at_z(-3)).empty());
  CHECK(scene.trader.counted("entries_beyond_max_positions") == 1);
  CHECK(scene.trader.counted("positions_without_a_buyer") == 1);
  scene.market.positions.clear();
  CHECK(scene.step(scene.at_z(-3)).size() == 1);
  CHECK(scene.step(scene.at_z(3)).empty());
  CHECK(scene.trader.counted("entries_beyond_max_positions") == 2);
}

TEST_CASE("nothing is traded without word of what is held") {
  Trader::Options without = short_options();
  without.has_positions = false;
  Scene blind(without);
  blind.warm();
  CHECK(blind.step(blind.at_z(-3)).empty());
  REQUIRE(blind.trader.warnings.size() == 1);
  CHECK(blind.trader.warnings[0] == "this host does not tell what is held: nothing will be bought");
  Scene scene;
  scene.warm();
  scene.market.positions_known = GANTRY_REFUSED;
  CHECK(scene.step(scene.at_z(-3)).empty());
  scene.market.positions_known = GANTRY_OK;
  CHECK(scene.step(scene.at_z(-3)).size() == 1);
}

TEST_CASE("a fair market, whose prices part by less than it costs to trade, finds nothing") {
  Scene scene;
  for (std::size_t i = 0; i < 1000; ++i) {
    auto prices = usual_prices(i % 200);
    const double noise = std::sin(static_cast<double>(i * i)) * 0.0005;
    prices[1] = prices[0] * 50 * std::exp(noise);
    CHECK(scene.step(prices).empty());
  }
  CHECK(scene.trader.counted("rebalances") >= 40);
  CHECK(scene.trader.counted("tokens_with_a_partner") >= 80);
}

TEST_CASE("markets that have no pair find nothing") {
  SECTION("no pool") {
    PriceMarket market(0);
    Trader trader(short_options());
    CHECK(trader.look(market, market.at(start_s, {})).empty());
    CHECK(trader.warnings.empty());
  }
  SECTION("one pool") {
    PriceMarket market(1);
    Trader trader(short_options());
    for (std::size_t i = 0; i < 100; ++i) {
      CHECK(trader.look(market, market.at(start_s + i * step_s, {usual_prices(i)[0]})).empty());
    }
    CHECK(trader.counted("rebalances") == 0);
  }
  SECTION("prices that stand still") {
    Scene scene;
    for (std::size_t i = 0; i < 100; ++i) CHECK(scene.step({0.1, 2.5}).empty());
    CHECK(scene.trader.counted("rebalances") > 0);
    CHECK(scene.trader.counted("tokens_with_a_partner") == 0);
    CHECK(scene.step({0.05, 2.5}).empty());
  }
  SECTION("a base that is not there") {
    Trader::Options options = short_options();
    options.base = "0x00000000000000000000000000000000000000ff";
    Scene scene(options);
    scene.warm();
    REQUIRE(scene.trader.warnings.size() == 1);
    CHECK(scene.step(scene.at_z(-3)).empty());
  }
}

TEST_CASE("without history enough nothing is bought") {
  SECTION("the host keeps none") {
    Scene scene;
    scene.market.keeps_history = false;
    scene.warm();
    CHECK(scene.step(scene.at_z(-3)).empty());
  }
  SECTION("the host refuses the series") {
    Scene scene;
    scene.market.subscription = GANTRY_REFUSED;
    scene.warm();
    CHECK(scene.step(scene.at_z(-3)).empty());
    CHECK(scene.trader.counted("series_refused") == 2);
  }
  SECTION("too few samples, though they reach back") {
    Scene scene;
    for (std::size_t i = 0; i < 9; ++i) {
      const auto prices = usual_prices(i * 3);
      (void)scene.trader.look(scene.market, scene.market.at(start_s + i * 900, prices));
      CHECK(scene.trader.found.empty());
    }
    CHECK(scene.trader.counted("rebalances") == 0);
  }
  SECTION("many samples that do not reach back") {
    Scene scene;
    for (std::size_t i = 0; i < 3000; ++i) {
      (void)scene.trader.look(scene.market, scene.market.at(start_s + i, usual_prices(i / 100)));
      CHECK(scene.trader.found.empty());
    }
    CHECK(scene.trader.counted("rebalances") == 0);
  }
  SECTION("a price that is gone") {
    Scene scene;
    scene.warm();
    scene.bought();
    auto prices = scene.at_z(-5);
    prices[1] = 0;  // of the other: z is not known
    CHECK(scene.step(prices).empty());
    prices[0] = 0;
    CHECK(scene.step(prices).empty());
  }
}

TEST_CASE("a clock that stands or goes back is survived") {
  Scene scene;
  SECTION("it stands") {
    for (std::size_t i = 0; i < 100; ++i) {
      CHECK(scene.trader.look(scene.market, scene.market.at(start_s, usual_prices(i))).empty());
    }
    CHECK(scene.trader.counted("rebalances") == 0);
  }
  SECTION("it goes back for a while: pairs are of what was until then") {
    scene.warm();
    const std::uint64_t rebalances = scene.trader.counted("rebalances");
    const auto* back = scene.market.at(scene.time_s() - 4 * step_s, scene.prices[formed_at - 4]);
    CHECK(scene.trader.look(scene.market, back).empty());
    CHECK(scene.trader.counted("clock_went_back") == 1);
    CHECK(scene.trader.counted("rebalances") == rebalances + 1);
  }
  SECTION("it goes back to where nothing was") {
    scene.warm();
    const auto* back = scene.market.at(1000, scene.at_z(-3));
    CHECK(scene.trader.look(scene.market, back).empty());
    CHECK(scene.trader.look(scene.market, scene.market.at(1001, scene.at_z(-3))).empty());
    CHECK(scene.trader.counted("clock_went_back") == 1);
  }
  SECTION("a position of the future is not old") {
    scene.warm();
    scene.bought();
    scene.market.positions[0].since_s = scene.time_s() + 1'000'000;
    CHECK(scene.step(scene.at_z(-3)).empty());
  }
}

TEST_CASE("sizes are within limits, and what does not pay within them is refused") {
  Scene scene;
  scene.warm();
  REQUIRE(scene.step(scene.at_z(-3)).size() == 1);
  const gantry_opportunity o = scene.trader.found[0];
  gantry_sizing_limits limits{u256(300'000'000'000'000'000ULL), 10'000, 0, u256(0), 0};
  gantry_opportunity sized{};
  REQUIRE(scene.trader.size(scene.snapshot, o, limits, sized) == GANTRY_OK);
  CHECK(u256(sized.amount_in) == u256(limits.amount_in_max));
  CHECK(u256(sized.amount_out) == scene.market.paid(0, 1, u256(sized.amount_in)));
  CHECK(sized.expected_profit_bps > o.expected_profit_bps);  // less impact
  limits = {u256::max(), 2, 0, u256(0), 0};
  REQUIRE(scene.trader.size(scene.snapshot, o, limits, sized) == GANTRY_OK);
  CHECK(u256(sized.amount_in) == u256(200'000'000'000'000'000ULL));
  limits = {u256(0), 10'000, 0, u256(0), 0};
  CHECK(scene.trader.size(scene.snapshot, o, limits, sized) == GANTRY_REFUSED);
  // Gas takes too much of a little.
  scene.market.context.gas_price = u256(50'000'000'000ULL);
  limits = {u256(1'000'000'000'000'000ULL), 10'000, 0, u256(0), 0};
  CHECK(scene.trader.size(scene.snapshot, o, limits, sized) == GANTRY_REFUSED);
  // What is sold is sold in parts where it must.
  scene.market.fill(o, scene.time_s());
  REQUIRE(scene.step(scene.at_z(-5)).size() == 1);
  const gantry_opportunity sale = scene.trader.found[0];
  limits = {u256(1000), 10'000, 0, u256(0), 0};
  REQUIRE(scene.trader.size(scene.snapshot, sale, limits, sized) == GANTRY_OK);
  CHECK(u256(sized.amount_in) == u256(1000));
  gantry_opportunity strange = o;
  strange.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
  CHECK(scene.trader.size(scene.snapshot, strange, limits, sized) == GANTRY_BAD_ARGUMENT);
}

TEST_CASE("parameters that do not fit together are refused in words") {
  Trader::Options options;
  options.numbers["exit_z_score"] = 2.5;
  CHECK(refuses(options, "each must be more than the one before"));
  options.numbers = {{"stop_z_score", 2.5}};
  CHECK(refuses(options, "each must be more than the one before"));
  options.numbers.clear();
  options.integers["lookback_hours"] = 9600;
  CHECK(refuses(options, "raise sample_minutes"));
  options.integers["sample_minutes"] = 1440;
  CHECK_FALSE(refuses(options, ""));
  options.integers = {{"lookback_hours", 1}};
  CHECK(refuses(options, "min_samples"));
  options.integers.clear();
  options.base = "WETH";
  CHECK(refuses(options, "base: 'WETH' is no address"));
  CHECK_FALSE(refuses(Trader::Options(), ""));
}

TEST_CASE("to find allocates nothing, and is the same each time") {
  Scene one;
  Scene two;
  one.warm();
  two.warm();
  for (const long double z : {-3.0L, -5.0L, 0.0L, -3.0L}) {
    one.step(one.at_z(z));
    two.step(two.at_z(z));
    REQUIRE(one.trader.found.size() == two.trader.found.size());
    for (std::size_t i = 0; i < one.trader.found.size(); ++i) {
      CHECK(std::memcmp(&one.trader.found[i], &two.trader.found[i], sizeof(gantry_opportunity)) ==
            0);
    }
  }
  one.prices.reserve(1000);
  std::uint64_t allocated = 0;
  for (std::size_t i = 0; i < 400; ++i) {
    one.prices.push_back(one.at_z(i % 3 == 0 ? -3 : 1));
    const auto* snapshot = one.market.at(one.time_s(), one.prices.back());
    const std::uint64_t before = allocation_count();
    (void)one.trader.look(one.market, snapshot);
    // Until then each counter has been there once, which is the test's own memory.
    if (i >= 200) allocated += allocation_count() - before;
  }
  CHECK(one.trader.counted("rebalances") >= 10);
  CHECK(allocated == 0);
}
