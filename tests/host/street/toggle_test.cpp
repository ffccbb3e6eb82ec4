// Strategies and paymasters that come and go while the street runs.
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <thread>

#include "host/plugin/library.hpp"
#include "host/report/render.hpp"
#include "support/sanitized.hpp"
#include "support/small_market.hpp"

using namespace gantry::host;
using namespace gantry::test;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t toggles_wanted = sanitized ? 60 : 1000;
constexpr std::uint32_t blocks_many = sanitized ? 20'000 : 150'000;
constexpr std::uint32_t blocks_some = sanitized ? 10'000 : 60'000;
constexpr std::uint32_t blocks_few = sanitized ? 2'000 : 12'000;  // of a market with many finds

constexpr std::uint64_t resident_wanders_kib = 256;

const std::string base = "[strategies.triangular]\nmin_profit_bps = 0\n";
const std::string idle = "[strategies.idle_strategy]\n";
const std::string two_venues =
    "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 0\n"
    "[[dex]]\nname = \"second\"\nplugin = \"uniswap_v2\"\nmin_liquidity_usd = 0\n";

std::uint64_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib;
  }
  return 0;
}

// Mappings of files in the folder.
std::size_t mappings_below(const fs::path& folder) {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) count += line.contains(folder.string());
  return count;
}

// A street that runs on a thread of its own.
class Running {
 public:
  Running(const Configuration& configuration, StreetOptions options)
      : configuration_(configuration),
        street_(configuration_, make_plugins(configuration_, store_.path()), std::move(options)),
        thread_([this] { report_.emplace(street_.run()); }) {}
  ~Running() {
    if (thread_.joinable()) thread_.join();
  }

  Result<ChangeReport> change(const Configuration& wanted) {
    return street_.change(std::make_shared<const Configuration>(wanted));
  }
  ChangePlan plan(const Configuration& wanted) { return street_.plan(wanted); }
  Drained drain() {
    Drained all = street_.drain();
    while (all.waiting > 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
      Drained more = street_.drain();
      all.waiting = more.waiting;
      for (auto& path : more.unmapped) all.unmapped.push_back(std::move(path));
      for (auto& path : more.stayed) all.stayed.push_back(std::move(path));
    }
    return all;
  }
  std::uint64_t snapshots() const { return street_.status().snapshots; }
  Street& street() { return street_; }
  RunReport finish() {
    thread_.join();
    REQUIRE(report_.has_value());
    REQUIRE(report_->has_value());
    return **report_;
  }
  const fs::path& store() const { return store_.path(); }

 private:
  TemporaryFolder store_;
  Configuration configuration_;
  Street street_;
  std::optional<Result<RunReport>> report_;
  std::thread thread_;
};

struct Setting {
  TemporaryFolder folder;
  fs::path recording = folder.path() / "market.gantry";

  explicit Setting(std::uint32_t blocks) { write_busy_market(recording, 4, blocks, 17); }
  Configuration make(const std::string& strategies, const std::string& gantry = {},
                     const fs::path& plugins = {},
                     const std::string& dexes = ConfigurationTexts().dex) const {
    return configure(folder.path(), {gantry, dexes, strategies},
                     {plugins.empty() ? fs::path(GANTRY_TEST_PLUGIN_FOLDER) : plugins});
  }
  StreetOptions options() const {
    StreetOptions o;
    o.recording = recording;
    return o;
  }
};

// The report without what the toggled strategy alone has in it.
std::string others(RunReport report) {
  report.changes.clear();
  report.changes_count = 0;
  std::erase_if(report.strategies, [](const auto& s) { return s.name == "idle_strategy"; });
  std::erase_if(report.plugins, [](const auto& p) { return p.instance == "idle_strategy"; });
  return report_text(report);
}

