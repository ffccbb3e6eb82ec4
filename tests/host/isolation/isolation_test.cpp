// Strategies in processes of their own, on small recordings: a good one is not to be told from one
// in the host's process, and a bad one harms nobody but itself.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "host/isolation/isolated_strategy.hpp"
#include "host/quarantine/run_record.hpp"
#include "support/small_market.hpp"

using namespace gantry::host;
using namespace gantry::test;

namespace {

const std::string good = "[strategies.triangular]\nmin_profit_bps = 0\n";

// A venue that breaks a rule which only the sandbox enforces, in the place of the good one.
const std::string bad_venue =
    "[[dex]]\nname = \"uniswap_v2\"\nplugin = \"subject\"\nmin_liquidity_usd = 0\n";

struct Setting {
  explicit Setting(std::uint64_t seed = 7) { write_busy_market(recording, 6, 60, seed); }

  Configuration make(const std::string& strategies, const std::string& gantry = {}) {
    return configure(folder.path(), {gantry, ConfigurationTexts().dex, strategies},
                     {GANTRY_TEST_PLUGIN_FOLDER, GANTRY_UNRULY_PLUGIN_FOLDER});
  }
  // With that one of tests/bad_plugins/twins as the venue.
  Configuration with_venue(const std::string& twin, const std::string& strategies) {
    const auto extra = folder.path() / twin;
    std::filesystem::create_directory(extra);
    std::filesystem::copy_file(std::filesystem::path(GANTRY_BAD_TWINS) / (twin + ".so"),
                               extra / "subject.so");
    return configure(folder.path(), {{}, bad_venue, strategies},
                     {GANTRY_TEST_PLUGIN_FOLDER, GANTRY_UNRULY_PLUGIN_FOLDER, extra});
  }
  RunReport run(const Configuration& configuration,
                const std::function<void(const Plugins&)>& before = {},
                Pace pace = Pace::back_pressure) {
    Plugins plugins =
        make_plugins(configuration, store.path(), {},
                     {GANTRY_PROGRAM, [this](const PutAway& which) { put_away.push_back(which); }});
    if (before) before(plugins);
    StreetOptions options;
    options.recording = recording;
    options.pace = pace;
    options.speed = 0;
    auto report = Street(configuration, std::move(plugins), options).run();
    if (!report) FAIL(report.error().message);
    return std::move(*report);
  }

