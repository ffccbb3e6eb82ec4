// Plans over real pairs, decoded word by word; and over venues and paymasters that are made up
// here.
#include "host/plan/plan.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <functional>

#include "host/plan/abi.hpp"
#include "support/applied_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr std::array<std::uint8_t, 4> transfer_selector{0xa9, 0x05, 0x9c, 0xbb};
constexpr std::array<std::uint8_t, 4> approve_selector{0x09, 0x5e, 0xa7, 0xb3};
constexpr std::array<std::uint8_t, 4> swap_selector{0x02, 0x2c, 0x0d, 0x9f};
constexpr std::array<std::uint8_t, 4> batch_selector{0x47, 0xe1, 0xda, 0x2a};

// Calldata, read by selector and words.
struct Decoded {
  explicit Decoded(const Bytes& data) : bytes(data) { REQUIRE(bytes.size() >= 4); }

  bool calls(const std::array<std::uint8_t, 4>& selector) const {
    return std::equal(selector.begin(), selector.end(), bytes.begin());
  }
  std::size_t words() const {
    REQUIRE((bytes.size() - 4) % 32 == 0);
    return (bytes.size() - 4) / 32;
  }
  Integer word_at(std::size_t offset) const {
    REQUIRE(4 + offset + 32 <= bytes.size());
    Integer value = 0;
    for (std::size_t i = 0; i < 32; ++i) value = (value << 8) | bytes[4 + offset + i];
    return value;
  }
  Integer word(std::size_t index) const { return word_at(32 * index); }

  Bytes bytes;
};

Integer number(const gantry_address& address) {
  REQUIRE(address.kind == GANTRY_ADDRESS_EVM);
  REQUIRE(address.length == 20);
  Integer value = 0;
  for (std::size_t i = 0; i < 20; ++i) value = (value << 8) | address.bytes[i];
  return value;
}

gantry_address made_up(std::uint8_t last) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  address.bytes[0] = 0x77;
  address.bytes[19] = last;
  return address;
}

// The amount less 100 bps, as the default venue has it, rounded down.
Integer least(const Integer& amount, unsigned bps = 100) { return amount * (10000 - bps) / 10000; }