// A folder with another version of idle_strategy: the same code, and another hash.
fs::path other_idle(const fs::path& folder) {
  const fs::path plugins = folder / "other_plugins";
  fs::create_directory(plugins);
  fs::copy_file(fs::path(GANTRY_TEST_PLUGIN_FOLDER) / "idle_strategy.so",
                plugins / "idle_strategy.so");
  std::ofstream(plugins / "idle_strategy.so", std::ios::app) << "another build";
  return plugins;
}

// The run ends when its recording does, however far the changes are.
bool over(const Result<ChangeReport>& changed) {
  return !changed && changed.error().message.contains("the run is over");
}

}  // namespace

TEST_CASE("1,000 toggles and reloads under replay load are noticed by nobody else") {
  const Setting setting(blocks_many);
  const auto without = setting.make(base);
  const auto with = setting.make(base + idle);
  const auto busy = setting.make(base + idle + "allocations = 300\n");
  const auto replaced = setting.make(base + idle, {}, other_idle(setting.folder.path()));
  const auto undisturbed = run_market(without, setting.options());

  std::size_t done = 0;
  std::size_t runs = 0;
  std::vector<std::uint64_t> resident;
  while (done < toggles_wanted) {
    Running running(without, setting.options());
    ++runs;
    std::size_t changes = 0;
    std::optional<std::size_t> mapped;  // between changes: by what always runs
    for (bool ended = false; !ended && done + changes < toggles_wanted;) {
      // In, made anew with another parameter, with another library, out.
      for (const Configuration* wanted : {&with, &busy, &replaced, &without}) {
        const auto changed = running.change(*wanted);
        ended = over(changed);
        if (ended) break;
        INFO((changed ? std::string() : changed.error().message));
        REQUIRE(changed.has_value());
        REQUIRE(changed->done.size() == 1);
        ++changes;
      }
      const Drained drained = running.drain();
      REQUIRE(drained.stayed.empty());
      for (const std::string& path : drained.unmapped) REQUIRE_FALSE(is_mapped(path));
      if (ended) break;
      REQUIRE(drained.unmapped.size() == 2);
      if (!mapped) mapped = mappings_below(running.store());
      REQUIRE(mappings_below(running.store()) == *mapped);
      resident.push_back(resident_kib());
    }
    const auto report = running.finish();
    CHECK(report.changes_count == changes);
    CHECK(report.snapshots == blocks_many + 1);
    CHECK(report.strategies.front().snapshots == report.snapshots);
    CHECK(others(report) == others(undisturbed));
    REQUIRE(changes > 0);
    done += changes;
  }
  // A change leaves its lines in the report and in the log of the run, and what the allocator's
  // arenas keep wanders.
  const std::size_t fifth = resident.size() / 5;
  const std::uint64_t changes_since = 4 * (resident.size() - 1 - fifth);
  WARN(done << " changes in " << runs << " runs of " << blocks_many << " blocks; resident "
            << resident[fifth] << " KiB after a fifth of them, " << resident.back()
            << " KiB at the end");
  if (!sanitized) {
    CHECK(resident.back() <= resident[fifth] + resident_wanders_kib + changes_since / 2);
  }
}

TEST_CASE("a replay of a run with toggles gives the same report to the byte") {
  const Setting setting(blocks_some);
  const auto without = setting.make(base);
  const auto with = setting.make(base + "[strategies.slow_strategy]\nrounds = 3\n");
  const auto more = setting.make(base + "[strategies.slow_strategy]\nrounds = 5\n" + idle);
  auto options = setting.options();
  options.record_to = setting.folder.path() / "recorded.gantry";
  Running running(without, options);
  std::size_t changes = 0;
  for (bool ended = false; !ended && changes < 15;) {
    for (const Configuration* wanted : {&with, &more, &without}) {
      const auto changed = running.change(*wanted);
      ended = over(changed);
      if (ended) break;
      REQUIRE(changed.has_value());
      ++changes;
    }
    running.drain();
  }
  const auto first = running.finish();
  REQUIRE(changes >= 3);
  CHECK(first.changes_count == changes);
  CHECK(first.strategies.size() == 3);

  StreetOptions replay;
  replay.recording = options.record_to;
  for (const std::int64_t threads : {1, 2}) {
    replay.threads = threads;
    CHECK(report_text(run_market(without, replay)) == report_text(first));
  }
  // Of another beginning: refused, and the difference is named.
  Street other(with, make_plugins(with, setting.folder.path() / "store"), replay);
  const auto refused = other.run();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.contains("slow_strategy"));
}

