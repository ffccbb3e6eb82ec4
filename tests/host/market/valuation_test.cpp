// Valuation against numbers worked out in Boost.Multiprecision. Token 0 is WETH, token 1 a dollar
// that the operator names.
#include "host/market/valuation.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>
#include <sstream>

#include "host/base/text.hpp"
#include "support/applied_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

const Integer ether = Integer(1'000'000'000) * 1'000'000'000;

gantry_value value(const AppliedMarket& market, std::uint32_t token, const Integer& units,
                   ValueAs as = ValueAs::spot) {
  gantry_value out{};
  REQUIRE(value_of(*market.snapshot, token, amount(units), as, out) == GANTRY_OK);
  return out;
}

gantry_status status(const AppliedMarket& market, std::uint32_t token, const Integer& units = 1,
                     ValueAs as = ValueAs::spot) {
  gantry_value out{};
  return value_of(*market.snapshot, token, amount(units), as, out);
}

// Confidence of one step whose pool holds so many dollars on both sides together.
double trust(double dollars) { return dollars / (dollars + 10000); }

}  // namespace

namespace {

// Reserves that divide into nothing. Token 3 is two pools away from the coin, and token 4 leads to
// it through the dollar token's own pool.
struct OddMarket {
  Integer weth_1{"99999999999999999989"}, dollars{"39999999999999999999977"};
  Integer weth_2{"77777777777777777771"}, token_2{"12345678901234567890123"};
  Integer side_2{"54321098765432109876543"}, token_3{"7654321098765432109"};
  Integer side_1{"11111111111111111111111"}, token_4{"3333333333333333333331"};
  AppliedMarket market;

  explicit OddMarket(const ConfigurationTexts& texts = {}) : market(inputs(), texts) {}

  std::vector<BlockInput> inputs() const {
    auto blocks = market_inputs(5, {{0, 1, 1, 1}, {0, 2, 1, 1}, {2, 3, 1, 1}, {1, 4, 1, 1}}, {});
    set_reserves(blocks[0].facts[0], weth_1, dollars);
    set_reserves(blocks[0].facts[1], weth_2, token_2);
    set_reserves(blocks[0].facts[2], side_2, token_3);
    set_reserves(blocks[0].facts[3], side_1, token_4);
    return blocks;
  }
  Integer ether_usd_e6() const { return ether * dollars / weth_1 / 1'000'000'000'000; }
};

const Integer some_units[] = {0, 1, 999'999'999'989, Integer("123456789012345678901"),
                              Integer("98765432109876543210987")};

}  // namespace

TEST_CASE("a token is worth what each pool on its way pays at the spot price, rounded down") {
  const OddMarket odd;
  REQUIRE(odd.market.snapshot->ether_usd_e6 == odd.ether_usd_e6());
  for (const Integer& units : some_units) {
    const Integer by_2 = units * odd.weth_2 / odd.token_2;
    const Integer by_3 = units * odd.side_2 / odd.token_3 * odd.weth_2 / odd.token_2;
    const Integer by_4 = units * odd.side_1 / odd.token_4 * odd.weth_1 / odd.dollars;
    const std::pair<std::uint32_t, Integer> expected[] = {{2, by_2}, {3, by_3}, {4, by_4}};
    for (const auto& [token, wei] : expected) {
      CAPTURE(token);
      const auto worth = value(odd.market, token, units);
      CHECK(big(worth.ether_wei) == wei);
      CHECK(big(worth.usd_e6) == wei * odd.ether_usd_e6() / ether);
      CHECK(worth.status == GANTRY_OK);
      CHECK(worth.age_blocks == 0);
    }
    CHECK(value(odd.market, 2, units).source == 1);
  }
}

