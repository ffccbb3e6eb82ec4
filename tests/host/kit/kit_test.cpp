// The kit as a library: what it says of how a plugin failed. That each bad plugin is found and each
// good one passes are tests of their own.
#include "host/kit/kit.hpp"

#include <catch2/catch.hpp>

#include "host/plugin/manifest.hpp"

using namespace gantry::host;
namespace fs = std::filesystem;

namespace {

PluginFile file_at(const fs::path& path) {
  auto file = inspect_plugin_file(path);
  if (!file) FAIL(file.error().message);
  return *file;
}

PluginFile twin(const std::string& side, const std::string& name) {
  return file_at(fs::path(GANTRY_BAD_PLUGIN_FOLDER) / "twins" / side / (name + ".so"));
}

KitOptions options_of(const std::string& only = {}) {
  KitOptions options;
  options.program = GANTRY_PROGRAM;
  options.only = only;
  return options;
}

CheckResult one(const PluginFile& file, const std::string& only, std::uint64_t cpu_s_max = 10) {
  KitOptions options = options_of(only);
  options.cpu_s_max = cpu_s_max;
  const auto report = run_kit(file, options);
  if (!report) FAIL(report.error().message);
  REQUIRE(report->checks.size() == 1);
  INFO(report->checks.front().what);
  return report->checks.front();
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a crash is told with its phase and its signal") {
  for (const std::string phase : {"load", "init", "create", "destroy", "deinit", "unload"}) {
    INFO(phase);
    const auto result = one(twin("bad", "crashes_in_" + phase), "unload");
    CHECK(result.status == CheckStatus::failed);
    CHECK(result.fault == CheckFault::crash);
    CHECK(has(result.what, phase == "load"     ? "constructors"
                           : phase == "unload" ? "destructors"
                                               : phase + "()"));
    CHECK(has(result.what, "SIGSEGV"));
    CHECK(has(result.what, "null pointer"));
  }
}

TEST_CASE("a loop without end is a timeout, which is no crash and no broken rule") {
  CHECK(one(twin("good", "hangs"), "dex_quotes", 5).status == CheckStatus::passed);
  const auto result = one(twin("bad", "hangs"), "dex_quotes", 5);
  CHECK(result.status == CheckStatus::failed);
  CHECK(result.fault == CheckFault::timeout);
  CHECK(has(result.what, "quote()"));
}

TEST_CASE("what is done to the memory of a call is named") {
  CHECK(has(one(twin("bad", "writes_input"), "memory").what, "wrote to its input"));
  CHECK(has(one(twin("bad", "reads_beyond_input"), "memory").what, "read beyond its input"));
  CHECK(has(one(twin("bad", "keeps_pointer"), "memory").what, "earlier call"));
  CHECK(has(one(twin("bad", "ignores_need_size"), "dex_room").what, "room"));
}

TEST_CASE("what leaves the sandbox is named by its system call, and the clock by its name") {
  const auto network = one(twin("bad", "calls_network"), "create");
  CHECK(network.fault == CheckFault::system_call);
  CHECK(has(network.what, "socket"));
  const auto thread = one(twin("bad", "spawns_thread"), "create");
  CHECK(thread.fault == CheckFault::system_call);
  CHECK(has(thread.what, "thread is started"));
  // exit() runs the handlers of everybody first, which may try something else.
  const auto exits = one(twin("bad", "calls_exit"), "dex_amounts");
  CHECK((exits.fault == CheckFault::exit || exits.fault == CheckFault::system_call));
#if defined(__x86_64__)
  CHECK(has(one(twin("bad", "reads_clock"), "dex_quotes").what, "clock"));
#endif
}

TEST_CASE("each fault is found by the check that is about it") {
  const auto [name, check] = GENERATE(table<std::string, std::string>({
      {"corrupts_heap", "heap"},
      {"leaks_in_calls", "leaks"},
      {"leaks_instances", "unload"},
      {"thread_local_destructor", "flags"},
      {"unique_symbols", "flags"},
      {"exports_too_much", "exports"},
      {"lies_in_manifest", "load"},
      {"cannot_be_unloaded", "unload"},
      {"works_in_constructors", "constructors"},
      {"gains_round_trip", "dex_round_trip"},
      {"loses_round_trip", "dex_next_state"},
      {"overlay_wrong", "dex_next_state"},
      {"exact_out_off_by_one", "dex_exact_out"},
      {"segments_disagree", "dex_segments"},
      {"impure", "purity"},
      {"reads_nonsense", "dex_pending"},
      {"trusts_pending_pools", "strategy_pending"},
      {"exceeds_limits", "strategy_size"},
      {"amounts_not_quoted", "strategy_finds"},
      {"not_deterministic", "determinism"},
      {"save_loses_state", "strategy_save"},
      {"pays_above_cap", "paymaster_cap"},
      {"pays_a_little_above_cap", "paymaster_cap"},
      {"grants_garbage", "paymaster_garbage"},
      {"takes_no_state", "dex_states"},
      {"gains_approximately", "dex_round_trip"},
      {"finds_nothing", "strategy_finds"},
      {"sizes_nothing", "strategy_size"},
      {"takes_no_grant", "paymaster_cap"},
  }));
  INFO(name);
  const auto found = one(twin("bad", name), check);
  INFO(found.what);
  CHECK(found.status == CheckStatus::failed);
  const auto fair = one(twin("good", name), check);
  INFO(fair.what);
  CHECK(fair.status == CheckStatus::passed);
}

TEST_CASE("the same seed gives the same result to the letter, and any seed finds the fault") {
  const PluginFile file = twin("bad", "gains_round_trip");
  const auto first = one(file, "dex_round_trip");
  const auto second = one(file, "dex_round_trip");
  CHECK(first.what == second.what);
  for (const std::uint64_t seed : {2U, 77U, 123456789U}) {
    KitOptions options = options_of("dex_round_trip");
    options.seed = seed;
    const auto report = run_kit(file, options);
    REQUIRE(report);
    CHECK(report->checks.front().status == CheckStatus::failed);
    CHECK(report->checks.front().what != first.what);
  }
}

TEST_CASE("a recording's facts make the states that are checked") {
  const PluginFile file = file_at(fs::path(GANTRY_PLUGIN_FOLDER) / "uniswap_v2.so");
  KitOptions options = options_of("dex_round_trip");
  options.recording = GANTRY_MARKET_FILE;
  const auto report = run_kit(file, options);
  REQUIRE(report);
  INFO(report->checks.front().what);
  CHECK(report->checks.front().status == CheckStatus::passed);
  options.recording = fs::path(GANTRY_PLUGIN_FOLDER) / "uniswap_v2.so";
  const auto damaged = run_kit(file, options);
  REQUIRE_FALSE(damaged);
  CHECK_FALSE(has(damaged.error().message, "\n"));
}

TEST_CASE("what could not be tried is a fault of its own, with the remedy, and no pass") {
  for (const auto& [name, check] :
       std::vector<std::pair<std::string, std::string>>{{"takes_no_state", "dex_states"},
                                                        {"finds_nothing", "strategy_finds"},
                                                        {"sizes_nothing", "strategy_size"},
                                                        {"has_none_for_cap", "paymaster_cap"},
                                                        {"has_two_for_cap", "paymaster_cap"},
                                                        {"takes_no_grant", "paymaster_cap"}}) {
    KitOptions options = options_of(check);
    const auto report = run_kit(twin("bad", name), options);
    REQUIRE(report);
    const CheckResult& result = report->checks.front();
    INFO(result.what);
    CHECK(result.fault == CheckFault::untried);
    CHECK(has(result.what, "--unchecked"));
    CHECK(has(result.what, "--recording FILE") == (check == "dex_states"));
    CHECK_FALSE(report->passed());
  }
}

TEST_CASE("with facts of its own a venue that takes no other is tried, and judged by its laws") {
  const auto with = [](const std::string& name, const std::string& check) {
    KitOptions options = options_of(check);
    options.recording = GANTRY_MARKET_FILE;
    const auto report = run_kit(twin("bad", name), options);
    REQUIRE(report);
    INFO(name << ", " << check << ": " << report->checks.front().what);
    return report->checks.front();
  };
  CHECK(one(twin("bad", "takes_real_states"), "dex_states").fault == CheckFault::untried);
  for (const char* check : {"dex_states", "dex_quotes", "dex_round_trip", "dex_split"}) {
    CHECK(with("takes_real_states", check).status == CheckStatus::passed);
  }
  CHECK(with("takes_no_state", "dex_states").status == CheckStatus::passed);
  CHECK(with("takes_no_state", "dex_quotes").fault == CheckFault::rule);
  CHECK(with("takes_no_state", "dex_round_trip").fault == CheckFault::rule);
}

TEST_CASE("pools whose quotes are approximate keep to every law, within a hundredth") {
  for (const char* check : {"dex_quotes", "dex_round_trip", "dex_split", "dex_exact_out"}) {
    const auto fair = one(twin("good", "gains_approximately"), check);
    INFO(check << ": " << fair.what);
    CHECK(fair.status == CheckStatus::passed);
  }
}

TEST_CASE("in process the same checks say the same, but for those that need a process") {
  KitOptions options = options_of();
  options.in_process = true;
  const auto report = run_kit(file_at(fs::path(GANTRY_PLUGIN_FOLDER) / "uniswap_v2.so"), options);
  REQUIRE(report);
  for (const CheckResult& check : report->checks) {
    INFO(check.name << ": " << check.what);
    CHECK(check.status != CheckStatus::failed);
    const bool needs = has(check.what, "process of its own") || has(check.what, "does not offer");
    CHECK((check.status == CheckStatus::passed) == !needs);
  }
}

TEST_CASE("a check that there is not, and a program that is none, are no verdicts") {
  const PluginFile file = twin("good", "fair_pair");
  CHECK(run_kit(file, options_of("no_such_check")).error().kind == ErrorKind::usage);
  KitOptions options = options_of("load");
  options.program = "/nonexistent/gantry";
  CHECK(run_kit(file, options).error().kind == ErrorKind::io);
}
