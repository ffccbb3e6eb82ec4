// What a plan holds its legs to, over a venue that is made up here.
#include <functional>

#include "host/plan/plan.hpp"
#include "tests/host/plan/plan_fixture.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

// The real venue with a build_swap() of its own, as the venue of some pools. Its calls hold the
// minimum they are asked to, and no more.
struct OtherVenue {
  static inline std::int32_t input = 0;
  static inline gantry_status answer = GANTRY_OK;
  static inline std::uint32_t emitted = 1;
  static inline std::function<void(std::uint32_t index, gantry_instruction&)> change;
  static inline std::vector<gantry_swap_order> asked;  // from the last leg to the first

  static gantry_status build_swap(const gantry_dex_instance*, const gantry_pool_spec*,
                                  const gantry_pool_state*, const gantry_swap_order* order,
                                  const gantry_instruction_sink* sink) {
    asked.push_back(*order);
    const std::uint8_t data[] = {0xaa, 0xbb};
    gantry_instruction instruction{};
    instruction.target = made_up(1);
    instruction.data = {data, sizeof(data)};
    instruction.input = input;
    instruction.spender = made_up(2);
    instruction.min_out_enforced = 1;
    instruction.min_out = order->min_out;
    for (std::uint32_t i = 0; i < emitted; ++i) {
      gantry_instruction changed = instruction;
      if (change) change(i, changed);
      sink->emit(sink->self, &changed);
    }
    return answer;
  }

  OtherVenue(const Case& c, const std::vector<std::uint32_t>& pools, std::int32_t input_mode,
             std::int64_t slippage_bps = 100)
      : table(c.market.plugins.venues[0]->table()),
        health(std::make_shared<Health>("other", "", 1)),
        snapshot(std::make_shared<LiveVersions>(), 1) {
    input = input_mode;
    answer = GANTRY_OK;
    emitted = 1;
    change = nullptr;
    asked.clear();
    table.build_swap = &build_swap;
    table.destroy = [](gantry_dex_instance*) {};
    venue = std::make_shared<VenueInstance>(nullptr, nullptr, &table,
                                            c.market.plugins.venues[0]->object(), health);
    venue->settings.max_slippage_bps = slippage_bps;
    auto topology = std::make_shared<Topology>(*c.market.snapshot->topology);
    for (const std::uint32_t pool : pools) {
      topology->pools[pool].venue = static_cast<std::uint32_t>(topology->venues.size());
    }
    topology->venues.push_back(venue.get());
    topology->venue_names.push_back(venue->name());
    snapshot.topology = topology;
    snapshot.states = c.market.snapshot->states;
    snapshot.context = c.market.snapshot->context;
    snapshot.ether_usd_e6 = c.market.snapshot->ether_usd_e6;
    view.bind(snapshot, {}, true);
  }

  gantry_dex_v1 table;
  std::shared_ptr<Health> health;
  std::shared_ptr<VenueInstance> venue;
  Snapshot snapshot;
  MarketView view;
};

}  // namespace

TEST_CASE("a leg that pulls its input is approved, and the leg before pays the sender") {
  const Case c;
  const Ranked ranked = c.three_legs();
  const auto& legs = ranked.opportunity.legs;
  const OtherVenue other(c, {1}, GANTRY_INPUT_APPROVE);
  const auto plan = c.plan(ranked, other.view);
  REQUIRE(plan);
  REQUIRE(plan->calls.size() == 5);
  check_swap(plan->calls[1], c.pool(0), 1, big(legs[0].amount_out), c.sender());
  const Decoded approve(plan->calls[2].data);
  CHECK(number(plan->calls[2].target) == number(c.token(1)));
  REQUIRE(approve.calls(approve_selector));
  CHECK(approve.word(0) == number(made_up(2)));
  CHECK(approve.word(1) == big(legs[1].amount_in));
  CHECK(plan->calls[2].purpose == "approve T1");
  CHECK(number(plan->calls[3].target) == number(made_up(1)));
  CHECK(plan->calls[3].data == Bytes{0xaa, 0xbb});
  CHECK(plan->calls[3].purpose == "swap T1 for T2 on other");
  CHECK(big(plan->calls[3].min_out) == least(big(legs[1].amount_out)));
  check_swap(plan->calls[4], c.pool(2), 0, big(legs[2].amount_out), c.sender());

  REQUIRE(OtherVenue::asked.size() == 1);
  const gantry_swap_order& order = OtherVenue::asked[0];
  CHECK(big(order.swap.amount) == big(legs[1].amount_in));
  CHECK(order.swap.token_in == 1);  // the pool's own order
  CHECK(order.swap.token_out == 0);
  CHECK(order.swap.mode == GANTRY_EXACT_IN);
  CHECK(big(order.out) == big(legs[1].amount_out));
  CHECK(big(order.min_out) == least(big(legs[1].amount_out)));
  CHECK(number(order.sender) == number(c.sender()));
  CHECK(number(order.recipient) == number(c.pool(2)));
}

