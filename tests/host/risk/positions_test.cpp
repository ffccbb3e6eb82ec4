// What strategies hold, trade by trade, against sums that a hand can do; and what limits make of
// it.
#include "host/risk/positions.hpp"

#include <catch2/catch.hpp>

#include "host/risk/book.hpp"

using namespace gantry;
using namespace gantry::host;

namespace {

gantry_address token(std::uint8_t number) {
  gantry_address out{};
  out.kind = GANTRY_ADDRESS_EVM;
  out.length = 20;
  out.bytes[19] = number;
  return out;
}
const gantry_address ether_token = token(1);
const gantry_address dollar = token(2);

OneWayTrade trade(const gantry_address& in, std::uint64_t amount_in, const gantry_address& out,
                  std::uint64_t amount_out, std::uint64_t worth_wei = 0,
                  std::string strategy = "pairs one") {
  return {std::move(strategy), in, out, u256(amount_in), u256(amount_out), u256(worth_wei), 77};
}
OneWayTrade buy(std::uint64_t dollars, std::uint64_t ether, std::uint64_t worth_wei = 0) {
  return trade(dollar, dollars, ether_token, ether, worth_wei);
}
OneWayTrade sell(std::uint64_t ether, std::uint64_t dollars) {
  return trade(ether_token, ether, dollar, dollars);
}

void holds(const Positions& positions, std::uint64_t quantity, std::uint64_t cost,
           std::uint64_t cost_wei) {
  REQUIRE(positions.all().size() == 1);
  const Position& only = positions.all().front();
  CHECK(only.quantity == u256(quantity));
  CHECK(only.cost == u256(cost));
  CHECK(only.cost_wei == u256(cost_wei));
}

}  // namespace

TEST_CASE("a trade into another token opens a position, and one back closes it") {
  Positions positions;
  CHECK_FALSE(positions.apply(buy(3000, 10, 900)));
  holds(positions, 10, 3000, 900);
  CHECK(positions.all().front().since_s == 77);
  CHECK_FALSE(positions.apply(buy(1000, 5, 300)));
  holds(positions, 15, 4000, 1200);
  CHECK(positions.held(ether_token) == u256(15));
  CHECK(positions.held(dollar).is_zero());

  const auto closed = positions.apply(sell(15, 4500));
  REQUIRE(closed);
  CHECK(closed->cost == u256(4000));
  CHECK(closed->cost_wei == u256(1200));
  CHECK(positions.empty());
}

TEST_CASE("a part that is sold takes its share of the cost, rounded up, and no more than all") {
  Positions positions;
  positions.apply(buy(100, 7, 50));
  const auto first = positions.apply(sell(2, 1));
  REQUIRE(first);
  CHECK(first->cost == u256(29));  // 100 * 2 / 7 = 28.57
  CHECK(first->cost_wei == u256(15));
  holds(positions, 5, 71, 35);
  // Every unit of the cost is accounted for once.
  std::uint64_t sum = 29;
  for (int i = 0; i < 5; ++i) sum += positions.apply(sell(1, 1))->cost.limb(0);
  CHECK(sum == 100);
  CHECK(positions.empty());

  positions.apply(buy(100, 7, 50));
  const auto more = positions.apply(sell(9, 1));  // than there is
  REQUIRE(more);
  CHECK(more->cost == u256(100));
  CHECK(positions.empty());
}

TEST_CASE("positions are a strategy's own, and of one base") {
  Positions positions;
  positions.apply(buy(100, 7));
  // Another strategy that sells what this one holds opens a position of its own.
  CHECK_FALSE(positions.apply(trade(ether_token, 3, dollar, 50, 0, "other")));
  CHECK_FALSE(positions.apply(trade(ether_token, 3, token(3), 50)));
  REQUIRE(positions.all().size() == 3);
  CHECK(positions.all().front().quantity == u256(7));
  CHECK(positions.closed_by("pairs one", ether_token, dollar) == &positions.all().front());
  CHECK(positions.closed_by("pairs one", dollar, ether_token) == nullptr);
  CHECK(positions.closed_by("nobody", ether_token, dollar) == nullptr);
}

TEST_CASE("positions are read as they were written, and nothing else is") {
  Positions positions;
  positions.apply(buy(100, 7, 50));
  positions.apply(trade(ether_token, 3, dollar, 50, 0, "a name\nof two lines"));
  const std::string text = positions.text();
  const auto read = Positions::parse(text);
  REQUIRE(read);
  CHECK(read->text() == text);
  CHECK(read->all()[1].strategy == "a name\nof two lines");
  CHECK(Positions::parse("")->empty());

  const std::string line = text.substr(0, text.find('\n'));
  for (const std::string& wrong :
       {line + " 1", line.substr(0, line.rfind(' ')), "-" + line, "0x " + line.substr(5),
        std::string("0x61 native native 1 1 1 1"), std::string("nonsense")}) {
    const auto refused = Positions::parse(wrong + "\n");
    INFO(wrong);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("a position that is none") != std::string::npos);
  }
}

