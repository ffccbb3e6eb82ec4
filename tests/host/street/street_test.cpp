// The street as a whole, on small recordings, with the real plugins.
#include <catch2/catch.hpp>
#include <fstream>

#include "host/feed/recording_feed.hpp"
#include "host/recording/reader.hpp"
#include "host/recording/writer.hpp"
#include "host/report/render.hpp"
#include "host/street/decisions.hpp"
#include "support/small_market.hpp"

using namespace gantry::host;
using namespace gantry::test;

namespace {

const std::string with_slow =
    "[strategies.triangular]\nmin_profit_bps = 0\n"
    "[strategies.slow_strategy]\nrounds = ";

struct Setting {
  TemporaryFolder folder;
  std::filesystem::path recording = folder.path() / "market.gantry";

  Configuration make(const ConfigurationTexts& texts = {}) {
    return configure(folder.path(), texts, {GANTRY_TEST_PLUGIN_FOLDER});
  }
  StreetOptions options() const {
    StreetOptions o;
    o.recording = recording;
    return o;
  }
};

const StrategyReport& strategy(const RunReport& report, const std::string& name) {
  for (const auto& s : report.strategies) {
    if (s.name == name) return s;
  }
  FAIL("no strategy " << name);
  return report.strategies.front();
}

std::uint64_t counter(const RunReport& report, const std::string& plugin, const std::string& name) {
  for (const auto& p : report.plugins) {
    if (p.instance != plugin) continue;
    const auto found = p.counters.find(name);
    return found == p.counters.end() ? 0 : found->second;
  }
  return 0;
}

}  // namespace

TEST_CASE("a market out of line is found, sized, approved and planned") {
  Setting setting;
  // 1 WETH = 400 T1 here and 440 T1 there: a hundred ether deep each.
  write_market(setting.recording, 2, {{0, 1, 100'000, 40'000'000}, {0, 1, 100'000, 44'000'000}},
               {});
  const auto report =
      run_market(setting.make({"[risk]\nmin_confidence = 0.1\n"}), setting.options());
  REQUIRE(report.opportunities >= 1);
  REQUIRE(report.plan);
  CHECK(report.plan->trade.refusal.reason == RefusalReason::none);
  CHECK(report.plan->trade.legs.size() == 2);
  CHECK(report.plan->trade.profit_eth > 0);
  // One transfer to the first pool, then a swap on each.
  CHECK(report.plan->calls.size() == 3);
  CHECK(report.best.front().key == report.plan->trade.key);
}

TEST_CASE("a fair market gives nothing") {
  Setting setting;
  write_market(
      setting.recording, 3,
      {{0, 1, 100'000, 40'000'000}, {1, 2, 40'000'000, 80'000'000}, {0, 2, 100'000, 80'000'000}},
      {});
  const auto report = run_market(setting.make(), setting.options());
  CHECK(report.opportunities == 0);
  CHECK_FALSE(report.plan);
  CHECK(report.snapshots == 1);
}

TEST_CASE("one, two and four threads give the same report to the byte") {
  Setting setting;
  write_busy_market(setting.recording, 6, 200, 7);
  const auto configuration = setting.make({"", ConfigurationTexts().dex, with_slow + "10\n"});
  auto options = setting.options();
  options.threads = 1;
  const auto one = run_market(configuration, options);
  REQUIRE(one.opportunities > 100);
  REQUIRE(one.approved > 0);
  for (const std::int64_t threads : {2, 4, 2, 1}) {
    options.threads = threads;
    CHECK(report_text(run_market(configuration, options)) == report_text(one));
  }
}

TEST_CASE("replaying what a run recorded gives the same report to the byte") {
  Setting setting;
  write_busy_market(setting.recording, 5, 120, 11);
  const auto configuration = setting.make({"", ConfigurationTexts().dex, with_slow + "10\n"});
  auto options = setting.options();
  options.record_to = setting.folder.path() / "recorded.gantry";
  const auto first = run_market(configuration, options);
  REQUIRE(first.opportunities > 0);

  StreetOptions replay;
  replay.recording = options.record_to;
  for (const std::int64_t threads : {1, 2}) {
    replay.threads = threads;
    CHECK(report_text(run_market(configuration, replay)) == report_text(first));
  }
}

