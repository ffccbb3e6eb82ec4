// Changes of what runs, asked for by gantry reload or by the configuration files themselves.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "slow_run.hpp"

using namespace gantry::host::tests;
namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

std::string text(const json::value& value) { return std::string(value.as_string()); }

std::uint64_t snapshots(const Slow& slow) {
  const Ended status = slow.space.run({"status", "--json"});
  REQUIRE(status.code == 0);
  return json::parse(status.out).at("snapshots").to_number<std::uint64_t>();
}

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
  CHECK(slow.space.run({"reload", "--dry-run"}).out == "nothing to change\n");

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
  const std::string venues = read_text(slow.space / "config/dex_config.toml");
  const auto refused = [&](std::string_view reason) {
    const Ended planned = slow.space.run({"reload", "--dry-run"});
    INFO(planned.out << planned.err);
    CHECK(planned.code == 3);
    CHECK(planned.out.starts_with("not possible\n"));
    CHECK(has(planned.out, "  not possible: "));
    CHECK(has(planned.out, reason));
    CHECK_FALSE(has(planned.out, ":0:0"));
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
  slow.space.append("dex_config.toml", "\n[[dex]]\nname = \"nowhere\"\n");
  refused("dex nowhere: named but not installed");
  write_text(slow.space / "config/dex_config.toml", venues);
  slow.space.edit("strategies.toml", "max_hops = 4", "isolation = \"process\"");
  refused("strategy triangular: what has isolation = \"process\" is started with the host only");
  fs::remove(slow.space / "config/strategies.toml");
  refused("strategies.toml: ");
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

TEST_CASE("a library in quarantine is in the plan as not possible, as in the reload") {
  Slow slow;
  slow.add_bad_plugins();
  const std::string good = read_text(slow.space / "config/strategies.toml");
  const std::string faulty = good + "\n[strategies.find_throws]\n";
  write_text(slow.space / "config/strategies.toml", faulty);
  CHECK(slow.space.run({"run", "--blocks", "10"}).code == 3);
  write_text(slow.space / "config/strategies.toml", good);
  Running running = slow.start();
  write_text(slow.space / "config/strategies.toml", faulty);
  for (const auto& asked :
       {std::vector<std::string>{"reload", "--dry-run"}, std::vector<std::string>{"reload"}}) {
    const Ended ended = slow.space.run(asked);
    INFO(ended.out << ended.err);
    CHECK(ended.code == 3);
    CHECK(has(ended.out, "  not possible: strategy find_throws: "));
    CHECK(has(ended.out, "it is in quarantine since"));
  }
  write_text(slow.space / "config/strategies.toml", good);
  slow.stop(running);
}

TEST_CASE("what was retired and then taken out is in the report, in the exit code, in quarantine") {
  Slow slow;
  const std::string good = read_text(slow.space / "config/strategies.toml");
  slow.add_bad_plugins();
  write_text(slow.space / "config/strategies.toml", good + "\n[strategies.find_throws]\n");
  const std::string recording = (slow.space / "day.gantry").string();
  Running running = slow.start({"--record", recording});
  while (snapshots(slow) < 8) {
  }
  write_text(slow.space / "config/strategies.toml", good);
  const Ended out = slow.space.run({"reload", "--json"});
  INFO(out.out << out.err);
  REQUIRE(out.code == 0);
  const json::value told = json::parse(out.out);
  // Some more, so that the set that it was in is destroyed before the end.
  for (const std::uint64_t before = snapshots(slow); snapshots(slow) < before + 8;) {
  }
  CHECK(slow.space.run({"stop"}).code == 0);
  const Ended ended = running.wait();
  INFO(ended.err);
  CHECK(ended.code == 3);
  const json::value report = json::parse(ended.out);
  const json::array& plugins = report.at("plugins").as_array();
  const json::object& row = plugins.back().as_object();
  CHECK(row.at("instance") == "find_throws");
  CHECK(row.at("retired") == true);
  CHECK(row.at("strikes").to_number<int>() >= 3);
  CHECK(has(text(row.at("faults").as_array().front()), "find: it threw"));
  REQUIRE(row.contains("taken_out_from_snapshot"));
  CHECK(row.at("taken_out_from_snapshot") == told.at("from_snapshot"));
  CHECK_FALSE(plugins.front().as_object().contains("taken_out_from_snapshot"));

  const Ended listed = slow.space.run({"quarantine", "list", "--json"});
  CHECK(has(listed.out, "find_throws"));
  CHECK(has(listed.out, "\"rule\""));

  // A replay says the same, and begins with it as the run did.
  write_text(slow.space / "config/strategies.toml", good + "\n[strategies.find_throws]\n");
  const Ended replay = slow.space.run({"replay", recording, "--json", "--no-timings"});
  INFO(replay.err);
  CHECK(replay.code == 3);
  CHECK(json::parse(replay.out).at("plugins") == report.at("plugins"));
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

namespace {

constexpr std::string_view revoked_triangular =
    "[[revoked]]\nplugin = \"org.gantry.triangular\"\nversion = \"0.1.0\"\n"
    "reason = \"it leaked\"\n";

}  // namespace

TEST_CASE(
    "a reload takes out what is revoked since, says why, and puts it in again with the rest") {
  Slow slow;
  Running running = slow.start();
  const fs::path keys = slow.space / "config/keys.toml";
  write_text(keys, revoked_triangular);
  const auto says_why = [&](const Ended& ended) {
    INFO(ended.out << ended.err);
    CHECK(ended.code == 0);
    CHECK(has(ended.out, "  strategy triangular: disable (may not run any more: "));
    CHECK(has(ended.out, "org.gantry.triangular 0.1.0 is revoked"));
    CHECK(has(ended.out, "it leaked"));
  };
  const Ended planned = slow.space.run({"reload", "--dry-run"});
  says_why(planned);
  CHECK(planned.out.starts_with("planned\n"));
  // Whatever else is asked for with it.
  slow.space.edit("strategies.toml", "max_hops = 4", "max_hops = 3");
  const Ended reloaded = slow.space.run({"reload"});
  says_why(reloaded);
  CHECK(reloaded.out.starts_with("changed from snapshot "));
  CHECK(has(slow.last_change(), "may not run any more"));
  // It stays out, and is not told again.
  CHECK(slow.space.run({"reload"}).out == "nothing to change\n");

  fs::remove(keys);
  const Ended back = slow.space.run({"reload"});
  INFO(back.out);
  CHECK(has(back.out, "strategy triangular: enable (library: triangular 0.1.0"));

  // The operator's own word, and then a wish that cannot be had.
  write_text(keys, revoked_triangular);
  says_why(slow.space.run({"reload"}));
  slow.space.edit("strategies.toml", "enabled = true", "enabled = false");
  CHECK(slow.space.run({"reload"}).out == "nothing to change\n");
  slow.space.edit("strategies.toml", "[strategies.triangular]\nenabled = false",
                  "[strategies.triangular]\nenabled = true");
  const Ended refused = slow.space.run({"reload"});
  CHECK(refused.code == 3);
  CHECK(has(refused.out, "not possible: strategy triangular: "));
  CHECK(has(refused.out, "is revoked"));

  const json::value report = slow.stop(running);
  CHECK(report.at("changes").at("count") == 3);
  const json::value& first = report.at("changes").at("first").as_array().front();
  CHECK(has(text(first.at("done").as_array().front()), "may not run any more"));
  CHECK(has(slow.err, "may not run any more"));
}

TEST_CASE("run --watch ends what keys.toml revokes") {
  Slow slow;
  Running running = slow.start({"--watch"});
  write_text(slow.space / "config/draft", revoked_triangular);
  fs::rename(slow.space / "config/draft", slow.space / "config/keys.toml");
  const std::string first = slow.next_change("none");
  CHECK(first.starts_with("changed; strategy triangular: disable (may not run any more: "));
  // What cannot be read takes nothing out.
  write_text(slow.space / "config/draft", "[[revoked]]\n");
  fs::rename(slow.space / "config/draft", slow.space / "config/keys.toml");
  CHECK(slow.next_change(first).starts_with("rolled back; "));
  // A venue too. Without one the run soon ends by itself.
  write_text(slow.space / "config/draft",
             std::string(revoked_triangular) +
                 "[[revoked]]\nplugin = \"org.gantry.uniswap_v2\"\nversion = \"0.1.0\"\n"
                 "reason = \"wrong prices\"\n");
  fs::rename(slow.space / "config/draft", slow.space / "config/keys.toml");
  Ended status;
  while (!running.ended() && !has(status.out, "dex uniswap_v2")) {
    status = slow.space.run({"status"});
  }
  slow.space.run({"stop"});
  const Ended ended = running.wait();
  CHECK(ended.code == 0);
  CHECK(has(ended.err, "dex uniswap_v2: disable (may not run any more: "));
  CHECK(json::parse(ended.out).at("changes").at("count") == 2);
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
