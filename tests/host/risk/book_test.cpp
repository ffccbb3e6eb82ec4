// Breakers: what just does not trip each, what just does, what it stops, how it goes on.
#include "host/risk/book.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

using namespace gantry;
using namespace gantry::host;

namespace {

constexpr std::uint64_t noon_s = 20'000 * 86'400ULL + 43'200;
const u256 one_ether(1'000'000'000'000'000'000ULL);

u256 ether(std::uint64_t count) {
  u256 wei;
  REQUIRE(mul(u256(count), one_ether, wei));
  return wei;
}
u256 more(const u256& wei, std::uint64_t by = 1) { return wrapping_add(wei, u256(by)); }

struct Book {
  explicit Book(RiskSettings with = {}, bool counts = true)
      : settings(std::move(with)), book(settings, "eip155:1", counts) {
    venue = book.scope(RiskScopeKind::venue, "uniswap_v2");
    strategy = book.scope(RiskScopeKind::strategy, "triangular");
    other = book.scope(RiskScopeKind::venue, "curve");
    at(noon_s);
  }

  TradeOpened opened(const u256& put_in = ether(1)) const {
    TradeOpened trade{{}, put_in, 100};
    trade.scopes.add(venue);
    trade.scopes.add(strategy);
    return trade;
  }
  TradeClosed lost(const u256& wei, std::uint64_t usd_e6 = 0) const {
    return {opened(u256()), false, false, wei, usd_e6, u256(), 0};
  }
  TradeClosed gained(const u256& wei, std::uint64_t usd_e6 = 0) const {
    return {opened(u256()), true, true, wei, usd_e6, u256(), 0};
  }
  void at(std::uint64_t time_s) { turn = book.begin_group(time_s); }
  TradingMode mode(ScopeId scope) { return book.view()->scopes[scope].mode; }
  // Of the total.
  const Breaker breaker(BreakerCause cause) {
    for (const TrippedBreaker& each : book.tripped()) {
      if (each.kind == RiskScopeKind::total && each.cause == cause) return each.breaker;
    }
    return {};
  }
  bool is_active() { return book.tripped().empty() && book.mode() == TradingMode::active; }

  RiskSettings settings;
  RiskBook book;
  RiskBook::Turn turn;
  ScopeId venue = 0;
  ScopeId strategy = 0;
  ScopeId other = 0;
};

// That nothing else trips with it.
RiskSettings only(double capital_eth = 1e9) {
  RiskSettings settings;
  settings.capital_eth = capital_eth;
  settings.max_loss_usd = 1e9;
  settings.max_failures = 1'000'000;
  return settings;
}

RiskFact fact(RiskFact::Kind kind, std::uint64_t time_s = noon_s,
              BreakerCause cause = BreakerCause::operator_stop) {
  RiskFact out;
  out.kind = kind;
  out.time_s = time_s;
  out.cause = cause;
  return out;
}

}  // namespace

TEST_CASE("a day's loss of ether trips above its limit, to the wei") {
  Book b(only());
  b.book.closed(b.lost(ether(60)));
  b.book.closed(b.lost(ether(40)));
  CHECK(b.is_active());
  b.book.closed(b.lost(u256(1)));
  CHECK(b.book.mode() == TradingMode::halted);
  const Breaker tripped = b.breaker(BreakerCause::daily_loss);
  CHECK(tripped.mode == TradingMode::halted);
  CHECK(tripped.since_s == noon_s);
  CHECK(tripped.measured == Approx(100));
  CHECK(tripped.limit == 100);
  // Until the day is over, and no shorter than the cool-down.
  CHECK(tripped.until_s == 20'001 * 86'400ULL);
}

TEST_CASE("a result that is taken back leaves the book as it was, and the trade under way") {
  for (const bool gained : {true, false}) {
    INFO(gained);
    Book b(only());
    b.book.closed(b.gained(ether(3), 5'000'000));
    const auto counts = [&b](ScopeId id) { return b.book.view()->scopes[id].counts; };
    const TradeOpened opened = b.opened(ether(7));
    b.book.opened(opened);
    const std::string before = b.book.text();
    const u256 under_way = counts(b.venue).under_way_wei;
    TradeClosed closed{opened, gained, gained, ether(2), 4'000'000, u256(12), 0};
    const Booked booked = b.book.closed(closed);
    CHECK(counts(b.venue).under_way_wei == u256());
    CHECK(b.book.text() != before);
    b.book.taken_back(closed, &booked);
    CHECK(b.book.text() == before);
    CHECK(counts(b.venue).under_way_wei == under_way);
    CHECK(counts(b.other).under_way_wei == u256());
    // It may bring something else now.
    closed.amount_wei = ether(1);
    b.book.closed(closed);
    const u256 equity = wrapping_sub(counts(chain_scope).equity_wei, wei_of(1e9));
    CHECK(equity == ether(gained ? 4 : 2));
  }
}