TEST_CASE("with back-pressure a slow strategy is given every snapshot") {
  Setting setting;
  write_busy_market(setting.recording, 4, 100, 3);
  const auto configuration = setting.make({"", ConfigurationTexts().dex, with_slow + "20000\n"});
  const auto report = run_market(configuration, setting.options());
  for (const auto& s : report.strategies) {
    CHECK(s.skipped == 0);
    CHECK(s.snapshots == 101);
  }
  CHECK(counter(report, "slow_strategy", "snapshots") == 101);
}

TEST_CASE("at live pace a slow strategy skips, which is counted, and a replay skips the same") {
  Setting setting;
  write_busy_market(setting.recording, 4, 150, 5);
  // Deadlines off: how long this machine takes is not the point here.
  const auto configuration = setting.make({"[street]\nstrategy_deadline_ms = 600000\n",
                                           ConfigurationTexts().dex, with_slow + "100000\n"});
  auto options = setting.options();
  options.pace = Pace::live;
  options.speed = 0;  // as fast as blocks can be read
  options.threads = 2;
  options.record_to = setting.folder.path() / "live.gantry";
  const auto live = run_market(configuration, options);
  const auto& slow = strategy(live, "slow_strategy");
  CHECK(slow.skipped > 0);
  CHECK(slow.snapshots + slow.skipped == live.snapshots);
  CHECK(counter(live, "slow_strategy", "snapshots") == slow.snapshots);
  // What it skipped is not lost: every changed pool is shown to it sooner or later.
  CHECK(counter(live, "slow_strategy", "changed") >= slow.snapshots);

  StreetOptions replay;
  replay.recording = options.record_to;
  for (const std::int64_t threads : {1, 2}) {
    replay.threads = threads;
    CHECK(report_text(run_market(configuration, replay)) == report_text(live));
  }
}

TEST_CASE("a long live run with strategies of every pace is replayed to the byte by any threads") {
  Setting setting;
  // Longer than the change log, so that who falls behind could be told something else.
  write_busy_market(setting.recording, 4, 3000, 17);
  const auto configuration = setting.make(
      {"[street]\nstrategy_deadline_ms = 600000\n", ConfigurationTexts().dex,
       with_slow + "20000\n[strategies.idle]\nplugin = \"slow_strategy\"\nrounds = 0\n"});
  auto options = setting.options();
  options.pace = Pace::live;
  options.speed = 0;
  options.threads = 4;
  options.record_to = setting.folder.path() / "live.gantry";
  const auto live = run_market(configuration, options);
  CHECK(strategy(live, "slow_strategy").skipped > 0);
  StreetOptions replay;
  replay.recording = options.record_to;
  for (const std::int64_t threads : {1, 2, 8}) {
    replay.threads = threads;
    CHECK(report_text(run_market(configuration, replay)) == report_text(live));
  }
}

TEST_CASE("the change log tells the same however far the newest snapshot is ahead") {
  ChangeLog changes;
  const auto live = std::make_shared<LiveVersions>();
  const auto add = [&](std::uint64_t id) {
    Snapshot snapshot(live, id);
    snapshot.changed = {static_cast<std::uint32_t>(id)};
    changes.add(snapshot);
  };
  constexpr std::uint64_t now = 5000;
  for (std::uint64_t id = 1; id <= now; ++id) add(id);
  for (std::uint64_t id = now;; ++id) {
    std::vector<std::uint32_t> changed;
    REQUIRE(changes.since(now - ChangeLog::kept + 1, now, changed));
    REQUIRE(changed.size() == ChangeLog::kept - 1);
    REQUIRE(changed.front() == now - ChangeLog::kept + 2);
    REQUIRE(changed.back() == now);
    REQUIRE_FALSE(changes.since(now - ChangeLog::kept, now, changed));
    if (id == now + ChangeLog::ahead_max) break;
    add(id + 1);
  }
}

