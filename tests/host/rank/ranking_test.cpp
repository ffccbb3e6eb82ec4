// What an opportunity is worth, worked out beside it in Boost.Multiprecision; and the order.
#include "host/rank/ranking.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "support/applied_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

const Integer ether = Integer(1'000'000'000) * 1'000'000'000;
const Integer gwei = 1'000'000'000;
const Integer reserve_ether("99999999999999999989");
const Integer reserve_dollars("39999999999999999999977");

const Integer side_ether("77777777777777777771");
const Integer side_token("12345678901234567890123");

// Pools of WETH with dollars and with token 2, of reserves that divide into nothing; token 3 has no
// pool.
std::vector<BlockInput> odd_inputs() {
  auto inputs = market_inputs(4, {{0, 1, 1, 1}, {0, 2, 1, 1}}, {});
  set_reserves(inputs[0].facts[0], reserve_ether, reserve_dollars);
  set_reserves(inputs[0].facts[1], side_ether, side_token);
  return inputs;
}
const Integer ether_usd_e6 = ether * reserve_dollars / reserve_ether / 1'000'000'000'000;

gantry_opportunity cycle(std::uint32_t token, const Integer& in, const Integer& out,
                         std::uint64_t gas = 180'000) {
  gantry_opportunity o{};
  o.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
  o.token_in = o.token_out = token;
  o.amount_in = amount(in);
  o.amount_out = amount(out);
  o.gas = gas;
  o.confidence = 0.75;
  return o;
}

Ranked scored(double score, std::uint32_t strategy, std::uint32_t index) {
  Ranked r{};
  r.score = score;
  r.strategy = strategy;
  r.index = index;
  return r;
}

}  // namespace

TEST_CASE("an opportunity's money is exact: gross, gas, net, dollars, and net in the token") {
  const AppliedMarket market(odd_inputs());
  const Integer in("1234567890123456789012"), out("1288888888888888888777");
  const Ranked r = price_opportunity(market.view, cycle(2, in, out), 5, 7);
  // What goes in comes back and counts at the margin; what is left over has to be sold.
  const Integer stake = in * side_ether / side_token;
  const Integer gross_token = out - in;
  const Integer gross = pair_pays(gross_token, side_token, side_ether);
  const Integer gas = (180'000 + 60'000) * 20 * gwei;
  const Integer net = gross - gas;
  REQUIRE(net > 0);
  REQUIRE(gross < gross_token * side_ether / side_token);
  CHECK(r.strategy == 5);
  CHECK(r.index == 7);
  CHECK(big(r.opportunity.amount_in) == in);
  CHECK(r.stake.status == GANTRY_OK);
  CHECK(big(r.stake.ether_wei) == stake);
  CHECK(big(r.stake.usd_e6) == stake * ether_usd_e6 / ether);
  CHECK(big(r.gross_token) == gross_token);
  CHECK(r.gross.status == GANTRY_OK);
  CHECK(big(r.gross.ether_wei) == gross);
  CHECK(big(r.gross.usd_e6) == gross * ether_usd_e6 / ether);
  CHECK(big(r.gas_cost) == gas);
  CHECK(r.pays);
  CHECK(big(r.net) == net);
  CHECK(big(r.net_usd_e6) == net * ether_usd_e6 / ether);
  CHECK(big(r.net_token) == gross_token * net / gross);
  CHECK(r.score == Approx(net.convert_to<double>() * 1e-18 * 0.75).epsilon(1e-14));
  CHECK(r.before == nullptr);
}

TEST_CASE("a cycle of the operator's dollar is counted in dollars, which need no selling") {
  const AppliedMarket market(odd_inputs());
  const Integer in("12345678901234567890123"), out("12400000000000000000777");
  const Ranked r = price_opportunity(market.view, cycle(1, in, out), 0, 0);
  const Integer millionth = 1'000'000'000'000;
  const Integer gross_token = out - in;
  const Integer gross = gross_token / millionth * ether / ether_usd_e6;
  const Integer net = gross - (180'000 + 60'000) * 20 * gwei;
  REQUIRE(net > 0);
  CHECK(big(r.stake.usd_e6) == in / millionth);
  CHECK(big(r.stake.ether_wei) == in / millionth * ether / ether_usd_e6);
  CHECK(big(r.gross_token) == gross_token);
  CHECK(big(r.gross.usd_e6) == gross_token / millionth);
  CHECK(big(r.gross.ether_wei) == gross);
  CHECK(r.pays);
  CHECK(big(r.net) == net);
  CHECK(big(r.net_usd_e6) == net * ether_usd_e6 / ether);
  CHECK(big(r.net_token) == gross_token * net / gross);
  CHECK(r.score == Approx(net.convert_to<double>() * 1e-18 * 0.75).epsilon(1e-14));
}

TEST_CASE("a profit that only the spot price would make is a loss") {
  const AppliedMarket market(odd_inputs());
  const Integer gas = (180'000 + 60'000) * 20 * gwei;
  // Half a permille above the gas at the margin, and the pair's fee is three.
  const Integer gross_token = gas * side_token / side_ether * 2001 / 2000;
  REQUIRE(gross_token * side_ether / side_token > gas);
  const Integer gross = pair_pays(gross_token, side_token, side_ether);
  REQUIRE(gross < gas);
  const Ranked r = price_opportunity(market.view, cycle(2, ether, ether + gross_token), 0, 0);
  CHECK_FALSE(r.pays);
  CHECK(big(r.gross.ether_wei) == gross);
  CHECK(big(r.net) == gas - gross);
  CHECK(r.score < 0);
}

