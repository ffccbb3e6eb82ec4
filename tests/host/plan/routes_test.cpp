// Plans whose legs are of several venues: who is paid by a leg, and what must then be sent on. The
// pools of Curve and Balancer are those that their plugins are checked with.
#include "host/feed/recording_feed.hpp"
#include "tests/host/plan/plan_fixture.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

constexpr std::array<std::uint8_t, 4> exchange_selector{0x3d, 0xf0, 0x21, 0x24};
constexpr std::array<std::uint8_t, 4> exchange_to_selector{0xdd, 0xc1, 0xf5, 0x9d};
constexpr const char* router_v3 = "0x7000000000000000000000000000000000000007";
// The vault that the plugin has by default.
const Integer vault_v3("0xbA1333333333a1BA1108E8412f11850A5C319bA9");

struct Recorded {
  const char* file;
  std::uint32_t pool;  // by its place in the file
};
constexpr Recorded curve_3pool{GANTRY_CURVE_RECORDING, 0};
constexpr Recorded curve_factory_plain2{GANTRY_CURVE_RECORDING, 2};
constexpr Recorded balancer_v3_stable{GANTRY_BALANCER_RECORDING, 7};

ConfigurationTexts three_venues() {
  ConfigurationTexts texts;
  texts.dex +=
      "[[dex]]\nname = \"curve\"\nmin_liquidity_usd = 0\nmax_slippage_bps = 100\n"
      "[[dex]]\nname = \"balancer\"\nmin_liquidity_usd = 0\nmax_slippage_bps = 100\nrouter_v3 = \"";
  texts.dex += std::string(router_v3) + "\"\n";
  return texts;
}

// From the wrapped coin over a pair into the recorded pool, and from there over another pair back.
struct Route {
  static constexpr std::uint32_t first = 4, last = 5, middle = 6;  // pools