TEST_CASE("decisions that no run could have made are refused, for a replay would wait for ever") {
  Setting setting;
  write_busy_market(setting.recording, 4, 200, 3);
  const auto configuration = setting.make({"", ConfigurationTexts().dex, with_slow + "0\n"});
  TemporaryFolder store;
  const Plugins plugins = make_plugins(configuration, store.path());
  const std::string set = plugin_set_of(configuration, plugins);
  // One delivery: the snapshot, its group, the outcomes that the strategy had seen.
  struct Decided {
    std::uint64_t snapshot, group, results_seen;
    bool batch = true;
    std::uint32_t strategy = 0;
  };
  const auto replay = [&](const std::vector<Decided>& all) {
    const auto file = setting.folder.path() / "made.gantry";
    auto reader = RecordingReader::open(setting.recording);
    auto writer = RecordingWriter::create(file);
    REQUIRE(reader);
    REQUIRE(writer);
    const auto bytes = [](std::initializer_list<std::uint64_t> numbers) {
      std::vector<std::uint8_t> out;
      for (const std::uint64_t number : numbers) {
        for (unsigned i = 0; i < 64; i += 8) out.push_back(static_cast<std::uint8_t>(number >> i));
      }
      return out;
    };
    REQUIRE(writer->append(reader->header()));
    REQUIRE(writer->append(
        recording::Decision{recording::DecisionKind::plugin_set, 0, 0, {set.begin(), set.end()}}));
    for (auto record = reader->next(); record && *record; record = reader->next()) {
      if (std::holds_alternative<recording::Header>(**record)) continue;
      if (std::holds_alternative<recording::End>(**record)) continue;
      REQUIRE(writer->append(**record));
    }
    for (const Decided& one : all) {
      REQUIRE(writer->append(recording::Decision{recording::DecisionKind::delivered, one.strategy,
                                                 one.snapshot, bytes({one.results_seen})}));
      if (!one.batch) continue;
      REQUIRE(writer->append(recording::Decision{recording::DecisionKind::batch, one.strategy,
                                                 one.snapshot, bytes({one.group, 1000})}));
    }
    REQUIRE(writer->finish());
    StreetOptions options;
    options.recording = file;
    TemporaryFolder other;
    return Street(configuration, make_plugins(configuration, other.path()), options).run();
  };
  const auto refused = [&](const std::vector<Decided>& all, const char* why) {
    const auto report = replay(all);
    REQUIRE_FALSE(report);
    CHECK(report.error().kind == ErrorKind::format);
    CHECK_THAT(report.error().message,
               Catch::Contains("made.gantry") && Catch::Contains(why) && Catch::Contains("ignore"));
  };
  refused({{1, 0, 1}}, "come after it");
  refused({{1, 0, 0}, {2, 1, 2}}, "come after it");
  refused({{1, 0, 0}, {1, 1, 0}}, "after a later one");
  refused({{3, 0, 0}, {2, 1, 0}}, "after a later one");
  refused({{66, 0, 0, true, 1}, {2, 1, 0}}, "too long before");
  const auto whole = replay({{1, 0, 0}, {65, 1, 1}, {66, 2, 2}, {100, 3, 3}, {190, 9, 4, false}});
  REQUIRE(whole);
  CHECK(whole->strategies[0].snapshots == 4);
  CHECK(whole->strategies[0].skipped == whole->snapshots - 4);
  const auto far = replay({{65, 0, 0, true, 1}, {2, 1, 0}, {150, 2, 2}});
  REQUIRE(far);
  CHECK(far->strategies[0].snapshots == 2);
  CHECK(far->strategies[1].snapshots == 1);
}

