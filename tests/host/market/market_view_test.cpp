// A strategy's view of small markets, over the real uniswap_v2.
#include "host/market/market_view.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "gantry/split.h"
#include "host/market/optional_services.hpp"
#include "support/applied_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

// Three pools in a triangle, and a second one of the first pair.
AppliedMarket triangle() {
  return AppliedMarket(market_inputs(3,
                                     {{0, 1, 100'000, 40'000'000},
                                      {1, 2, 40'000'000, 80'000'000},
                                      {2, 0, 81'000'000, 100'000},
                                      {0, 1, 50'000, 21'000'000}},
                                     {}));
}

gantry_swap swap(const Integer& in, std::uint32_t from, std::uint32_t to,
                 std::int32_t mode = GANTRY_EXACT_IN) {
  return {amount(in), from, to, mode, 0};
}

gantry_hop hop(std::uint32_t pool, std::uint32_t from, std::uint32_t to) {
  return {pool, from, to, 0};
}

using Hops = std::vector<gantry_hop>;

// The hops as legs of a trade of so much, by the view's own quotes where it has them.
std::vector<gantry_leg> legs_of(const AppliedMarket& market, const Hops& hops, const Integer& in) {
  gantry_route_quote quote{};
  static_cast<void>(market.view.quote_route(hops, amount(in), GANTRY_EXACT_IN, quote));
  std::vector<gantry_leg> legs;
  for (std::size_t i = 0; i < hops.size(); ++i) {
    legs.push_back({hops[i], i == 0 ? amount(in) : u256(quote.amounts[i]), quote.amounts[i + 1]});
  }
  return legs;
}

gantry_status route_status(const AppliedMarket& market, const Hops& hops,
                           std::int32_t mode = GANTRY_EXACT_IN) {
  gantry_route_quote out{};
  return market.view.quote_route(hops, amount(thousandths(1000)), mode, out);
}

}  // namespace

TEST_CASE("a view's quote is the pair's own to the unit") {
  const auto market = triangle();
  for (const std::uint64_t in : {1ULL, 1000ULL, 99'999ULL}) {
    gantry_quote quote{};
    REQUIRE(market.view.quote(0, swap(thousandths(in), 0, 1), quote) == GANTRY_OK);
    CHECK(big(quote.amount_out) ==
          pair_pays(thousandths(in), thousandths(100'000), thousandths(40'000'000)));
    REQUIRE(market.view.quote(0, swap(thousandths(in), 1, 0), quote) == GANTRY_OK);
    CHECK(big(quote.amount_out) ==
          pair_pays(thousandths(in), thousandths(40'000'000), thousandths(100'000)));
  }
}

TEST_CASE("a quote that cannot be asked for is refused before the venue sees it") {
  auto market = triangle();
  gantry_quote quote{};
  const auto status = [&](std::uint32_t pool, std::uint32_t from, std::uint32_t to) {
    return market.view.quote(pool, swap(1000, from, to), quote);
  };
  CHECK(status(4, 0, 1) == GANTRY_REFUSED);
  CHECK(status(no_handle, 0, 1) == GANTRY_REFUSED);
  CHECK(status(0, 0, 0) == GANTRY_BAD_ARGUMENT);
  CHECK(status(0, 0, 2) == GANTRY_BAD_ARGUMENT);
  CHECK(status(0, 2, 0) == GANTRY_BAD_ARGUMENT);
  CHECK(market.venue_health().strikes() == 0);
}

TEST_CASE("a route's amounts are those of its swaps one after another") {
  const auto market = triangle();
  const Hops hops = {hop(0, 0, 1), hop(1, 1, 2), hop(2, 2, 0)};
  const Integer in = thousandths(1234);
  gantry_route_quote route{};
  REQUIRE(market.view.quote_route(hops, amount(in), GANTRY_EXACT_IN, route) == GANTRY_OK);
  const Integer first = pair_pays(in, thousandths(100'000), thousandths(40'000'000));
  const Integer second = pair_pays(first, thousandths(40'000'000), thousandths(80'000'000));
  const Integer third = pair_pays(second, thousandths(81'000'000), thousandths(100'000));
  CHECK(big(route.amount_in) == in);
  CHECK(big(route.amounts[0]) == in);
  CHECK(big(route.amounts[1]) == first);
  CHECK(big(route.amounts[2]) == second);
  CHECK(big(route.amounts[3]) == third);
  CHECK(big(route.amount_out) == third);
  CHECK(route.gas == 3 * 90'000);
}

TEST_CASE("a route that visits a pool again is quoted on what the earlier visits left") {
  const auto market = triangle();
  // Three visits of pool 0, the last two on states that only exist in the route.
  const Hops hops = {hop(0, 0, 1), hop(3, 1, 0), hop(0, 0, 1), hop(3, 1, 0), hop(0, 0, 1)};
  Integer reserves[4][2] = {{thousandths(100'000), thousandths(40'000'000)},
                            {},
                            {},
                            {thousandths(50'000), thousandths(21'000'000)}};
  Integer at = thousandths(5000);
  gantry_route_quote route{};
  REQUIRE(market.view.quote_route(hops, amount(at), GANTRY_EXACT_IN, route) == GANTRY_OK);
  for (std::size_t i = 0; i < hops.size(); ++i) {
    auto& pool = reserves[hops[i].pool];
    const Integer out = pair_pays(at, pool[hops[i].token_in], pool[hops[i].token_out]);
    pool[hops[i].token_in] += at;
    pool[hops[i].token_out] -= out;
    at = out;
    CAPTURE(i);
    CHECK(big(route.amounts[i + 1]) == at);
  }
}

TEST_CASE("a route over one pool twice is what two blocks with the two swaps give") {
  auto inputs = market_inputs(2, {{0, 1, 100'000, 40'000'000}}, {{{0, 1, 1}}});
  const Integer in = thousandths(777);
  const Integer paid = pair_pays(in, thousandths(100'000), thousandths(40'000'000));
  set_reserves(inputs[1].facts[0], thousandths(100'000) + in, thousandths(40'000'000) - paid);
  AppliedMarket market(inputs);
  gantry_route_quote route{};
  const Hops hops = {hop(0, 0, 1), hop(0, 1, 0)};
  REQUIRE(market.view.quote_route(hops, amount(in), GANTRY_EXACT_IN, route) == GANTRY_OK);
  market.advance();
  gantry_quote back{};
  REQUIRE(market.view.quote(0, swap(paid, 1, 0), back) == GANTRY_OK);
  CHECK(big(route.amount_out) == big(back.amount_out));
  // It did not go back over the state of the block.
  CHECK(big(route.amount_out) != pair_pays(paid, thousandths(40'000'000), thousandths(100'000)));
}

TEST_CASE("an exact output is quoted backwards, and going forwards pays at least that") {
  const auto market = triangle();
  const Hops hops = {hop(0, 0, 1), hop(1, 1, 2)};
  const Integer wanted = thousandths(123'457);
  gantry_route_quote back{};
  REQUIRE(market.view.quote_route(hops, amount(wanted), GANTRY_EXACT_OUT, back) == GANTRY_OK);
  CHECK(big(back.amount_out) == wanted);
  CHECK(big(back.amounts[2]) == wanted);
  CHECK(big(back.amounts[0]) == big(back.amount_in));
  gantry_route_quote forth{};
  REQUIRE(market.view.quote_route(hops, back.amount_in, GANTRY_EXACT_IN, forth) == GANTRY_OK);
  CHECK(big(forth.amount_out) >= wanted);
  REQUIRE(market.view.quote_route(hops, amount(big(back.amount_in) - 1), GANTRY_EXACT_IN, forth) ==
          GANTRY_OK);
  CHECK(big(forth.amount_out) < wanted);
}

TEST_CASE("a route that cannot be quoted says why, and costs the venue nothing") {
  auto market = triangle();
  CHECK(route_status(market, {}) == GANTRY_BAD_ARGUMENT);
  Hops hops;
  for (std::uint32_t i = 0; i < GANTRY_LEGS_MAX; ++i) hops.push_back(hop(0, i % 2, 1 - i % 2));
  CHECK(route_status(market, hops) == GANTRY_OK);
  hops.push_back(hop(0, 0, 1));
  CHECK(route_status(market, hops) == GANTRY_BAD_ARGUMENT);

  CHECK(route_status(market, {hop(4, 0, 1)}) == GANTRY_REFUSED);
  CHECK(route_status(market, {hop(0, 0, 1), hop(no_handle, 1, 2)}) == GANTRY_REFUSED);
  CHECK(route_status(market, {hop(0, 0, 0)}) == GANTRY_BAD_ARGUMENT);
  CHECK(route_status(market, {hop(0, 0, 2)}) == GANTRY_BAD_ARGUMENT);
  CHECK(route_status(market, {hop(0, no_handle, 1)}) == GANTRY_BAD_ARGUMENT);
  // Backwards, the state before a later visit is not known yet.
  CHECK(route_status(market, {hop(0, 0, 1), hop(0, 1, 0)}, GANTRY_EXACT_OUT) == GANTRY_UNSUPPORTED);
  CHECK(market.venue_health().strikes() == 0);
}

TEST_CASE("a price is the deepest pool's, less and plus its fee, in whole units") {
  auto inputs = market_inputs(3, {{0, 1, 1, 1}, {1, 0, 1, 1}, {1, 2, 1, 1}, {0, 1, 1, 1}}, {});
  inputs[0].tokens[1].decimals = 6;
  const Integer million = 1'000'000;
  set_reserves(inputs[0].facts[0], thousandths(50'000), 21'000 * million);
  set_reserves(inputs[0].facts[1], 40'000 * million, thousandths(100'000));
  set_reserves(inputs[0].facts[2], 9'000'000 * million, thousandths(1));
  set_reserves(inputs[0].facts[3], thousandths(99'999), 39'000 * million);
  const AppliedMarket market(inputs);
  gantry_price price{};
  REQUIRE(market.view.price(0, 1, price) == GANTRY_OK);
  CHECK(price.source == 1);
  CHECK(price.bid == Approx(400 * 0.997).epsilon(1e-12));
  CHECK(price.ask == Approx(400 / 0.997).epsilon(1e-12));
  CHECK(big(price.liquidity) == thousandths(500));
  CHECK(price.block == inputs[0].block.number);
  CHECK(price.time_s == inputs[0].block.time_s);
  REQUIRE(market.view.price(1, 0, price) == GANTRY_OK);
  CHECK(price.source == 1);
  CHECK(price.bid == Approx(0.997 / 400).epsilon(1e-12));
  CHECK(big(price.liquidity) == 200 * million);
}

TEST_CASE("a price that there is not is unsupported, and of nonsense a bad argument") {
  const AppliedMarket market(
      market_inputs(4, {{0, 1, 100'000, 40'000'000}, {2, 1, 0, 0}, {2, 0, 1000, 1000}}, {}));
  gantry_price price{};
  CHECK(market.view.price(0, 3, price) == GANTRY_UNSUPPORTED);
  CHECK(market.view.price(3, 0, price) == GANTRY_UNSUPPORTED);
  CHECK(market.view.price(2, 1, price) == GANTRY_UNSUPPORTED);  // an empty pool
  CHECK(market.view.price(0, 0, price) == GANTRY_BAD_ARGUMENT);
  CHECK(market.view.price(0, 4, price) == GANTRY_BAD_ARGUMENT);
  CHECK(market.view.price(4, 0, price) == GANTRY_BAD_ARGUMENT);
}

TEST_CASE("a pool below its venue's minimum takes no part in quotes, routes, prices and views") {
  ConfigurationTexts texts;
  texts.dex = "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 10000\n";
  const AppliedMarket market(
      market_inputs(3, {{0, 1, 100'000, 40'000'000}, {2, 1, 1000, 1000}}, {}), texts);
  REQUIRE(market.snapshot->topology->pools[1].use == PoolUse::low_liquidity);
  gantry_quote quote{};
  CHECK(market.view.quote(1, swap(1000, 0, 1), quote) == GANTRY_REFUSED);
  CHECK(route_status(market, {hop(1, 2, 1)}) == GANTRY_REFUSED);
  gantry_price price{};
  CHECK(market.view.price(2, 1, price) == GANTRY_UNSUPPORTED);
  gantry_amount balances[2];
  gantry_pool_view view{0, 2, balances};
  CHECK(market.view.view(1, view) == GANTRY_REFUSED);
  REQUIRE(market.view.view(0, view) == GANTRY_OK);
  CHECK(big(balances[0]) == thousandths(100'000));
  CHECK(big(balances[1]) == thousandths(40'000'000));
  CHECK(view.fee == 3000);
}

TEST_CASE("a retired venue's pools take no part from then on") {
  auto market = triangle();
  market.retire_venue();
  gantry_quote quote{};
  CHECK(market.view.quote(0, swap(1000, 0, 1), quote) == GANTRY_REFUSED);
  CHECK(route_status(market, {hop(0, 0, 1)}) == GANTRY_REFUSED);
  gantry_price price{};
  CHECK(market.view.price(0, 1, price) == GANTRY_UNSUPPORTED);
}

TEST_CASE("a view values at the spot price, and sells at what the pair pays") {
  auto market = triangle();
  const Integer in = thousandths(1'234'567);
  gantry_value held{};
  REQUIRE(market.view.value(2, amount(in), held) == GANTRY_OK);
  CHECK(big(held.ether_wei) == in * 100'000 / 81'000'000);
  gantry_value sold{};
  REQUIRE(market.view.sale_value({}, 2, amount(in), sold) == GANTRY_OK);
  CHECK(big(sold.ether_wei) == pair_pays(in, thousandths(81'000'000), thousandths(100'000)));
  CHECK(market.view.value(3, amount(in), held) == GANTRY_BAD_ARGUMENT);
  CHECK(market.view.sale_value({}, 3, amount(in), sold) == GANTRY_BAD_ARGUMENT);
}

TEST_CASE("a profit is sold through the pools as the route leaves them") {
  const auto market = triangle();
  const Integer in = thousandths(5'000'000), profit = thousandths(777'777);
  // The way from token 2 to the coin is pool 2, which the route trades in first.
  const Hops route = {hop(2, 2, 0), hop(0, 0, 1), hop(1, 1, 2)};
  gantry_value sold{};
  REQUIRE(market.view.sale_value(legs_of(market, route, in), 2, amount(profit), sold) == GANTRY_OK);
  const Integer paid = pair_pays(in, thousandths(81'000'000), thousandths(100'000));
  const Integer reserve_in = thousandths(81'000'000) + in,
                reserve_out = thousandths(100'000) - paid;
  CHECK(big(sold.ether_wei) == pair_pays(profit, reserve_in, reserve_out));
  // Visited twice, it is left as the second visit leaves it.
  const Hops twice = {hop(2, 2, 0), hop(2, 0, 2)};
  REQUIRE(market.view.sale_value(legs_of(market, twice, in), 2, amount(profit), sold) == GANTRY_OK);
  const Integer back = pair_pays(paid, reserve_out, reserve_in);
  CHECK(big(sold.ether_wei) == pair_pays(profit, reserve_in - back, reserve_out + paid));
  // A route elsewhere changes nothing.
  const Hops elsewhere = {hop(0, 0, 1), hop(3, 1, 0)};
  REQUIRE(market.view.sale_value(legs_of(market, elsewhere, thousandths(1)), 2, amount(profit),
                                 sold) == GANTRY_OK);
  CHECK(big(sold.ether_wei) == pair_pays(profit, thousandths(81'000'000), thousandths(100'000)));
  // A route that cannot be traded sells nothing.
  const Hops broken = {hop(2, 2, 0), hop(1, 0, 1)};
  CHECK(market.view.sale_value(legs_of(market, broken, in), 2, amount(profit), sold) ==
        GANTRY_UNSUPPORTED);
  CHECK(sold.status == GANTRY_UNSUPPORTED);
}

TEST_CASE("legs are quoted with their own amounts, a pool again as the leg before leaves it") {
  const auto market = triangle();
  const Integer in = thousandths(1'000), more = thousandths(2'000);
  std::vector<gantry_leg> legs{{hop(0, 0, 1), amount(in), {}},
                               {hop(3, 0, 1), amount(more), {}},
                               {hop(0, 0, 1), amount(more), {}}};
  std::uint64_t gas = 0;
  REQUIRE(market.view.quote_legs(legs, gas) == GANTRY_OK);
  const Integer paid = pair_pays(in, thousandths(100'000), thousandths(40'000'000));
  CHECK(big(legs[0].amount_out) == paid);
  CHECK(big(legs[1].amount_out) == pair_pays(more, thousandths(50'000), thousandths(21'000'000)));
  CHECK(big(legs[2].amount_out) ==
        pair_pays(more, thousandths(100'000) + in, thousandths(40'000'000) - paid));
  CHECK(gas > 0);
  // Legs that follow each other are a route's, to the unit.
  gantry_route_quote route{};
  const Hops hops = {hop(2, 2, 0), hop(0, 0, 1), hop(1, 1, 2)};
  REQUIRE(market.view.quote_route(hops, amount(in), GANTRY_EXACT_IN, route) == GANTRY_OK);
  legs = legs_of(market, hops, in);
  REQUIRE(market.view.quote_legs(legs, gas) == GANTRY_OK);
  CHECK(big(legs[2].amount_out) == big(route.amount_out));
  CHECK(gas == route.gas);
  legs.clear();
  CHECK(market.view.quote_legs(legs, gas) == GANTRY_BAD_ARGUMENT);
  legs.assign(GANTRY_LEGS_MAX + 1, {hop(0, 0, 1), amount(in), {}});
  CHECK(market.view.quote_legs(legs, gas) == GANTRY_BAD_ARGUMENT);
  legs.assign(1, {hop(9, 0, 1), amount(in), {}});
  CHECK(market.view.quote_legs(legs, gas) == GANTRY_REFUSED);
}

TEST_CASE("the optional services are answered by name, and no others") {
  const auto market = triangle();
  const auto* split =
      static_cast<const gantry_split_draft_v1*>(optional_service(GANTRY_SPLIT_DRAFT_ID));
  REQUIRE(split != nullptr);
  gantry_leg leg{hop(0, 0, 1), amount(thousandths(1'000)), {}};
  std::uint64_t gas = 0;
  REQUIRE(split->quote_legs(market.view.market(), &leg, 1, &gas) == GANTRY_OK);
  CHECK(big(leg.amount_out) ==
        pair_pays(thousandths(1'000), thousandths(100'000), thousandths(40'000'000)));
  const auto* venues =
      static_cast<const gantry_venues_draft_v1*>(optional_service(GANTRY_VENUES_DRAFT_ID));
  REQUIRE(venues != nullptr);
  gantry_string name{};
  REQUIRE(venues->name(market.view.market(), 0, &name) == GANTRY_OK);
  CHECK(std::string(name.data, name.size) == "uniswap_v2");
  CHECK(venues->name(market.view.market(), 99, &name) == GANTRY_BAD_ARGUMENT);
  CHECK(optional_service("gantry.split/1") == nullptr);
  CHECK(optional_service("") == nullptr);
  CHECK(optional_service(nullptr) == nullptr);
}

TEST_CASE("a pool whose newest facts do not decode takes no part until some do") {
  auto inputs = market_inputs(
      2, {{0, 1, 100'000, 40'000'000}, {0, 1, 50'000, 21'000'000}},
      {{{0, 100'001, 39'999'700}}, {{1, 50'001, 20'999'700}}, {{0, 100'002, 39'999'400}}});
  inputs[1].facts[0].data.resize(63);
  AppliedMarket market(inputs);
  gantry_quote quote{};
  REQUIRE(market.view.quote(0, swap(1000, 0, 1), quote) == GANTRY_OK);
  market.advance();
  CHECK(market.snapshot->changed == std::vector<std::uint32_t>{0});
  CHECK(market.view.quote(0, swap(1000, 0, 1), quote) == GANTRY_REFUSED);
  CHECK(route_status(market, {hop(0, 0, 1)}) == GANTRY_REFUSED);
  CHECK(market.view.quote(1, swap(1000, 0, 1), quote) == GANTRY_OK);
  CHECK(market.venue_health().strikes() == 0);
  market.advance();
  CHECK(market.view.quote(0, swap(1000, 0, 1), quote) == GANTRY_REFUSED);
  market.advance();
  CHECK(market.snapshot->changed == std::vector<std::uint32_t>{0});
  REQUIRE(market.view.quote(0, swap(thousandths(7), 0, 1), quote) == GANTRY_OK);
  CHECK(big(quote.amount_out) ==
        pair_pays(thousandths(7), thousandths(100'002), thousandths(39'999'400)));
}

TEST_CASE("a view too small for the balances says how many there are") {
  auto market = triangle();
  gantry_pool_view view{0, 0, nullptr};
  CHECK(market.view.view(0, view) == GANTRY_NEED_SIZE);
  CHECK(view.token_count == 2);
  CHECK(market.venue_health().strikes() == 0);
}

TEST_CASE("a bound market is the snapshot's, with the changes that this viewer has not seen") {
  AppliedMarket market(
      market_inputs(3, {{0, 1, 100'000, 40'000'000}, {1, 2, 1000, 1000}}, {{{1, 1001, 999}}}));
  market.advance();
  MarketView view;
  const std::vector<std::uint32_t> changed = {1};
  view.bind(*market.snapshot, changed, false);
  const gantry_market& bound = *view.market();
  CHECK(bound.snapshot == 2);
  CHECK(bound.token_count == 3);
  CHECK(bound.pool_count == 2);
  CHECK(bound.venue_count == 1);
  CHECK(bound.wrapped_token == 0);
  CHECK(bound.cold == 0);
  REQUIRE(bound.changed_count == 1);
  CHECK(bound.changed_pools[0] == 1);
  CHECK(bound.context->state_block == market.inputs[1].block.number);
  CHECK(bound.context->execution_block == bound.context->state_block + 1);
  CHECK(bound.time_ms == 1000 * market.inputs[1].block.time_s);
  view.bind(*market.snapshot, changed, true);
  CHECK(bound.cold == 1);
  CHECK(bound.changed_count == 0);
}

TEST_CASE("the services behind the C table check what they are handed") {
  const auto market = triangle();
  const gantry_market* c = market.view.market();
  const gantry_market_services& services = *c->services;
  gantry_token token{};
  CHECK(services.token(c, 3, &token) == GANTRY_BAD_ARGUMENT);
  REQUIRE(services.token(c, 0, &token) == GANTRY_OK);
  CHECK(std::string(token.symbol.data, token.symbol.size) == "WETH");
  CHECK((token.flags & GANTRY_TOKEN_WRAPPED) != 0);
  std::uint32_t handle = 99;
  CHECK(services.find_token(c, &market.inputs[0].tokens[2].address, &handle) == GANTRY_OK);
  CHECK(handle == 2);
  CHECK(services.find_token(c, &market.inputs[0].pools[0].address, &handle) == GANTRY_UNSUPPORTED);

  gantry_pool pool{};
  CHECK(services.pool(c, 4, &pool) == GANTRY_BAD_ARGUMENT);
  REQUIRE(services.pool(c, 2, &pool) == GANTRY_OK);
  REQUIRE(pool.token_count == 2);
  CHECK(pool.tokens[0] == 2);
  CHECK(pool.usable == 1);

  gantry_swap_limits limits{};
  CHECK(services.limits(c, 0, 0, 2, &limits) == GANTRY_BAD_ARGUMENT);
  CHECK(services.limits(c, 4, 0, 1, &limits) == GANTRY_REFUSED);
  CHECK(services.limits(c, 0, 0, 1, &limits) == GANTRY_OK);
  gantry_segment segment{};
  std::uint32_t count = 0;
  CHECK(services.segments(c, 0, 2, 0, &segment, 1, &count) == GANTRY_BAD_ARGUMENT);
  REQUIRE(services.segments(c, 0, 0, 1, &segment, 1, &count) == GANTRY_OK);
  CHECK(count == 1);
  CHECK(big(segment.reserve_in) == thousandths(100'000));
  gantry_state state{};
  CHECK(services.state(c, GANTRY_OWN_STATE, &state) == GANTRY_UNSUPPORTED);
  CHECK(services.state(c, 4, &state) == GANTRY_REFUSED);
  CHECK(services.state(c, 0, &state) == GANTRY_OK);
  // This view was given no history.
  gantry_history_query query{};
  gantry_sample sample{};
  CHECK(services.history(c, &query, &sample, 1, &count) == GANTRY_UNSUPPORTED);
}

TEST_CASE("a venue whose next state cannot be read gets a strike, and the route is no route") {
  auto market = triangle();
  static std::uint64_t next_bytes = 0;
  gantry_dex_v1 table = market.plugins.venues[0]->table();
  table.destroy = [](gantry_dex_instance*) {};
  table.quote = [](const gantry_dex_instance*, const gantry_pool_state*, const gantry_swap* swap,
                   gantry_quote* out, gantry_buffer* next) -> gantry_status {
    *out = {};
    out->amount_in = out->amount_out = swap->amount;
    if (next != nullptr) next->size = next_bytes;
    return GANTRY_OK;
  };
  const auto health = std::make_shared<Health>("bad", "", 10);
  auto topology = std::make_shared<Topology>(*market.snapshot->topology);
  const VenueInstance venue(nullptr, nullptr, &table, market.plugins.venues[0]->object(), health);
  topology->venues[0] = &venue;
  Snapshot snapshot(std::make_shared<LiveVersions>(), 1);
  snapshot.topology = topology;
  snapshot.states = market.snapshot->states;
  market.view.bind(snapshot, {}, true);
  const Hops twice = {hop(0, 0, 1), hop(0, 1, 0)};
  for (const std::uint64_t bytes : {0U, GANTRY_OVERLAY_BYTES_MAX + 1U}) {
    next_bytes = bytes;
    const auto strikes = health->strikes();
    CHECK(route_status(market, twice) == GANTRY_PLUGIN_FAULT);
    CHECK(health->strikes() == strikes + 1);
  }
  next_bytes = GANTRY_OVERLAY_BYTES_MAX;
  CHECK(route_status(market, twice) == GANTRY_OK);
  // Where nothing comes back to the pool, nothing is asked for.
  next_bytes = 0;
  CHECK(route_status(market, {hop(0, 0, 1), hop(3, 1, 0)}) == GANTRY_OK);
}