TEST_CASE("what was retired and taken out is reported once, and the same by a replay") {
  const Setting setting(blocks_few);
  const auto with = [&](const std::string& strategies) {
    return configure(
        setting.folder.path(),
        {{}, ConfigurationTexts().dex, "[strategies.slow_strategy]\nrounds = 500\n" + strategies},
        {GANTRY_TEST_PLUGIN_FOLDER, GANTRY_BAD_PLUGIN_FOLDER});
  };
  const auto without = with("");
  const auto faulty = with("[strategies.find_throws]\n");
  const auto again = with("[strategies.again]\nplugin = \"find_throws\"\n");
  auto options = setting.options();
  options.record_to = setting.folder.path() / "recorded.gantry";
  Running running(without, options);
  // What was taken out last is still to be drained at the end.
  for (const auto* wanted : {&faulty, &without, &faulty, &without, &again, &without}) {
    const auto changed = running.change(*wanted);
    INFO((changed ? std::string() : changed.error().message));
    REQUIRE(changed.has_value());
    const auto enough = std::min<std::uint64_t>(changed->from + 20, blocks_few);
    while (running.snapshots() < enough) std::this_thread::yield();
    if (wanted != &without) running.drain();
  }
  const auto first = running.finish();
  std::vector<std::uint64_t> taken_out;
  for (const PluginReport& plugin : first.plugins) {
    CHECK(plugin.retired == plugin.library.contains("find_throws"));
    CHECK((plugin.taken_out != 0) == plugin.retired);
    if (!plugin.retired) continue;
    CHECK(plugin.strikes >= 3);
    CHECK(plugin.broke_contract);
    taken_out.push_back(plugin.taken_out);
  }
  CHECK(taken_out == std::vector{first.changes[1].from, first.changes[5].from});
  CHECK(render_text(first, {}).contains("retired, taken out"));

  StreetOptions replay;
  replay.recording = options.record_to;
  for (const std::int64_t threads : {1, 2}) {
    replay.threads = threads;
    CHECK(report_text(run_market(without, replay)) == report_text(first));
  }
}

TEST_CASE("a live run with toggles is replayed to the byte") {
  const Setting setting(3'000);
  const auto without = setting.make(base, "[street]\nstrategy_deadline_ms = 600000\n");
  const auto with = setting.make(base + "[strategies.slow_strategy]\nrounds = 500\n",
                                 "[street]\nstrategy_deadline_ms = 600000\n");
  auto options = setting.options();
  options.pace = Pace::live;
  options.speed = 0;
  options.record_to = setting.folder.path() / "live.gantry";
  Running running(without, options);
  std::size_t changes = 0;
  for (bool ended = false; !ended && changes < 6;) {
    const auto changed = running.change(changes % 2 == 0 ? with : without);
    ended = over(changed);
    if (!ended) REQUIRE(changed.has_value());
    changes += ended ? 0 : 1;
  }
  const auto live = running.finish();
  REQUIRE(changes > 0);
  CHECK(live.changes_count == changes);
  StreetOptions replay;
  replay.recording = options.record_to;
  CHECK(report_text(run_market(without, replay)) == report_text(live));
}

TEST_CASE("a change that cannot be made is rolled back whole, and the run goes on") {
  const Setting setting(blocks_some);
  const auto without = setting.make(base);
  const auto undisturbed = run_market(without, setting.options());
  Running running(without, setting.options());

  // One of two cannot be had: neither comes.
  auto missing = setting.make(base + idle + "[strategies.nobody]\n");
  auto refused = running.change(missing);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.contains("strategy nobody: named but not installed"));

  // Nor does a venue that would come with it.
  missing = setting.make(base + "[strategies.nobody]\n", {}, {}, two_venues);
  refused = running.change(missing);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.contains("strategy nobody: named but not installed"));

  refused = running.change(setting.make(base + idle, "[risk]\nmin_profit_usd = 7\n"));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::configuration);
  CHECK(refused.error().message.contains("risk.min_profit_usd: 1 -> 7"));

  const auto nothing = running.change(without);
  REQUIRE(nothing.has_value());
  CHECK(nothing->done.empty());
  const auto report = running.finish();
  CHECK(report_text(report) == report_text(undisturbed));
  refused = running.change(setting.make(base + idle));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.contains("the run is over"));
}