  std::vector<PutAway> put_away;
  TemporaryFolder folder;
  TemporaryFolder store;
  std::filesystem::path recording = folder.path() / "market.gantry";
};

std::string unruly(const std::string& act, const std::string& phase, int timeout_ms = 2000,
                   const std::string& argument = "/") {
  return "[strategies.unruly]\nisolation = \"process\"\nact = \"" + act + "\"\nphase = \"" + phase +
         "\"\nargument = \"" + argument + "\"\ncall_timeout_ms = " + std::to_string(timeout_ms) +
         "\n";
}

// All that a report says but of one strategy that finds nothing.
std::string without(RunReport report, const std::string& name) {
  std::erase_if(report.plugins, [&](const auto& p) { return p.instance == name; });
  std::erase_if(report.strategies, [&](const auto& s) { return s.name == name; });
  std::erase_if(report.plugins_refused, [&](const auto& r) { return r.instance == name; });
  return report_text(report);
}

// Of the good strategy without the bad one.
const RunReport& alone_report() {
  static const RunReport report = [] {
    Setting setting;
    return setting.run(setting.make(good));
  }();
  REQUIRE(report.opportunities > 100);
  return report;
}

// Waits for a child of this process that has computed for longer than any takes to start, and kills
// it.
void kill_busy_child(const std::atomic<bool>& over) {
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)) * 2 / 5;
  while (!over) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const pid_t process = std::atoi(entry.path().filename().c_str());
      if (process <= 0) continue;
      std::string text;  // stays empty where it has just ended
      std::getline(std::ifstream(entry.path() / "stat"), text);
      const auto name_end = text.rfind(')');
      if (name_end == std::string::npos) continue;
      std::istringstream rest(text.substr(name_end + 1));
      std::string word;
      pid_t parent = 0;
      std::uint64_t user_ticks = 0;
      rest >> word >> parent;
      for (int i = 0; i < 9; ++i) rest >> word;
      rest >> user_ticks;
      if (parent != ::getpid() || user_ticks < ticks) continue;
      ::kill(process, SIGKILL);
      return;
    }
  }
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
  const std::string host = std::to_string(::getpid());
  const auto [act, argument, reason] = GENERATE_COPY(table<std::string, std::string, std::string>({
      {"segv", "/", "died of SIGSEGV"},
      {"overflow", "/", "died of SIGSEGV"},
      {"abort", "/", "died of SIGABRT"},
      {"corrupt", "/", "died of SIG"},
      {"kill", "/", "system call tgkill, which is not allowed"},
      {"loop", "/", "gave no answer for 300 ms"},
      {"allocate", "/", "it threw"},
      {"exit", "/", "ended by itself with code 0"},
      {"quick_exit", "/", "ended by itself with code 3"},
      {"clock", "/", "it read the clock"},
      {"thread", "/", "when a thread is started"},
      {"socket", "/", "system call socket, which is not allowed"},
      {"connect", "/", "system call connect, which is not allowed"},
      {"write_file", "/nowhere", "system call openat of /nowhere, which"},
      {"unlink", "/nowhere", "system call unlinkat"},
      {"fork", "/", "system call clone, which is not allowed"},
      {"exec", "/", "system call execve, which is not allowed"},
      {"ptrace", host, "system call ptrace, which is not allowed"},
      {"read_process", host, "system call process_vm_readv"},
      {"kill_process", host, "system call kill"},
      {"pidfd", host, "system call pidfd_open"},
      {"io_uring", "/", "system call io_uring_setup"},
      {"getppid", "/", "system call getppid"},
      {"read_file", "/proc/self/environ", "openat of /proc/self/environ"},
      {"read_file", "/proc/self/mem", "openat of /proc/self/mem"},
      {"read_file", "/proc/self/maps", "openat of /proc/self/maps"},
      {"read_file", "/proc/self/fd", "openat of /proc/self/fd"},
      {"read_file", "/proc/" + host + "/environ", "openat of /proc/" + host + "/environ"},
      {"read_file", "/proc/" + host + "/mem", "openat of /proc/" + host + "/mem"},
      {"read_file", "/proc/" + host + "/maps", "openat of /proc/" + host + "/maps"},
      {"read_file", "/proc/" + host + "/fd/3", "openat of /proc/" + host + "/fd/3"},
  }));
  CAPTURE(act, argument);
  Setting setting;
  const RunReport& alone = alone_report();
  const auto report = setting.run(setting.make(good + unruly(act, "find", 300, argument)));
  CHECK(without(report, "unruly") == without(alone, "unruly"));
  CHECK(plugin(report, "unruly").retired);
  CHECK(plugin(report, "unruly").strikes == 3);
  CHECK_THAT(faults(report), Catch::Contains(reason));
  CHECK_THAT(faults(report), Catch::Contains("find"));
  CHECK_FALSE(std::filesystem::exists("/nowhere"));
}

TEST_CASE("what it does in any other phase is survived too") {
  const auto [phase, act] = GENERATE(table<std::string, std::string>({{"prepare", "segv"},
                                                                      {"prepare", "loop"},
                                                                      {"prepare", "fork"},
                                                                      {"validate", "segv"},
                                                                      {"validate", "corrupt"},
                                                                      {"plan", "exit"},
                                                                      {"plan", "kill"}}));
  CAPTURE(phase, act);
  Setting setting;
  const auto report = setting.run(setting.make(good + unruly(act, phase, 300)));
  CHECK(report.snapshots == 61);
  CHECK(plugin(report, "unruly").retired);
  CHECK(plugin(report, "unruly").strikes == 3);
  CHECK_THAT(faults(report), Catch::Contains(phase));
  CHECK_THAT(faults(report), Catch::Contains("its process"));
}