  explicit Route(const Recorded& recorded, bool charged = false) : c(three_venues()) {
    auto feed = RecordingFeed::open(recorded.file);
    REQUIRE(feed);
    auto input = feed->next();
    REQUIRE(input);
    auto pool = input->pools.at(recorded.pool);
    BlockInput next;
    next.block = c.market.inputs.back().block;
    next.block.number += 1;
    next.block.time_s += 13;
    for (std::uint32_t& token : pool.tokens) {
      next.tokens.push_back(input->tokens.at(token));
      next.tokens.back().symbol = "C" + std::to_string(next.tokens.size());
      token = 2 + static_cast<std::uint32_t>(next.tokens.size());
    }
    in = pool.tokens[0], out = pool.tokens[1];
    add_pair(next, in, next.tokens[0].decimals, 400'000);
    add_pair(next, out, next.tokens[1].decimals, 300'000);
    next.pools.push_back(pool);
    for (auto& fact : input->facts) {
      if (fact.pool != recorded.pool) continue;
      fact.pool = middle;
      next.facts.push_back(std::move(fact));
    }
    if (charged) {
      next.facts.push_back(price_fact(1'000'000'000));
      c.market.configuration.chains.front().data_fee = DataFeeKind::arbitrum;
    }
    c.market.inputs.push_back(std::move(next));
    c.market.advance();
  }

  // Of 100 of the wrapped coin and so many tokens.
  void add_pair(BlockInput& next, std::uint32_t token, unsigned decimals, std::uint64_t tokens) {
    const auto handle = static_cast<std::uint32_t>(first + next.pools.size());
    std::vector<SmallPool> pools(handle + 1, {0, 1, 1, 1});
    auto made = std::move(market_inputs(2, pools, {}).front());
    auto fact = std::move(made.facts.back());
    Integer amount = tokens;
    for (unsigned i = 0; i < decimals; ++i) amount *= 10;
    set_reserves(fact, thousandths(100'000), amount);
    next.pools.push_back(std::move(made.pools.back()));
    next.pools.back().tokens = {0, token};
    next.facts.push_back(std::move(fact));
  }

  Ranked priced() const {
    return c.priced({{first, 0, in, 0}, {middle, in, out, 0}, {last, out, 0, 0}}, thousandths(500));
  }
  const gantry_address& pool(std::uint32_t handle) const {
    return c.market.snapshot->topology->pools[handle].address;
  }
  const gantry_address& token(std::uint32_t handle) const {
    return c.market.snapshot->topology->tokens[handle].address;
  }

  Case c;
  std::uint32_t in = 0, out = 0;
};

void check_transfer(const PlannedCall& call, const gantry_address& token, const Integer& to,
                    const Integer& amount) {
  const Decoded data(call.data);
  CHECK(number(call.target) == number(token));
  REQUIRE(data.calls(transfer_selector));
  REQUIRE(data.words() == 2);
  CHECK(data.word(0) == to);
  CHECK(data.word(1) == amount);
}

}  // namespace

TEST_CASE("what a Curve pool pays its caller alone is sent on to the pair after it") {
  const Route route(curve_3pool);
  const Ranked ranked = route.priced();
  REQUIRE(ranked.pays);
  const auto plan = route.c.plan(ranked);
  REQUIRE(plan);
  const auto& calls = plan->calls;
  const auto& legs = ranked.opportunity.legs;
  REQUIRE(calls.size() == 6);
  check_transfer(calls[0], route.token(0), number(route.pool(Route::first)),
                 big(legs[0].amount_in));
  // The pool pulls its input, so that the pair before it pays the sender.
  check_swap(calls[1], route.pool(Route::first), 1, big(legs[0].amount_out), route.c.sender());
  const Decoded approval(calls[2].data);
  CHECK(number(calls[2].target) == number(route.token(route.in)));
  REQUIRE(approval.calls(approve_selector));
  CHECK(approval.word(0) == number(route.pool(Route::middle)));
  CHECK(approval.word(1) == big(legs[1].amount_in));
  const Decoded exchange(calls[3].data);
  CHECK(number(calls[3].target) == number(route.pool(Route::middle)));
  REQUIRE(exchange.calls(exchange_selector));
  REQUIRE(exchange.words() == 4);
  CHECK(exchange.word(2) == big(legs[1].amount_in));
  // All that is sent on, however much the venue may slip: nothing of the sender's own makes it up.
  CHECK(exchange.word(3) == big(legs[2].amount_in));
  CHECK(big(calls[3].min_out) == big(legs[2].amount_in));
  check_transfer(calls[4], route.token(route.out), number(route.pool(Route::last)),
                 big(legs[2].amount_in));
  CHECK(calls[4].purpose == "transfer C2 to the next pool");
  check_swap(calls[5], route.pool(Route::last), 0, big(legs[2].amount_out), route.c.sender());
  CHECK(big(plan->min_out) == big(ranked.opportunity.amount_out));
}

TEST_CASE("a Curve pool that pays others pays the pair after it") {
  const Route route(curve_factory_plain2);
  const Ranked ranked = route.priced();
  REQUIRE(ranked.pays);
  const auto plan = route.c.plan(ranked);
  REQUIRE(plan);
  REQUIRE(plan->calls.size() == 5);
  const Decoded exchange(plan->calls[3].data);
  REQUIRE(exchange.calls(exchange_to_selector));
  REQUIRE(exchange.words() == 5);
  const auto& legs = ranked.opportunity.legs;
  CHECK(exchange.word(3) == least(big(legs[1].amount_out)));
  CHECK(exchange.word(4) == number(route.pool(Route::last)));
  check_swap(plan->calls[4], route.pool(Route::last), 0, big(legs[2].amount_out), route.c.sender());
}

TEST_CASE("what Balancer's V3 vault pays its caller is sent on, and its input is paid straight") {
  const Route route(balancer_v3_stable);
  const Ranked ranked = route.priced();
  REQUIRE(ranked.pays);
  const auto plan = route.c.plan(ranked);
  REQUIRE(plan);
  const auto& calls = plan->calls;
  const auto& legs = ranked.opportunity.legs;
  REQUIRE(calls.size() == 5);
  check_transfer(calls[0], route.token(0), number(route.pool(Route::first)),
                 big(legs[0].amount_in));
  const Decoded paid(calls[1].data);
  REQUIRE(paid.calls(swap_selector));
  CHECK(paid.word(2) == vault_v3);
  const Decoded swap(calls[2].data);
  CHECK(number(calls[2].target) == Integer(router_v3));
  CHECK(swap.word(0) == number(route.pool(Route::middle)));
  CHECK(swap.word(3) == big(legs[1].amount_in));
  CHECK(swap.word(4) == big(legs[2].amount_in));
  check_transfer(calls[3], route.token(route.out), number(route.pool(Route::last)),
                 big(legs[2].amount_in));
  check_swap(calls[4], route.pool(Route::last), 0, big(legs[2].amount_out), route.c.sender());
}

TEST_CASE("a transfer between two legs is among the bytes that the chain charges for") {
  const Route route(curve_3pool, true);
  const auto& view = route.c.market.view;
  const Ranked free = route.priced();
  const Sender sender = sender_of(route.c.market.configuration);
  u256 fee;
  REQUIRE(data_fee_of(view, free.opportunity, sender, nullptr, fee));
  const auto plan =
      route.c.plan(price_opportunity(view, free.opportunity, 0, 0, {gas_overhead, fee}));
  REQUIRE(plan);
  REQUIRE(plan->calls.size() == 6);
  const auto charged_for = [&](std::span<const PlannedCall> calls) {
    u256 wei;
    REQUIRE(data_fee_of(view.snapshot().data_fee,
                        published_bytes(batch_of(calls), sender.sponsored), 0, wei));
    return big(wei);
  };
  CHECK(big(plan->data_fee) == charged_for(plan->calls));
  auto without = plan->calls;
  without.erase(without.begin() + 4);
  CHECK(charged_for(without) < big(plan->data_fee));
  // What was priced has it too, but for the digits of the minimum.
  CHECK(charged_for(without) < big(fee));
}

TEST_CASE("a pool whose venue has no shapes gets one that fits, and is worth what it holds") {
  for (const Recorded& recorded : {curve_3pool, curve_factory_plain2, balancer_v3_stable}) {
    const Route route(recorded);
    CAPTURE(recorded.file, recorded.pool);
    const gantry_market* market = route.c.market.view.market();
    gantry_pool told{};
    REQUIRE(market->services->pool(market, Route::middle, &told) == GANTRY_OK);
    CHECK((told.traits.flags & GANTRY_POOL_SEGMENTS) != 0);
    const PoolInfo& info = route.c.market.snapshot->topology->pools[Route::middle];
    CHECK(info.liquidity_usd > 0);
    int compared = 0;
    for (const auto& [in, out] : {std::pair{0U, 1U}, {1U, 0U}}) {
      gantry_segment shape{};
      std::uint32_t count = 0;
      REQUIRE(market->services->segments(market, Route::middle, in, out, &shape, 1, &count) ==
              GANTRY_OK);
      REQUIRE(count == 1);
      CHECK(shape.flags == 0);
      // No room: how many there are is not asked.
      CHECK(market->services->segments(market, Route::middle, in, out, &shape, 0, &count) ==
            GANTRY_OK);
      CHECK(count == 0);
      for (const int part : {1, 3, 10, 30, 99}) {
        const Integer amount_in = big(shape.in_end) * part / 100;
        const Integer shape_pays =
            amount_in * big(shape.reserve_out) / (big(shape.reserve_in) + amount_in);
        gantry_quote quote{};
        const gantry_swap swap{amount(amount_in), in, out, GANTRY_EXACT_IN, 0};
        REQUIRE(route.c.market.view.quote(Route::middle, swap, quote) == GANTRY_OK);
        const double off = (shape_pays - big(quote.amount_out)).convert_to<double>();
        CHECK(std::abs(off) <= big(quote.amount_out).convert_to<double>() * 0.01 + 2);
        ++compared;
      }
    }
    CHECK(compared == 10);
    CHECK(market->services->segments(market, Route::middle, 0, 0, nullptr, 0, nullptr) ==
          GANTRY_BAD_ARGUMENT);
  }
}