TEST_CASE("a strategy hears what became of what it found") {
  Setting setting;
  write_busy_market(setting.recording, 4, 60, 9);
  const auto configuration =
      setting.make({"", ConfigurationTexts().dex, "[strategies.slow_strategy]\nrounds = 0\n"});
  const auto report = run_market(configuration, setting.options());
  CHECK(report.refusals.contains(RefusalReason::unvalued));
  // The last few are decided after its last snapshot.
  const auto heard = counter(report, "slow_strategy", "results");
  CHECK(heard + 8 >= report.snapshots);
  CHECK(heard <= report.snapshots);
}

TEST_CASE("a strategy hears which of its own was planned, and why the others were not") {
  Setting setting;
  write_market(setting.recording, 2,
               {{0, 1, 100'000, 40'000'000},
                {0, 1, 100'000, 44'000'000},
                {0, 1, 10'000, 4'000'000},
                {0, 1, 10'000, 4'400'000}},
               std::vector<std::vector<SmallUpdate>>(6, {{0, 100'000, 40'000'000}}));
  // Of 1 ether, of 0.9 over the same pools, a loss, and a smaller one over other pools.
  const auto configuration = setting.make(
      {"[risk]\nmin_confidence = 0\nmin_profit_usd = 0\n", ConfigurationTexts().dex,
       "[strategies.round_trip_strategy]\ntrips = \"1 0 1000; 1 0 900; 0 1 1000; 3 2 100\"\n"});
  const auto report = run_market(configuration, setting.options());
  const auto told = [&](const char* what) { return counter(report, "round_trip_strategy", what); };
  const auto heard = report.snapshots - 4;  // the last are decided after its last snapshot
  CHECK(told("planned 1 for 0") == heard);
  CHECK(told("refused 2 for 12") == heard);  // pool_used_already
  CHECK(told("refused 3 for 4") == heard);   // unvalued: there is no profit to value
  CHECK(told("not its own") == 0);
  for (const char* never : {"planned 2 for 0", "planned 3 for 0", "planned 4 for 0"}) {
    CHECK(told(never) == 0);
  }
  CHECK(report.approved == 2 * report.snapshots);
  CHECK(report.refusals.at(RefusalReason::pool_used_already).count == report.snapshots);
}

TEST_CASE("the report shows the best of each: routes, refusals and plans") {
  Setting setting;
  // Pool 1 gets further out of line until the third block.
  write_market(
      setting.recording, 2, {{0, 1, 100'000, 40'000'000}, {0, 1, 100'000, 44'000'000}},
      {{{1, 100'000, 46'000'000}}, {{1, 100'000, 48'000'000}}, {{1, 100'000, 45'000'000}}});
  const auto configuration =
      setting.make({"[risk]\nmin_confidence = 0\nmin_profit_usd = 0\n", ConfigurationTexts().dex,
                    "[strategies.round_trip_strategy]\ntrips = \"1 0 1000; 1 0 900\"\n"});
  const auto report = run_market(configuration, setting.options());
  REQUIRE(report.plan);
  CHECK(report.plans == 4);
  CHECK(report.plan->trade.block == report.first_block + 2);
  REQUIRE(report.best.size() == 2);
  CHECK(report.best[0].key == 1);
  CHECK(report.best[0].block == report.first_block + 2);
  CHECK(report.best[0].sightings == 4);
  const auto& refused = report.refusals.at(RefusalReason::pool_used_already);
  CHECK(refused.count == 4);
  REQUIRE(refused.example);
  CHECK(refused.example->key == 2);
  CHECK(refused.example->block == report.first_block + 2);
}

TEST_CASE("size() is shown the limits in force") {
  const bool sponsored = GENERATE(false, true);
  Setting setting;
  write_market(setting.recording, 2, {{0, 1, 100'000, 40'000'000}, {0, 1, 100'000, 44'000'000}},
               {});
  ConfigurationTexts texts{"[risk]\npool_concentration_bps = 700\nmax_position_eth = 5.5\n",
                           ConfigurationTexts().dex,
                           "[strategies.round_trip_strategy]\ntrips = \"1 0 9000; 1 0 1000\"\n"};
  if (sponsored) texts.gantry += "[[paymaster]]\nname = \"pimlico\"\n";
  const auto report = run_market(setting.make(texts), setting.options());
  const auto limit = [&](const std::string& of) {
    return counter(report, "round_trip_strategy", "limits of " + of);
  };
  CHECK(limit("1 amount_in_max") == 5'500'000'000'000'000'000);
  CHECK(limit("1 pool_share_max_bps") == 700);
  CHECK(limit("1 gas_cost_wei") == 20'000'000'000);
  CHECK(limit("1 gas_overhead") == (sponsored ? 270'000 : 60'000));
  CHECK(limit("2 gas_overhead") == 0);  // within its limits, it is not asked
  REQUIRE(report.best.size() == 2);
  // The same gas is charged: two legs and the overhead, at 20 gwei.
  const auto legs = report.best[0].gas_cost_eth - (sponsored ? 270'000 : 60'000) * 20e-9;
  CHECK(legs > 2 * 60'000 * 20e-9);
  CHECK(legs < 2 * 150'000 * 20e-9);
}

TEST_CASE("a strategy that misses its deadline loses that snapshot and gets a strike") {
  Setting setting;
  write_busy_market(setting.recording, 4, 20, 13);
  const auto configuration = setting.make(
      {"[street]\nstrategy_deadline_ms = 1\n[plugins]\nfolders = []\nstrikes_max = 2\n",
       ConfigurationTexts().dex, "[strategies.slow_strategy]\nrounds = 2000000\n"});
  auto options = setting.options();
  options.pace = Pace::live;
  options.speed = 0;
  options.record_to = setting.folder.path() / "late.gantry";
  const auto live = run_market(configuration, options);
  REQUIRE(live.opportunities == 0);
  const auto& plugin = live.plugins.back();
  CHECK(plugin.retired);
  REQUIRE_FALSE(plugin.faults.empty());
  CHECK_THAT(plugin.faults.front(), Catch::Contains("deadline"));

  StreetOptions replay;
  replay.recording = options.record_to;
  CHECK(report_text(run_market(configuration, replay)) == report_text(live));
}

TEST_CASE("a recording made with other plugins is refused with the reason") {
  Setting setting;
  write_busy_market(setting.recording, 3, 5, 1);
  auto options = setting.options();
  options.record_to = setting.folder.path() / "recorded.gantry";
  run_market(setting.make(), options);

  const auto other = setting.make({"", ConfigurationTexts().dex, with_slow + "1\n"});
  StreetOptions replay;
  replay.recording = options.record_to;
  TemporaryFolder store;
  Street street(other, make_plugins(other, store.path()), replay);
  const auto refused = street.run();
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Catch::Contains("other plugins"));
  replay.obey_decisions = false;
  CHECK(run_market(other, replay).snapshots == 6);
}

TEST_CASE("a cut recording is replayed up to its last whole block, and that is said") {
  Setting setting;
  write_busy_market(setting.recording, 4, 50, 2);
  const auto size = std::filesystem::file_size(setting.recording);
  std::filesystem::resize_file(setting.recording, size - 3);
  const auto report = run_market(setting.make(), setting.options());
  CHECK_THAT(report.damage, Catch::Contains("are whole"));
  CHECK(report.snapshots > 1);
  CHECK(report.snapshots < 51);
}

TEST_CASE("a recording without a whole block gives an error, not an empty report") {
  Setting setting;
  const auto header =
      recording::Header{recording::format_version, "eip155:1", "A test's market.", "gantry tests"};
  const auto error = [&](const std::filesystem::path& file) {
    StreetOptions options = setting.options();
    options.recording = file;
    const auto configuration = setting.make();
    TemporaryFolder store;
    Street street(configuration, make_plugins(configuration, store.path()), options);
    const auto report = street.run();
    REQUIRE_FALSE(report);
    CHECK(report.error().kind == ErrorKind::format);
    CHECK_THAT(report.error().message, Catch::Contains(file.string()));
    return report.error().message;
  };
  {
    auto writer = RecordingWriter::create(setting.recording);
    REQUIRE(writer->append(header));
    REQUIRE(writer->finish());
  }
  CHECK_THAT(error(setting.recording), Catch::Contains("holds no block"));

  const auto cut = setting.folder.path() / "cut.gantry";
  {
    auto writer = RecordingWriter::create(cut);
    REQUIRE(writer->append(header));
    REQUIRE(writer->append(recording::Block{1000, 1'600'000'000, {}, std::nullopt}));
  }
  CHECK_THAT(error(cut.string() + ".partial"), Catch::Contains("no whole block"));
}

TEST_CASE("a stop before the first block still reports one") {
  Setting setting;
  write_busy_market(setting.recording, 4, 50, 2);
  const auto configuration = setting.make();
  TemporaryFolder store;
  Street street(configuration, make_plugins(configuration, store.path()), setting.options());
  street.request_stop();
  const auto report = street.run();
  REQUIRE(report);
  CHECK(report->snapshots == 1);
  CHECK(report->stopped);
}

TEST_CASE("a recording in the making is flushed within the bound of its pace") {
  Setting setting;
  write_busy_market(setting.recording, 4, 200, 2);
  auto feed = RecordingFeed::open(setting.recording);
  REQUIRE(feed);
  const auto configuration = setting.make();
  TemporaryFolder store;
  const Plugins plugins = make_plugins(configuration, store.path());
  const auto bound = GENERATE(unflushed_blocks_live, unflushed_blocks_max);
  const auto file = setting.folder.path() / "made.gantry";
  auto recorder = Recorder::create(file, feed->header(), configuration, plugins, bound);
  REQUIRE(recorder);
  std::uint64_t blocks = 0;
  while (const auto input = feed->next()) {
    (*recorder)->input(*input);
    ++blocks;
    // What another process sees now is what a kill -9 would leave.
    std::uint64_t seen = 0;
    if (auto reader = RecordingReader::open(file.string() + ".partial")) {
      for (auto record = reader->next(); record && *record; record = reader->next()) {
        if (std::holds_alternative<recording::Block>(**record)) ++seen;
      }
    }
    REQUIRE(blocks - seen < bound);
  }
  REQUIRE(blocks == 201);
}

TEST_CASE("without strategies the street still applies every block") {
  Setting setting;
  write_busy_market(setting.recording, 4, 50, 2);
  const auto configuration =
      setting.make({"", ConfigurationTexts().dex, "[strategies.triangular]\nenabled = false\n"});
  const auto report = run_market(configuration, setting.options());
  CHECK(report.snapshots == 51);
  CHECK(report.strategies.empty());
}

TEST_CASE("the pools of a venue that is turned off take no part, and are counted") {
  Setting setting;
  write_busy_market(setting.recording, 4, 5, 2);
  const auto configuration = setting.make(
      {"", "[[dex]]\nname = \"uniswap_v2\"\nenabled = false\n", ConfigurationTexts().strategies});
  const auto report = run_market(configuration, setting.options());
  CHECK(report.pools_left_out.at(std::string(to_string(PoolUse::no_venue))) == report.pools);
  CHECK(report.opportunities == 0);
}

TEST_CASE("pools below the venue's minimum liquidity are left out and counted") {
  Setting setting;
  // 100 WETH at 400 dollars each side, and a thousandth of that.
  write_market(setting.recording, 3,
               {{0, 1, 100'000, 40'000'000}, {0, 2, 100'000, 40'000'000}, {1, 2, 40'000, 40'000}},
               {});
  const auto configuration =
      setting.make({"", "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 10000\n",
                    ConfigurationTexts().strategies});
  const auto report = run_market(configuration, setting.options());
  CHECK(report.pools_left_out.at(std::string(to_string(PoolUse::low_liquidity))) == 1);
  CHECK(report.ether_usd == Approx(400).epsilon(0.001));
}