TEST_CASE("a sale is worth what the pairs on its way would pay one after another, fees included") {
  ConfigurationTexts other_fee;
  other_fee.dex = "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 0\nfee_bps = 125\n";
  for (const unsigned fee_bps : {30U, 125U}) {
    const OddMarket odd(fee_bps == 30 ? ConfigurationTexts() : other_fee);
    for (const Integer& units : some_units) {
      const Integer by_2 = pair_pays(units, odd.token_2, odd.weth_2, fee_bps);
      const Integer by_3 = pair_pays(pair_pays(units, odd.token_3, odd.side_2, fee_bps),
                                     odd.token_2, odd.weth_2, fee_bps);
      // Through the dollar token's pool, and not at one dollar.
      const Integer by_4 = pair_pays(pair_pays(units, odd.token_4, odd.side_1, fee_bps),
                                     odd.dollars, odd.weth_1, fee_bps);
      const std::pair<std::uint32_t, Integer> expected[] = {{2, by_2}, {3, by_3}, {4, by_4}};
      for (const auto& [token, wei] : expected) {
        CAPTURE(fee_bps, token);
        const auto sold = value(odd.market, token, units, ValueAs::sale);
        CHECK(big(sold.ether_wei) == wei);
        CHECK(big(sold.usd_e6) == wei * odd.ether_usd_e6() / ether);
        CHECK(sold.status == GANTRY_OK);
        CHECK(sold.age_blocks == 0);
        // What it is measured by is the same.
        const auto held = value(odd.market, token, units);
        CHECK(sold.source == held.source);
        CHECK(sold.confidence == held.confidence);
      }
    }
  }
}

TEST_CASE("a sale is never worth more than the spot price, and less once it can be told") {
  const OddMarket odd;
  for (std::uint32_t token = 0; token < 5; ++token) {
    for (Integer units = 1; units < ether * ether; units = units * 7 + 3) {
      const auto held = value(odd.market, token, units);
      const auto sold = value(odd.market, token, units, ValueAs::sale);
      CAPTURE(token, units);
      CHECK(big(sold.ether_wei) <= big(held.ether_wei));
      CHECK(big(sold.usd_e6) <= big(held.usd_e6));
      if (token > 1 && big(held.ether_wei) > 1000) {
        CHECK(big(sold.ether_wei) < big(held.ether_wei));
      }
    }
  }
}

TEST_CASE("selling the wrapped coin or a dollar costs nothing") {
  const OddMarket odd;
  for (const std::uint32_t token : {0U, 1U}) {
    for (const Integer& units : some_units) {
      const auto held = value(odd.market, token, units);
      const auto sold = value(odd.market, token, units, ValueAs::sale);
      CHECK(big(sold.ether_wei) == big(held.ether_wei));
      CHECK(big(sold.usd_e6) == big(held.usd_e6));
      CHECK(sold.confidence == 1);
      CHECK(sold.source == no_handle);
    }
  }
}

