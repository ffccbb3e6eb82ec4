// Strategies in processes of their own, on small recordings: a good one is not to be told from one
// in the host's process, and a bad one harms nobody but itself.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "host/isolation/isolated_strategy.hpp"
#include "support/small_market.hpp"

using namespace gantry::host;
using namespace gantry::test;

namespace {

const std::string good = "[strategies.triangular]\nmin_profit_bps = 0\n";

struct Setting {
  explicit Setting(std::uint64_t seed = 7) { write_busy_market(recording, 6, 60, seed); }

  Configuration make(const std::string& strategies, const std::string& gantry = {}) {
    return configure(folder.path(), {gantry, ConfigurationTexts().dex, strategies},
                     {GANTRY_TEST_PLUGIN_FOLDER, GANTRY_UNRULY_PLUGIN_FOLDER});
  }
  RunReport run(const Configuration& configuration,
                const std::function<void(const Plugins&)>& before = {}) {
    Plugins plugins = make_plugins(configuration, store.path(), GANTRY_PROGRAM);
    if (before) before(plugins);
    StreetOptions options;
    options.recording = recording;
    auto report = Street(configuration, std::move(plugins), options).run();
    if (!report) FAIL(report.error().message);
    return std::move(*report);
  }

  TemporaryFolder folder;
  TemporaryFolder store;
  std::filesystem::path recording = folder.path() / "market.gantry";
};

std::string unruly(const std::string& act, const std::string& phase, int timeout_ms = 2000) {
  return "[strategies.unruly]\nisolation = \"process\"\nact = \"" + act + "\"\nphase = \"" + phase +
         "\"\ncall_timeout_ms = " + std::to_string(timeout_ms) + "\n";
}

// All that a report says but of one strategy that finds nothing.
std::string without(RunReport report, const std::string& name) {
  std::erase_if(report.plugins, [&](const auto& p) { return p.instance == name; });
  std::erase_if(report.strategies, [&](const auto& s) { return s.name == name; });
  std::erase_if(report.plugins_refused, [&](const auto& r) { return r.instance == name; });
  return report_text(report);
}

const PluginReport& plugin(const RunReport& report, const std::string& name) {
  const auto found = std::ranges::find(report.plugins, name, &PluginReport::instance);
  if (found == report.plugins.end()) FAIL("no plugin " << name);
  return *found;
}

std::uint64_t counter(const RunReport& report, const std::string& name) {
  const auto& counters = plugin(report, "unruly").counters;
  const auto found = counters.find(name);
  return found == counters.end() ? 0 : found->second;
}

std::string faults(const RunReport& report) {
  std::string all;
  for (const std::string& fault : plugin(report, "unruly").faults) all += fault + "\n";
  return all;
}

}  // namespace

TEST_CASE("an isolated strategy gives the same report to the byte as one in process") {
  Setting setting;
  const std::string others =
      "[strategies.slow_strategy]\nrounds = 10\n"
      "[strategies.round_trip_strategy]\ntrips = \"0 1 1000;1 2 500000;0 0 10\"\n";
  const auto inproc = setting.run(setting.make(good + others));
  REQUIRE(inproc.opportunities > 100);
  REQUIRE(inproc.approved > 0);
  const std::string isolated = "isolation = \"process\"\n";
  const auto configuration = setting.make(
      good + isolated + "[strategies.slow_strategy]\nrounds = 10\n" + isolated +
      "[strategies.round_trip_strategy]\ntrips = \"0 1 1000;1 2 500000;0 0 10\"\n" + isolated);
  for (int round = 0; round < 2; ++round) {
    const auto report = setting.run(configuration, [](const Plugins& plugins) {
      for (const auto& strategy : plugins.strategies) REQUIRE(strategy->isolated != nullptr);
    });
    CHECK(report_text(report) == report_text(inproc));
  }
}

TEST_CASE("what an isolated strategy does in a call costs nobody else, and is written down") {
  const auto [act, reason] = GENERATE(table<std::string, std::string>({
      {"segv", "died of SIGSEGV"},
      {"abort", "died of SIGABRT"},
      {"kill", "died of SIGKILL"},
      {"loop", "gave no answer for 300 ms"},
      {"allocate", "it threw"},
      {"socket", "made the system call socket, which is not allowed"},
      {"clock", "it read the clock"},
      {"exit", "ended by itself with code 0"},
      {"open_environ", "openat of /proc/self/environ"},
      {"open_host_memory", "openat of /proc/1/mem"},
  }));
  CAPTURE(act);
  Setting setting;
  const auto alone = setting.run(setting.make(good));
  REQUIRE(alone.opportunities > 100);
  const auto report = setting.run(setting.make(good + unruly(act, "find", 300)));
  CHECK(without(report, "unruly") == without(alone, "unruly"));
  CHECK(plugin(report, "unruly").retired);
  CHECK(plugin(report, "unruly").strikes == 3);
  CHECK_THAT(faults(report), Catch::Contains(reason));
  CHECK_THAT(faults(report), Catch::Contains("find"));
}

TEST_CASE("what it does in any other phase is survived too") {
  const auto [phase, act] = GENERATE(table<std::string, std::string>(
      {{"prepare", "segv"}, {"prepare", "loop"}, {"validate", "segv"}, {"plan", "kill"}}));
  CAPTURE(phase, act);
  Setting setting;
  const auto report = setting.run(setting.make(good + unruly(act, phase, 300)));
  CHECK(report.snapshots == 61);
  CHECK(plugin(report, "unruly").retired);
  CHECK_THAT(faults(report), Catch::Contains(phase));
  CHECK_THAT(faults(report), Catch::Contains("its process"));
}

