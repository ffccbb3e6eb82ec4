// Changes of what runs, asked for by gantry reload or by the configuration files themselves.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "program.hpp"

using namespace gantry::host::tests;
namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

// The shipped configuration with a strategy beside it that is slow, so that the run lasts.
struct Slow {
  Slow() {
    space.edit("gantry.toml", "\"" GANTRY_PLUGINS "\"",
               "\"" GANTRY_PLUGINS "\", \"" GANTRY_TEST_PLUGINS "\"");
    space.append("strategies.toml", "\n[strategies.slow_strategy]\nrounds = 50000\n");
  }
  // Runs until it is stopped.
  Running start(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"run", "--json", "--no-timings"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Running running = space.start(arguments);
    while (!running.ended() && space.run({"status"}).code != 0) {
    }
    REQUIRE_FALSE(running.ended());
    return running;
  }
  std::string last_change() {
    const Ended status = space.run({"status", "--json"});
    REQUIRE(status.code == 0);
    return std::string(json::parse(status.out).at("last_change").as_string());
  }
  // Waits until the last change is another one.
  std::string next_change(const std::string& before) {
    std::string now = before;
    while (now == before) now = last_change();
    return now;
  }
  json::value stop(Running& running) {
    CHECK(space.run({"stop"}).code == 0);
    Ended ended = running.wait();
    INFO(ended.err);
    REQUIRE(ended.code == 0);
    err = ended.err;
    return json::parse(ended.out);
  }

  Workspace space;
  std::string err;  // of the run that was stopped
};

std::string text(const json::value& value) { return std::string(value.as_string()); }

}  // namespace

TEST_CASE("reload --dry-run prints the plan, reload carries it out, and the report tells it") {
  Slow slow;
  Running running = slow.start();
  CHECK(slow.last_change() == "none");
  slow.space.edit("strategies.toml", "max_hops = 4", "max_hops = 3");

  const Ended plan = slow.space.run({"reload", "--dry-run"});
  INFO(plan.err);
  CHECK(plan.code == 0);
  CHECK(plan.out == "planned\n  strategy triangular: reparameterise (max_hops: 4 -> 3)\n");
  CHECK(slow.last_change() == "none");

  const Ended changed = slow.space.run({"reload", "--json"});
  CHECK(changed.code == 0);
  const json::value told = json::parse(changed.out);
  CHECK(told.at("state") == "changed");
  CHECK(told.at("from_snapshot").to_number<std::uint64_t>() > 1);
  CHECK(told.at("changes").as_array().size() == 1);
  CHECK(slow.last_change() == "changed; strategy triangular: reparameterise (max_hops: 4 -> 3)");

  CHECK(slow.space.run({"reload"}).out == "nothing to change\n");

  slow.space.edit("strategies.toml", "enabled = true", "enabled = false");
  const Ended off = slow.space.run({"reload"});
  CHECK(off.code == 0);
  CHECK(has(off.out, "changed from snapshot "));
  CHECK(has(off.out, " on\n  strategy triangular: disable\n"));

  const json::value report = slow.stop(running);
  CHECK(report.at("changes").at("count") == 2);
  const json::value& first = report.at("changes").at("first").as_array().front();
  CHECK(first.at("from_snapshot") == told.at("from_snapshot"));
  CHECK(text(first.at("done").as_array().front()) ==
        "strategy triangular: reparameterise (max_hops: 4 -> 3)");
  // Triangular was the only one of its library, which was verified to be gone.
  CHECK(has(slow.err, "unloaded, and unmapped: "));
  CHECK_FALSE(has(slow.err, "still mapped"));
}

