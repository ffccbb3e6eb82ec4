// Legs that follow each other or split: whether they fit together, and the same with less.
#include "host/market/legs.hpp"

#include <catch2/catch.hpp>

#include "host/street/opportunity_check.hpp"
#include "support/applied_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

// Three pools of one pair: 0 and 1 have token 1 cheaper than 2.
AppliedMarket one_pair() {
  return AppliedMarket(market_inputs(
      2, {{0, 1, 100'000, 44'000'000}, {0, 1, 50'000, 22'000'000}, {0, 1, 200'000, 80'000'000}},
      {}));
}

// 1.5 of the coin into pool 0 and 0.5 into pool 1, and all that comes out into pool 2.
gantry_opportunity split(const AppliedMarket& market, const Integer& first = thousandths(1'500),
                         const Integer& second = thousandths(500)) {
  gantry_opportunity o{};
  o.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
  o.leg_count = 3;
  o.amount_in = amount(first + second);
  o.legs[0] = {{0, 0, 1, 0}, amount(first), {}};
  o.legs[1] = {{1, 0, 1, 0}, amount(second), {}};
  std::uint64_t gas = 0;
  REQUIRE(market.view.quote_legs({o.legs, 2}, gas) == GANTRY_OK);
  const Integer bought = big(o.legs[0].amount_out) + big(o.legs[1].amount_out);
  o.legs[2] = {{2, 1, 0, 0}, amount(bought), {}};
  REQUIRE(market.view.quote_legs({o.legs, 3}, gas) == GANTRY_OK);
  o.amount_out = o.legs[2].amount_out;
  o.gas = gas;
  o.block = o.valid_until_block = market.snapshot->context.state_block;
  o.confidence = 1;
  return o;
}

}  // namespace

TEST_CASE("legs that split fit together, and what is changed of them does not") {
  const auto market = one_pair();
  const gantry_opportunity sound = split(market);
  CHECK(fits_together(*market.snapshot, sound));
  const auto changed = [&](auto&& change) {
    gantry_opportunity o = sound;
    change(o);
    return fits_together(*market.snapshot, o);
  };
  const auto one_more = [](gantry_amount& value) { value = wrapping_add(u256(value), u256(1)); };
  const auto one_less = [](gantry_amount& value) { value = wrapping_sub(u256(value), u256(1)); };
  // More goes in than there is, or less than all; more or less is said to come out.
  CHECK_FALSE(changed([&](auto& o) { one_more(o.legs[0].amount_in); }));
  CHECK_FALSE(changed([&](auto& o) { one_less(o.legs[0].amount_in); }));
  CHECK_FALSE(changed([&](auto& o) { one_more(o.legs[2].amount_in); }));
  CHECK_FALSE(changed([&](auto& o) { one_less(o.legs[2].amount_in); }));
  CHECK_FALSE(changed([&](auto& o) { one_more(o.amount_out); }));
  CHECK_FALSE(changed([&](auto& o) { one_less(o.amount_out); }));
  // Of what goes in some is never used.
  CHECK_FALSE(changed([&](auto& o) {
    one_more(o.amount_in);
    one_more(o.amount_out);
  }));
  // It is taken before it is there.
  CHECK_FALSE(changed([&](auto& o) { std::swap(o.legs[0], o.legs[2]); }));
  CHECK_FALSE(changed([&](auto& o) { o.leg_count = 2; }));
  CHECK_FALSE(changed([&](auto& o) { o.legs[1].amount_in = u256(); }));
  CHECK_FALSE(changed([&](auto& o) { o.legs[1].hop.pool = 9; }));
  CHECK(changed([&](auto& o) { std::swap(o.legs[0], o.legs[1]); }));
  CHECK_FALSE(next_takes_it(sound, 0));
  CHECK_FALSE(next_takes_it(sound, 1));
  CHECK_FALSE(next_takes_it(sound, 2));
}

TEST_CASE("balances hold as many tokens as legs can bring, and no more than 256 bits") {
  LegBalances balances(0, u256::max());
  CHECK_FALSE(balances.put(0, u256(1)));
  CHECK_FALSE(balances.take(1, u256(1)));
  CHECK(balances.take(1, u256()));
  LegBalances many(0, u256(1));
  for (std::uint32_t token = 1; token <= GANTRY_LEGS_MAX; ++token) CHECK(many.put(token, u256(1)));
  CHECK_FALSE(many.put(99, u256(1)));
}

TEST_CASE("a split with another amount keeps its shares, on new quotes") {
  const auto market = one_pair();
  const gantry_opportunity whole = split(market);
  const auto same = with_amount_in(market.view, whole, u256(whole.amount_in));
  REQUIRE(same);
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK(big(same->legs[i].amount_in) == big(whole.legs[i].amount_in));
    CHECK(big(same->legs[i].amount_out) == big(whole.legs[i].amount_out));
  }
  CHECK(big(same->amount_out) == big(whole.amount_out));
  const auto half = with_amount_in(market.view, whole, amount(thousandths(1'000)));
  REQUIRE(half);
  CHECK(fits_together(*market.snapshot, *half));
  const gantry_opportunity expected = split(market, thousandths(750), thousandths(250));
  CHECK(big(half->amount_out) == big(expected.amount_out));
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK(big(half->legs[i].amount_in) == big(expected.legs[i].amount_in));
  }
  CHECK_FALSE(with_amount_in(market.view, whole, u256()));
  // A unit cannot be split.
  CHECK_FALSE(with_amount_in(market.view, whole, u256(1)));
}