TEST_CASE("what it does in create or its constructors refuses it alone, with the reason") {
  const bool in_constructor = GENERATE(false, true);
  const auto [act, reason, ending] = GENERATE(table<std::string, std::string, Ending>({
      {"segv", "died of SIGSEGV", Ending::signal},
      {"kill", "system call tgkill", Ending::forbidden_call},
      {"loop", "gave no answer for 10000 ms", Ending::hang},
      {"allocate", "bad_alloc", Ending::signal},
      {"corrupt", "died of SIG", Ending::signal},
      {"exit", "ended by itself with code 0", Ending::exit},
      {"socket", "system call socket", Ending::forbidden_call},
      {"connect", "system call connect", Ending::forbidden_call},
      {"write_file", "system call openat of /nowhere", Ending::forbidden_call},
      {"fork", "system call clone", Ending::forbidden_call},
      {"exec", "system call execve", Ending::forbidden_call},
      {"ptrace", "system call ptrace", Ending::forbidden_call},
      {"thread", "when a thread is started", Ending::forbidden_call},
  }));
  CAPTURE(in_constructor, act);
  Setting setting;
  const std::string library = in_constructor ? "unruly_load_" + act : "unruly";
  const auto report = setting.run(
      setting.make(good + unruly(in_constructor ? "none" : act, "create", 2000, "/nowhere") +
                   "plugin = \"" + library + "\"\n"));
  CHECK(without(report, "unruly") == without(alone_report(), "unruly"));
  REQUIRE(report.plugins_refused.size() == 1);
  CHECK_THAT(report.plugins_refused[0].reason, Catch::Contains(reason));
  const std::string where = in_constructor ? "constructors" : "create()";
  CHECK_THAT(report.plugins_refused[0].reason, Catch::Contains(where));
  // In create() the SDK catches what was thrown, and the plugin only says no.
  const bool answered = act == "allocate" && !in_constructor;
  REQUIRE(setting.put_away.size() == (answered ? 0 : 1));
  if (answered) return;
  CHECK(setting.put_away[0].ending == ending);
  CHECK(setting.put_away[0].phase == (in_constructor ? Phase::load : Phase::create));
  CHECK(setting.put_away[0].file.manifest.name == library);
  CHECK(setting.put_away[0].reason == report.plugins_refused[0].reason);
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
  CHECK(setting.put_away.empty());
}