TEST_CASE("an operator's dollar is worth exactly one, of any decimals, whatever its pool says") {
  ConfigurationTexts texts;
  texts.usd_token =
      "0x1000000000000000000000000000000000000001\", \"0x1000000000000000000000000000000000000002";
  for (const unsigned decimals : {0U, 2U, 5U, 6U, 7U, 18U, 24U}) {
    CAPTURE(decimals);
    Integer whole = 1;
    for (unsigned i = 0; i < decimals; ++i) whole *= 10;
    auto inputs = market_inputs(3, {{0, 1, 1, 1}, {0, 2, 1, 1}}, {});
    inputs[0].tokens[2].decimals = static_cast<std::uint8_t>(decimals);
    set_reserves(inputs[0].facts[0], 3 * ether, 1000 * ether);
    // At a tenth of a dollar in its pool.
    set_reserves(inputs[0].facts[1], 3 * ether, 10'000 * whole);
    const AppliedMarket market(inputs, texts);
    const Integer price = 333'333'333;  // the lower median
    REQUIRE(market.snapshot->ether_usd_e6 == price);
    for (const Integer& units : {Integer(0), Integer(1), Integer(12'345'678), Integer(7 * whole),
                                 Integer(1'000'003 * whole - 1)}) {
      const Integer usd_e6 = units * 1'000'000 / whole;
      for (const ValueAs as : {ValueAs::spot, ValueAs::sale}) {
        const auto worth = value(market, 2, units, as);
        CHECK(big(worth.usd_e6) == usd_e6);
        CHECK(big(worth.ether_wei) == usd_e6 * ether / price);
        CHECK(worth.confidence == 1);
        CHECK(worth.source == no_handle);
        CHECK(worth.age_blocks == 0);
        CHECK(worth.status == GANTRY_OK);
      }
    }
  }
}

TEST_CASE("the wrapped coin is worth itself, with full confidence and no source") {
  const AppliedMarket market(market_inputs(2, {{0, 1, 100'000, 40'000'000}}, {}));
  const auto coin = value(market, 0, 7 * ether);
  CHECK(big(coin.ether_wei) == 7 * ether);
  CHECK(big(coin.usd_e6) == 2'800'000'000);
  CHECK(coin.confidence == 1);
  CHECK(coin.source == no_handle);
}

TEST_CASE("what cannot be valued says so") {
  // A line of pools away from the coin, and a token in none.
  const AppliedMarket market(market_inputs(
      6, {{0, 1, 1000, 1000}, {1, 2, 1000, 1000}, {2, 3, 1000, 1000}, {3, 4, 1000, 1000}}, {}));
  CHECK(status(market, 3) == GANTRY_OK);
  for (const std::uint32_t token : {4U, 5U}) {
    gantry_value out{};
    CHECK(value_of(*market.snapshot, token, u256(1), ValueAs::spot, out) == GANTRY_UNSUPPORTED);
    CHECK(out.status == GANTRY_UNSUPPORTED);
    CHECK((market.snapshot->topology->tokens[token].flags & GANTRY_TOKEN_VALUED) == 0);
  }
  for (const std::uint32_t token : {0U, 1U, 2U, 3U}) {
    CHECK((market.snapshot->topology->tokens[token].flags & GANTRY_TOKEN_VALUED) != 0);
  }
  CHECK(status(market, 6) == GANTRY_BAD_ARGUMENT);
  CHECK(status(market, no_handle) == GANTRY_BAD_ARGUMENT);
}

TEST_CASE("pools that are left out for want of a value are named in one line, the first of them") {
  const auto before = spdlog::default_logger();
  std::ostringstream out;
  const auto told_of = [&](std::uint32_t without) {
    std::vector<SmallPool> pools = {{0, 1, 100'000, 40'000'000}};
    for (std::uint32_t i = 0; i < without; ++i) {
      pools.push_back({2 + 2 * i, 3 + 2 * i, 100'000, 100'000});
    }
    auto inputs = market_inputs(2 + 2 * without, pools, {});
    inputs[0].events = {{MarketEventKind::keep, 8, 0, {}}};  // as of a chain that is followed
    out.str("");
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out)));
    spdlog::default_logger()->set_pattern("%l: %v");
    const AppliedMarket market(
        inputs, {.dex = "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 1000\n"});
    spdlog::set_default_logger(before);
    const auto& made = market.snapshot->topology->pools;
    CHECK(made[0].use == PoolUse::usable);
    for (std::uint32_t i = 1; i <= without; ++i) CHECK(made[i].use == PoolUse::no_value);
    std::vector<std::string> names;
    for (const PoolInfo& pool : made) names.push_back(address_text(pool.address));
    return names;
  };
  told_of(0);
  CHECK(out.str().empty());
  auto names = told_of(1);
  CHECK(out.str() ==
        "info: venue uniswap_v2: a pool is left out, for nothing leads from its tokens to the coin "
        "or a dollar: " +
            names[1] + ". min_liquidity_usd = 0 lets it in\n");
  names = told_of(5);
  CHECK(out.str() ==
        "info: venue uniswap_v2: 5 pools are left out, for nothing leads from their tokens to the "
        "coin or a dollar: " +
            names[1] + ", " + names[2] + ", " + names[3] +
            " and 2 more. min_liquidity_usd = 0 lets them in\n");
}

TEST_CASE("a value beyond 256 bits is no value") {
  auto inputs = market_inputs(
      4, {{0, 1, 100'000, 40'000}, {0, 2, 100'000, 40'000}, {0, 3, 40'000, 100'000}}, {});
  const AppliedMarket market(inputs);
  const Integer most = (Integer(1) << 256) - 1;
  CHECK(status(market, 2, most / 5 * 2) == GANTRY_OK);
  CHECK(status(market, 2, most / 5 * 2 + 2) == GANTRY_UNSUPPORTED);
  CHECK(status(market, 2, most) == GANTRY_UNSUPPORTED);
  // A dollar buys 2.5 ether here: it is the ether that does not fit.
  REQUIRE(market.snapshot->ether_usd_e6 == 400'000);
  const Integer millionth = 1'000'000'000'000;
  const Integer usd_e6 = ((most + 1) * 400'000 - 1) / ether;
  CHECK(status(market, 1, usd_e6 * millionth + millionth - 1) == GANTRY_OK);
  CHECK(status(market, 1, (usd_e6 + 1) * millionth) == GANTRY_UNSUPPORTED);
  // What the pair would refuse to compute has no price, though it has one at the margin.
  CHECK(status(market, 3, most) == GANTRY_OK);
  gantry_value out{};
  CHECK(value_of(*market.snapshot, 3, u256::max(), ValueAs::sale, out) == GANTRY_UNSUPPORTED);
  CHECK(out.status == GANTRY_UNSUPPORTED);
  // Nor have more whole dollars than can be counted in millionths.
  inputs[0].tokens[1].decimals = 0;
  set_reserves(inputs[0].facts[0], ether, 10'000'000'000'000);
  const AppliedMarket whole(inputs);
  REQUIRE(whole.snapshot->ether_usd_e6 == 10'000'000'000'000'000'000U);
  CHECK(status(whole, 1, most / 1'000'000) == GANTRY_OK);
  CHECK(status(whole, 1, most / 1'000'000 + 1) == GANTRY_UNSUPPORTED);
}

TEST_CASE("without the wrapped coin in the market nothing has a value") {
  ConfigurationTexts texts;
  texts.wrapped_native = "0x1000000000000000000000000000000000000099";
  const AppliedMarket market(
      market_inputs(3, {{0, 1, 100'000, 40'000'000}, {0, 2, 100'000, 40'000'000}}, {}), texts);
  CHECK(market.snapshot->ether_usd_e6 == 0);
  CHECK(market.snapshot->topology->wrapped_token == no_handle);
  for (const std::uint32_t token : {0U, 1U, 2U}) {
    CHECK(status(market, token) == GANTRY_UNSUPPORTED);
    CHECK(status(market, token, 1, ValueAs::sale) == GANTRY_UNSUPPORTED);
  }
  CHECK(market.snapshot->topology->pools[0].liquidity_usd == 0);
}

TEST_CASE("without a dollar a value has ether, no dollars and no confidence") {
  ConfigurationTexts texts;
  texts.usd_token = "0x1000000000000000000000000000000000000099";
  const AppliedMarket market(market_inputs(2, {{0, 1, 100'000, 40'000'000}}, {}), texts);
  CHECK(market.snapshot->ether_usd_e6 == 0);
  const auto worth = value(market, 1, 400 * ether);
  CHECK(big(worth.ether_wei) == ether);
  CHECK(big(worth.usd_e6) == 0);
  CHECK(worth.confidence == 0);
}

TEST_CASE("a token is priced in its deepest pool, by what the pool holds in ether") {
  // Token 2 beside dollars, and beside far more units of token 3 that are worth less together.
  const AppliedMarket market(market_inputs(5,
                                           {{0, 1, 100'000, 40'000'000},
                                            {0, 3, 1000, 4'000'000'000},
                                            {2, 3, 1000, 900'000'000},
                                            {2, 1, 1000, 400'000},
                                            {4, 0, 39'000, 100},
                                            {0, 4, 100'000, 40'000'000}},
                                           {}));
  const auto worth = value(market, 2, ether);
  CHECK(worth.source == 3);
  CHECK(big(worth.ether_wei) == ether);
  CHECK(value(market, 4, 400 * ether).source == 5);
  CHECK(big(value(market, 4, 400 * ether).ether_wei) == ether);
}

TEST_CASE("of two pools as deep the first prices") {
  const AppliedMarket market(market_inputs(
      3, {{0, 1, 100'000, 40'000'000}, {0, 2, 100'000, 40'000'000}, {0, 2, 100'000, 41'000'000}},
      {}));
  CHECK(value(market, 2, 1).source == 1);
  CHECK(big(value(market, 2, 400 * ether).ether_wei) == ether);
}

TEST_CASE("confidence is the product of liquidity over liquidity and 10,000 dollars on the way") {
  const AppliedMarket market(market_inputs(
      4, {{0, 1, 100'000, 40'000'000}, {1, 2, 4'000'000, 8'000'000}, {3, 0, 777, 50'000}}, {}));
  const auto near = value(market, 3, 1);
  CHECK(near.confidence == Approx(trust(40'000)).epsilon(1e-12));
  CHECK(near.source == 2);
  const auto far = value(market, 2, 1);
  CHECK(far.confidence == Approx(trust(80'000) * trust(8'000)).epsilon(1e-12));
  CHECK(far.source == 1);  // the weakest step
}

TEST_CASE("a pool's liquidity is what both sides are worth in dollars") {
  const AppliedMarket market(market_inputs(
      4, {{0, 1, 100'000, 40'000'000}, {1, 2, 4'000'000, 8'000'000}, {2, 3, 0, 0}}, {}));
  const auto& pools = market.snapshot->topology->pools;
  CHECK(pools[0].liquidity_usd == Approx(80'000).epsilon(1e-12));
  CHECK(pools[1].liquidity_usd == Approx(8'000).epsilon(1e-12));
  CHECK(pools[2].liquidity_usd == 0);
}

TEST_CASE("a dollar is the lower median over the operator's tokens, of any decimals") {
  ConfigurationTexts texts;
  texts.usd_token =
      "0x1000000000000000000000000000000000000001\", \"0x1000000000000000000000000000000000000002"
      "\", \"0x1000000000000000000000000000000000000003";
  const auto priced = [&](std::uint64_t first, std::uint64_t second, std::uint64_t third) {
    auto inputs = market_inputs(4, {{0, 1, 1, 1}, {2, 0, 1, 1}, {0, 3, 1, 1}}, {});
    inputs[0].tokens[1].decimals = 6;
    inputs[0].tokens[3].decimals = 2;
    set_reserves(inputs[0].facts[0], 100 * ether, Integer(first) * 100 * 1'000'000);
    set_reserves(inputs[0].facts[1], Integer(second) * 100 * ether, 100 * ether);
    set_reserves(inputs[0].facts[2], third == 0 ? Integer(0) : 100 * ether,
                 Integer(third) * 10'000);
    return AppliedMarket(inputs, texts).snapshot->ether_usd_e6;
  };
  CHECK(priced(390, 400, 410) == 400'000'000);
  CHECK(priced(410, 390, 400) == 400'000'000);
  CHECK(priced(400, 410, 390) == 400'000'000);
  CHECK(priced(500, 400, 0) == 400'000'000);
  CHECK(priced(400, 500, 0) == 400'000'000);
}

TEST_CASE("a dollar's price is rounded down to the millionth") {
  auto inputs = market_inputs(2, {{0, 1, 1, 1}}, {});
  set_reserves(inputs[0].facts[0], 3 * ether, 1000 * ether);
  CHECK(AppliedMarket(inputs).snapshot->ether_usd_e6 == 333'333'333);
  inputs[0].tokens[1].decimals = 24;
  CHECK(AppliedMarket(inputs).snapshot->ether_usd_e6 == 333);
}

TEST_CASE("a dollar that has no pool with the coin is no measure of it") {
  const AppliedMarket market(
      market_inputs(3, {{0, 2, 100'000, 40'000'000}, {1, 2, 40'000'000, 40'000'000}}, {}));
  CHECK(market.snapshot->ether_usd_e6 == 0);
  CHECK(status(market, 2) == GANTRY_OK);
  // Nor is it worth a dollar then, which nothing says the ether of.
  for (const ValueAs as : {ValueAs::spot, ValueAs::sale}) {
    gantry_value out{};
    CHECK(value_of(*market.snapshot, 1, amount(ether), as, out) == GANTRY_UNSUPPORTED);
    CHECK(out.status == GANTRY_UNSUPPORTED);
  }
}

TEST_CASE("prices are those of the snapshot, over the way that was chosen for the topology") {
  AppliedMarket market(market_inputs(
      3, {{0, 1, 100'000, 40'000'000}, {0, 2, 100'000, 40'000'000}, {0, 2, 90'000, 36'000'000}},
      {{{0, 50'000, 80'000'000}, {1, 50'000, 20'000'000}}, {{2, 900'000, 360'000'000}}}));
  const SnapshotPtr first = market.snapshot;
  REQUIRE(value(market, 2, 1).source == 1);
  market.advance();
  CHECK(market.snapshot->ether_usd_e6 == 1'600'000'000);
  CHECK(big(value(market, 1, 1600 * ether).ether_wei) == ether);
  CHECK(big(value(market, 2, 400 * ether).usd_e6) == 1'600'000'000);
  CHECK(big(value(market, 2, ether, ValueAs::sale).ether_wei) ==
        pair_pays(ether, thousandths(20'000'000), thousandths(50'000)));
  market.advance();
  CHECK(value(market, 2, 1).source == 1);  // though the other pool is deeper now
  for (const std::uint32_t token : {1U, 2U}) {
    gantry_value before{};
    REQUIRE(value_of(*first, token, amount(400 * ether), ValueAs::spot, before) == GANTRY_OK);
    CHECK(big(before.ether_wei) == ether);
    CHECK(big(before.usd_e6) == 400'000'000);
  }
  gantry_value before{};
  REQUIRE(value_of(*first, 2, amount(ether), ValueAs::sale, before) == GANTRY_OK);
  CHECK(big(before.ether_wei) == pair_pays(ether, thousandths(40'000'000), thousandths(100'000)));
  CHECK(first->ether_usd_e6 == 400'000'000);
}

TEST_CASE("a retired venue's pools price nothing") {
  AppliedMarket market(
      market_inputs(3, {{0, 1, 100'000, 40'000'000}, {0, 2, 100'000, 40'000'000}}, {}));
  REQUIRE(status(market, 2) == GANTRY_OK);
  market.retire_venue();
  CHECK(status(market, 2) == GANTRY_UNSUPPORTED);
  CHECK(status(market, 2, 1, ValueAs::sale) == GANTRY_UNSUPPORTED);
  CHECK(median_ether_usd_e6(*market.snapshot) == 0);
  // A dollar stays one, at the snapshot's price of the coin.
  CHECK(big(value(market, 1, 400 * ether).ether_wei) == ether);
}

TEST_CASE("a spot price is the reserves of the direction and the fee as a fraction") {
  const AppliedMarket market(market_inputs(3, {{0, 1, 1000, 400'000}, {1, 2, 5, 0}}, {}));
  SpotPrice spot;
  REQUIRE(spot_price(*market.snapshot, 0, 1, 0, spot));
  CHECK(spot.reserve_in == 400e18);
  CHECK(spot.reserve_out == 1e18);
  CHECK(spot.fee == 0.003);
  CHECK_FALSE(spot_price(*market.snapshot, 1, 0, 1, spot));
  CHECK_FALSE(spot_price(*market.snapshot, 1, 1, 0, spot));
}
