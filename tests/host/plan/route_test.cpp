// A trade as steps of the executor's program, as the planner has it where the chain has one.
#include "host/plan/route.hpp"

#include "host/plan/venue_steps.hpp"
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

TEST_CASE("what the executor does not do is no route, with the reason") {
  Case c;
  Ranked ranked = c.three_legs();
  ranked.opportunity.token_out = 1;
  auto refused = route_of(c, ranked);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::usage);
  CHECK_THAT(refused.error().message, Catch::Contains("cycles only"));
  const std::vector<Instruction> own(1);
  refused = route_of(c, c.three_legs(), &own);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Catch::Contains("strategy's own"));
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
