// One limit at a time: a trade that just meets it, and one that just does not.
#include "host/risk/gate.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "support/applied_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

const Integer ether = Integer(1'000'000'000) * 1'000'000'000;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// That anything could exceed.
RiskSettings no_limits() {
  RiskSettings risk;
  risk.pool_concentration_bps = 10000;
  risk.min_profit_usd = 0;
  risk.max_position_eth = 1e9;
  risk.max_position_usd = 1e12;
  risk.min_confidence = 0;
  risk.max_risk_score = 1;
  risk.max_snapshot_age_blocks = 10000;
  risk.min_success = 0;
  risk.max_composite = 1;
  risk.reserve_bps = 0;
  risk.max_concurrent_eth = 1e9;
  risk.capital_eth = 1e9;
  return risk;
}

struct Case {
  Case() {
    risk.min_profit_usd = 1;
    risk.min_success = 0;
    risk.max_composite = 1;
  }

  AppliedMarket market{
      market_inputs(3, {{0, 1, 100'000, 40'000'000}, {1, 2, 40'000'000, 80'000'000}}, {})};
  RiskSettings risk;
  StrategySettings strategy;
  Ranked ranked = within_all_limits();
  std::uint64_t head = block();

  std::uint64_t block() const { return market.snapshot->context.state_block; }

  // Ten ether of 4,000 dollars, for 40 dollars of profit.
  Ranked within_all_limits() {
    strategy.min_profit_bps = 50;
    Ranked r;
    r.opportunity = {};
    r.opportunity.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
    r.opportunity.block = block();
    r.opportunity.valid_until_block = block() + 100;
    r.opportunity.confidence = 0.9;
    r.opportunity.risk_score = 0.1;
    r.opportunity.leg_count = 2;
    r.opportunity.legs[0] = {{0, 0, 1, 0}, amount(10 * ether), u256()};
    r.opportunity.legs[1] = {{1, 1, 2, 0}, amount(10 * ether), u256()};
    r.stake = {amount(10 * ether), u256(4'000'000'000), 0, 0.9, GANTRY_OK, 0};
    r.gross = {amount(ether / 5), u256(80'000'000), 0, 0.9, GANTRY_OK, 0};
    r.pays = true;
    r.net = amount(ether / 10);
    r.net_usd_e6 = u256(40'000'000);
    return r;
  }

  RiskRefusal refusal() const {
    const auto verdict = RiskGate(risk).check(market.view, ranked, strategy, head);
    return verdict ? RiskRefusal{} : verdict.error();
  }
  bool passes() const {
    return RiskGate(risk).check(market.view, ranked, strategy, head).has_value();
  }
};

// The market with other flags of one pool.
struct Flagged {
  Flagged(const Case& c, std::uint32_t pool, std::uint32_t flags)
      : snapshot(std::make_shared<LiveVersions>(), 1) {
    auto topology = std::make_shared<Topology>(*c.market.snapshot->topology);
    topology->pools[pool].traits.flags = flags;
    snapshot.topology = topology;
    snapshot.states = c.market.snapshot->states;
    snapshot.context = c.market.snapshot->context;
    snapshot.ether_usd_e6 = c.market.snapshot->ether_usd_e6;
  }

  Snapshot snapshot;
};

void check_refused(const Case& c, RefusalReason reason, double measured, double limit,
                   const char* unit) {
  CHECK_FALSE(c.passes());
  const RiskRefusal refusal = c.refusal();
  CHECK(to_string(refusal.reason) == to_string(reason));
  CHECK(refusal.measured == Approx(measured));
  CHECK(refusal.limit == limit);
  CHECK(unit_of(refusal.reason) == unit);
}

}  // namespace

TEST_CASE("risk approves a trade within all limits, as it is") {
  const Case c;
  const auto verdict = RiskGate(c.risk).check(c.market.view, c.ranked, c.strategy, c.head);
  REQUIRE(verdict);
  CHECK(verdict->value().net_usd_e6 == c.ranked.net_usd_e6);
  CHECK(verdict->value().opportunity.leg_count == 2);
}

TEST_CASE("risk never approves what is to be simulated only") {
  Case c;
  c.ranked.opportunity.flags = GANTRY_OPPORTUNITY_SIMULATE_ONLY;
  check_refused(c, RefusalReason::simulate_only, 0, 0, "");
  c.ranked.opportunity.flags = UINT32_MAX;
  CHECK(c.refusal().reason == RefusalReason::simulate_only);
  // Without a limit that anything could exceed, too.
  c.risk = no_limits();
  c.strategy.min_profit_bps = 0;
  CHECK(c.refusal().reason == RefusalReason::simulate_only);
  c.ranked.opportunity.flags = 0;
  CHECK(c.passes());
}

TEST_CASE("risk refuses a stale quote") {
  Case c;
  c.risk.max_snapshot_age_blocks = 2;
  c.head = c.block() + 2;
  CHECK(c.passes());
  c.head = c.block() + 3;
  check_refused(c, RefusalReason::stale_snapshot, 3, 2, "blocks");
  c.risk.max_snapshot_age_blocks = 0;
  c.head = c.block();
  CHECK(c.passes());
  c.head = c.block() - 1;  // the head is told by another thread, and may lag
  CHECK(c.passes());
}

TEST_CASE("risk refuses a quote beyond the block up to which it holds") {
  Case c;
  c.ranked.opportunity.valid_until_block = c.block() + 1;
  c.head = c.block() + 1;
  CHECK(c.passes());
  c.head = c.block() + 2;
  check_refused(c, RefusalReason::stale_snapshot, 2, 2, "blocks");
}

TEST_CASE("risk refuses a trade through a pool that takes no part") {
  Case c;
  c.ranked.opportunity.legs[1].hop.pool = 2;  // there is no such pool
  check_refused(c, RefusalReason::pool_unusable, 0, 0, "");
  c.ranked.opportunity.legs[1].hop.pool = 1;
  c.ranked.opportunity.legs[1].hop.token_in = 0;  // nor has it this token
  check_refused(c, RefusalReason::pool_unusable, 0, 0, "");
  c.ranked.opportunity.legs[1].hop.token_in = 1;
  CHECK(c.passes());
  c.market.retire_venue();
  check_refused(c, RefusalReason::pool_unusable, 0, 0, "");
}

TEST_CASE("risk refuses a pool whose quotes are not exact to the chain") {
  for (const std::uint32_t pool : {0U, 1U}) {
    CAPTURE(pool);
    Case c;
    const Flagged exact(c, pool, ~std::uint32_t{GANTRY_POOL_APPROXIMATE});
    c.market.view.bind(exact.snapshot, {}, true);
    CHECK(c.passes());
    const Flagged approximate(c, pool, GANTRY_POOL_APPROXIMATE);
    c.market.view.bind(approximate.snapshot, {}, true);
    check_refused(c, RefusalReason::approximate, 0, 0, "");
    CHECK(c.refusal().measured == 0);
    // However much goes in, and without a limit that anything could exceed.
    c.ranked.opportunity.legs[pool].amount_in = u256::max();
    check_refused(c, RefusalReason::approximate, 0, 0, "");
    c.ranked.opportunity.legs[pool].amount_in = u256(1);
    c.risk = no_limits();
    c.strategy.min_profit_bps = 0;
    check_refused(c, RefusalReason::approximate, 0, 0, "");
    // A pool that takes no part is that first.
    c.market.retire_venue();
    check_refused(c, RefusalReason::pool_unusable, 0, 0, "");
  }
  // Another pool of the market's does not matter.
  Case c;
  c.ranked.opportunity.leg_count = 1;
  const Flagged other(c, 1, GANTRY_POOL_APPROXIMATE);
  c.market.view.bind(other.snapshot, {}, true);
  CHECK(c.passes());
}

TEST_CASE("risk bounds the share of a pool that goes in, in exact integers") {
  Case c;
  auto& first = c.ranked.opportunity.legs[0];
  auto& second = c.ranked.opportunity.legs[1];
  c.risk.pool_concentration_bps = 1000;
  const Integer tenth = thousandths(10'000);
  first.amount_in = amount(tenth);
  CHECK(c.passes());
  first.amount_in = amount(tenth + 1);
  check_refused(c, RefusalReason::pool_concentration, 1000, 1000, "bps");
  first.amount_in = amount(tenth);
  // Every leg, by the token that goes in.
  second.amount_in = amount(thousandths(4'000'000));
  CHECK(c.passes());
  second.amount_in = amount(thousandths(4'000'000) + 1);
  check_refused(c, RefusalReason::pool_concentration, 1000, 1000, "bps");
  second.amount_in = amount(thousandths(6'000'000));
  check_refused(c, RefusalReason::pool_concentration, 1500, 1000, "bps");
  // Too large for the product is too large.
  second.amount_in = u256::max();
  CHECK(c.refusal().reason == RefusalReason::pool_concentration);
}

TEST_CASE("a pool that a route visits twice is traded in twice") {
  Case c;
  c.risk.pool_concentration_bps = 1000;
  gantry_opportunity& o = c.ranked.opportunity;
  const std::uint32_t again = o.leg_count++;
  o.legs[again] = o.legs[0];
  const Integer half = thousandths(5'000);
  o.legs[0].amount_in = o.legs[again].amount_in = amount(half);
  CHECK(c.passes());
  o.legs[again].amount_in = amount(half + 1);
  check_refused(c, RefusalReason::pool_concentration, 1000, 1000, "bps");
  o.legs[again].amount_in = u256::max();
  CHECK(c.refusal().reason == RefusalReason::pool_concentration);
  // The other way through it puts in the other token.
  std::swap(o.legs[again].hop.token_in, o.legs[again].hop.token_out);
  o.legs[again].amount_in = amount(half + 1);
  CHECK(c.passes());
}

TEST_CASE("a share that does not come out even is rounded against the trade") {
  auto inputs = market_inputs(3, {{0, 1, 1, 1}, {1, 2, 40'000'000, 80'000'000}}, {});
  const Integer balance("1000000000000000007");
  set_reserves(inputs[0].facts[0], balance, balance);
  Case c;
  c.risk.pool_concentration_bps = 3333;
  const AppliedMarket market(inputs);
  const Integer most = balance * 3333 / 10000;
  for (const Integer& in : {most, Integer(most + 1)}) {
    c.ranked.opportunity.legs[0].amount_in = amount(in);
    const auto verdict = RiskGate(c.risk).check(market.view, c.ranked, c.strategy, c.head);
    CHECK(verdict.has_value() == (in == most));
  }
}

TEST_CASE("risk refuses what cannot be valued") {
  Case c;
  c.ranked.gross.status = GANTRY_UNSUPPORTED;
  check_refused(c, RefusalReason::unvalued, 0, 0, "");
  c.ranked.gross.status = GANTRY_OK;
  c.ranked.gross.usd_e6 = u256();
  check_refused(c, RefusalReason::unvalued, 0, 0, "");
  c.ranked.gross.usd_e6 = u256(1);
  CHECK(c.passes());
}

TEST_CASE("risk refuses low confidence, of the strategy or of the valuation") {
  Case c;
  c.risk.min_confidence = 0.5;
  const double below = std::nextafter(0.5, 0.0);
  c.ranked.opportunity.confidence = 0.5;
  CHECK(c.passes());
  c.ranked.opportunity.confidence = below;
  check_refused(c, RefusalReason::low_confidence, below, 0.5, "");
  c.ranked.opportunity.confidence = 0.9;
  c.ranked.gross.confidence = 0.5;
  CHECK(c.passes());
  c.ranked.gross.confidence = 0.25;
  check_refused(c, RefusalReason::low_confidence, 0.25, 0.5, "");
}

TEST_CASE("risk refuses a high risk score") {
  Case c;
  c.risk.max_risk_score = 0.8;
  c.ranked.opportunity.risk_score = 0.8;
  CHECK(c.passes());
  c.ranked.opportunity.risk_score = std::nextafter(0.8, 1.0);
  check_refused(c, RefusalReason::high_risk, 0.8, 0.8, "");
}

TEST_CASE("risk refuses a confidence or a score that is no number") {
  Case c;
  c.ranked.opportunity.confidence = not_a_number;
  CHECK(c.refusal().reason == RefusalReason::low_confidence);
  c.ranked.opportunity.confidence = 0.9;
  c.ranked.opportunity.risk_score = not_a_number;
  CHECK(c.refusal().reason == RefusalReason::high_risk);
}

TEST_CASE("risk bounds the ether that goes in, to the wei") {
  Case c;
  c.risk.max_position_eth = 50;
  c.ranked.stake.ether_wei = amount(50 * ether);
  CHECK(c.passes());
  c.ranked.stake.ether_wei = amount(50 * ether + 1);
  check_refused(c, RefusalReason::max_position, 50, 50, "ETH");
  c.ranked.stake.ether_wei = amount(75 * ether);
  check_refused(c, RefusalReason::max_position, 75, 50, "ETH");
}

TEST_CASE("risk bounds the dollars that go in") {
  Case c;
  c.risk.max_position_usd = 4000.07;
  c.ranked.stake.usd_e6 = u256(4'000'070'000);
  CHECK(c.passes());
  c.ranked.stake.usd_e6 = u256(4'000'070'001);
  check_refused(c, RefusalReason::max_position_usd, 4000.070001, 4000.07, "USD");
}

TEST_CASE("risk refuses too few dollars of profit, and every loss") {
  Case c;
  c.strategy.min_profit_bps = 0;
  c.risk.min_profit_usd = 1;
  c.ranked.net_usd_e6 = u256(1'000'000);
  CHECK(c.passes());
  c.ranked.net_usd_e6 = u256(999'999);
  check_refused(c, RefusalReason::min_profit, 0.999999, 1, "USD");
  c.ranked.net_usd_e6 = u256(5'000'000);
  c.ranked.pays = false;
  check_refused(c, RefusalReason::min_profit, -5, 1, "USD");
  // Where nothing has to be earned, nothing may be lost either, not even less than is counted.
  c.risk.min_profit_usd = 0;
  CHECK(c.refusal().reason == RefusalReason::min_profit);
  c.ranked.net_usd_e6 = u256();
  c.ranked.net = u256(1);
  CHECK(c.refusal().reason == RefusalReason::min_profit);
  c.ranked.net = u256();
  CHECK(c.passes());
}

TEST_CASE("a least profit with cents is met by exactly as many") {
  Case c;
  c.strategy.min_profit_bps = 0;
  for (std::uint64_t cents = 1; cents <= 100; ++cents) {
    CAPTURE(cents);
    c.risk.min_profit_usd = static_cast<double>(cents) / 100;
    c.ranked.net_usd_e6 = u256(cents * 10'000);
    CHECK(c.passes());
    c.ranked.net_usd_e6 = u256(cents * 10'000 - 1);
    CHECK_FALSE(c.passes());
  }
}

TEST_CASE("risk refuses a profit below the strategy's own share of what goes in") {
  Case c;
  c.strategy.min_profit_bps = 50;
  c.ranked.net_usd_e6 = u256(20'000'000);
  CHECK(c.passes());
  c.ranked.net_usd_e6 = u256(19'999'999);
  check_refused(c, RefusalReason::min_profit_bps, 49.9999975, 50, "bps");
  c.strategy.min_profit_bps = 0;
  CHECK(c.passes());
}

TEST_CASE("risk names the first limit that a trade exceeds, in a fixed order") {
  Case c;
  Ranked& r = c.ranked;
  const Ranked good = r;
  const Flagged approximate(c, 0, GANTRY_POOL_APPROXIMATE);
  c.market.view.bind(approximate.snapshot, {}, true);
  c.risk.min_profit_usd = 1;
  c.strategy.min_profit_bps = 50;
  c.head = c.block() + 50;
  r.opportunity.flags = GANTRY_OPPORTUNITY_SIMULATE_ONLY;
  r.opportunity.legs[0].hop.pool = 77;
  r.opportunity.legs[0].amount_in = u256::max();
  r.gross.status = GANTRY_UNSUPPORTED;
  r.opportunity.confidence = 0;
  r.opportunity.risk_score = 1;
  r.stake.ether_wei = u256::max();
  r.stake.usd_e6 = u256::max();
  r.pays = false;
  r.data_fee_known = false;
  // What each names is mended, and the next one shows.
  const std::pair<RefusalReason, std::function<void()>> order[] = {
      {RefusalReason::simulate_only, [&] { r.opportunity.flags = 0; }},
      {RefusalReason::stale_snapshot, [&] { c.head = c.block(); }},
      {RefusalReason::pool_unusable, [&] { r.opportunity.legs[0].hop.pool = 0; }},
      {RefusalReason::approximate, [&] { c.market.view.bind(*c.market.snapshot, {}, true); }},
      {RefusalReason::pool_concentration,
       [&] { r.opportunity.legs[0].amount_in = good.opportunity.legs[0].amount_in; }},
      {RefusalReason::data_fee_unknown, [&] { r.data_fee_known = true; }},
      {RefusalReason::unvalued, [&] { r.gross.status = GANTRY_OK; }},
      {RefusalReason::low_confidence, [&] { r.opportunity.confidence = 0.9; }},
      {RefusalReason::high_risk, [&] { r.opportunity.risk_score = 0.1; }},
      {RefusalReason::max_position, [&] { r.stake.ether_wei = good.stake.ether_wei; }},
      {RefusalReason::max_position_usd, [&] { r.stake.usd_e6 = good.stake.usd_e6; }},
      {RefusalReason::min_profit,
       [&] {
         r.pays = true;
         r.net_usd_e6 = u256(1'000'000);
       }},
      {RefusalReason::min_profit_bps, [&] { r.net_usd_e6 = good.net_usd_e6; }},
  };
  for (const auto& [reason, mend] : order) {
    CHECK(to_string(c.refusal().reason) == to_string(reason));
    mend();
  }
  CHECK(c.passes());
}

TEST_CASE("every reason of a refusal has a name of its own") {
  std::set<std::string_view> names;
  for (std::int32_t i = 0; i <= static_cast<std::int32_t>(last_refusal_reason); ++i) {
    names.insert(to_string(static_cast<RefusalReason>(i)));
  }
  CHECK(names.size() == 33);
  CHECK_FALSE(names.contains("unknown"));
  CHECK(to_string(static_cast<RefusalReason>(13)) == "approximate");
  CHECK(to_string(static_cast<RefusalReason>(15)) == "halted");
  CHECK(to_string(static_cast<RefusalReason>(29)) == "composite");
  CHECK(to_string(static_cast<RefusalReason>(31)) == "not_held");
  CHECK(to_string(static_cast<RefusalReason>(32)) == "backrun_not_sent");
  CHECK(to_string(static_cast<RefusalReason>(33)) == "unknown");
}