TEST_CASE("what is prepared changes nothing before it is committed, and nothing when discarded") {
  const Setting setting(blocks_many);
  const auto without = setting.make(base);
  const auto with = std::make_shared<const Configuration>(setting.make(base + idle));
  Running running(without, setting.options());
  Street& street = running.street();
  const auto soon = [] { return std::chrono::steady_clock::now() + std::chrono::milliseconds(1); };

  auto prepared = street.prepare(with);
  REQUIRE(prepared.has_value());
  CHECK(prepared->size() == 1);
  // Nothing was committed, so nothing is to come.
  auto carried = street.carried(soon());
  REQUIRE((carried.has_value() && carried->has_value()));
  CHECK((*carried)->done.empty());
  street.discard();
  street.commit();
  CHECK(running.drain().unmapped.empty());
  CHECK(street.plan(*with).changes.size() == 1);

  prepared = street.prepare(with);
  REQUIRE(prepared.has_value());
  street.commit();
  const auto changed = street.carried(std::chrono::steady_clock::time_point::max());
  REQUIRE((changed.has_value() && changed->has_value()));
  CHECK((*changed)->done == *prepared);
  CHECK(street.plan(*with).changes.empty());
  CHECK_FALSE(street.is_over());
  street.request_stop();
  const auto report = running.finish();
  CHECK(street.is_over());
  REQUIRE(report.changes.size() == 1);
  CHECK(report.changes.front().from == (*changed)->from);
}

TEST_CASE("a plan refuses what the change would, in the same words") {
  const Setting setting(blocks_some);
  const auto without = setting.make(base);
  Running running(without, setting.options());
  const auto refused = [&](const Configuration& wanted, std::string_view why) {
    const ChangePlan plan = running.plan(wanted);
    REQUIRE(plan.refused.size() == 1);
    CHECK(plan.refused.front().contains(why));
    const auto changed = running.change(wanted);
    REQUIRE_FALSE(changed.has_value());
    CHECK(changed.error().message == plan.refused.front());
  };
  refused(setting.make(base + "[strategies.nobody]\n"), "strategy nobody: named but not installed");
  refused(setting.make(base + idle + "isolation = \"process\"\n"),
          "strategy idle_strategy: what has isolation = \"process\" is started with the host only");
  auto strict = setting.make(base + idle);
  strict.plugin.require_checked = true;
  refused(strict, "strategy idle_strategy: ");
  refused(strict, "it has not been checked, and require_checked is true");
  strict.plugin.require_checked = false;
  strict.plugin.trust = Trust::pinned;
  refused(strict, "strategy idle_strategy: ");
  std::string many;
  for (int i = 0; i < 33; ++i) {
    many += "[strategies.idle" + std::to_string(i) + "]\nplugin = \"idle_strategy\"\n";
  }
  refused(setting.make(base + many), "more names than at its start");
  CHECK(running.plan(setting.make(base + idle)).refused.empty());
  running.finish();
}