TEST_CASE("a file that cannot be taken is refused with the reason, and all runs on as it was") {
  Slow slow;
  Running running = slow.start();
  const std::string good = read_text(slow.space / "config/strategies.toml");
  const auto refused = [&](std::string_view reason) {
    const Ended ended = slow.space.run({"reload"});
    INFO(ended.out << ended.err);
    CHECK(ended.code == 3);
    CHECK(has(ended.out, "rolled back\n"));
    CHECK(has(ended.out, "  not possible: "));
    CHECK(has(ended.out, reason));
    CHECK(has(slow.last_change(), "rolled back"));
    CHECK(has(slow.last_change(), reason));
    write_text(slow.space / "config/strategies.toml", good);
  };
  slow.space.edit("strategies.toml", "max_hops = 4", "max_hops = = 4");
  refused("strategies.toml:9:");
  slow.space.edit("strategies.toml", "max_hops = 4", "max_hops = 99");
  refused("max_hops");
  slow.space.edit("strategies.toml", "max_hops = 4", "max_hopps = 4");
  refused("max_hopps");
  slow.space.append("strategies.toml", "\n[strategies.nobody]\n");
  refused("strategy nobody: named but not installed");
  slow.space.edit("strategies.toml", "triangular = 1", "triangular = 9");
  refused("strategy_priorities.triangular: 1 -> 9: cannot be changed while it runs");
  slow.space.edit("gantry.toml", "min_confidence = ", "min_confidence = 0.25 #");
  slow.space.edit("strategies.toml", "max_hops = 4", "max_hops = 3");
  // What could be changed comes not without what cannot.
  refused("risk.min_confidence");

  const json::value report = slow.stop(running);
  CHECK_FALSE(report.as_object().contains("changes"));
  const auto snapshots = report.at("market").at("snapshots");
  for (const json::value& strategy : report.at("strategies").as_array()) {
    CHECK(strategy.at("snapshots") == snapshots);
  }
}

TEST_CASE("run --watch changes what runs when a file does, and says why when it cannot") {
  Slow slow;
  Running running = slow.start({"--watch"});
  slow.space.edit("strategies.toml", "max_hops = 4", "max_hops = 3");
  const std::string first = slow.next_change("none");
  CHECK(first == "changed; strategy triangular: reparameterise (max_hops: 4 -> 3)");

  slow.space.edit("strategies.toml", "max_hops = 3", "max_hops = many");
  const std::string second = slow.next_change(first);
  CHECK(second.starts_with("rolled back; "));
  CHECK(has(second, "strategies.toml:9:"));

  // Moved into its place, as an editor saves it.
  write_text(slow.space / "config/draft",
             "[strategies.slow_strategy]\nrounds = 50001\n[strategy_priorities]\n");
  fs::rename(slow.space / "config/draft", slow.space / "config/strategies.toml");
  const std::string third = slow.next_change(second);
  CHECK(has(third, "strategy triangular: disable"));
  CHECK(has(third, "strategy slow_strategy: reparameterise (rounds: 50000 -> 50001)"));
  const json::value report = slow.stop(running);
  CHECK(report.at("changes").at("count") == 2);
}

TEST_CASE("a mistake in the files keeps nobody from asking a host, or stopping it") {
  const Workspace space;
  Running running = space.start({"run", "--pace", "live", "--speed", "1", "--json"});
  while (!running.ended() && space.run({"status"}).code != 0) {
  }
  space.edit("strategies.toml", "max_hops = 4", "max_hops = = 4");
  space.edit("gantry.toml", "min_confidence = 0.5", "min_confidence = 7");
  CHECK(space.run({"status"}).code == 0);
  // Where the socket cannot be known, it is said why, and --socket helps.
  const std::string good = read_text(space / "config/gantry.toml");
  space.append("gantry.toml", "\n[api\n");
  const Ended lost = space.run({"status", "--json"});
  CHECK(lost.code == 2);
  CHECK(has(lost.err, "gantry.toml:"));
  CHECK(json::parse(lost.out).at("errors").as_array().size() == 1);
  write_text(space / "config/gantry.toml", good);
  CHECK(space.run({"stop"}).code == 0);
  CHECK(running.wait().code == 0);
}