TEST_CASE("what it does in create or its constructors refuses it alone, with the reason") {
  const auto [library, act, reason] = GENERATE(table<std::string, std::string, std::string>({
      {"unruly", "segv", "died of SIGSEGV"},
      {"unruly", "socket", "system call socket"},
      {"unruly", "allocate", "create() answered"},
      {"unruly_load_segv", "none", "died of SIGSEGV"},
      {"unruly_load_kill", "none", "died of SIGKILL"},
      {"unruly_load_allocate", "none", "died of SIGABRT"},
      {"unruly_load_socket", "none", "system call socket"},
  }));
  CAPTURE(library, act);
  Setting setting;
  const auto alone = setting.run(setting.make(good));
  const auto report =
      setting.run(setting.make(good + unruly(act, "create") + "plugin = \"" + library + "\"\n"));
  CHECK(without(report, "unruly") == without(alone, "unruly"));
  REQUIRE(report.plugins_refused.size() == 1);
  CHECK_THAT(report.plugins_refused[0].reason, Catch::Contains(reason));
  const std::string where = library == "unruly" ? "create()" : "constructors";
  CHECK_THAT(report.plugins_refused[0].reason, Catch::Contains(where));
}

TEST_CASE("a constructor that never ends is given up") {
  Setting setting;
  const auto report =
      setting.run(setting.make(good + unruly("none", "find") + "plugin = \"unruly_load_loop\"\n"));
  REQUIRE(report.plugins_refused.size() == 1);
  CHECK_THAT(report.plugins_refused[0].reason, Catch::Contains("gave no answer"));
  CHECK_THAT(report.plugins_refused[0].reason, Catch::Contains("constructors"));
}

TEST_CASE("a child that is killed from outside costs one snapshot, and is started again") {
  Setting setting;
  const auto report = setting.run(setting.make(unruly("none", "find")), [](const Plugins& plugins) {
    REQUIRE(plugins.strategies.size() == 1);
    const pid_t child = plugins.strategies[0]->isolated->pid();
    REQUIRE(child > 0);
    REQUIRE(::kill(child, SIGKILL) == 0);
  });
  CHECK_FALSE(plugin(report, "unruly").retired);
  CHECK(plugin(report, "unruly").strikes == 1);
  CHECK_THAT(faults(report), Catch::Contains("died of SIGKILL"));
  // 61 snapshots but the one; the new child's first is all new to it.
  CHECK(counter(report, "snapshots") == 60);
  CHECK(counter(report, "cold") == 1);
}

TEST_CASE("after a fault the next start waits longer each time") {
  Setting setting;
  const auto report = setting.run(
      setting.make(unruly("kill", "find") + "after = 5\n", "[plugins]\nstrikes_max = 4\n"));
  // 5 snapshots of each child are counted, with the one that ends it lost: 6, 6 and 1 of pause,
  // 6 and 3, 6; then it is retired.
  CHECK(plugin(report, "unruly").retired);
  CHECK(counter(report, "snapshots") == 20);
  CHECK(counter(report, "cold") == 4);
}

TEST_CASE("no secret of the host's is to be found in a child") {
  const std::string secret = "planted-b7a1c95e40d2";
  ::setenv("GANTRY_TEST_SECRET", secret.c_str(), 1);
  Setting setting;
  const auto file = setting.folder.path() / "secret";
  std::ofstream(file) << secret;
  // Open, and kept over exec by mistake.
  const int open = ::open(file.c_str(), O_RDONLY);
  REQUIRE(open >= 0);
  const std::string configured =
      "[[chain.provider]]\nname = \"p\"\nurl = \"https://localhost/${GANTRY_TEST_SECRET}\"\n";
  const auto report =
      setting.run(setting.make(unruly("search", "find", 60'000) + "secret = \"" +
                                   std::string(secret.rbegin(), secret.rend()) + "\"\n",
                               configured));
  ::close(open);
  ::unsetenv("GANTRY_TEST_SECRET");
  CHECK(plugin(report, "unruly").strikes == 0);
  CHECK(counter(report, "pages") > 1000);
  CHECK(counter(report, "found") == 0);
  CHECK(counter(report, "variables") == 0);
}

TEST_CASE("the same search in process finds the secret, so it can find one") {
  const std::string secret = "planted-b7a1c95e40d2";
  ::setenv("GANTRY_TEST_SECRET", secret.c_str(), 1);
  Setting setting;
  const auto report =
      setting.run(setting.make("[strategies.unruly]\nact = \"search\"\nsecret = \"" +
                               std::string(secret.rbegin(), secret.rend()) + "\"\n"));
  ::unsetenv("GANTRY_TEST_SECRET");
  CHECK(counter(report, "found") > 0);
}

TEST_CASE("a venue or paymaster in a process of its own is refused in the configuration") {
  TemporaryFolder folder;
  CHECK_THROWS_WITH(
      configure(folder.path(), {"", "[[dex]]\nname = \"uniswap_v2\"\nisolation = \"process\"\n"}),
      Catch::Contains("only strategies can run in a process of their own"));
}
