// The risk engine in the street: what is halted makes no plan, what a dry run counts as results
// trips breakers and ends ramps, and a replay of it all is the run again.
#include <array>
#include <catch2/catch.hpp>
#include <thread>

#include "host/backtest/simulated_chain.hpp"
#include "host/plugin/plugin_set.hpp"
#include "host/risk/book.hpp"
#include "host/street/risk_stage.hpp"
#include "support/small_market.hpp"

using namespace gantry::host;
using namespace gantry::test;

namespace {

const std::string one_trip = "[strategies.round_trip_strategy]\ntrips = \"1 0 1000\"\n";

struct Scene {
  TemporaryFolder folder;
  std::filesystem::path recording = folder.path() / "market.gantry";
  std::filesystem::path recorded = folder.path() / "run.gantry";

  // Two pools of which the second is out of line in the first block and whenever `out` says so.
  void market(const std::vector<bool>& out) const {
    std::vector<std::vector<SmallUpdate>> blocks;
    for (const bool is : out) blocks.push_back({{1, 100'000, is ? 44'000'000U : 40'000'000U}});
    write_market(recording, 2, {{0, 1, 100'000, 40'000'000}, {0, 1, 100'000, 44'000'000}}, blocks);
  }
  Configuration make(const std::string& risk, const std::string& strategies = one_trip) {
    return configure(folder.path(),
                     {"[risk]\nmin_confidence = 0\nmin_profit_usd = 0\n" + risk,
                      ConfigurationTexts().dex, strategies},
                     {GANTRY_TEST_PLUGIN_FOLDER});
  }
  RunReport run(const Configuration& configuration, std::shared_ptr<RiskBook> book = {}) const {
    StreetOptions options;
    options.recording = recording;
    options.record_to = recorded;
    options.risk = std::move(book);
    return run_market(configuration, options);
  }
  RunReport replay(const Configuration& configuration, std::int64_t threads = 0) const {
    StreetOptions options;
    options.recording = recorded;
    options.threads = threads;
    return run_market(configuration, options);
  }
};

std::shared_ptr<RiskBook> book_of(const Configuration& configuration) {
  return std::make_shared<RiskBook>(configuration.risk, configuration.chains.front().id,
                                    configuration.risk.dry_run_fills == DryRunFills::next_block);
}

std::uint64_t refused(const RunReport& report, RefusalReason reason) {
  const auto found = report.refusals.find(reason);
  return found == report.refusals.end() ? 0 : found->second.count;
}

RiskFact halt() {
  RiskFact fact;
  fact.kind = RiskFact::Kind::halt;
  fact.time_s = 1'700'000'000;
  return fact;
}

}  // namespace

TEST_CASE("a halted street plans nothing at all, and neither does its replay") {
  Scene street;
  street.market(std::vector<bool>(6, true));
  const auto configuration = street.make("");
  const RunReport free = street.run(configuration);
  REQUIRE(free.approved == free.snapshots);
  REQUIRE(free.plan);

  const auto book = book_of(configuration);
  REQUIRE(book->apply(halt()));
  const RunReport halted = street.run(configuration, book);
  CHECK(halted.opportunities == free.opportunities);
  CHECK(halted.approved == 0);
  CHECK(halted.plans == 0);
  CHECK_FALSE(halted.plan);
  CHECK(refused(halted, RefusalReason::halted) == halted.opportunities);
  // The replay's own book was told by the recording alone.
  CHECK(report_text(street.replay(configuration)) == report_text(halted));
}

TEST_CASE("a stop while it runs holds from the next group on, and a replay stops there too") {
  Scene street;
  write_busy_market(street.recording, 6, 2000, 5);
  const auto configuration = street.make("", "[strategies.triangular]\nmin_profit_bps = 0\n");
  const auto book = book_of(configuration);
  StreetOptions options;
  options.recording = street.recording;
  options.record_to = street.recorded;
  options.risk = book;
  TemporaryFolder store;
  Street running(configuration, make_plugins(configuration, store.path()), options);
  std::uint64_t approved_at_stop = 0;
  std::thread operator_([&] {
    while (running.status().approved < 5 && !running.is_over()) std::this_thread::yield();
    (void)book->apply(halt());
    approved_at_stop = running.status().approved;
  });
  const auto report = running.run();
  operator_.join();
  REQUIRE(report);
  REQUIRE(approved_at_stop >= 5);
  CHECK(report->approved >= 5);
  CHECK(refused(*report, RefusalReason::halted) > 0);
  for (const std::int64_t threads : {1, 2, 4}) {
    CHECK(report_text(street.replay(configuration, threads)) == report_text(*report));
  }
}

TEST_CASE("a dry run that counts fills ends its ramp, and trades small until then") {
  Scene street;
  street.market(std::vector<bool>(8, true));
  const std::string ramp =
      "dry_run_fills = \"next_block\"\nramp_hours = 0\nramp_position_eth = 0.25\n"
      "max_quote_deviation_bps = 10000\nramp_successes = ";
  // Never over: each trade of one ether is cut to a quarter.
  const auto in_ramp = street.make(ramp + "1000\n");
  const auto book = book_of(in_ramp);
  const RunReport small = street.run(in_ramp, book);
  CHECK(small.approved == small.snapshots);
  REQUIRE(small.plan);
  CHECK(small.plan->trade.size_units == "249999750000000000");
  const auto view = book->view();
  // The last one's block never came.
  CHECK(view->scopes[total_scope].counts.successes == small.snapshots - 1);
  CHECK(view->scopes[total_scope].counts.failures == 0);
  CHECK_FALSE(view->scopes[total_scope].counts.under_way_wei.is_zero());
  CHECK(view->scopes[chain_scope].counts.gained_wei > gantry::u256());
  CHECK(report_text(street.replay(in_ramp)) == report_text(small));

  const auto over_soon = street.make(ramp + "3\n");
  const RunReport grown = street.run(over_soon);
  REQUIRE(grown.plan);
  CHECK(grown.plan->trade.size_units == "1000000000000000000");
  CHECK(report_text(street.replay(over_soon)) == report_text(grown));

  // What does not count results has no ramp.
  const auto uncounted = street.make("ramp_position_eth = 0.25\n");
  CHECK(street.run(uncounted).plan->trade.size_units == "1000000000000000000");
}

TEST_CASE("a dry run that counts fills trips on failures, and a replay trips there too") {
  Scene street;
  // Out of line in every other block: in the next one the profit is gone.
  std::vector<bool> out;
  for (int i = 0; i < 30; ++i) out.push_back(i % 2 == 1);
  street.market(out);
  const auto configuration = street.make(
      "dry_run_fills = \"next_block\"\nramp_successes = 0\nramp_hours = 0\nmax_failures = 5\n");
  const auto book = book_of(configuration);
  const RunReport report = street.run(configuration, book);
  // Five may fail, the sixth halts.
  CHECK(report.approved == 6);
  const auto tripped = book->tripped();
  REQUIRE_FALSE(tripped.empty());
  CHECK(tripped.front().cause == BreakerCause::failures);
  CHECK(tripped.front().breaker.measured == 6);
  CHECK(book->view()->scopes[total_scope].counts.gas_wei > gantry::u256());
  CHECK(refused(report, RefusalReason::halted) > 0);
  CHECK(report_text(street.replay(configuration, 1)) == report_text(report));
  CHECK(report_text(street.replay(configuration, 4)) == report_text(report));
}

TEST_CASE("a dry run that counts nothing never trips") {
  Scene street;
  std::vector<bool> out;
  for (int i = 0; i < 30; ++i) out.push_back(i % 2 == 1);
  street.market(out);
  const auto configuration = street.make("max_failures = 0\n");
  const auto book = book_of(configuration);
  const RunReport report = street.run(configuration, book);
  CHECK(report.approved == 16);
  CHECK(book->tripped().empty());
}

TEST_CASE("what an earlier run lost halts from before the first group, and a replay halts there") {
  Scene street;
  street.market(std::vector<bool>(6, true));
  const auto configuration = street.make("max_failures = 0\n");
  const auto run = [&](const std::vector<Fill>& told, const std::shared_ptr<RiskBook>& book) {
    SimulatedChain chain({}, 21'000);
    for (const Fill& fill : told) chain.refuse(fill);
    StreetOptions options;
    options.recording = street.recording;
    options.record_to = street.recorded;
    options.risk = book;
    options.backtest = &chain;
    return run_market(configuration, options);
  };
  Fill lost;
  lost.reason = FillReason::reverted;
  lost.in_block = 5;
  lost.amount_wei = gantry::u256(10);
  lost.of_strategy = "round_trip_strategy";
  const RunReport free = run({}, book_of(configuration));
  REQUIRE(free.approved > 0);

  const auto book = book_of(configuration);
  CHECK_FALSE(book->has_time());
  const RunReport halted = run({lost}, book);
  CHECK(halted.approved == 0);
  CHECK(refused(halted, RefusalReason::halted) == halted.opportunities);
  CHECK(halted.opportunities > 0);
  // Its hour of rest is counted from the first group on, not from 1970.
  const auto tripped = book->tripped();
  REQUIRE_FALSE(tripped.empty());
  CHECK(tripped.front().cause == BreakerCause::failures);
  CHECK(tripped.front().breaker.since_s > 1'000'000);
  for (const std::int64_t threads : {1, 4}) {
    CHECK(report_text(street.replay(configuration, threads)) == report_text(halted));
  }
}

TEST_CASE(
    "results that come behind a run are told where it had a group, and wait where it had none") {
  Scene street;
  street.market(std::vector<bool>(6, true));
  const auto configuration = street.make("max_failures = 0\n");
  Fill late;
  late.reason = FillReason::reverted;
  late.in_block = 5;
  late.row = 9;
  for (const bool has_groups : {false, true}) {
    INFO(has_groups);
    const auto book = book_of(configuration);
    StreetOptions options;
    options.recording = street.recording;
    options.risk = book;
    if (!has_groups) options.last_block = 0;
    TemporaryFolder store;
    Street over(configuration, make_plugins(configuration, store.path()), options);
    const auto report = over.run();
    if (has_groups) REQUIRE(report);
    const std::string before = book->text();
    over.tell_late(std::array{late});
    CHECK((book->text() != before) == has_groups);
    CHECK(book->told_row().has_value() == has_groups);
    CHECK((book->mode() == TradingMode::halted) == has_groups);
  }
}

TEST_CASE("a result of an earlier run counts where its names do, and is taken back there") {
  Scene scene;
  const Configuration configuration = scene.make("");
  const Plugins plugins = make_plugins(configuration, scene.folder.path() / "store");
  REQUIRE(plugins.venues.size() == 1);
  REQUIRE(plugins.strategies.size() == 1);
  PluginSet set;
  set.venues = plugins.venues;
  set.strategies.push_back({0, 0, plugins.strategies.front(), nullptr});
  const auto book = book_of(configuration);
  const ChangeLog changes;
  RiskStage stage(configuration, changes, book, Carries::trades);
  const auto failures = [&](RiskScopeKind kind, const std::string& name) -> std::uint64_t {
    const auto scope = book->find_scope(kind, name);
    return scope ? book->view()->scopes[*scope].counts.failures : 0;
  };
  Fill fill;
  fill.reason = FillReason::reverted;
  fill.in_block = 5;
  fill.amount_wei = gantry::u256(10);
  fill.of_strategy = plugins.strategies.front()->name();
  fill.of_venues = {plugins.venues.front()->name(), "one that was taken out"};
  const auto all_are = [&](std::uint64_t count) {
    CHECK(book->view()->scopes[total_scope].counts.failures == count);
    CHECK(book->view()->scopes[chain_scope].counts.failures == count);
    CHECK(failures(RiskScopeKind::strategy, fill.of_strategy) == count);
    CHECK(failures(RiskScopeKind::plugin, plugins.strategies.front()->file().manifest.name) ==
          count);
    CHECK(failures(RiskScopeKind::plugin, plugins.venues.front()->file().manifest.name) == count);
    for (const std::string& venue : fill.of_venues) {
      CHECK(failures(RiskScopeKind::venue, venue) == count);
    }
  };
  stage.filled(fill, &set);
  all_are(1);
  // As a replay is told it.
  const auto told = parse_fill(to_text(fill));
  REQUIRE(told);
  stage.filled(*told, &set);
  all_are(2);
  fill.telling = Telling::taken_back;
  stage.filled(fill, &set);
  all_are(1);
}