// A market out of line, a cycle through it, and what it takes to have it approved.
struct Case {
  explicit Case(const ConfigurationTexts& texts = {})
      : market(market_inputs(3,
                             {{0, 1, 100'000, 40'000'000},
                              {2, 1, 80'000'000, 40'000'000},
                              {0, 2, 110'000, 80'000'000},
                              {0, 1, 100'000, 30'000'000}},
                             {}),
               texts) {
    risk.min_confidence = 0;
    risk.min_profit_usd = 0;
    risk.pool_concentration_bps = 10000;
  }

  const gantry_address& pool(std::uint32_t handle) const {
    return market.inputs[0].pools[handle].address;
  }
  const gantry_address& token(std::uint32_t handle) const {
    return market.inputs[0].tokens[handle].address;
  }
  const gantry_address& sender() const { return market.configuration.wallet.sender; }

  Ranked priced(const std::vector<gantry_hop>& hops, const Integer& in) const {
    gantry_route_quote route{};
    REQUIRE(market.view.quote_route(hops, amount(in), GANTRY_EXACT_IN, route) == GANTRY_OK);
    gantry_opportunity o{};
    o.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
    o.leg_count = static_cast<std::uint32_t>(hops.size());
    o.token_in = hops.front().token_in;
    o.token_out = hops.back().token_out;
    o.amount_in = route.amount_in;
    o.amount_out = route.amount_out;
    o.gas = route.gas;
    o.block = market.snapshot->context.state_block;
    o.valid_until_block = o.block + 5;
    o.confidence = 1;
    for (std::uint32_t i = 0; i < o.leg_count; ++i) {
      o.legs[i] = {hops[i], route.amounts[i], route.amounts[i + 1]};
    }
    return price_opportunity(market.view, o, 0, 0);
  }
  Ranked three_legs(const Integer& in = thousandths(1237)) const {
    return priced({{0, 0, 1, 0}, {1, 1, 2, 0}, {2, 2, 0, 0}}, in);
  }

  Result<Plan> plan(const Ranked& ranked) const { return plan(ranked, market.view); }
  Result<Plan> plan(const Ranked& ranked, const MarketView& view) const {
    const auto verdict =
        RiskGate(risk).check(view, ranked, StrategySettings(), ranked.opportunity.block);
    REQUIRE(verdict);
    return Planner(market.configuration, market.plugins).plan(view, *verdict);
  }

  AppliedMarket market;
  RiskSettings risk;
};

// swap(amount0Out, amount1Out, to, "") of a pair, which pays exactly that or reverts.
void check_swap(const PlannedCall& call, const gantry_address& pair, std::uint32_t out_index,
                const Integer& out, const gantry_address& to) {
  const Decoded data(call.data);
  CHECK(number(call.target) == number(pair));
  CHECK(call.value.is_zero());
  REQUIRE(data.calls(swap_selector));
  REQUIRE(data.words() == 5);
  CHECK(data.word(0) == (out_index == 0 ? out : Integer(0)));
  CHECK(data.word(1) == (out_index == 1 ? out : Integer(0)));
  CHECK(data.word(2) == number(to));
  CHECK(data.word(3) == 0x80);
  CHECK(data.word(4) == 0);
  CHECK(big(call.min_out) == out);
}

}  // namespace

TEST_CASE("a cycle of three pairs is a transfer and three swaps, each paying the next pair") {
  const Case c;
  const Ranked ranked = c.three_legs();
  const auto& o = ranked.opportunity;
  REQUIRE(ranked.pays);
  const auto plan = c.plan(ranked);
  REQUIRE(plan);
  REQUIRE(plan->calls.size() == 4);
  const Decoded transfer(plan->calls[0].data);
  CHECK(number(plan->calls[0].target) == number(c.token(0)));
  CHECK(plan->calls[0].value.is_zero());
  CHECK(plan->calls[0].min_out.is_zero());
  REQUIRE(transfer.calls(transfer_selector));
  REQUIRE(transfer.words() == 2);
  CHECK(transfer.word(0) == number(c.pool(0)));
  CHECK(transfer.word(1) == big(o.amount_in));
  check_swap(plan->calls[1], c.pool(0), 1, big(o.legs[0].amount_out), c.pool(1));
  check_swap(plan->calls[2], c.pool(1), 0, big(o.legs[1].amount_out), c.pool(2));
  check_swap(plan->calls[3], c.pool(2), 0, big(o.legs[2].amount_out), c.sender());
  CHECK(plan->calls[0].purpose == "transfer WETH to the first pool");
  CHECK(plan->calls[2].purpose == "swap T1 for T2 on uniswap_v2");
  CHECK(plan->block == o.block);
  CHECK(plan->execution_block == o.block + 1);
  CHECK(plan->trade.net == ranked.net);
  CHECK(big(plan->min_out) == big(o.amount_out));
}

TEST_CASE("a cycle of two pairs is a transfer and two swaps") {
  const Case c;
  const Ranked ranked = c.priced({{0, 0, 1, 0}, {3, 1, 0, 0}}, thousandths(501));
  REQUIRE(ranked.pays);
  const auto plan = c.plan(ranked);
  REQUIRE(plan);
  REQUIRE(plan->calls.size() == 3);
  CHECK(Decoded(plan->calls[0].data).word(0) == number(c.pool(0)));
  const auto& legs = ranked.opportunity.legs;
  check_swap(plan->calls[1], c.pool(0), 1, big(legs[0].amount_out), c.pool(3));
  check_swap(plan->calls[2], c.pool(3), 0, big(legs[1].amount_out), c.sender());
}

TEST_CASE("the user operation's call is the batch of the plan's calls, in order") {
  const Case c;
  const auto plan = c.plan(c.three_legs());
  REQUIRE(plan);
  const Decoded batch(plan->user_operation_call);
  REQUIRE(batch.calls(batch_selector));
  const auto n = plan->calls.size();
  const auto offset = [&](std::size_t at) { return batch.word_at(at).convert_to<std::size_t>(); };
  const std::size_t targets = offset(0), values = offset(32), data = offset(64);
  CHECK(targets == 96);
  REQUIRE(offset(targets) == n);
  REQUIRE(offset(values) == n);
  REQUIRE(offset(data) == n);
  std::size_t end = 0;
  for (std::size_t i = 0; i < n; ++i) {
    CHECK(batch.word_at(targets + 32 * (i + 1)) == number(plan->calls[i].target));
    CHECK(batch.word_at(values + 32 * (i + 1)) == 0);
    const std::size_t at = data + 32 + offset(data + 32 * (i + 1));
    const std::size_t size = offset(at);
    REQUIRE(size == plan->calls[i].data.size());
    const auto* begin = batch.bytes.data() + 4 + at + 32;
    CHECK(Bytes(begin, begin + size) == plan->calls[i].data);
    end = at + 32 + (size + 31) / 32 * 32;
    // Filled up with zeros.
    CHECK(std::all_of(begin + size, batch.bytes.data() + 4 + end, [](auto b) { return b == 0; }));
  }
  CHECK(batch.bytes.size() == 4 + end);
}

TEST_CASE("a batch carries each call's coin and the bytes of an empty call") {
  const Bytes three = {1, 2, 3};
  const std::vector<abi::Call> calls = {{made_up(1), u256(5), {}}, {made_up(2), u256(0), three}};
  const Decoded batch(abi::execute_batch(calls));
  const Integer expected[] = {96,
                              96 + 96,
                              96 + 192,  // heads
                              2,
                              number(made_up(1)),
                              number(made_up(2)),
                              2,
                              5,
                              0,
                              2,
                              64,
                              96,  // offsets behind the length
                              0,
                              3,
                              Integer(0x010203) << (8 * 29)};
  REQUIRE(batch.words() == std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    CAPTURE(i);
    CHECK(batch.word(i) == expected[i]);
  }
}

TEST_CASE("a pair's call holds the exact quote, however much its venue may slip") {
  ConfigurationTexts texts;
  texts.dex = "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 0\nmax_slippage_bps = 700\n";
  const Case c(texts);
  const Ranked ranked = c.priced({{0, 0, 1, 0}, {3, 1, 0, 0}}, thousandths(1501));
  const auto plan = c.plan(ranked);
  REQUIRE(plan);
  CHECK(big(plan->min_out) == big(ranked.opportunity.amount_out));
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(big(plan->calls[i + 1].min_out) == big(ranked.opportunity.legs[i].amount_out));
  }
}

TEST_CASE("a pair refuses an order for less than its minimum, and enforces what it encodes") {
  const Case c;
  const VenueInstance& venue = *c.market.plugins.venues[0];
  const PoolInfo& pool = c.market.snapshot->topology->pools[0];
  const gantry_pool_spec spec = pool.spec();
  gantry_pool_state state;
  REQUIRE(c.market.snapshot->pool_state(0, state));
  gantry_swap_order order{};
  order.swap = {u256(1000), 0, 1, GANTRY_EXACT_IN, 0};
  order.out = u256(398'000);
  order.sender = order.recipient = c.sender();
  for (const std::uint64_t min_out : {0U, 397'999U, 398'000U}) {
    order.min_out = u256(min_out);
    InstructionList list;
    const auto sink = list.sink();
    REQUIRE(venue.table().build_swap(venue.object(), &spec, &state, &order, &sink) == GANTRY_OK);
    REQUIRE(list.all().size() == 1);
    CHECK(list.all()[0].head.min_out_enforced == 1);
    CHECK(big(list.all()[0].head.min_out) == 398'000);
    CHECK(Decoded(list.all()[0].data).word(1) == 398'000);
  }
  order.min_out = u256(398'001);
  InstructionList list;
  const auto sink = list.sink();
  CHECK(venue.table().build_swap(venue.object(), &spec, &state, &order, &sink) ==
        GANTRY_BAD_ARGUMENT);
  CHECK(list.all().empty());
}

TEST_CASE("without a sender there is no plan, and the key to set is named") {
  Case c;
  const Ranked ranked = c.three_legs();
  c.market.configuration.wallet.sender = {};
  const auto plan = c.plan(ranked);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().kind == ErrorKind::configuration);
  CHECK_THAT(plan.error().message, Catch::Contains("wallet.sender"));
}

TEST_CASE("what a strategy wants called comes before the swaps") {
  const Case c;
  Ranked ranked = c.three_legs();
  Instruction first;
  first.head.target = made_up(9);
  first.head.value = u256(17);
  first.head.min_out = u256(3);
  first.data = {1, 2, 3};
  ranked.before = std::make_shared<const std::vector<Instruction>>(1, first);
  const auto plan = c.plan(ranked);
  REQUIRE(plan);
  REQUIRE(plan->calls.size() == 5);
  CHECK(number(plan->calls[0].target) == number(made_up(9)));
  CHECK(big(plan->calls[0].value) == 17);
  CHECK(big(plan->calls[0].min_out) == 3);
  CHECK(plan->calls[0].data == Bytes{1, 2, 3});
  CHECK(Decoded(plan->calls[1].data).calls(transfer_selector));
}

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
    auto venue = std::make_shared<VenueInstance>(nullptr, nullptr, &table,
                                                 c.market.plugins.venues[0]->object(), health);
    venue->settings.max_slippage_bps = slippage_bps;
    auto topology = std::make_shared<Topology>(*c.market.snapshot->topology);
    for (const std::uint32_t pool : pools) {
      topology->pools[pool].venue = static_cast<std::uint32_t>(topology->venues.size());
    }
    topology->venues.push_back(venue);
    snapshot.topology = topology;
    snapshot.states = c.market.snapshot->states;
    snapshot.context = c.market.snapshot->context;
    snapshot.ether_usd_e6 = c.market.snapshot->ether_usd_e6;
    view.bind(snapshot, {}, true);
  }

  gantry_dex_v1 table;
  std::shared_ptr<Health> health;
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

namespace {

// A paymaster that answers as it is told.
struct Payer {
  gantry_status supports = GANTRY_OK;
  gantry_status answer = GANTRY_OK;
  std::uint32_t requests = 1;
  std::uint32_t asked = 0;
  std::vector<gantry_status> emitted;
  gantry_user_operation operation{};
  Bytes call_data;

  static Payer& self(gantry_paymaster_instance* object) {
    return *reinterpret_cast<Payer*>(object);
  }
  static gantry_status on_supports(gantry_paymaster_instance* object, const gantry_context*,
                                   const gantry_user_operation* operation) {
    Payer& payer = self(object);
    ++payer.asked;
    payer.operation = *operation;
    payer.call_data.assign(operation->call_data.data,
                           operation->call_data.data + operation->call_data.size);
    return payer.supports;
  }
  static gantry_status on_request(gantry_paymaster_instance* object, const gantry_context*,
                                  const gantry_user_operation*, std::uint32_t round,
                                  const gantry_http_sink* sink) {
    Payer& payer = self(object);
    const std::string_view method = "POST", url = "https://payer.test/?key=${PAYER_KEY}",
                           name = "accept", value = "json", body = "{}";
    const auto c = [](std::string_view s) { return gantry_string{s.data(), s.size()}; };
    const gantry_http_header header{c(name), c(value)};
    const gantry_http_request request{
        c(method), c(url), &header,
        1,         0,      {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()}};
    for (std::uint32_t i = 0; i < payer.requests; ++i) {
      payer.emitted.push_back(sink->emit(sink->self, &request));
    }
    return round == 0 ? payer.answer : GANTRY_UNSUPPORTED;
  }
  static inline const gantry_paymaster_v1 table = {
      nullptr, [](gantry_paymaster_instance*) {}, &on_supports, &on_request, nullptr, nullptr};

  std::shared_ptr<PaymasterInstance> instance(const std::string& name) {
    return std::make_shared<PaymasterInstance>(nullptr, nullptr, &table,
                                               reinterpret_cast<gantry_paymaster_instance*>(this),
                                               std::make_shared<Health>(name, "", 1));
  }
};

}  // namespace

TEST_CASE("without a paymaster the sender pays") {
  const Case c;
  const auto plan = c.plan(c.three_legs());
  REQUIRE(plan);
  CHECK(plan->payer == "sender");
  CHECK(plan->passed.empty());
  CHECK(plan->sponsorship.empty());
}

TEST_CASE("the first paymaster that would pays, and who would not is named with the reason") {
  Case c;
  Payer elsewhere, capped, silent, pays, spare;
  elsewhere.supports = GANTRY_REFUSED;
  capped.answer = GANTRY_REFUSED;
  silent.requests = 0;
  pays.requests = 2;
  c.market.plugins.paymasters = {elsewhere.instance("elsewhere"), capped.instance("capped"),
                                 silent.instance("silent"), pays.instance("pays"),
                                 spare.instance("spare")};
  const auto plan = c.plan(c.three_legs());
  REQUIRE(plan);
  CHECK(plan->payer == "pays");
  CHECK(plan->passed ==
        std::vector<std::string>{"elsewhere: not for this chain or entry point (REFUSED)",
                                 "capped: refused (REFUSED)", "silent: refused (OK)"});
  CHECK(spare.asked == 0);
  // What the one before asked for is not sent.
  REQUIRE(plan->sponsorship.size() == 2);
  const PlannedRequest& request = plan->sponsorship[0];
  CHECK(request.method == "POST");
  CHECK(request.url == "https://payer.test/?key=${PAYER_KEY}");
  CHECK(request.headers == std::vector<std::pair<std::string, std::string>>{{"accept", "json"}});
  CHECK(request.body == "{}");
}

TEST_CASE("when no paymaster would, the sender pays") {
  Case c;
  Payer capped, faulty;
  capped.answer = GANTRY_REFUSED;
  faulty.supports = GANTRY_PLUGIN_FAULT;
  c.market.plugins.paymasters = {capped.instance("capped"), faulty.instance("faulty")};
  const auto plan = c.plan(c.three_legs());
  REQUIRE(plan);
  CHECK(plan->payer == "sender");
  CHECK(plan->sponsorship.empty());
  REQUIRE(plan->passed.size() == 2);
  // A fault retires it, and then it is not asked.
  CHECK_FALSE(c.market.plugins.paymasters[1]->health().usable(c.market.snapshot->id));
  CHECK(c.plan(c.three_legs())->passed.size() == 1);
  CHECK(faulty.asked == 1);
}

TEST_CASE("a paymaster's requests are bounded") {
  Case c;
  Payer eager;
  eager.requests = 6;
  c.market.plugins.paymasters = {eager.instance("eager")};
  const auto plan = c.plan(c.three_legs());
  REQUIRE(plan);
  CHECK(plan->sponsorship.size() == 4);
  CHECK(eager.emitted == std::vector<gantry_status>{GANTRY_OK, GANTRY_OK, GANTRY_OK, GANTRY_OK,
                                                    GANTRY_REFUSED, GANTRY_REFUSED});
}

TEST_CASE("a paymaster is shown the operation as it would be sent") {
  Case c;
  Payer payer;
  c.market.plugins.paymasters = {payer.instance("payer")};
  const Ranked ranked = c.three_legs();
  const auto plan = c.plan(ranked);
  REQUIRE(plan);
  const gantry_user_operation& operation = payer.operation;
  CHECK(payer.call_data == plan->user_operation_call);
  CHECK(number(operation.sender) == number(c.sender()));
  CHECK(operation.chain_id == 1);
  CHECK(operation.entry_point_version == 7);
  CHECK(big(operation.call_gas_limit) == 3 * 90'000 + 60'000);
  CHECK(big(operation.max_fee_per_gas) == Integer(20'000'000'000));
  CHECK(big(operation.max_priority_fee_per_gas) == Integer(20'000'000'000));  // no base fee
  CHECK(operation.stub_signature == 1);
  CHECK(operation.signature.size == 65);

  // The deployments of v0.6, v0.8 and v0.9, and any other, which has the form of v0.7.
  const std::pair<std::array<std::uint8_t, 3>, std::uint32_t> deployments[] = {
      {{0x5f, 0xf1, 0x37}, 6},
      {{0x43, 0x37, 0x08}, 8},
      {{0x43, 0x37, 0x09}, 9},
      {{0x12, 0x34, 0x56}, 7}};
  for (const auto& [bytes, version] : deployments) {
    std::copy(bytes.begin(), bytes.end(), c.market.configuration.wallet.entry_point.bytes);
    REQUIRE(c.plan(ranked));
    CHECK(payer.operation.entry_point_version == version);
  }
}

TEST_CASE("an EVM chain's number is read from its name, and of any other it is 0") {
  CHECK(evm_chain_id("eip155:1") == 1);
  CHECK(evm_chain_id("eip155:42161") == 42161);
  CHECK(evm_chain_id("eip155:18446744073709551609") == 18446744073709551609U);
  for (const char* other :
       {"", "eip155", "eip155:", "eip155:0", "eip155:-1", "eip155:+1", "eip155: 1", "eip155:1 ",
        "eip155:0x1", "eip155:1a", "EIP155:1", "solana:1", "eip155:18446744073709551616",
        "eip155:18446744073709551617", "eip155:184467440737095516150",
        "eip155:99999999999999999999999"}) {
    CAPTURE(other);
    CHECK(evm_chain_id(other) == 0);
  }
}

TEST_CASE("the instructions of a swap are copied, and bounded") {
  InstructionList list;
  const auto sink = list.sink();
  Bytes data(InstructionList::data_bytes_max + 1, 1);
  std::vector<gantry_account_meta> accounts(InstructionList::accounts_max + 1);
  gantry_instruction instruction{};
  const auto emit = [&](std::size_t bytes, std::size_t metas) {
    instruction.data = {data.data(), bytes};
    instruction.accounts = accounts.data();
    instruction.account_count = static_cast<std::uint32_t>(metas);
    return sink.emit(sink.self, &instruction);
  };
  CHECK(emit(InstructionList::data_bytes_max + 1, 0) == GANTRY_REFUSED);
  CHECK(emit(0, InstructionList::accounts_max + 1) == GANTRY_REFUSED);
  instruction.data = {nullptr, 1};
  instruction.account_count = 0;
  CHECK(sink.emit(sink.self, &instruction) == GANTRY_BAD_ARGUMENT);
  instruction.data = {nullptr, 0};
  instruction.accounts = nullptr;
  instruction.account_count = 1;
  CHECK(sink.emit(sink.self, &instruction) == GANTRY_BAD_ARGUMENT);
  CHECK(list.all().empty());
  CHECK(emit(InstructionList::data_bytes_max, InstructionList::accounts_max) == GANTRY_OK);
  data[0] = 2;
  CHECK(list.all()[0].data[0] == 1);
  for (std::size_t i = 1; i < InstructionList::instructions_max; ++i)
    CHECK(emit(3, 0) == GANTRY_OK);
  CHECK(emit(3, 0) == GANTRY_REFUSED);
  CHECK(list.all().size() == InstructionList::instructions_max);
}