TEST_CASE("a result of an earlier run that is taken back is never less than nothing") {
  Book b(only());
  TradeClosed closed{{}, true, true, ether(2), 4'000'000, u256(12), 0};
  b.book.taken_back(closed);
  const ScopeCounts counts = b.book.view()->scopes[chain_scope].counts;
  CHECK(counts.gained_wei == u256());
  CHECK(counts.successes == 0);
  CHECK(wrapping_sub(wei_of(1e9), counts.equity_wei) == ether(2));
  CHECK(b.is_active());
  closed.executed = false;
  const std::string before = b.book.text();
  b.book.taken_back(closed);
  CHECK(b.book.text() == before);
}

TEST_CASE("a gain that is taken back leaves the peak that there was before it") {
  RiskSettings settings = only(1000);
  settings.max_drawdown_bps = 250;
  settings.max_loss_bps = 10'000;
  settings.max_daily_loss_eth = 1000;
  for (const std::uint64_t gain : {15U, 25U}) {  // below the peak, and above it
    for (const bool is_known : {true, false}) {
      INFO(gain << " " << is_known);
      Book b(settings);
      b.book.closed(b.lost(ether(20)));
      const TradeClosed gained = b.gained(ether(gain));
      const Booked booked = b.book.closed(gained);
      b.book.taken_back(gained, is_known ? &booked : nullptr);
      const ScopeCounts counts = b.book.view()->scopes[chain_scope].counts;
      CHECK(counts.equity_wei == ether(980));
      // Of an earlier run's nobody knows: the peak stays, which is the stricter one.
      CHECK(counts.peak_wei == ether(is_known || gain == 15 ? 1000 : 1005));
      CHECK(b.is_active());
      b.book.closed(b.lost(ether(9)));
      CHECK(b.breaker(BreakerCause::drawdown).mode == TradingMode::halted);
    }
  }
}

TEST_CASE("what was reached after a gain that is taken back is reached without it") {
  RiskSettings settings = only(1000);
  settings.max_drawdown_bps = 10'000;
  Book b(settings);
  const auto peak = [&b] { return b.book.view()->scopes[chain_scope].counts.peak_wei; };
  const TradeClosed gained = b.gained(ether(10));
  const Booked booked = b.book.closed(gained);
  b.book.closed(b.gained(ether(30)));
  b.book.closed(b.lost(ether(5)));
  b.book.taken_back(gained, &booked);
  CHECK(peak() == ether(1030));
  CHECK(b.book.view()->scopes[chain_scope].counts.equity_wei == ether(1025));
}