TEST_CASE("a child that is killed from outside in the middle of its work is survived") {
  const std::string where = GENERATE("find", "create", "constructor");
  CAPTURE(where);
  Setting setting;
  const bool in_constructor = where == "constructor";
  const std::string plugin_name = in_constructor ? "unruly_load_loop" : "unruly";
  const auto configuration =
      setting.make(good + unruly(in_constructor ? "none" : "loop", where, 60'000) + "plugin = \"" +
                       plugin_name + "\"\n",
                   "[plugins]\nstrikes_max = 1\n");
  std::atomic<bool> over = false;
  std::thread killer([&] { kill_busy_child(over); });
  const auto report = setting.run(configuration);
  over = true;
  killer.join();
  CHECK(without(report, "unruly") == without(alone_report(), "unruly"));
  const std::string reason = where == "find" ? faults(report) : report.plugins_refused.at(0).reason;
  CHECK_THAT(reason, Catch::Contains("its process died of SIGKILL (Killed), which came from"));
  // It is lost for this run, and nobody is blamed.
  CHECK(setting.put_away.empty());
  if (where != "find") return;
  CHECK(plugin(report, "unruly").retired);
  TemporaryFolder folder;
  auto quarantine = Quarantine::open(folder.path()).value();
  REQUIRE(put_away_retired(quarantine, report, "a test", 1).has_value());
  REQUIRE(quarantine.entries().size() == 1);
  CHECK(quarantine.entries()[0].cause == QuarantineCause::unproven);
  CHECK_FALSE(quarantine.entries()[0].blocks());
}

// Of the loop of `spin`, for what a second of this machine is.
std::uint64_t rounds_a_second() {
  constexpr long rounds = 100'000'000;
  const std::clock_t begin = std::clock();
  [[maybe_unused]] volatile long spent = 0;
  for (long i = 0; i < rounds; ++i) spent = i;
  const auto took = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  return static_cast<std::uint64_t>(rounds / std::max(took, 0.001));
}

TEST_CASE("at live pace the time that a restart takes is not held against the strategy") {
  Setting setting;
  // create() alone takes longer than the deadline of a snapshot.
  const auto report = setting.run(
      setting.make(unruly("spin", "create", 60'000, std::to_string(rounds_a_second() * 3 / 4)) +
                   "deadline_ms = 500\n"),
      [](const Plugins& plugins) {
        REQUIRE(::kill(plugins.strategies.at(0)->isolated->pid(), SIGKILL) == 0);
      },
      Pace::live);
  CHECK_FALSE(plugin(report, "unruly").retired);
  CHECK(plugin(report, "unruly").strikes == 1);
  CHECK_THAT(faults(report), !Catch::Contains("deadline"));
  CHECK(counter(report, "snapshots") >= 1);
  CHECK(counter(report, "cold") == 1);
}

TEST_CASE("what a venue does while a child loads it is the venue's fault, and not the strategy's") {
  Setting setting;
  const auto report =
      setting.run(setting.with_venue("calls_network", good + "isolation = \"process\"\n"));
  REQUIRE(report.plugins_refused.size() == 1);
  CHECK(report.plugins_refused[0].instance == "triangular");
  CHECK_THAT(report.plugins_refused[0].reason,
             Catch::Contains("in create() of the venue uniswap_v2 its process made the system call "
                             "socket"));
  REQUIRE(setting.put_away.size() == 1);
  CHECK(setting.put_away[0].file.manifest.name == "subject");
  CHECK(setting.put_away[0].instance == "uniswap_v2");
  CHECK(setting.put_away[0].ending == Ending::forbidden_call);
  CHECK(setting.put_away[0].phase == Phase::create);
  CHECK(setting.put_away[0].reason == report.plugins_refused[0].reason);
}

TEST_CASE("what a venue does in a strategy's call puts nobody away, and is told as the venue's") {
  Setting setting;
  const auto report =
      setting.run(setting.with_venue("reads_clock", good + "isolation = \"process\"\n"));
  const PluginReport& triangular = plugin(report, "triangular");
  CHECK(triangular.retired);
  CHECK_FALSE(triangular.broke_contract);
  CHECK(triangular.unproven);
  REQUIRE_FALSE(triangular.faults.empty());
  CHECK_THAT(triangular.faults[0],
             Catch::Contains("it read the clock") &&
                 Catch::Contains("it says that it was in quote of the venue uniswap_v2"));
  CHECK(setting.put_away.empty());

  // And the record of the run keeps neither out.
  TemporaryFolder folder;
  auto quarantine = Quarantine::open(folder.path()).value();
  REQUIRE(put_away_retired(quarantine, report, "a test", 1).has_value());
  REQUIRE(quarantine.entries().size() == 1);
  CHECK(quarantine.entries()[0].plugin == "triangular");
  CHECK(quarantine.entries()[0].cause == QuarantineCause::unproven);
  CHECK_FALSE(quarantine.entries()[0].blocks());
  CHECK_THAT(quarantine.entries()[0].reason, Catch::Contains("the venue uniswap_v2"));
}

TEST_CASE("a strategy cannot lay what it does while it is loaded to a venue") {
  Setting setting;
  const auto report = setting.run(setting.make(good + unruly("frame", "create")));
  REQUIRE(report.plugins_refused.size() == 1);
  CHECK_THAT(report.plugins_refused[0].reason, Catch::Contains("in create() its process died"));
  REQUIRE(setting.put_away.size() == 1);
  CHECK(setting.put_away[0].file.manifest.name == "unruly");
}

TEST_CASE("who is put away is told once, when it is retired, with the last reason") {
  Setting setting;
  const auto report = setting.run(setting.make(good + unruly("socket", "find")));
  REQUIRE(plugin(report, "unruly").retired);
  REQUIRE(setting.put_away.size() == 1);
  const PutAway& told = setting.put_away[0];
  CHECK(told.instance == "unruly");
  CHECK(told.file.manifest.name == "unruly");
  CHECK_FALSE(told.file.sha256.empty());
  CHECK(told.ending == Ending::forbidden_call);
  CHECK(told.phase == Phase::find);
  CHECK_THAT(told.reason, Catch::Contains("in find of snapshot"));
  CHECK_THAT(told.reason, Catch::Contains("system call socket") && Catch::Contains("3 strikes"));
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

// What the kernel shows of a process to who may look: its environment, its descriptors, and every
// page that it has. False: this user may not.
bool look_into(pid_t child, const std::string& secret, std::uint64_t& found,
               std::vector<std::string>& descriptors) {
  const std::filesystem::path folder = "/proc/" + std::to_string(child);
  std::ifstream maps(folder / "maps");
  const int memory = ::open((folder / "mem").c_str(), O_RDONLY);
  if (!maps || memory < 0) return false;
  std::string variables;
  std::getline(std::ifstream(folder / "environ"), variables);
  if (child != ::getpid()) CHECK(variables.empty());
  for (const auto& entry : std::filesystem::directory_iterator(folder / "fd")) {
    descriptors.push_back(std::filesystem::read_symlink(entry.path()).string());
  }
  std::string bytes(1U << 16U, '\0');
  for (std::string line; std::getline(maps, line);) {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    char dash = 0;
    std::istringstream(line) >> std::hex >> begin >> dash >> end;
    // Nothing lies that far in what the host shares.
    end = std::min(end, begin + (32U << 20U));
    for (; begin < end; begin += bytes.size() - secret.size()) {
      const auto wanted = std::min<std::uint64_t>(bytes.size(), end - begin);
      const auto got = ::pread(memory, bytes.data(), wanted, static_cast<off_t>(begin));
      if (got <= 0) break;
      const std::string_view part(bytes.data(), static_cast<std::size_t>(got));
      if (part.find(secret) != std::string_view::npos) ++found;
    }
  }
  ::close(memory);
  return true;
}

TEST_CASE("no secret of the host's is to be found in a child") {
  const std::string secret = "planted-b7a1c95e40d2";
  const std::string reversed(secret.rbegin(), secret.rend());
  ::setenv("GANTRY_TEST_SECRET", secret.c_str(), 1);
  Setting setting;
  const auto file = setting.folder.path() / "secret";
  std::ofstream(file) << secret;
  // Open, and kept over exec by mistake.
  const int open = ::open(file.c_str(), O_RDONLY);
  REQUIRE(open >= 0);
  const std::string configured =
      "[[chain.provider]]\nname = \"p\"\nurl = \"https://localhost/${GANTRY_TEST_SECRET}\"\n";
  const auto configuration = setting.make(
      unruly("search", "find", 60'000) + "after = 40\nsecret = \"" + reversed + "\"\n", configured);
  const auto report = setting.run(configuration, [&](const Plugins& plugins) {
    std::uint64_t found = 0;
    std::vector<std::string> descriptors;
    if (!look_into(plugins.strategies.at(0)->isolated->pid(), secret, found, descriptors)) {
      WARN("this user may not look into a process that forbids it; the plugin itself still does");
      return;
    }
    CHECK(found == 0);
    // What it prints, its report, its own library and the venue's.
    CHECK(descriptors.size() == 5);
    // The same look finds it where it is.
    descriptors.clear();
    REQUIRE(look_into(::getpid(), secret, found, descriptors));
    CHECK(found > 0);
  });
  ::close(open);
  ::unsetenv("GANTRY_TEST_SECRET");
  CHECK(plugin(report, "unruly").strikes == 0);
  CHECK(counter(report, "searches") == 1);
  CHECK(counter(report, "pages") > 1000);
  CHECK(counter(report, "found") == 0);
  CHECK(counter(report, "variables") == 0);
  CHECK(counter(report, "readable files") == 2);
}

TEST_CASE("the same search in process finds the secret, so it can find one") {
  const std::string secret = "planted-b7a1c95e40d2";
  ::setenv("GANTRY_TEST_SECRET", secret.c_str(), 1);
  Setting setting;
  const auto report =
      setting.run(setting.make("[strategies.unruly]\nact = \"search\"\nafter = 1\nsecret = \"" +
                               std::string(secret.rbegin(), secret.rend()) + "\"\n"));
  ::unsetenv("GANTRY_TEST_SECRET");
  CHECK(counter(report, "found") > 0);
}

TEST_CASE("a venue or paymaster in a process of its own is refused in the configuration") {
  TemporaryFolder folder;
  const auto reason = Catch::Contains("only strategies can run in a process of their own");
  CHECK_THROWS_WITH(
      configure(folder.path(), {"", "[[dex]]\nname = \"uniswap_v2\"\nisolation = \"process\"\n"}),
      Catch::Contains("dex") && reason);
  CHECK_THROWS_WITH(
      configure(folder.path(), {"[[paymaster]]\nname = \"pimlico\"\nisolation = \"process\"\n"}),
      Catch::Contains("paymaster") && reason);
}

TEST_CASE("only inproc and process are places to run in") {
  TemporaryFolder folder;
  CHECK_THROWS_WITH(
      configure(folder.path(),
                {"", ConfigurationTexts().dex, good + "isolation = \"container\"\n"}),
      Catch::Contains("isolation") && Catch::Contains("inproc") && Catch::Contains("process"));
  CHECK_THROWS_WITH(
      configure(folder.path(), {"", ConfigurationTexts().dex, good + "call_timeout_ms = 1\n"}),
      Catch::Contains("call_timeout_ms"));
}