TEST_CASE("without --watch a run with back-pressure leaves the files alone until it is asked") {
  Slow slow;
  Running running = slow.start();
  slow.space.edit("strategies.toml", "max_hops = 4", "max_hops = 3");
  // The plan is made by the thread that would watch: were it to, it had by then.
  for (int i = 0; i < 3; ++i) {
    CHECK(has(slow.space.run({"reload", "--dry-run"}).out, "max_hops: 4 -> 3"));
  }
  CHECK(slow.last_change() == "none");
  slow.stop(running);
}

TEST_CASE("a venue is given other parameters, another is put in and taken out, while it runs") {
  Slow slow;
  Running running = slow.start();
  slow.space.edit("dex_config.toml", "min_liquidity_usd = 10000 ", "min_liquidity_usd = 50000 ");
  const Ended fewer = slow.space.run({"reload"});
  INFO(fewer.out << fewer.err);
  CHECK(fewer.code == 0);
  CHECK(has(fewer.out, "dex uniswap_v2: reparameterise (min_liquidity_usd: 10000 -> 50000)"));
  const std::string one = read_text(slow.space / "config/dex_config.toml");
  slow.space.append("dex_config.toml", "\n[[dex]]\nname = \"second\"\nplugin = \"uniswap_v2\"\n");
  CHECK(has(slow.space.run({"reload"}).out, "dex second: enable (library: uniswap_v2 "));
  write_text(slow.space / "config/dex_config.toml", one);
  CHECK(has(slow.space.run({"reload"}).out, "dex second: disable"));
  const json::value report = slow.stop(running);
  CHECK(report.at("changes").at("count") == 3);
  CHECK(report.at("market").at("pools_left_out").as_object().contains("below min_liquidity_usd"));
}

TEST_CASE("a reload says so where nobody runs, and where a replay does") {
  Slow slow;
  const Ended nobody = slow.space.run({"reload"});
  CHECK(nobody.code == 1);
  CHECK_FALSE(nobody.err.empty());

  Running replay = slow.space.start({"replay", GANTRY_SOURCE "/data/univ2_2020.gantry"});
  while (!replay.ended() && slow.space.run({"status"}).code != 0) {
  }
  REQUIRE_FALSE(replay.ended());
  const Ended refused = slow.space.run({"reload"});
  CHECK(refused.code == 1);
  CHECK(has(refused.err, "a replay obeys its recording"));
  CHECK(slow.space.run({"stop"}).code == 0);
  CHECK(replay.wait().code == 0);
}

TEST_CASE("what runs in a process of its own is not started, nor its venues changed, by a reload") {
  Slow slow;
  slow.space.edit("strategies.toml", "[strategies.triangular]\n",
                  "[strategies.triangular]\nisolation = \"process\"\n");
  Running running = slow.start();
  const auto refused = [&](const char* file, const char* what, const char* to,
                           std::string_view reason) {
    slow.space.edit(file, what, to);
    const Ended ended = slow.space.run({"reload"});
    INFO(ended.out << ended.err);
    CHECK(ended.code == 3);
    CHECK(has(ended.out, reason));
    slow.space.edit(file, to, what);
  };
  refused("dex_config.toml", "min_liquidity_usd = 10000 ", "min_liquidity_usd = 50000 ",
          "venues cannot change while a strategy runs in a process of its own");
  refused("strategies.toml", "max_hops = 4", "max_hops = 3", "is started with the host only");
  // What runs in process is changed beside it, and it can be taken out itself.
  slow.space.edit("strategies.toml", "rounds = 50000", "rounds = 40000");
  CHECK(has(slow.space.run({"reload"}).out, "rounds: 50000 -> 40000"));
  slow.space.edit("strategies.toml", "enabled = true", "enabled = false");
  CHECK(has(slow.space.run({"reload"}).out, "strategy triangular: disable"));
  const json::value report = slow.stop(running);
  CHECK(report.at("changes").at("count") == 2);
}
