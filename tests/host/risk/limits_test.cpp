// The limits that look at more than the trade: what is under way, what was spent, what is forecast,
// what has tripped. Each with what passes just below and what is refused just above.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <optional>

#include "host/risk/gate.hpp"
#include "support/applied_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

const Integer one = Integer(1'000'000'000) * 1'000'000'000;  // ether
constexpr std::uint64_t now_s = 20'000 * 86'400ULL;

// Ten ether of 4,000 dollars for 400 dollars, in a market where that is little.
struct Trade {
  AppliedMarket market{
      market_inputs(3, {{0, 1, 100'000'000, 400'000'000}, {1, 2, 400'000'000, 800'000'000}}, {})};
  RiskSettings risk = wide();
  StrategySettings strategy;
  Ranked ranked = small();
  Forecast forecast{0, 0, 1, 0};
  bool counts = true;
  std::optional<Position> closes;
  u256 closing;

  // Ten ether's worth into another token, at a cost of 60 bps.
  void one_way() {
    ranked.opportunity.kind = GANTRY_OPPORTUNITY_POSITION;
    ranked.opportunity.token_out = 1;
    ranked.one_way = true;
    ranked.crossing_bps = 60;
  }
  // Of which that trade sells all.
  void close() {
    one_way();
    ranked.opportunity.amount_in = amount(one);
    ranked.pays = false;
    closes.emplace();
    closes->quantity = amount(one);
  }

  // Limits that this trade is far from; each test sets its own.
  static RiskSettings wide() {
    RiskSettings out;
    out.min_profit_usd = 0;
    out.ramp_successes = 0;
    out.ramp_hours = 0;
    return out;
  }
  Ranked small() const {
    Ranked r;
    r.opportunity = {};
    r.opportunity.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
    r.opportunity.block = market.snapshot->context.state_block;
    r.opportunity.valid_until_block = r.opportunity.block + 100;
    r.opportunity.confidence = 1;
    r.opportunity.leg_count = 1;
    r.opportunity.legs[0] = {{0, 0, 1, 0}, amount(one), u256()};
    r.stake = {amount(10 * one), u256(4'000'000'000), 0, 1, GANTRY_OK, 0};
    r.gross = {amount(one), u256(400'000'000), 0, 1, GANTRY_OK, 0};
    r.pays = true;
    r.net = amount(one);
    r.net_usd_e6 = u256(400'000'000);
    return r;
  }

  // Told once, before the first refusal().
  RiskBook& book() {
    if (!book_) {
      book_ = std::make_unique<RiskBook>(risk, "eip155:1", counts);
      scopes_.add(book_->scope(RiskScopeKind::strategy, "triangular"));
      scopes_.add(book_->scope(RiskScopeKind::venue, "uniswap_v2"));
      book_->begin_group(now_s);
    }
    return *book_;
  }
  const TradeScopes& scopes() {
    book();
    return scopes_;
  }
  RiskRefusal refusal() {
    const auto view = book().view();
    const auto verdict =
        RiskGate(risk).check(market.view, ranked, strategy, ranked.opportunity.block,
                             {view.get(), scopes_, forecast, closes ? &*closes : nullptr, closing});
    return verdict ? RiskRefusal{} : verdict.error();
  }
  void passes() { CHECK(to_string(refusal().reason) == "none"); }
  void is_refused(RefusalReason reason, double measured, double limit, std::string_view unit) {
    const RiskRefusal r = refusal();
    CHECK(to_string(r.reason) == to_string(reason));
    CHECK(r.measured == Approx(measured));
    CHECK(r.limit == Approx(limit));
    CHECK(unit_of(r.reason) == unit);
  }
  void under_way(const Integer& wei, double var_usd = 0) {
    book().opened({scopes(), amount(wei), var_usd});
  }

 private:
  std::unique_ptr<RiskBook> book_;
  TradeScopes scopes_;
};

RiskFact fact(RiskFact::Kind kind, BreakerCause cause = BreakerCause::operator_stop) {
  RiskFact out;
  out.kind = kind;
  out.cause = cause;
  out.time_s = now_s;
  return out;
}

RiskScope own(RiskScopeKind kind, const char* name, const RiskSettings& of) {
  return {kind, name, of};
}

}  // namespace

TEST_CASE("the user's limits are the defaults") {
  const RiskSettings risk;
  CHECK(risk.pool_concentration_bps == 1000);
  CHECK(risk.max_position_eth == 1000);
  CHECK(risk.max_concurrent_eth == 3000);
  CHECK(risk.max_loss_usd == 10'000);
  CHECK(risk.max_loss_bps == 200);
  CHECK(risk.max_daily_loss_eth == 100);
  CHECK(risk.max_daily_loss_usd == 50'000);
  CHECK(risk.max_drawdown_bps == 250);
  CHECK(risk.max_failures == 5);
  CHECK(risk.reserve_bps == 2000);
  CHECK(risk.min_profit_usd == 1000);
  CHECK(risk.min_profit_gas == 5);
  CHECK(risk.min_success == 0.85);
}

TEST_CASE("risk bounds what is under way at once, to the wei") {
  Trade t;
  t.under_way(2990 * one);
  t.passes();
  t.under_way(1);
  t.is_refused(RefusalReason::max_concurrent, 3000, 3000, "ETH");
}

TEST_CASE("risk keeps a reserve of the capital, to the wei") {
  Trade t;
  t.risk.capital_eth = 100;
  t.risk.max_loss_bps = 10000;
  t.under_way(70 * one);
  t.passes();
  t.under_way(1);
  t.is_refused(RefusalReason::reserve, 80, 80, "ETH");
}

TEST_CASE("the reserve is of what the capital has become") {
  Trade t;
  t.risk.capital_eth = 100;
  t.risk.max_loss_bps = 10000;
  t.under_way(70 * one);
  t.book().equity(chain_scope, amount(99 * one));
  t.is_refused(RefusalReason::reserve, 80, 79.2, "ETH");
  t.book().equity(chain_scope, amount(100 * one));
  t.passes();
}

TEST_CASE("a trade in the ramp is small, to the wei") {
  Trade t;
  t.risk.ramp_successes = 1;
  t.risk.ramp_position_eth = 10;
  t.passes();
  t.ranked.stake.ether_wei = amount(10 * one + 1);
  t.is_refused(RefusalReason::ramp, 10, 10, "ETH");
  t.book().closed({{t.scopes(), u256(), 0}, true, true, u256(), 0, u256(), 0});
  t.passes();
}

TEST_CASE("where no results are told, there is no ramp") {
  Trade t;
  t.risk.ramp_successes = 1;
  t.risk.ramp_position_eth = 1;
  t.counts = false;
  t.passes();
}

TEST_CASE("REDUCING allows a share of the sizes, to the wei, and nothing that stays open") {
  Trade t;
  t.risk.max_position_eth = 40;
  t.risk.reduced_bps = 2500;
  t.ranked.stake.ether_wei = amount(40 * one);
  t.passes();
  TradeClosed fill{{t.scopes(), u256(), 0}, true, true, u256(), 0, u256(), 101};
  t.book().closed(fill);
  REQUIRE(t.book().mode() == TradingMode::reducing);
  t.is_refused(RefusalReason::reduced_size, 40, 10, "ETH");
  t.ranked.stake.ether_wei = amount(10 * one);
  t.passes();
  t.ranked.stake.ether_wei = amount(10 * one + 1);
  t.is_refused(RefusalReason::reduced_size, 10, 10, "ETH");
  t.ranked.stake.ether_wei = amount(one);
  t.passes();
  t.ranked.opportunity.token_out = 1;
  t.is_refused(RefusalReason::reducing, 0, 0, "");
}

TEST_CASE("in HALTED nothing at all leaves, whatever halted it") {
  for (std::size_t i = 0; i < breaker_causes; ++i) {
    const auto cause = static_cast<BreakerCause>(i);
    if (cause == BreakerCause::quote_deviation) continue;  // REDUCING
    CAPTURE(to_string(cause));
    Trade t;
    t.risk.capital_eth = 1e6;
    t.passes();
    TradeClosed loss{{t.scopes(), u256(), 0}, false, false, u256(), 0, u256(), 0};
    switch (cause) {
      case BreakerCause::operator_stop:
        REQUIRE(t.book().apply(fact(RiskFact::Kind::halt)));
        break;
      case BreakerCause::unreadable:
        CHECK_FALSE(t.book().apply(fact(RiskFact::Kind::restore)));
        break;
      case BreakerCause::provider_loss:
      case BreakerCause::stale_state:
        REQUIRE(t.book().apply(fact(RiskFact::Kind::begin, cause)));
        break;
      case BreakerCause::failures:
        for (int n = 0; n < 6; ++n) t.book().closed(loss);
        break;
      case BreakerCause::daily_loss:
        loss.amount_wei = amount(100 * one + 1);
        t.book().closed(loss);
        break;
      case BreakerCause::daily_loss_usd:
        for (int n = 0; n < 5; ++n) {
          loss.amount_usd_e6 = 10'000'000'000;
          loss.success = true;
          t.book().closed(loss);
        }
        t.passes();
        loss.amount_usd_e6 = 1;
        t.book().closed(loss);
        break;
      case BreakerCause::drawdown:
        t.book().equity(total_scope, amount(974'999 * one));
        break;
      case BreakerCause::trade_loss:
        loss.amount_usd_e6 = 10'000'000'001;
        t.book().closed(loss);
        break;
      case BreakerCause::trade_loss_share:
        loss.amount_wei = amount(20'001 * one);
        t.book().closed(loss);
        break;
      default:
        FAIL("a cause without a test");
    }
    const auto tripped = t.book().tripped();
    CHECK(std::ranges::any_of(tripped, [&](const auto& each) { return each.cause == cause; }));
    t.is_refused(RefusalReason::halted, 0, 0, "");
    // However small, however good, whatever it is.
    t.ranked.stake.ether_wei = u256(1);
    t.ranked.opportunity.leg_count = 0;
    t.is_refused(RefusalReason::halted, 0, 0, "");
    for (int kind = GANTRY_OPPORTUNITY_ARBITRAGE; kind <= GANTRY_OPPORTUNITY_POSITION; ++kind) {
      t.ranked.opportunity.kind = kind;
      t.ranked.opportunity.token_out = static_cast<std::uint32_t>(kind % 2);
      t.is_refused(RefusalReason::halted, 0, 0, "");
    }
  }
}

TEST_CASE("risk wants a profit of several times the gas, to the wei") {
  Trade t;
  t.ranked.net = amount(one);
  t.ranked.gas_cost = amount(one / 5);
  t.ranked.gas_usd_e6 = u256(80'000'000);
  t.passes();
  t.ranked.net = amount(one - 1);
  t.is_refused(RefusalReason::min_profit_gas, 5, 5, "x gas");
  t.ranked.gas_cost = u256::max();
  CHECK(t.refusal().reason == RefusalReason::min_profit_gas);
}

TEST_CASE("risk refuses what will probably not succeed") {
  Trade t;
  t.forecast.success = 0.85;
  t.passes();
  t.forecast.success = std::nextafter(0.85, 0.0);
  t.is_refused(RefusalReason::success, 0.85, 0.85, "");
  t.forecast.success = std::numeric_limits<double>::quiet_NaN();
  CHECK(t.refusal().reason == RefusalReason::success);
}

TEST_CASE("risk refuses prices that move too much, and slippage above its limit") {
  Trade t;
  t.risk.max_composite = 1;
  t.forecast.volatility = 0.05;
  t.passes();
  t.forecast.volatility = std::nextafter(0.05, 1.0);
  t.is_refused(RefusalReason::volatility, 500, 500, "bps");
  t.forecast.volatility = 0;
  t.forecast.slippage = 0.01;
  t.passes();
  t.forecast.slippage = std::nextafter(0.01, 1.0);
  t.is_refused(RefusalReason::slippage, 100, 100, "bps");
  t.forecast.slippage = std::numeric_limits<double>::quiet_NaN();
  CHECK(t.refusal().reason == RefusalReason::slippage);
}

TEST_CASE("risk bounds the value at risk, with what is under way") {
  Trade t;
  t.risk.max_composite = 1;
  t.forecast.value_at_risk_usd = 250'000;
  t.passes();
  t.forecast.value_at_risk_usd = std::nextafter(250'000.0, 1e9);
  t.is_refused(RefusalReason::value_at_risk, 250'000, 250'000, "USD");
  t.forecast.value_at_risk_usd = 100'000;
  t.under_way(1, 150'000);
  t.passes();
  t.under_way(1, 0.001);
  t.is_refused(RefusalReason::value_at_risk, 250'000.001, 250'000, "USD");
}

TEST_CASE("risk bounds what a trade may lose: a cycle its gas, another trade all of it") {
  Trade t;
  t.risk.min_profit_gas = 0;
  t.ranked.gas_usd_e6 = u256(10'000'000'000);
  t.passes();
  t.ranked.gas_usd_e6 = u256(10'000'000'001);
  t.is_refused(RefusalReason::loss_per_trade, 10'000.000001, 10'000, "USD");
  t.ranked.gas_usd_e6 = u256(6'000'000'000);
  t.passes();
  t.ranked.opportunity.token_out = 1;
  t.ranked.stake.usd_e6 = u256(4'000'000'000);
  t.passes();
  t.ranked.stake.usd_e6 = u256(4'000'000'001);
  t.is_refused(RefusalReason::loss_per_trade, 10'000.000001, 10'000, "USD");
}

TEST_CASE("risk bounds what a trade may lose of the capital, to the wei") {
  Trade t;
  t.risk.min_profit_gas = 0;
  t.risk.max_gas_eth_day = 1000;
  t.ranked.gas_cost = amount(75 * one);
  t.passes();
  t.ranked.gas_cost = amount(75 * one + 1);
  t.is_refused(RefusalReason::loss_per_trade_share, 200, 200, "bps");
}

TEST_CASE("risk keeps to a day's budget of gas, to the wei") {
  Trade t;
  t.ranked.gas_cost = amount(one / 10);
  TradeClosed spent{{t.scopes(), u256(), 0}, true, true, u256(), 0, amount(one * 99 / 10), 0};
  t.book().closed(spent);
  t.passes();
  spent.gas_wei = u256(1);
  t.book().closed(spent);
  t.is_refused(RefusalReason::gas_budget, 10, 10, "ETH");
  t.book().begin_group(now_s + 86'400);
  t.passes();
}

TEST_CASE("the composite score is the mean of five") {
  Trade t;
  t.risk.max_composite = 0.5;
  t.risk.max_risk_score = 1;
  t.risk.min_success = 0;
  // 1 of risk score, 0.5 of success, 0.5 of slippage, 0.4 of value at risk, and the pool's share.
  t.ranked.opportunity.risk_score = 1;
  t.forecast.success = 0.5;
  t.forecast.slippage = 0.005;
  t.forecast.value_at_risk_usd = 100'000;
  t.ranked.opportunity.legs[0].amount_in = amount(thousandths(1'000'000));
  t.passes();
  t.ranked.opportunity.legs[0].amount_in = amount(thousandths(1'001'000));
  t.is_refused(RefusalReason::composite, 0.50002, 0.5, "");
}

TEST_CASE("a scope's own limits hold for its trades alone, whichever kind it is") {
  RiskSettings strict = Trade::wide();
  strict.min_profit_usd = 500;
  for (const RiskScopeKind kind :
       {RiskScopeKind::chain, RiskScopeKind::venue, RiskScopeKind::strategy}) {
    const char* name = kind == RiskScopeKind::chain   ? "eip155:1"
                       : kind == RiskScopeKind::venue ? "uniswap_v2"
                                                      : "triangular";
    Trade touched;
    touched.risk.scopes.push_back(own(kind, name, strict));
    touched.is_refused(RefusalReason::min_profit, 400, 500, "USD");
    Trade apart;
    apart.risk.scopes.push_back(own(kind, "another", strict));
    apart.passes();
  }
}

TEST_CASE("sizes of a scope are bounded by its own limits and its own trades") {
  Trade t;
  RiskSettings strict = Trade::wide();
  strict.max_concurrent_eth = 15;
  t.risk.scopes.push_back(own(RiskScopeKind::venue, "uniswap_v2", strict));
  t.passes();
  // Of another venue.
  t.book().opened({TradeScopes(), amount(100 * one), 0});
  t.passes();
  t.under_way(5 * one);
  t.passes();
  t.under_way(1);
  t.is_refused(RefusalReason::max_concurrent, 15, 15, "ETH");
  const SizeBound bound = size_bound(*t.book().view(), t.scopes());
  CHECK(bound.reason == RefusalReason::max_concurrent);
  CHECK(big(bound.wei) == 10 * one - 1);
}

TEST_CASE("a trade of the most scopes that one can have is judged by all of them") {
  TradeScopes scopes;
  for (ScopeId id = 2; id < 2000; ++id) scopes.add(id);
  CHECK(scopes.count == scopes.ids.size());
  TradeScopes again;
  again.add(5);
  again.add(5);
  again.add(0);
  CHECK(again.count == 3);
}

TEST_CASE("what it costs to open or close a position is bounded") {
  Trade t;
  t.one_way();
  t.risk.max_crossing_bps = 60;
  t.passes();
  t.ranked.crossing_bps = 60.001;
  t.is_refused(RefusalReason::crossing, 60.001, 60, "bps");
  t.ranked.crossing_bps = -5;  // it pays at once
  t.passes();
  t.close();
  t.ranked.crossing_bps = 60;
  t.passes();
  t.ranked.crossing_bps = 61;
  t.is_refused(RefusalReason::crossing, 61, 60, "bps");
  // Of a cycle it says nothing.
  t.closes.reset();
  t.ranked = t.small();
  t.ranked.crossing_bps = 1000;
  t.passes();
}

TEST_CASE("all that goes into a position may be lost") {
  Trade t;
  t.one_way();
  t.risk.max_loss_usd = 4000;
  t.passes();
  t.ranked.gas_usd_e6 = u256(1'000'000);
  t.is_refused(RefusalReason::loss_per_trade, 4001, 4000, "USD");
  t.ranked = t.small();  // a cycle reverts
  t.passes();
}

TEST_CASE("no more of a position is sold than there is, with what is being sold already") {
  Trade t;
  t.close();
  t.passes();
  t.closing = u256(1);
  t.is_refused(RefusalReason::not_held, 1e18 + 1, 1e18, "");
  t.ranked.opportunity.amount_in = wrapping_sub(amount(one), u256(1));
  t.passes();
  t.closing = u256::max();
  CHECK(to_string(t.refusal().reason) == "not_held");
}

TEST_CASE("to close a position neither profit nor size nor forecasts are asked for") {
  Trade t;
  t.close();
  t.risk.min_profit_usd = 1e6;
  t.risk.max_position_eth = 1e-9;
  t.risk.max_position_usd = 1;
  t.risk.max_loss_usd = 0;
  t.risk.min_success = 1;
  t.risk.max_composite = 0;
  t.forecast = {1, 1, 0, 1e9};
  t.passes();
  // The gas is.
  t.risk.max_gas_eth_day = 1;
  t.ranked.gas_cost = amount(one);
  Trade dear;
  dear.close();
  dear.risk.max_gas_eth_day = 1;
  dear.ranked.gas_cost = amount(one);
  dear.passes();
  dear.ranked.gas_cost = amount(one + 1);
  CHECK(to_string(dear.refusal().reason) == "gas_budget");
}

TEST_CASE("while REDUCING a position is closed and none is opened, while HALTED neither is") {
  for (const bool halted : {false, true}) {
    Trade t;
    t.one_way();
    t.passes();
    TradeClosed fill{{t.scopes(), u256(), 0}, true, true, u256(), 0, u256(), 1000};
    if (halted) {
      REQUIRE(t.book().apply(fact(RiskFact::Kind::halt)));
    } else {
      t.book().closed(fill);  // far below its quote
    }
    CHECK(to_string(t.refusal().reason) == (halted ? "halted" : "reducing"));
    t.close();
    CHECK(to_string(t.refusal().reason) == (halted ? "halted" : "none"));
  }
}

TEST_CASE("what is held counts beside what is under way") {
  Trade t;
  t.risk.max_concurrent_eth = 15;
  TradeClosed opened{{t.scopes(), u256(), 0}, true, false, u256(), 0, u256(), 0};
  opened.one_way = OneWayTrade{"triangular", {}, {}, u256(1), u256(1), amount(5 * one), 0};
  opened.one_way->token_out.length = 20;
  t.book().closed(opened);
  t.passes();
  opened.one_way->worth_wei = u256(1);
  t.book().closed(opened);
  t.is_refused(RefusalReason::max_concurrent, 15, 15, "ETH");
}
