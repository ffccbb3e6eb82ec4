// Plans over real pairs.
#include "host/plan/abi.hpp"
#include "host/plan/plan.hpp"
#include "tests/host/plan/plan_fixture.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

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
