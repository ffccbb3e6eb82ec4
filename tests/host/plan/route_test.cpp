// A trade as steps of the executor's program, as the planner has it where the chain has one.
#include "host/plan/route.hpp"

#include "host/plan/calls.hpp"
#include "host/plan/venue_steps.hpp"
#include "host/street/opportunity_check.hpp"
#include "plan_fixture.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

const gantry_address executor_address = made_up(0xee);

Result<TradeRoute> route_of(const Case& c, const Ranked& ranked,
                            const std::vector<Instruction>* before = nullptr) {
  return build_route(c.market.view, ranked.opportunity, {executor_address, u256(), before});
}

}  // namespace

TEST_CASE("a cycle of pairs is one payment and a call of each, which pays the next") {
  const Case c;
  const Ranked ranked = c.three_legs();
  const auto route = route_of(c, ranked);
  REQUIRE(route);
  REQUIRE(route->steps.size() == 4);
  const auto& paid = std::get<executor::Payment>(route->steps[0]);
  CHECK(number(paid.to) == number(c.pool(0)));
  CHECK(number(paid.token) == number(c.token(0)));
  REQUIRE(paid.amount.size() == 1);
  CHECK(big(paid.amount[0].number) == big(ranked.opportunity.amount_in));
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto& call = std::get<executor::Call>(route->steps[i + 1]);
    CHECK(number(call.target) == number(c.pool(i)));
    const Decoded data(call.data);
    CHECK(data.word(2) == number(i == 2 ? executor_address : c.pool(i + 1)));
  }
  REQUIRE(route->tokens.size() == 3);
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK(number(route->tokens[i]) == number(c.token(i)));
    CHECK(number(route->pools[i]) == number(c.pool(i)));
  }
  CHECK(route->calls.size() == 3);
  // What run() is called with settles each token, the first for the least gain.
  RunOrder order;
  order.least_gain = u256(77);
  const auto run = run_of(*route, order);
  REQUIRE(run);
  const Decoded data(*run);
  const std::size_t settlements = data.word(1).convert_to<std::size_t>();
  CHECK(data.word_at(settlements) == 3);
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK(data.word_at(settlements + 32 * (1 + 3 * i)) == number(c.token(i)));
    CHECK(data.word_at(settlements + 32 * (2 + 3 * i)) == (i == 0 ? 77 : 0));
  }
}