TEST_CASE("a loss of yesterday that is taken back today leaves today's sums alone") {
  Book b(only());
  TradeClosed lost = b.lost(ether(60), 5'000'000);
  lost.gas_wei = u256(7);
  const Booked yesterday = b.book.closed(lost);
  b.at(noon_s + 86'400);
  const Booked today = b.book.closed(lost);
  b.book.taken_back(lost, &yesterday);
  const auto counts = [&b] { return b.book.view()->scopes[chain_scope].counts; };
  CHECK(counts().lost_wei == ether(60));
  CHECK(counts().lost_usd_e6 == 5'000'000);
  CHECK(counts().gas_wei == u256(7));
  CHECK(counts().failures == 1);
  CHECK(b.is_active());
  b.book.closed(b.lost(ether(41)));  // the 101st of a hundred
  CHECK(b.breaker(BreakerCause::daily_loss).mode == TradingMode::halted);
  b.book.taken_back(lost, &today);
  CHECK(counts().lost_wei == ether(41));
}

TEST_CASE("what a day gained is set against what it lost, and a new day begins at nothing") {
  Book b(only());
  b.book.closed(b.gained(ether(50)));
  b.book.closed(b.lost(ether(150)));
  CHECK(b.is_active());
  b.at(noon_s + 86'400);
  b.book.closed(b.lost(ether(100)));
  CHECK(b.is_active());
  b.book.closed(b.lost(u256(1)));
  CHECK_FALSE(b.is_active());
}

TEST_CASE("what is told before the first group counts on its day, and not on the next") {
  // As a run that was killed before its first group has kept it.
  RiskBook book(only(), "eip155:1", true);
  RiskBook kept(only(), "eip155:1", true);
  RiskFact restore = fact(RiskFact::Kind::restore);
  restore.text = kept.text();
  REQUIRE(book.apply(restore));
  book.closed({{}, false, false, ether(7), 5, ether(1), 0});
  (void)book.begin_group(noon_s);
  CHECK(book.view()->scopes[total_scope].counts.lost_wei == ether(7));
  CHECK(book.view()->scopes[chain_scope].counts.gas_wei == ether(1));
  (void)book.begin_group(noon_s + 86'400);
  CHECK(book.view()->scopes[total_scope].counts.lost_wei.is_zero());
}

// What an earlier run left to tell comes before the first group, to a book that has no time yet.
struct NextRun {
  explicit NextRun(const RiskSettings& settings, RiskBook& earlier)
      : book(settings, "eip155:1", true) {
    RiskFact restore = fact(RiskFact::Kind::restore, noon_s + 10);
    restore.text = earlier.text();
    REQUIRE(book.apply(restore));
  }
  void told(const TradeClosed& closed) {
    book.begin_before(group_s);
    book.closed(closed);
  }
  Breaker breaker(BreakerCause cause) const {
    for (const TrippedBreaker& each : book.tripped()) {
      if (each.kind == RiskScopeKind::total && each.cause == cause) return each.breaker;
    }
    return {};
  }
  static constexpr std::uint64_t group_s = noon_s + 12;
  RiskBook book;
};

TEST_CASE("what is told before the first group trips from that group's time on") {
  RiskSettings settings;
  Book earlier(settings);
  NextRun next(settings, earlier.book);
  // Nobody knows its dollars.
  next.told({{}, false, false, u256(1000), UINT64_MAX, u256(), 0, true, 7});
  REQUIRE(next.book.mode() == TradingMode::halted);
  (void)next.book.begin_group(NextRun::group_s);
  CHECK(next.book.mode() == TradingMode::halted);
  CHECK(next.book.view()->scopes[total_scope].counts.lost_usd_e6 == UINT64_MAX);
  CHECK(next.book.view()->scopes[total_scope].counts.failures_in_row == 1);
  const std::uint64_t midnight_s = (noon_s / 86'400 + 1) * 86'400;
  CHECK(next.breaker(BreakerCause::daily_loss_usd).until_s == midnight_s);
  (void)next.book.begin_group(midnight_s - 1);
  CHECK(next.book.mode() == TradingMode::halted);
  (void)next.book.begin_group(midnight_s);
  CHECK(next.book.mode() == TradingMode::reducing);
}

TEST_CASE("a breaker that was restored outlives what is told before the first group") {
  RiskSettings settings;
  Book earlier(settings);
  earlier.book.closed({{}, false, false, u256(1000), 60'000'000'000, u256(), 0, true, 6});
  REQUIRE(earlier.book.mode() == TradingMode::halted);
  NextRun next(settings, earlier.book);
  next.told({{}, false, false, u256(1000), 1, u256(), 0, true, 7});
  (void)next.book.begin_group(NextRun::group_s);
  CHECK(next.book.mode() == TradingMode::halted);
  CHECK(next.book.view()->scopes[total_scope].counts.lost_usd_e6 == 60'000'000'001);
  CHECK(next.breaker(BreakerCause::daily_loss_usd).until_s % 86'400 == 0);
  CHECK(next.breaker(BreakerCause::daily_loss_usd).until_s > NextRun::group_s);
  // Where there is a time already, that is it.
  next.book.begin_before(1);
  CHECK(next.book.mode() == TradingMode::halted);
}

TEST_CASE("a first success that is told before the first group begins the hours of the ramp") {
  RiskSettings settings = only();
  settings.ramp_successes = 1;
  settings.ramp_hours = 1;
  Book earlier(settings);
  NextRun next(settings, earlier.book);
  next.told({{}, true, true, u256(1000), 0, u256(), 0, true, 7});
  (void)next.book.begin_group(NextRun::group_s);
  CHECK(next.book.view()->scopes[total_scope].in_ramp);
  (void)next.book.begin_group(NextRun::group_s + 3598);
  CHECK(next.book.view()->scopes[total_scope].in_ramp);
  (void)next.book.begin_group(NextRun::group_s + 3600);
  CHECK_FALSE(next.book.view()->scopes[total_scope].in_ramp);
}

TEST_CASE("a day's loss of dollars trips above its limit, to the millionth") {
  Book b(only());
  b.book.closed(b.lost(u256(), 50'000'000'000));
  CHECK(b.is_active());
  b.book.closed(b.lost(u256(), 1));
  CHECK(b.breaker(BreakerCause::daily_loss_usd).mode == TradingMode::halted);
  CHECK(b.breaker(BreakerCause::daily_loss_usd).measured == Approx(50'000.000001));
}

TEST_CASE("chains lose dollars together, those of one day, and gains of one are set against it") {
  Book a(only());
  Book b(only());
  const auto together = [&] { return lost_usd(std::array{a.book.view(), b.book.view()}); };
  CHECK(together() == 0);
  a.book.closed(a.lost(u256(), 30'000'000'000));
  CHECK(together() == Approx(30'000));
  b.book.closed(b.lost(u256(), 20'000'000'001));
  CHECK(together() == Approx(50'000.000001));
  b.book.closed({b.opened(), true, true, u256(), 60'000'000'000, u256(), 0});
  CHECK(together() == 0);
  b.book.closed(b.lost(u256(), 60'000'000'000));
  CHECK(together() == Approx(50'000.000001));
  // A new day has begun on one of them.
  b.at(noon_s + 86'400);
  CHECK(together() == 0);
  b.book.closed(b.lost(u256(), 7'000'000));
  CHECK(together() == Approx(7));
}

TEST_CASE("a loss that nobody knows the dollars of is above every limit in dollars") {
  RiskSettings settings = only();
  settings.max_daily_loss_usd = 1e12;
  settings.max_loss_usd = 1e12;
  Book b(settings);
  Book other(settings);
  b.book.closed(b.gained(u256(), 5'000'000'000));
  b.book.closed(b.lost(u256(1), UINT64_MAX));
  CHECK(b.breaker(BreakerCause::daily_loss_usd).mode == TradingMode::halted);
  CHECK(b.breaker(BreakerCause::trade_loss).mode == TradingMode::halted);
  CHECK(b.mode(b.venue) == TradingMode::halted);
  CHECK(b.mode(b.strategy) == TradingMode::halted);
  CHECK(b.mode(b.other) == TradingMode::active);
  // Whatever it was, all chains together have lost more than they may.
  CHECK(lost_usd(std::array{b.book.view(), other.book.view()}) > 1e12);
  REQUIRE(b.book.apply(fact(RiskFact::Kind::resume)));
  CHECK(b.is_active());
  CHECK(lost_usd(std::array{b.book.view(), other.book.view()}) == 0);
}

TEST_CASE("what all chains lost trips the total of each, and recovers as its own loss would") {
  Book b(only());
  RiskFact trip = fact(RiskFact::Kind::trip, noon_s, BreakerCause::daily_loss_usd);
  trip.measured = 50'001;
  trip.limit = 50'000;
  REQUIRE(b.book.apply(trip));
  CHECK(b.book.mode() == TradingMode::halted);
  const Breaker tripped = b.breaker(BreakerCause::daily_loss_usd);
  CHECK(tripped.measured == 50'001);
  CHECK(tripped.limit == 50'000);
  CHECK(tripped.until_s == 20'001 * 86'400ULL);
  REQUIRE(b.book.apply(fact(RiskFact::Kind::resume)));
  CHECK(b.is_active());
  // A chain that has brought no group yet: from when it was told.
  RiskBook fresh(only(), "eip155:1", true);
  REQUIRE(fresh.apply(trip));
  REQUIRE(fresh.tripped().size() == 1);
  CHECK(fresh.tripped()[0].breaker.until_s == 20'001 * 86'400ULL);
  (void)fresh.begin_group(noon_s + 1);
  CHECK(fresh.mode() == TradingMode::halted);
}

TEST_CASE("a drawdown of equity trips above its limit, to the wei") {
  RiskSettings settings = only(1000);
  settings.max_loss_bps = 10000;
  Book b(settings);
  b.book.closed(b.lost(ether(25)));
  CHECK(b.is_active());
  b.book.closed(b.lost(u256(1)));
  CHECK(b.breaker(BreakerCause::drawdown).mode == TradingMode::halted);
  CHECK(b.breaker(BreakerCause::drawdown).measured == Approx(250));
  CHECK(b.breaker(BreakerCause::drawdown).limit == 250);
}

TEST_CASE("a drawdown is below the highest equity, whether gained or read") {
  RiskSettings settings = only(1000);
  settings.max_loss_bps = 10000;
  Book b(settings);
  b.book.closed(b.gained(ether(1000)));
  b.book.closed(b.lost(ether(50)));
  CHECK(b.is_active());
  b.book.equity(total_scope, ether(4000));
  b.book.equity(total_scope, ether(3900));
  CHECK(b.is_active());
  b.book.equity(total_scope, wrapping_sub(ether(3900), u256(1)));
  CHECK(b.breaker(BreakerCause::drawdown).mode == TradingMode::halted);
}

TEST_CASE("more failures in a row than allowed trip, and a success begins anew") {
  RiskSettings settings = only();
  settings.max_failures = 5;
  Book b(settings);
  for (int i = 0; i < 5; ++i) b.book.closed(b.lost(u256()));
  CHECK(b.is_active());
  b.book.closed(b.gained(u256()));
  for (int i = 0; i < 5; ++i) b.book.closed(b.lost(u256()));
  CHECK(b.is_active());
  b.book.closed(b.lost(u256()));
  CHECK(b.breaker(BreakerCause::failures).mode == TradingMode::halted);
  CHECK(b.breaker(BreakerCause::failures).measured == 6);
}

TEST_CASE("what is on its way to the book stops at once what it would trip, and changes nothing") {
  RiskSettings settings = only();
  settings.max_failures = 1;
  RiskScope own{RiskScopeKind::strategy, "triangular", settings};
  own.limits.max_failures = 0;
  settings.scopes.push_back(own);
  Book b(settings);
  const TradeScopes scopes = b.opened().scopes;
  UntoldResult failed{b.lost(u256()), false};
  failed.trade.row = 7;
  const std::string before = b.book.text();
  // One failure is too many for the strategy, two are for all.
  CHECK(b.book.is_halted_with({&failed, 1}, scopes));
  CHECK_FALSE(b.book.is_halted_with({&failed, 1}, {}));
  UntoldResult second = failed;
  second.trade.row = 9;
  std::vector<UntoldResult> both{failed, second};
  CHECK(b.book.is_halted_with(both, {}));
  // A failure that was taken back is none.
  UntoldResult back = failed;
  back.is_taken_back = true;
  back.trade.row = 8;
  CHECK_FALSE(b.book.is_halted_with(std::vector{failed, back, second}, {}));
  CHECK(b.book.text() == before);
  CHECK(b.is_active());
  // What it was told does not count twice.
  b.book.closed(failed.trade);
  CHECK_FALSE(b.book.is_halted_with({&failed, 1}, {}));
  CHECK(b.book.is_halted_with(both, {}));
  b.book.closed(second.trade);
  CHECK(b.book.is_halted_with({}, {}));
}

TEST_CASE("a book keeps how far it was told, together with what it counted") {
  Book b;
  CHECK_FALSE(b.book.told_row());
  b.book.begin_at(40);
  TradeClosed trade = b.gained(u256(5));
  trade.row = 43;
  b.book.closed(trade);
  b.book.closed(b.gained(u256(5)));  // of no ledger
  CHECK(b.book.told_row() == 43);
  trade.row = 45;
  b.book.taken_back(trade);
  CHECK(b.book.told_row() == 45);
  RiskFact kept = fact(RiskFact::Kind::restore);
  kept.text = b.book.text();
  Book again;
  REQUIRE(again.book.apply(kept));
  CHECK(again.book.told_row() == 45);
  CHECK(again.book.text() == b.book.text());
  // What an older version kept says nothing of it.
  kept.text.erase(kept.text.find("told 45\n"), 8);
  Book older;
  REQUIRE(older.book.apply(kept));
  CHECK_FALSE(older.book.told_row());
  for (const char* bad :
       {"told\n", "told x\n", "told -1\n", "told 1 2\n", "told 9223372036854775808\n"}) {
    CAPTURE(bad);
    RiskFact damaged = fact(RiskFact::Kind::restore);
    damaged.text = std::string("gantry.risk/1\n") + bad;
    Book halted;
    CHECK_FALSE(halted.book.apply(damaged));
    CHECK(halted.book.mode() == TradingMode::halted);
  }
}

TEST_CASE("one trade's loss trips above its dollars, and above its share of the capital") {
  RiskSettings settings;
  settings.max_daily_loss_usd = 1e9;
  Book b(settings);
  b.book.closed(b.lost(u256(), 10'000'000'000));
  CHECK(b.is_active());
  b.book.closed(b.lost(u256(), 10'000'000'001));
  CHECK(b.breaker(BreakerCause::trade_loss).mode == TradingMode::halted);

  settings = only(1000);
  settings.max_drawdown_bps = 10000;
  Book share(settings);
  share.book.closed(share.lost(ether(20)));
  CHECK(share.is_active());
  // Of what is left of it.
  share.book.closed(share.lost(more(wrapping_sub(ether(20), u256(400'000'000'000'000'000)))));
  CHECK(share.breaker(BreakerCause::trade_loss_share).mode == TradingMode::halted);
}

TEST_CASE("a fill far below its quote reduces, and what is open counts as under way") {
  Book b(only());
  TradeClosed close = b.gained(u256(1));
  close.deviation_bps = 100;
  b.book.closed(close);
  CHECK(b.is_active());
  close.deviation_bps = std::nextafter(100.0, 101.0);
  b.book.closed(close);
  CHECK(b.breaker(BreakerCause::quote_deviation).mode == TradingMode::reducing);
  CHECK(b.book.mode() == TradingMode::reducing);
}

TEST_CASE("what is under way counts in every scope that the trade touches, until its result") {
  Book b;
  const TradeOpened trade = b.opened(ether(7));
  b.book.opened(trade);
  b.book.opened(trade);
  const auto view = b.book.view();
  for (const ScopeId id : {total_scope, chain_scope, b.venue, b.strategy}) {
    CHECK(view->scopes[id].counts.under_way_wei == ether(14));
    CHECK(view->scopes[id].counts.under_way_var_usd == 200);
  }
  CHECK(view->scopes[b.other].counts.under_way_wei == u256());
  TradeClosed close{trade, true, true, u256(5), 0, u256(3), 0};
  b.book.closed(close);
  CHECK(b.book.view()->scopes[b.venue].counts.under_way_wei == ether(7));
  CHECK(b.book.view()->scopes[b.venue].counts.gas_wei == u256(3));
  // What was published before is as it was.
  CHECK(view->scopes[b.venue].counts.under_way_wei == ether(14));
}

TEST_CASE("a scope's own limit trips it alone") {
  RiskSettings settings = only();
  RiskScope scope{RiskScopeKind::venue, "uniswap_v2", settings};
  scope.limits.max_daily_loss_eth = 10;
  settings.scopes.push_back(scope);
  Book b(settings);
  b.book.closed(b.lost(ether(10)));
  CHECK(b.is_active());
  b.book.closed(b.lost(u256(1)));
  CHECK(b.mode(b.venue) == TradingMode::halted);
  CHECK(b.mode(total_scope) == TradingMode::active);
  CHECK(b.mode(b.strategy) == TradingMode::active);
  CHECK(b.mode(b.other) == TradingMode::active);
  REQUIRE(b.book.tripped().size() == 1);
  CHECK(to_string(b.book.tripped()[0]) ==
        "HALTED: daily_loss of venue uniswap_v2: 10 ETH, limit 10");
}

TEST_CASE("a breaker that recovers by itself is HALTED, then REDUCING, then ACTIVE") {
  RiskSettings settings = only();
  settings.max_failures = 0;
  settings.cool_down_s = 100;
  settings.reduced_s = 50;
  Book b(settings);
  b.book.closed(b.lost(u256()));
  const auto is = [&](std::uint64_t after_s) {
    b.at(noon_s + after_s);
    return b.book.mode();
  };
  CHECK(is(0) == TradingMode::halted);
  CHECK(is(99) == TradingMode::halted);
  CHECK(is(100) == TradingMode::reducing);
  CHECK(is(149) == TradingMode::reducing);
  CHECK(is(150) == TradingMode::active);
  CHECK(b.book.tripped().empty());
  // Time that goes back changes nothing.
  b.book.closed(b.lost(u256()));
  CHECK(is(0) == TradingMode::halted);
}

TEST_CASE("what trips again while it is REDUCING halts again, for as long") {
  RiskSettings settings = only();
  settings.max_failures = 0;
  settings.cool_down_s = 100;
  settings.reduced_s = 50;
  Book b(settings);
  b.book.closed(b.lost(u256()));
  b.at(noon_s + 120);
  REQUIRE(b.book.mode() == TradingMode::reducing);
  b.book.closed(b.lost(u256()));
  CHECK(b.book.mode() == TradingMode::halted);
  CHECK(b.breaker(BreakerCause::failures).since_s == noon_s);
  b.at(noon_s + 219);
  CHECK(b.book.mode() == TradingMode::halted);
  b.at(noon_s + 220);
  CHECK(b.book.mode() == TradingMode::reducing);
}

TEST_CASE("a drawdown that recovered counts from the equity that was left") {
  RiskSettings settings = only(1000);
  settings.max_loss_bps = 10000;
  settings.max_daily_loss_eth = 1e9;
  settings.cool_down_s = 100;
  settings.reduced_s = 0;
  Book b(settings);
  b.book.closed(b.lost(ether(100)));
  REQUIRE(b.book.mode() == TradingMode::halted);
  b.at(noon_s + 100);
  CHECK(b.is_active());
  // 2.5 % of 900.
  b.book.closed(b.lost(wrapping_sub(ether(23), u256(500'000'000'000'000'000))));
  CHECK(b.is_active());
  b.book.closed(b.lost(u256(1)));
  CHECK(b.book.mode() == TradingMode::halted);
}

TEST_CASE("by hand means by hand, however long it takes") {
  RiskSettings settings = only();
  settings.max_failures = 0;
  settings.recovery = Recovery::by_hand;
  Book b(settings);
  b.book.closed(b.lost(u256()));
  b.at(noon_s + 100 * 365 * 86'400ULL);
  CHECK(b.book.mode() == TradingMode::halted);
  CHECK(how_it_recovers(b.book.tripped()[0]) == "by hand: gantry resume");
  REQUIRE(b.book.apply(fact(RiskFact::Kind::resume)));
  CHECK(b.is_active());
  b.book.closed(b.lost(u256()));
  CHECK_FALSE(b.is_active());
}

TEST_CASE("an operator's stop is in force when apply() returns, and lasts until resumed") {
  Book b;
  REQUIRE(b.book.apply(fact(RiskFact::Kind::halt, 77)));
  CHECK(b.book.mode() == TradingMode::halted);
  CHECK(b.book.view()->scopes[total_scope].mode == TradingMode::halted);
  b.at(noon_s + 100 * 86'400ULL);
  CHECK(b.book.mode() == TradingMode::halted);
  CHECK(b.breaker(BreakerCause::operator_stop).since_s == 77);
  REQUIRE(b.book.apply(fact(RiskFact::Kind::halt, 99)));
  CHECK(b.breaker(BreakerCause::operator_stop).since_s == 77);
  REQUIRE(b.book.apply(fact(RiskFact::Kind::resume)));
  CHECK(b.is_active());
}

TEST_CASE("a chain whose providers are gone, or that stands still, is halted until that ends") {
  for (const BreakerCause cause : {BreakerCause::provider_loss, BreakerCause::stale_state}) {
    Book b;
    REQUIRE(b.book.apply(fact(RiskFact::Kind::begin, noon_s, cause)));
    CHECK(b.book.mode() == TradingMode::halted);
    CHECK(b.mode(total_scope) == TradingMode::active);
    CHECK(b.mode(chain_scope) == TradingMode::halted);
    // No hand and no time ends it.
    REQUIRE(b.book.apply(fact(RiskFact::Kind::resume)));
    b.at(noon_s + 86'400'000);
    CHECK(b.book.mode() == TradingMode::halted);
    REQUIRE(b.book.apply(fact(RiskFact::Kind::end, noon_s, cause)));
    CHECK(b.is_active());
  }
}

TEST_CASE("two causes halt until both are over") {
  Book b;
  REQUIRE(b.book.apply(fact(RiskFact::Kind::halt)));
  REQUIRE(b.book.apply(fact(RiskFact::Kind::begin, noon_s, BreakerCause::provider_loss)));
  REQUIRE(b.book.apply(fact(RiskFact::Kind::resume)));
  CHECK(b.book.mode() == TradingMode::halted);
  REQUIRE(b.book.apply(fact(RiskFact::Kind::end, noon_s, BreakerCause::provider_loss)));
  CHECK(b.is_active());
}

TEST_CASE("the ramp ends after so many successes and so many hours, whichever is later") {
  RiskSettings settings = only();
  settings.ramp_successes = 2;
  settings.ramp_hours = 1;
  Book b(settings);
  const auto in_ramp = [&] { return b.book.view()->scopes[b.venue].in_ramp; };
  CHECK(in_ramp());
  b.book.closed(b.gained(u256()));
  b.book.closed(b.gained(u256()));
  CHECK(in_ramp());
  b.at(noon_s + 3599);
  CHECK(in_ramp());
  b.at(noon_s + 3600);
  CHECK_FALSE(in_ramp());
  // A venue without a success of its own is still in its own.
  CHECK(b.book.view()->scopes[b.other].in_ramp);

  Book late(settings);
  late.book.closed(late.gained(u256()));
  late.at(noon_s + 7200);
  CHECK(late.book.view()->scopes[late.venue].in_ramp);
  late.book.closed(late.gained(u256()));
  CHECK_FALSE(late.book.view()->scopes[late.venue].in_ramp);

  // Where no results are told, there is nothing to wait for.
  Book dry(settings, false);
  CHECK_FALSE(dry.book.view()->scopes[dry.venue].in_ramp);
}

TEST_CASE("what a book keeps makes another one the same") {
  RiskSettings settings = only();
  settings.max_failures = 2;
  Book b(settings);
  b.book.closed(b.gained(ether(3), 9'000'000));
  for (int i = 0; i < 3; ++i) b.book.closed(b.lost(more(ether(1)), 77));
  REQUIRE(b.book.mode() == TradingMode::halted);
  const std::string kept = b.book.text();

  Book again(settings);
  RiskFact restore = fact(RiskFact::Kind::restore);
  restore.text = kept;
  REQUIRE(again.book.apply(restore));
  CHECK(again.book.text() == kept);
  CHECK(again.book.mode() == TradingMode::halted);
  CHECK(again.breaker(BreakerCause::failures) == b.breaker(BreakerCause::failures));
  CHECK(again.book.view()->scopes[b.venue].counts.lost_wei ==
        b.book.view()->scopes[b.venue].counts.lost_wei);
  // An operator's word is kept elsewhere, and whether a chain's cause still is, is seen anew.
  REQUIRE(b.book.apply(fact(RiskFact::Kind::halt)));
  REQUIRE(b.book.apply(fact(RiskFact::Kind::begin, noon_s, BreakerCause::stale_state)));
  CHECK(b.book.text() == kept);
}

// A configuration's names have letters, digits, '_', '-' and '.': none breaks a line of the text.
TEST_CASE("whatever name a configuration takes, what a book keeps of it comes back") {
  RiskSettings settings;
  settings.max_failures = 0;
  RiskBook book(settings, "eip155:1", true);
  RiskBook again(settings, "eip155:1", true);
  const std::string longest(64, 'x');
  for (const RiskScopeKind kind : {RiskScopeKind::venue, RiskScopeKind::strategy}) {
    for (const std::string& name : {std::string("-"), std::string("."), std::string("total"),
                                    std::string("-1"), std::string("counts"), longest}) {
      TradeClosed failed;
      failed.opened.scopes.add(book.scope(kind, name));
      (void)book.closed(failed);
    }
  }
  RiskFact kept;
  kept.kind = RiskFact::Kind::restore;
  kept.text = book.text();
  REQUIRE(again.apply(kept));
  CHECK(again.text() == book.text());
  for (const RiskScopeKind kind : {RiskScopeKind::venue, RiskScopeKind::strategy}) {
    for (const std::string& name : {std::string("-"), std::string("."), longest}) {
      const auto scope = again.find_scope(kind, name);
      REQUIRE(scope);
      CHECK(again.view()->scopes[*scope].counts.failures == 1);
      CHECK(again.view()->scopes[*scope].mode == TradingMode::halted);
    }
    CHECK_FALSE(again.find_scope(kind, ""));
  }
}

TEST_CASE("what cannot be read halts, until it is resumed by hand") {
  Book b;
  b.book.closed(b.gained(ether(3)));
  const std::string good = b.book.text();
  const std::string bad[] = {"",
                             "gantry.risk/2\n",
                             good + "count total - 1\n",
                             good + "counts total - 1 2 3\n",
                             good + "counts nowhere - 0 0 0 0 0 0 0 0 0 0 0 0\n",
                             good + "breaker total - failures HALTED 1 2 3 nan4x 5\n",
                             good + "breaker total - hunger HALTED 1 2 3 4 5\n",
                             good + "breaker total - failures HALTED -1 2 3 4 5\n",
                             good + "breaker total - failures HALTED 1 2 3 4 5 6\n",
                             good.substr(0, good.size() / 2)};
  for (const std::string& text : bad) {
    CAPTURE(text);
    Book again;
    const std::string before = again.book.text();
    RiskFact restore = fact(RiskFact::Kind::restore);
    restore.text = text;
    const auto done = again.book.apply(restore);
    CHECK_FALSE(done);
    CHECK(again.book.mode() == TradingMode::halted);
    CHECK(again.breaker(BreakerCause::unreadable).mode == TradingMode::halted);
    again.at(noon_s + 86'400'000);
    CHECK(again.book.mode() == TradingMode::halted);
    REQUIRE(again.book.apply(fact(RiskFact::Kind::resume)));
    CHECK(again.is_active());
  }
}

TEST_CASE("facts from outside are handed out once, in their order, and their text says them") {
  Book b;
  CHECK(b.turn.outside.empty());
  REQUIRE(b.book.apply(fact(RiskFact::Kind::halt, 5)));
  RiskFact begin = fact(RiskFact::Kind::begin, 6, BreakerCause::stale_state);
  begin.measured = 120.1;
  begin.limit = 60;
  REQUIRE(b.book.apply(begin));
  REQUIRE(b.book.apply(fact(RiskFact::Kind::trip, 7, BreakerCause::daily_loss_usd)));
  b.at(noon_s + 1);
  REQUIRE(b.turn.outside.size() == 3);
  b.book.closed(b.lost(u256(1)));
  for (const RiskFact& each : b.turn.outside) {
    const auto parsed = parse_risk_fact(to_text(each));
    REQUIRE(parsed);
    CHECK(parsed->kind == each.kind);
    CHECK(parsed->cause == each.cause);
    CHECK(parsed->time_s == each.time_s);
    CHECK(parsed->measured == each.measured);
    CHECK(parsed->limit == each.limit);
  }
  b.at(noon_s + 2);
  CHECK(b.turn.outside.empty());
  for (const char* text :
       {"", "\n", "2\n", "2 operator_stop 1 2\n", "9 operator_stop 1 2 3\n",
        "0 operator_stop 1 2 3\n", "2 nothing 1 2 3\n", "4 daily_loss 1 2 3\n",
        "6 failures 1 2 3\n", "8 daily_loss_usd 1 2 3\n", "2 operator_stop 1 2 3 4\n",
        "2 operator_stop 1 2 3", "-2 operator_stop 1 2 3\n"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_risk_fact(text));
  }
}

TEST_CASE("a book that is told the same facts is the same book") {
  const auto run = [] {
    Book b;
    b.book.opened(b.opened());
    b.book.closed({b.opened(), false, false, ether(2), 900, u256(7), 0});
    (void)b.book.apply(fact(RiskFact::Kind::halt));
    b.at(noon_s + 50);
    (void)b.book.apply(fact(RiskFact::Kind::resume));
    for (int i = 0; i < 6; ++i) b.book.closed(b.lost(u256(1)));
    b.at(noon_s + 5000);
    return b.book.text();
  };
  CHECK(run() == run());
}

TEST_CASE("every cause and state has a name of its own, a unit, and words for what it stops") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < breaker_causes; ++i) {
    const auto cause = static_cast<BreakerCause>(i);
    names.insert(to_string(cause));
    TrippedBreaker tripped{RiskScopeKind::total, "", cause, {TradingMode::halted, 1, 0, 0, 2, 1}};
    CHECK_FALSE(how_it_recovers(tripped).empty());
  }
  CHECK(names.size() == breaker_causes);
  CHECK_FALSE(names.contains("?"));
  CHECK(what_it_stops(TradingMode::halted) == "every trade");
  CHECK(what_it_stops(TradingMode::active) == "nothing");
}