TEST_CASE("each leg's least is its quote less what its own venue may slip, rounded down") {
  const Case c;
  const Ranked ranked = c.three_legs();
  const auto& legs = ranked.opportunity.legs;
  for (const unsigned bps : {0U, 7U, 333U, 10'000U, 20'000U}) {
    CAPTURE(bps);
    const OtherVenue other(c, {0, 1}, GANTRY_INPUT_APPROVE, bps);
    const auto plan = c.plan(ranked, other.view);
    REQUIRE(plan);
    REQUIRE(OtherVenue::asked.size() == 2);
    REQUIRE(plan->calls.size() == 5);  // two approvals and swaps, and the pair that was paid
    for (const std::uint32_t leg : {0U, 1U}) {
      const Integer slipped = least(big(legs[leg].amount_out), std::min(bps, 10'000U));
      CHECK(big(OtherVenue::asked[1 - leg].min_out) == slipped);
      CHECK(big(plan->calls[2 * leg + 1].min_out) == slipped);
    }
    CHECK(big(plan->min_out) == big(ranked.opportunity.amount_out));
  }
}

TEST_CASE("the least that may come out is the quote less the slippage, rounded down") {
  const Case c;
  // So profitable that the floor is the slippage.
  const Ranked ranked = c.priced({{0, 0, 1, 0}, {3, 1, 0, 0}}, thousandths(1501));
  const Integer out = big(ranked.opportunity.amount_out);
  REQUIRE(out * 9993 % 10000 != 0);
  const OtherVenue other(c, {3}, GANTRY_INPUT_TRANSFER, 7);
  const auto plan = c.plan(ranked, other.view);
  REQUIRE(plan);
  REQUIRE(least(out, 7) > big(ranked.opportunity.amount_in) + big(ranked.gas_cost));
  CHECK(big(plan->min_out) == least(out, 7));
  REQUIRE(OtherVenue::asked.size() == 1);
  CHECK(big(OtherVenue::asked[0].min_out) == least(out, 7));
  CHECK(big(OtherVenue::asked[0].out) == out);
  REQUIRE(plan->calls.size() == 3);
  CHECK(big(plan->calls[2].min_out) == least(out, 7));
}

TEST_CASE("the least that may come out is never below what went in and what the gas costs") {
  const Case c;
  // From the coin, from the operator's dollar, and from what would have to be sold.
  const Ranked cycles[] = {
      c.three_legs(), c.priced({{3, 1, 0, 0}, {0, 0, 1, 0}}, thousandths(200'003)),
      c.priced({{2, 2, 0, 0}, {0, 0, 1, 0}, {1, 1, 2, 0}}, thousandths(500'003))};
  for (const Ranked& ranked : cycles) {
    const auto& o = ranked.opportunity;
    CAPTURE(o.token_in);
    REQUIRE(ranked.pays);
    const OtherVenue other(c, {0, 1, 2, 3}, GANTRY_INPUT_APPROVE, 10'000);
    const auto plan = c.plan(ranked, other.view);
    REQUIRE(plan);
    const Integer gross = big(ranked.gross_token);
    const Integer net = gross * big(ranked.net) / big(ranked.gross.ether_wei);
    const Integer even = big(o.amount_in) + gross - net;
    CHECK(big(plan->min_out) == even);
    CHECK(even > big(o.amount_in));
    CHECK(even < big(o.amount_out));
    REQUIRE(OtherVenue::asked.size() == o.leg_count);
    CHECK(big(OtherVenue::asked[0].min_out) == even);
    REQUIRE(plan->calls.size() == 2 * o.leg_count);
    CHECK(big(plan->calls.back().min_out) == even);
    // Only the end has to come out even.
    for (std::uint32_t i = 1; i < o.leg_count; ++i) {
      CHECK(u256(OtherVenue::asked[i].min_out).is_zero());
    }
  }
  // In ether the gas is what it costs, to the wei.
  const OtherVenue other(c, {2}, GANTRY_INPUT_APPROVE, 10'000);
  const auto plan = c.plan(cycles[0], other.view);
  REQUIRE(plan);
  CHECK(big(plan->min_out) == big(cycles[0].opportunity.amount_in) + big(cycles[0].gas_cost));
}

TEST_CASE("the plan's least is what the last call holds, which may be more than was asked") {
  const Case c;
  const Ranked ranked = c.three_legs();
  const Integer asked = least(big(ranked.opportunity.amount_out));
  const OtherVenue other(c, {2}, GANTRY_INPUT_APPROVE);
  OtherVenue::emitted = 2;
  OtherVenue::change = [](std::uint32_t index, gantry_instruction& instruction) {
    // The first call of two holds nothing, and need not.
    if (index == 0) instruction.min_out_enforced = 0;
    instruction.min_out = index == 0 ? u256() : amount(big(instruction.min_out) + 17);
  };
  const auto plan = c.plan(ranked, other.view);
  REQUIRE(plan);
  CHECK(big(plan->min_out) == asked + 17);
  CHECK(big(OtherVenue::asked[0].min_out) == asked);
  CHECK(big(plan->calls.back().min_out) == asked + 17);
}

namespace {

void check_no_plan(const Result<Plan>& plan, const char* why) {
  REQUIRE_FALSE(plan);
  CHECK(plan.error().kind == ErrorKind::plugin);
  CHECK_THAT(plan.error().message, Catch::Contains("venue other") && Catch::Contains(why));
}

}  // namespace

TEST_CASE("a leg that calls back for its input is no plan, and its venue is named") {
  const Case c;
  const Ranked ranked = c.three_legs();
  for (const std::uint32_t pool : {0U, 1U, 2U}) {
    CAPTURE(pool);
    const OtherVenue other(c, {pool}, GANTRY_INPUT_CALLBACK);
    check_no_plan(c.plan(ranked, other.view), "call back");
    // Any of its calls.
    OtherVenue::input = GANTRY_INPUT_APPROVE;
    OtherVenue::emitted = 3;
    CHECK(c.plan(ranked, other.view));
    for (const std::uint32_t calls_back : {0U, 1U, 2U}) {
      OtherVenue::change = [=](std::uint32_t index, gantry_instruction& instruction) {
        if (index == calls_back) instruction.input = GANTRY_INPUT_CALLBACK;
      };
      check_no_plan(c.plan(ranked, other.view), "call back");
    }
    CHECK(other.health->strikes() == 0);
  }
}

TEST_CASE("a leg whose last call does not hold the minimum is no plan, and its venue is named") {
  const Case c;
  const Ranked ranked = c.three_legs();
  for (const std::uint32_t pool : {0U, 1U, 2U}) {
    CAPTURE(pool);
    const OtherVenue other(c, {pool}, GANTRY_INPUT_APPROVE);
    OtherVenue::emitted = 2;
    CHECK(c.plan(ranked, other.view));
    OtherVenue::change = [](std::uint32_t index, gantry_instruction& instruction) {
      if (index == 1) instruction.min_out_enforced = 0;
    };
    check_no_plan(c.plan(ranked, other.view), "minimum");
    OtherVenue::change = [](std::uint32_t index, gantry_instruction& instruction) {
      if (index == 1) instruction.min_out = amount(big(instruction.min_out) - 1);
    };
    check_no_plan(c.plan(ranked, other.view), "minimum");
    CHECK(other.health->strikes() == 0);
  }
}

TEST_CASE("a last call that holds the slippage but not what the gas costs is no plan") {
  const Case c;
  const Ranked ranked = c.three_legs();
  const OtherVenue other(c, {2}, GANTRY_INPUT_APPROVE, 10'000);
  const Integer even = big(ranked.opportunity.amount_in) + big(ranked.gas_cost);
  Integer held = even;
  OtherVenue::change = [&](std::uint32_t, gantry_instruction& instruction) {
    instruction.min_out = amount(held);
  };
  CHECK(c.plan(ranked, other.view));
  held = even - 1;
  check_no_plan(c.plan(ranked, other.view), "minimum");
}

TEST_CASE("a venue that cannot build its swap fails the plan, and a bad one gets a strike") {
  const Case c;
  OtherVenue other(c, {1}, GANTRY_INPUT_APPROVE);
  OtherVenue::answer = GANTRY_UNSUPPORTED;
  auto plan = c.plan(c.three_legs(), other.view);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().kind == ErrorKind::plugin);
  CHECK_THAT(plan.error().message, Catch::Contains("venue other") && Catch::Contains("leg 2") &&
                                       Catch::Contains("UNSUPPORTED"));
  CHECK(other.health->strikes() == 0);
  OtherVenue::answer = GANTRY_OK;
  OtherVenue::emitted = 0;
  CHECK_FALSE(c.plan(c.three_legs(), other.view));
  OtherVenue::answer = GANTRY_PLUGIN_FAULT;
  CHECK_FALSE(c.plan(c.three_legs(), other.view));
  CHECK(other.health->strikes() == 1);
}