TEST_CASE("what may not run any more is taken out, and a replay says the same to the byte") {
  const Setting setting(blocks_some);
  const auto with = setting.make(base + idle);
  auto revoked = with;
  revoked.plugin.keys = setting.folder.write(
      "revoked.toml",
      "[[revoked]]\nplugin = \"org.gantry.test.idle_strategy\"\nversion = \"0.1.0\"\n"
      "reason = \"it \\\"leaked\\\"\\nbadly\"\n");
  auto options = setting.options();
  options.record_to = setting.folder.path() / "recorded.gantry";
  Running running(with, options);
  const ChangePlan plan = running.plan(revoked);
  CHECK(plan.refused.empty());
  REQUIRE(plan.changes.size() == 1);
  CHECK(to_string(plan.changes.front()).contains("idle_strategy 0.1.0 is revoked"));
  const auto changed = running.change(revoked);
  INFO((changed ? std::string() : changed.error().message));
  REQUIRE(changed.has_value());
  CHECK(changed->done == std::vector{to_string(plan.changes.front())});
  CHECK(running.drain().unmapped.size() == 1);
  CHECK(running.change(revoked)->done.empty());
  // A store that cannot be read says nothing of a plugin: nobody is taken out for it.
  auto unreadable = with;
  unreadable.plugin.trust = Trust::pinned;
  unreadable.plugin.store = setting.folder.path() / "store";
  fs::create_directory(unreadable.plugin.store);
  std::ofstream(unreadable.plugin.store / "plugins.lock") << "{";
  CHECK_FALSE(running.plan(unreadable).refused.empty());
  CHECK(running.plan(unreadable).changes.empty());
  const auto first = running.finish();
  CHECK(first.changes_count == 1);

  StreetOptions replay;
  replay.recording = options.record_to;
  CHECK(report_text(run_market(with, replay)) == report_text(first));
}

TEST_CASE("all strategies can be taken out and put in again") {
  const Setting setting(blocks_some);
  const auto with = setting.make(base);
  const auto without = setting.make("");
  Running running(with, setting.options());
  REQUIRE(running.change(without).has_value());
  CHECK(running.drain().unmapped.size() == 1);
  REQUIRE(running.change(with).has_value());
  const auto report = running.finish();
  CHECK(report.snapshots == blocks_some + 1);
  REQUIRE(report.strategies.size() == 1);
  const std::uint64_t away = report.changes[1].from - report.changes[0].from;
  CHECK(report.strategies[0].snapshots == report.snapshots - away);
}

TEST_CASE("paymasters are changed too") {
  const Setting setting(blocks_some);
  const std::string pimlico = "[[paymaster]]\nname = \"pimlico\"\n";
  const auto without = setting.make(base);
  const auto with = setting.make(base, pimlico);
  Running running(without, setting.options());
  const auto changed = running.change(with);
  REQUIRE(changed.has_value());
  CHECK(changed->done.front().starts_with("paymaster pimlico: enable"));
  const auto report = running.finish();
  CHECK(report.plugins.back().instance == "pimlico");
  CHECK(report.changes.size() == 1);
}

namespace {

// A market of two venues, each with a pool for every pair of four tokens.
struct TwoVenues : Setting {
  explicit TwoVenues(std::uint32_t blocks) : Setting(1) {
    std::vector<SmallPool> pools;
    for (std::uint32_t a = 0; a < 4; ++a) {
      for (std::uint32_t b = a + 1; b < 4; ++b) {
        for (const char* venue : {"uniswap_v2", "second"}) {
          pools.push_back({a, b, 100'000'000, 100'000'000, venue});
        }
      }
    }
    std::vector<std::vector<SmallUpdate>> updates(blocks);
    for (std::uint32_t i = 0; i < blocks; ++i) {
      const std::uint64_t shift = i * 7919 % 3'000'000;
      updates[i].push_back({i * 31 % 12, 100'000'000 + shift, 100'000'000});
    }
    write_market(recording, 4, pools, updates);
  }
};

}  // namespace

