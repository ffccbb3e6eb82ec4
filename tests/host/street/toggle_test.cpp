// Strategies and paymasters that come and go while the street runs.
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "host/plugin/library.hpp"
#include "support/small_market.hpp"

using namespace gantry::host;
using namespace gantry::test;

namespace {

const std::string base = "[strategies.triangular]\nmin_profit_bps = 0\n";
const std::string idle = "[strategies.idle_strategy]\n";

std::uint64_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib;
  }
  return 0;
}

std::size_t mappings_below(const std::filesystem::path& folder) {
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
  Drained drain() {
    Drained all = street_.drain();
    while (all.waiting > 0) {
      std::this_thread::yield();
      Drained more = street_.drain();
      all.waiting = more.waiting;
      for (auto& path : more.unmapped) all.unmapped.push_back(std::move(path));
      for (auto& path : more.stayed) all.stayed.push_back(std::move(path));
    }
    return all;
  }
  RunReport finish() {
    thread_.join();
    REQUIRE(report_.has_value());
    REQUIRE(report_->has_value());
    return **report_;
  }
  const std::filesystem::path& store() const { return store_.path(); }

 private:
  TemporaryFolder store_;
  Configuration configuration_;
  Street street_;
  std::optional<Result<RunReport>> report_;
  std::thread thread_;
};

struct Setting {
  TemporaryFolder folder;
  std::filesystem::path recording = folder.path() / "market.gantry";

  explicit Setting(std::uint32_t blocks) { write_busy_market(recording, 4, blocks, 17); }
  Configuration make(const std::string& strategies, const std::string& gantry = {}) const {
    return configure(folder.path(), {gantry, ConfigurationTexts().dex, strategies},
                     {GANTRY_TEST_PLUGIN_FOLDER});
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

}  // namespace

TEST_CASE("1,000 toggles and reloads under replay load are noticed by nobody else") {
  constexpr std::size_t toggles = 1000;
  const Setting setting(150'000);
  const auto without = setting.make(base);
  const auto with = setting.make(base + idle);
  const auto other = setting.make(base + idle + "allocations = 1\n");
  const auto undisturbed = run_market(without, setting.options());

  Running running(without, setting.options());
  std::size_t done = 0;
  std::uint64_t resident_after_some = 0;
  std::size_t unmapped = 0;
  while (done < toggles) {
    // In, made anew with another parameter, out.
    for (const Configuration* wanted : {&with, &other, &without}) {
      const auto changed = running.change(*wanted);
      REQUIRE(changed.has_value());
      REQUIRE(changed->done.size() == 1);
      ++done;
    }
    const Drained drained = running.drain();
    REQUIRE(drained.stayed.empty());
    REQUIRE(drained.unmapped.size() == 1);
    REQUIRE_FALSE(is_mapped(drained.unmapped.front()));
    ++unmapped;
    if (done == 201) resident_after_some = resident_kib();
  }
  const std::uint64_t resident_at_last = resident_kib();
  const std::size_t mapped = mappings_below(running.store());
  const auto report = running.finish();
  CHECK(unmapped == done / 3);
  CHECK(report.changes_count == done);
  CHECK(report.snapshots == 150'001);
  CHECK(report.strategies.front().snapshots == report.snapshots);
  CHECK(others(report) == others(undisturbed));
  // uniswap_v2 and triangular, a few lines each.
  CHECK(mapped <= 12);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(resident_at_last < resident_after_some + 8 * 1024);
#endif
}

TEST_CASE("a replay of a run with toggles gives the same report to the byte") {
  const Setting setting(20'000);
  const auto without = setting.make(base);
  const auto with = setting.make(base + "[strategies.slow_strategy]\nrounds = 3\n");
  const auto more = setting.make(base + "[strategies.slow_strategy]\nrounds = 5\n" + idle);
  auto options = setting.options();
  options.record_to = setting.folder.path() / "recorded.gantry";
  Running running(without, options);
  for (int i = 0; i < 5; ++i) {
    for (const Configuration* wanted : {&with, &more, &without}) {
      REQUIRE(running.change(*wanted).has_value());
    }
    running.drain();
  }
  const auto first = running.finish();
  CHECK(first.changes_count == 15);
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
  for (int i = 0; i < 3; ++i) {
    REQUIRE(running.change(with).has_value());
    REQUIRE(running.change(without).has_value());
  }
  const auto live = running.finish();
  StreetOptions replay;
  replay.recording = options.record_to;
  CHECK(report_text(run_market(without, replay)) == report_text(live));
}

TEST_CASE("a change that cannot be made is rolled back whole, and the run goes on") {
  const Setting setting(20'000);
  const auto without = setting.make(base);
  const auto undisturbed = run_market(without, setting.options());
  Running running(without, setting.options());

  // One of two cannot be had: neither comes.
  auto missing = setting.make(base + idle + "[strategies.nobody]\n");
  auto refused = running.change(missing);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.contains("strategy nobody: named but not installed"));

  auto other_dex = setting.make(base + idle);
  other_dex.dexes.clear();
  std::erase_if(other_dex.keys, [](const EffectiveKey& k) { return k.path.starts_with("dex."); });
  refused = running.change(other_dex);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::configuration);
  CHECK(refused.error().message.contains("dex.uniswap_v2"));

  refused = running.change(setting.make(base + idle, "[risk]\nmin_profit_usd = 7\n"));
  REQUIRE_FALSE(refused.has_value());
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

TEST_CASE("all strategies can be taken out and put in again") {
  const Setting setting(20'000);
  const auto with = setting.make(base);
  const auto without = setting.make("");
  Running running(with, setting.options());
  REQUIRE(running.change(without).has_value());
  CHECK(running.drain().unmapped.size() == 1);
  REQUIRE(running.change(with).has_value());
  const auto report = running.finish();
  CHECK(report.snapshots == 20'001);
  REQUIRE(report.strategies.size() == 1);
  const std::uint64_t away = report.changes[1].from - report.changes[0].from;
  CHECK(report.strategies[0].snapshots == report.snapshots - away);
}

TEST_CASE("paymasters are changed too") {
  const Setting setting(20'000);
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