TEST_CASE("a trade that its gas eats is a loss: net is what is lost, and the score negative") {
  const AppliedMarket market(odd_inputs());
  const Integer gas = (180'000 + 60'000) * 20 * gwei;
  const Ranked loss = price_opportunity(market.view, cycle(0, ether, ether + gas - 1000), 0, 0);
  CHECK_FALSE(loss.pays);
  CHECK(big(loss.net) == 1000);
  CHECK(loss.score == Approx(-1000e-18 * 0.75));
  CHECK(loss.score < 0);
  CHECK(loss.gross.status == GANTRY_OK);

  const Ranked even = price_opportunity(market.view, cycle(0, ether, ether + gas), 0, 0);
  CHECK_FALSE(even.pays);
  CHECK(even.net.is_zero());
  CHECK(even.net_token.is_zero());
  CHECK(even.score == 0);

  const Ranked least = price_opportunity(market.view, cycle(0, ether, ether + gas + 1), 0, 0);
  CHECK(least.pays);
  CHECK(big(least.net) == 1);
  CHECK(big(least.net_token) == 1);
}

TEST_CASE("a trade that brings back what it took loses its gas") {
  const AppliedMarket market(odd_inputs());
  const Ranked r = price_opportunity(market.view, cycle(0, ether, ether), 0, 0);
  CHECK(r.gross_token.is_zero());
  CHECK_FALSE(r.pays);
  CHECK(r.net == r.gas_cost);
  CHECK(r.net_token.is_zero());
  CHECK(r.score < 0);
}

TEST_CASE("a gas cost beyond 256 bits is the highest there is, and nothing pays it") {
  auto inputs = odd_inputs();
  inputs[0].block.gas_price = u256::max();
  const AppliedMarket market(inputs);
  const Ranked r = price_opportunity(market.view, cycle(0, ether, 1000 * ether), 0, 0);
  CHECK(r.gas_cost == u256::max());
  CHECK_FALSE(r.pays);
  CHECK(r.score < 0);
}

TEST_CASE("a strategy that says less gas than its pools' swaps take is not believed") {
  const AppliedMarket market(odd_inputs());
  const auto& pools = market.view.snapshot().topology->pools;
  const std::uint64_t least = pools[0].traits.swap_gas + pools[1].traits.swap_gas;
  REQUIRE(least > 100'000);
  gantry_opportunity o = cycle(0, ether, ether + ether / 100, 0);
  o.leg_count = 2;
  o.legs[0].hop = {0, 0, 1, 0};
  o.legs[1].hop = {1, 2, 0, 0};
  const Ranked nothing = price_opportunity(market.view, o, 0, 0);
  CHECK(nothing.opportunity.gas == least);
  o.gas = least + 1;
  const Ranked more = price_opportunity(market.view, o, 0, 0);
  CHECK(more.opportunity.gas == least + 1);
  CHECK(more.gas_cost > nothing.gas_cost);
}

TEST_CASE("gas units do not wrap when the transaction's own are added") {
  const AppliedMarket market(odd_inputs());
  const Ranked r = price_opportunity(market.view, cycle(0, ether, 2 * ether, UINT64_MAX), 0, 0);
  CHECK(big(r.gas_cost) == (Integer(UINT64_MAX) + 60'000) * 20 * gwei);
  CHECK_FALSE(r.pays);
}

TEST_CASE("the block's own gas price is charged where the market brings one") {
  auto inputs = odd_inputs();
  inputs[0].block.gas_price = u256(7);
  const AppliedMarket market(inputs);
  const Ranked r = price_opportunity(market.view, cycle(0, ether, 2 * ether, 100), 0, 0);
  CHECK(big(r.gas_cost) == 7 * 60'100);
}

TEST_CASE("what cannot be priced has its gas cost and says that it has no value") {
  const AppliedMarket market(odd_inputs());
  auto open = cycle(0, ether, 500 * ether);
  open.token_out = 1;
  const gantry_opportunity unpriced[] = {open, cycle(0, ether, ether - 1),
                                         cycle(3, ether, 2 * ether)};
  for (const auto& opportunity : unpriced) {
    const Ranked r = price_opportunity(market.view, opportunity, 0, 0);
    CHECK(r.stake.status == GANTRY_UNSUPPORTED);
    CHECK(r.gross.status == GANTRY_UNSUPPORTED);
    CHECK_FALSE(r.pays);
    CHECK(r.net.is_zero());
    CHECK(r.net_usd_e6.is_zero());
    CHECK(r.score == 0);
    CHECK(big(r.gas_cost) == 240'000 * 20 * gwei);
  }
}

TEST_CASE("the best comes first, ties by strategy and then by index, however they came") {
  const std::vector<Ranked> ordered = {scored(2.5, 3, 9),  scored(1, 0, 2), scored(1, 1, 0),
                                       scored(1, 1, 1),    scored(0, 4, 0), scored(-0.5, 0, 0),
                                       scored(-0.5, 0, 1), scored(-3, 0, 0)};
  std::vector<std::size_t> places = {0, 1, 2, 3, 4, 5, 6, 7};
  int orders = 0;
  do {
    if (++orders % 97 != 0) continue;
    std::vector<Ranked> all;
    for (const std::size_t place : places) all.push_back(ordered[place]);
    rank(all);
    for (std::size_t i = 0; i < ordered.size(); ++i) {
      REQUIRE(all[i].score == ordered[i].score);
      REQUIRE(all[i].strategy == ordered[i].strategy);
      REQUIRE(all[i].index == ordered[i].index);
    }
  } while (std::ranges::next_permutation(places).found);
  CHECK(orders == 40'320);
  std::vector<Ranked> none;
  rank(none);
  CHECK(none.empty());
}