TEST_CASE("a venue that joins or goes leaves the market that a run with it from the start has") {
  const TwoVenues setting(blocks_few);
  const auto one = setting.make(base);
  const auto two = setting.make(base, {}, {}, two_venues);
  const auto begun_with_two = run_market(two, setting.options());
  const auto begun_with_one = run_market(one, setting.options());
  REQUIRE(begun_with_one.state_hash != begun_with_two.state_hash);
  REQUIRE(begun_with_one.opportunities != begun_with_two.opportunities);

  const auto joined = [&](const std::vector<const Configuration*>& steps) {
    Running running(one, setting.options());
    for (const Configuration* wanted : steps) {
      const auto changed = running.change(*wanted);
      INFO((changed ? std::string() : changed.error().message));
      REQUIRE(changed.has_value());
      CHECK(changed->done.size() == 1);
      CHECK(running.drain().stayed.empty());
    }
    return running.finish();
  };
  const auto in = joined({&two});
  CHECK(in.snapshots == blocks_few + 1);
  CHECK(in.strategies.front().snapshots == in.snapshots);
  CHECK(in.state_hash == begun_with_two.state_hash);
  CHECK(in.pools_left_out == begun_with_two.pools_left_out);
  CHECK(in.opportunities > begun_with_one.opportunities);

  const auto out = joined({&two, &one});
  CHECK(out.snapshots == blocks_few + 1);
  CHECK(out.state_hash == begun_with_one.state_hash);
  CHECK(out.pools_left_out == begun_with_one.pools_left_out);
  for (const auto& plugin : out.plugins) CHECK(plugin.strikes == 0);
}

TEST_CASE("a run whose venues and strategies were changed is replayed to the byte") {
  const TwoVenues setting(blocks_few);
  const auto one = setting.make(base);
  const auto two = setting.make(base + idle, {}, {}, two_venues);
  const auto none =
      setting.make(base + idle, {}, {}, "[[dex]]\nname = \"other\"\nenabled = false\n");
  for (const Pace pace : {Pace::back_pressure, Pace::live}) {
    auto options = setting.options();
    options.pace = pace;
    options.speed = 0;
    options.record_to = setting.folder.path() / "recorded.gantry";
    Running running(one, options);
    std::size_t changes = 0;
    for (bool ended = false; !ended && changes < 3;) {
      for (const Configuration* wanted : {&two, &none, &one}) {
        const auto changed = running.change(*wanted);
        ended = over(changed);
        if (ended) break;
        INFO((changed ? std::string() : changed.error().message));
        REQUIRE(changed.has_value());
        ++changes;
      }
      CHECK(running.drain().stayed.empty());
    }
    const auto first = running.finish();
    REQUIRE(changes > 0);
    StreetOptions replay;
    replay.recording = options.record_to;
    for (const std::int64_t threads : {1, 2}) {
      replay.threads = threads;
      CHECK(report_text(run_market(one, replay)) == report_text(first));
    }
  }
}

TEST_CASE("the library of a venue that is taken out is unmapped while the run goes on") {
  const Setting setting(blocks_some);
  const auto with = setting.make(base);
  const auto without = setting.make(base, {}, {}, "[[dex]]\nname = \"other\"\nenabled = false\n");
  Running running(with, setting.options());
  REQUIRE(running.change(without).has_value());
  const Drained drained = running.drain();
  CHECK(drained.stayed.empty());
  REQUIRE(drained.unmapped.size() == 1);
  CHECK_FALSE(is_mapped(drained.unmapped.front()));
  const auto back = running.change(with);
  INFO((back ? std::string() : back.error().message));
  REQUIRE(back.has_value());
  const auto report = running.finish();
  CHECK(report.snapshots == blocks_some + 1);
  CHECK(report.state_hash == run_market(with, setting.options()).state_hash);
}
