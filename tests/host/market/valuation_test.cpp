// Valuation against numbers worked out in Boost.Multiprecision. Token 0 is WETH, token 1 a dollar.
#include "host/market/valuation.hpp"

#include <catch2/catch.hpp>

#include "support/applied_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

const Integer ether = Integer(1'000'000'000) * 1'000'000'000;

gantry_value value(const AppliedMarket& market, std::uint32_t token, const Integer& units) {
  gantry_value out{};
  REQUIRE(value_of(*market.snapshot, token, amount(units), ValueAs::spot, out) == GANTRY_OK);
  return out;
}

gantry_status status(const AppliedMarket& market, std::uint32_t token, const Integer& units = 1) {
  gantry_value out{};
  return value_of(*market.snapshot, token, amount(units), ValueAs::spot, out);
}

// Confidence of one step whose pool holds so many dollars on both sides together.
double trust(double dollars) { return dollars / (dollars + 10000); }

}  // namespace

TEST_CASE("a token is worth what each pool on its way pays at the spot price, rounded down") {
  auto inputs = market_inputs(3, {{0, 1, 1, 1}, {1, 2, 1, 1}}, {});
  const Integer weth("99999999999999999989"), dollars("39999999999999999999977");
  const Integer dollars_2("12345678901234567890123"), other("7654321098765432109");
  set_reserves(inputs[0].facts[0], weth, dollars);
  set_reserves(inputs[0].facts[1], dollars_2, other);
  const AppliedMarket market(inputs);
  const Integer ether_usd_e6 = ether * dollars / weth / 1'000'000'000'000;
  REQUIRE(market.snapshot->ether_usd_e6 == ether_usd_e6);

  for (const Integer& units :
       {Integer(0), Integer(1), Integer(999'999'999'989), Integer("123456789012345678901")}) {
    const auto of_dollar = value(market, 1, units);
    const Integer wei = units * weth / dollars;
    CHECK(big(of_dollar.ether_wei) == wei);
    CHECK(big(of_dollar.usd_e6) == wei * ether_usd_e6 / ether);
    CHECK(of_dollar.source == 0);
    const auto of_other = value(market, 2, units);
    const Integer wei_2 = units * dollars_2 / other * weth / dollars;
    CHECK(big(of_other.ether_wei) == wei_2);
    CHECK(big(of_other.usd_e6) == wei_2 * ether_usd_e6 / ether);
    CHECK(of_other.status == GANTRY_OK);
    CHECK(of_other.age_blocks == 0);
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

TEST_CASE("a value beyond 256 bits is no value") {
  const AppliedMarket market(market_inputs(3, {{0, 1, 100'000, 40'000}, {0, 2, 1000, 1000}}, {}));
  const Integer most = (Integer(1) << 256) - 1;
  CHECK(status(market, 1, most / 5 * 2) == GANTRY_OK);
  CHECK(status(market, 1, most / 5 * 2 + 2) == GANTRY_UNSUPPORTED);
  CHECK(status(market, 1, most) == GANTRY_UNSUPPORTED);
}

TEST_CASE("without the wrapped coin in the market nothing has a value") {
  ConfigurationTexts texts;
  texts.wrapped_native = "0x1000000000000000000000000000000000000099";
  const AppliedMarket market(market_inputs(2, {{0, 1, 100'000, 40'000'000}}, {}), texts);
  CHECK(market.snapshot->ether_usd_e6 == 0);
  CHECK(market.snapshot->topology->wrapped_token == no_handle);
  CHECK(status(market, 0) == GANTRY_UNSUPPORTED);
  CHECK(status(market, 1) == GANTRY_UNSUPPORTED);
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
  const AppliedMarket market(market_inputs(4,
                                           {{0, 1, 100'000, 40'000'000},
                                            {0, 3, 1000, 4'000'000'000},
                                            {2, 3, 1000, 900'000'000},
                                            {2, 1, 1000, 400'000},
                                            {1, 0, 39'000, 100}},
                                           {}));
  const auto worth = value(market, 2, ether);
  CHECK(worth.source == 3);
  CHECK(big(worth.ether_wei) == ether);
  CHECK(value(market, 1, 400 * ether).source == 0);
  CHECK(big(value(market, 1, 400 * ether).ether_wei) == ether);
}

TEST_CASE("of two pools as deep the first prices") {
  const AppliedMarket market(
      market_inputs(2, {{0, 1, 100'000, 40'000'000}, {0, 1, 100'000, 41'000'000}}, {}));
  CHECK(value(market, 1, 1).source == 0);
}

TEST_CASE("confidence is the product of liquidity over liquidity and 10,000 dollars on the way") {
  const AppliedMarket market(
      market_inputs(3, {{0, 1, 100'000, 40'000'000}, {1, 2, 4'000'000, 8'000'000}}, {}));
  CHECK(value(market, 1, 1).confidence == Approx(trust(80'000)).epsilon(1e-12));
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
  CHECK(status(market, 1) == GANTRY_OK);
}

TEST_CASE("prices are those of the snapshot, over the way that was chosen for the topology") {
  AppliedMarket market(market_inputs(2, {{0, 1, 100'000, 40'000'000}, {0, 1, 90'000, 36'000'000}},
                                     {{{0, 50'000, 80'000'000}}, {{1, 900'000, 360'000'000}}}));
  const SnapshotPtr first = market.snapshot;
  market.advance();
  CHECK(market.snapshot->ether_usd_e6 == 1'600'000'000);
  CHECK(big(value(market, 1, 1600 * ether).ether_wei) == ether);
  market.advance();
  CHECK(value(market, 1, 1).source == 0);  // though the other pool is deeper now
  gantry_value before{};
  REQUIRE(value_of(*first, 1, amount(400 * ether), ValueAs::spot, before) == GANTRY_OK);
  CHECK(big(before.ether_wei) == ether);
  CHECK(first->ether_usd_e6 == 400'000'000);
}

TEST_CASE("a retired venue's pools price nothing") {
  AppliedMarket market(market_inputs(2, {{0, 1, 100'000, 40'000'000}}, {}));
  market.retire_venue();
  CHECK(status(market, 1) == GANTRY_UNSUPPORTED);
  CHECK(median_ether_usd_e6(*market.snapshot) == 0);
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