// Pools 0 and 3 buy token 1 for the coin, pool 4 sells it, whose price is better than both.
struct Split : Case {
  Split()
      : Case(market_inputs(3,
                           {{0, 1, 100'000, 40'000'000},
                            {2, 1, 80'000'000, 40'000'000},
                            {0, 2, 110'000, 80'000'000},
                            {0, 1, 100'000, 42'000'000},
                            {0, 1, 200'000, 60'000'000}},
                           {})) {}
  // Of two buyers and one seller; or, turned, of one buyer and two sellers.
  Ranked ranked(bool turned) const {
    gantry_opportunity o{};
    o.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
    o.token_in = o.token_out = turned ? 1 : 0;
    o.block = market.snapshot->context.state_block;
    o.valid_until_block = o.block + 5;
    o.confidence = 1;
    o.leg_count = 3;
    std::uint64_t gas = 0;
    if (turned) {
      const Integer in = thousandths(400'000);
      o.amount_in = amount(in);
      o.legs[0] = {{4, 1, 0, 0}, amount(in), {}};
      REQUIRE(market.view.quote_legs({o.legs, 1}, gas) == GANTRY_OK);
      const Integer bought = big(o.legs[0].amount_out), part = bought / 3;
      o.legs[1] = {{0, 0, 1, 0}, amount(part), {}};
      o.legs[2] = {{3, 0, 1, 0}, amount(bought - part), {}};
    } else {
      o.amount_in = amount(thousandths(1'000));
      o.legs[0] = {{0, 0, 1, 0}, amount(thousandths(400)), {}};
      o.legs[1] = {{3, 0, 1, 0}, amount(thousandths(600)), {}};
      REQUIRE(market.view.quote_legs({o.legs, 2}, gas) == GANTRY_OK);
      o.legs[2] = {{4, 1, 0, 0}, amount(big(o.legs[0].amount_out) + big(o.legs[1].amount_out)), {}};
    }
    REQUIRE(market.view.quote_legs({o.legs, 3}, gas) == GANTRY_OK);
    o.amount_out = turned ? amount(big(o.legs[1].amount_out) + big(o.legs[2].amount_out))
                          : u256(o.legs[2].amount_out);
    o.gas = gas;
    REQUIRE(fits_together(*market.snapshot, o));
    return price_opportunity(market.view, o, 0, 0);
  }
};

TEST_CASE("legs that split are paid by the executor, each its own amount") {
  const Split c;
  for (const bool turned : {false, true}) {
    INFO((turned ? "one buyer, two sellers" : "two buyers, one seller"));
    const Ranked ranked = c.ranked(turned);
    const auto route = route_of(c, ranked);
    REQUIRE(route);
    // A payment and a call of each leg: nobody pays the next.
    REQUIRE(route->steps.size() == 6);
    for (std::uint32_t i = 0; i < 3; ++i) {
      const gantry_leg& leg = ranked.opportunity.legs[i];
      const auto& paid = std::get<executor::Payment>(route->steps[2 * i]);
      CHECK(number(paid.to) == number(c.pool(leg.hop.pool)));
      CHECK(number(paid.token) == number(c.token(leg.hop.token_in)));
      REQUIRE(paid.amount.size() == 1);
      CHECK(big(paid.amount[0].number) == big(leg.amount_in));
      const auto& call = std::get<executor::Call>(route->steps[2 * i + 1]);
      CHECK(number(call.target) == number(c.pool(leg.hop.pool)));
      const Decoded data(call.data);
      CHECK(data.word(leg.hop.token_out == 0 ? 0 : 1) == big(leg.amount_out));
      CHECK(data.word(2) == number(executor_address));
    }
    CHECK(route->tokens.size() == 2);
    CHECK(route->pools.size() == 3);
    // Of each of the last legs what its venue may slip.
    const auto& legs = ranked.opportunity.legs;
    CHECK(big(route->min_out) ==
          least(big(legs[2].amount_out)) + (turned ? least(big(legs[1].amount_out)) : Integer(0)));
  }
}

TEST_CASE("the last legs of a split hold the least out together, and the others pay all") {
  const Split c;
  const Ranked ranked = c.ranked(true);
  const gantry_opportunity& o = ranked.opportunity;
  const Integer least_out = big(o.amount_out) - 7;
  const auto legs = build_legs(c.market.view, o, {executor_address, amount(least_out), nullptr});
  REQUIRE(legs);
  CHECK(big(legs->legs[0].min_out) == big(o.legs[0].amount_out));
  CHECK_FALSE(legs->legs[0].is_last);
  CHECK(legs->legs[1].is_last);
  CHECK(legs->legs[2].is_last);
  CHECK(big(legs->legs[1].min_out) + big(legs->legs[2].min_out) >= least_out);
  CHECK(big(legs->min_out) == big(legs->legs[1].min_out) + big(legs->legs[2].min_out));
  CHECK(big(legs->legs[1].min_out) <= big(o.legs[1].amount_out));
  // As a batch of plain calls: a transfer and a swap of each.
  const auto calls = build_calls(c.market.view, o, {executor_address, amount(least_out), nullptr});
  REQUIRE(calls);
  REQUIRE(calls->calls.size() == 6);
  for (std::uint32_t i = 0; i < 3; ++i) {
    const Decoded transfer(calls->calls[2 * i].data);
    REQUIRE(transfer.calls(transfer_selector));
    CHECK(transfer.word(0) == number(c.pool(o.legs[i].hop.pool)));
    CHECK(transfer.word(1) == big(o.legs[i].amount_in));
  }
  CHECK(big(calls->min_out) >= least_out);
}

TEST_CASE("what the executor does not do is no route, with the reason") {
  Case c;
  Ranked ranked = c.three_legs();
  ranked.opportunity.leg_count = 0;
  auto refused = route_of(c, ranked);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::usage);
  CHECK_THAT(refused.error().message, Catch::Contains("without a swap"));
  const std::vector<Instruction> own(1);
  refused = route_of(c, c.three_legs(), &own);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Catch::Contains("strategy's own"));
}

TEST_CASE("of a trade into another token both stay, one is spent and the other has to come") {
  const Case c;
  Ranked ranked = c.three_legs();
  ranked.opportunity.leg_count = 2;
  ranked.opportunity.token_out = ranked.opportunity.legs[1].hop.token_out;
  ranked.opportunity.amount_out = ranked.opportunity.legs[1].amount_out;
  const auto route = route_of(c, ranked);
  REQUIRE(route);
  REQUIRE(route->token_out);
  CHECK(number(*route->token_out) == number(c.token(2)));
  RunOrder order;
  order.least_gain = u256(77);
  const auto run = run_of(*route, order);
  REQUIRE(run);
  const Decoded data(*run);
  const std::size_t at = data.word(1).convert_to<std::size_t>();
  REQUIRE(data.word_at(at) == 3);
  constexpr unsigned keep = 0;
  const auto settled = [&](std::size_t i, std::size_t field) {
    return data.word_at(at + 32 * (1 + 3 * i + field));
  };
  CHECK(settled(0, 0) == number(c.token(2)));  // first, for its gain is what is simulated
  CHECK(settled(0, 1) == 77);
  CHECK(settled(0, 2) == keep);
  CHECK(settled(1, 0) == number(c.token(0)));
  const Integer spent = big(ranked.opportunity.amount_in);
  CHECK(settled(1, 1) == (Integer(1) << 256) - spent);  // no more than that
  CHECK(settled(1, 2) == keep);
  CHECK(settled(2, 0) == number(c.token(1)));
  CHECK(settled(2, 1) == 0);
  CHECK(settled(2, 2) != keep);

  order.loan.emplace();
  const auto lent = run_of(*route, order);
  REQUIRE_FALSE(lent);
  CHECK_THAT(lent.error().message, Catch::Contains("nobody lends"));
}

TEST_CASE("a venue whose swap calls a token or the executor is refused by name") {
  Case c;
  const Ranked ranked = c.three_legs();
  // The pair's own address is the executor's: whatever it is told to do there, it is not told.
  auto refused = build_route(c.market.view, ranked.opportunity, {c.pool(1), u256(), nullptr});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::plugin);
  CHECK_THAT(refused.error().message, Catch::Contains("calls a token or the executor"));
}

TEST_CASE("a callback's shape is read from its signature") {
  const auto uniswap = executor::callback_shape("uniswapV3SwapCallback(int256,int256,bytes)");
  REQUIRE(uniswap);
  CHECK(uniswap->selector == executor::uniswap_v3_callback.selector);
  CHECK(uniswap->bytes_at == executor::uniswap_v3_callback.bytes_at);
  const auto pancake = executor::callback_shape("pancakeV3SwapCallback(int256,int256,bytes)");
  REQUIRE(pancake);
  CHECK(pancake->selector == executor::pancake_v3_callback.selector);
  const auto mute = executor::callback_shape("pay(uint256)");
  REQUIRE(mute);
  CHECK_FALSE(mute->bytes_at);
  for (const char* bad : {"", "pay", "(uint256)", "pay(uint256", "pay((uint256,bytes))",
                          "pay(uint256[])", "pay(uint256, bytes)"}) {
    INFO(bad);
    CHECK_FALSE(executor::callback_shape(bad));
  }
}

TEST_CASE("where the chain has an executor the plan is its run") {
  Case c;
  c.market.configuration.chains.front().execution.emplace().executor = executor_address;
  const auto plan = c.plan(c.three_legs());
  REQUIRE(plan);
  REQUIRE(plan->route);
  CHECK(plan->calls.size() == 3);
  CHECK(Decoded(plan->user_operation_call).calls({0xd1, 0xd0, 0x2b, 0xc8}));
}