TEST_CASE("what positions cost counts as under way, in total, of the chain and of their strategy") {
  RiskBook book({}, "eip155:1", true);
  const ScopeId own = book.scope(RiskScopeKind::strategy, "pairs one");
  const ScopeId other = book.scope(RiskScopeKind::strategy, "other");
  const ScopeId venue = book.scope(RiskScopeKind::venue, "uniswap_v2");
  (void)book.begin_group(1000);
  TradeOpened opened;
  opened.scopes.add(own);
  opened.scopes.add(venue);
  opened.put_in_wei = u256(900);
  book.opened(opened);
  TradeClosed closed{opened, true, false, u256(3), 0, u256(3), 0, true, 0, buy(3000, 10, 900)};
  (void)book.closed(closed);
  const auto after = book.view();
  for (const ScopeId scope : {total_scope, chain_scope, own}) {
    CHECK(after->scopes[scope].counts.held_wei == u256(900));
  }
  for (const ScopeId scope : {other, venue}) CHECK(after->scopes[scope].counts.held_wei.is_zero());
  CHECK(after->scopes[total_scope].counts.under_way_wei.is_zero());
  CHECK(after->positions->all().size() == 1);

  // And of their library, once it is known.
  const ScopeId library = book.scope(RiskScopeKind::plugin, "pairs");
  CHECK(book.view()->scopes[library].counts.held_wei.is_zero());
  book.belongs_to("pairs one", library);
  CHECK(book.view()->scopes[library].counts.held_wei == u256(900));
  CHECK(book.view()->scopes[venue].counts.held_wei.is_zero());
  const RiskBook::OpenLoss loss{"pairs one", u256(7)};
  book.mark({&loss, 1});
  CHECK(book.view()->scopes[library].counts.open_loss_wei == u256(7));
}

TEST_CASE("what positions would lose counts against equity, and trips its breaker once") {
  RiskSettings settings;
  settings.capital_eth = 100;
  settings.max_drawdown_bps = 250;
  settings.cool_down_s = 60;
  settings.reduced_s = 600;
  RiskBook book(settings, "eip155:1", true);
  const ScopeId own = book.scope(RiskScopeKind::strategy, "pairs one");
  const u256 ether(1'000'000'000'000'000'000ULL);
  u256 limit;  // 2.5 %
  REQUIRE(mul_div_floor(ether, u256(5), u256(2), limit));
  (void)book.begin_group(1000);

  const RiskBook::OpenLoss below{"pairs one", limit};
  book.mark({&below, 1});
  CHECK(book.tripped().empty());
  CHECK(book.view()->scopes[own].counts.open_loss_wei == limit);
  // A gain is none before it is realised: without losses nothing is left of them.
  book.mark({});
  CHECK(book.view()->scopes[own].counts.open_loss_wei.is_zero());

  const RiskBook::OpenLoss above{"pairs one", wrapping_add(limit, u256(1))};
  book.mark({&above, 1});
  const auto tripped = book.tripped();
  REQUIRE(tripped.size() == 3);
  CHECK(tripped.front().cause == BreakerCause::drawdown);
  CHECK(book.mode() == TradingMode::halted);

  // It stays as it is, and does not trip again: else nothing could ever be closed.
  (void)book.begin_group(1059);
  book.mark({&above, 1});
  CHECK(book.mode() == TradingMode::halted);
  (void)book.begin_group(1060);
  book.mark({&above, 1});
  CHECK(book.mode() == TradingMode::reducing);
  (void)book.begin_group(1660);
  book.mark({&above, 1});
  CHECK(book.mode() == TradingMode::active);
}

TEST_CASE("what the ledger holds is in the book as a fact, which a replay tells again") {
  Positions positions;
  positions.apply(buy(100, 7, 50));
  RiskFact fact;
  fact.kind = RiskFact::Kind::hold;
  fact.text = positions.text();
  const auto read = parse_risk_fact(to_text(fact));
  REQUIRE(read);
  RiskBook book({}, "eip155:1", true);
  REQUIRE(book.apply(*read));
  // Not between two groups, but with the next one, which hands it out.
  CHECK(book.view()->positions->empty());
  CHECK(book.begin_group(1000).outside.empty());
  book.adopt_positions();
  CHECK(book.view()->positions->text() == positions.text());
  CHECK(book.view()->scopes[total_scope].counts.held_wei == u256(50));
  const auto outside = book.begin_group(1001).outside;
  REQUIRE(outside.size() == 1);
  CHECK(to_text(outside.front()) == to_text(fact));
  CHECK(book.begin_group(1002).outside.empty());
  // Whoever comes later counts its own.
  const ScopeId own = book.scope(RiskScopeKind::strategy, "pairs one");
  CHECK(book.view()->scopes[own].counts.held_wei == u256(50));

  // From now on the ledger alone says what is held.
  TradeClosed closed{{}, true, false, u256(3), 0, u256(3), 0, true, 0, buy(3000, 10, 900)};
  (void)book.closed(closed);
  CHECK(book.view()->positions->text() == positions.text());
  // Two that come before a group are the newest.
  REQUIRE(book.apply(*read));
  fact.text.clear();
  REQUIRE(book.apply(fact));
  book.adopt_positions();
  CHECK(book.view()->positions->empty());
  CHECK(book.begin_group(1003).outside.size() == 1);

  RiskFact broken = fact;
  broken.text = "nonsense\n";
  CHECK_FALSE(book.apply(broken));
  CHECK(book.mode() == TradingMode::halted);
}

TEST_CASE("what a closing has lost does not count twice against equity") {
  RiskSettings settings;
  settings.capital_eth = 100;
  settings.max_drawdown_bps = 250;
  RiskBook book(settings, "eip155:1", true);
  (void)book.begin_group(1000);
  const u256 two_ether(2'000'000'000'000'000'000ULL);
  const RiskBook::OpenLoss open{"pairs one", two_ether};
  book.mark({&open, 1});
  TradeClosed closed{{}, true, false, two_ether, 0, u256(), 0, true, 0, sell(1, 1)};
  (void)book.closed(closed);
  CHECK(book.tripped().empty());
  book.mark({});
  CHECK(book.tripped().empty());
}
