// `gantry stop` and `gantry resume` through the program itself: a stop holds whatever ends the
// host, until somebody resumes.
#include <signal.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "program.hpp"
#include "slow_run.hpp"

using namespace gantry::host::tests;
namespace json = boost::json;

namespace {

const std::vector<std::string> short_run = {"run", "--json", "--no-timings", "--blocks", "40"};

std::uint64_t halted_in(const json::value& report) {
  for (const json::value& row : report.at("refusals").as_array()) {
    if (row.at("reason") == "halted") return row.at("count").to_number<std::uint64_t>();
  }
  return 0;
}

std::uint64_t approved_in(const Workspace& space) {
  const Ended ended = space.run(short_run);
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  const json::value report = json::parse(ended.out);
  const auto approved = report.at("opportunities").at("approved").to_number<std::uint64_t>();
  CHECK((approved == 0) == (halted_in(report) != 0));
  return approved;
}

}  // namespace

TEST_CASE("gantry stop holds over restarts and kill -9, until gantry resume") {
  Slow slow;
  const Workspace& space = slow.space;
  REQUIRE(approved_in(space) > 0);
  {
    Running running = slow.start();
    const Ended stopped = space.run({"stop", "--json"});
    REQUIRE(stopped.code == 0);
    const json::value told = json::parse(stopped.out);
    CHECK(told.at("trading") == "HALTED");
    CHECK(told.at("kept") == true);
    CHECK(running.wait().code == 0);
  }
  CHECK(approved_in(space) == 0);
  {
    Running running = slow.start();
    const json::value status = json::parse(space.run({"status", "--json"}).out);
    CHECK(status.at("trading") == "HALTED");
    const json::value& breaker = status.at("breakers").as_array().at(0);
    CHECK(breaker.at("cause") == "operator_stop");
    CHECK(breaker.at("stops") == "every trade");
    CHECK(breaker.at("recovers") == "by hand: gantry resume");
    const std::string text = space.run({"status"}).out;
    CHECK(has(text, "HALTED: operator_stop of total"));
    running.signal(SIGKILL);
    running.wait();
  }
  CHECK(approved_in(space) == 0);
  // A replay gives what its run gave, whatever was stopped since.
  CHECK(space.run({"resume"}).out ==
        "resumed, for the next start\n  HALTED: operator_stop of total\n");
  CHECK(space.run({"resume"}).out == "nothing was stopped\n");
  CHECK(approved_in(space) > 0);
}

TEST_CASE("gantry resume lets a host that runs go on") {
  Slow slow;
  const Workspace& space = slow.space;
  {
    Running running = slow.start();
    REQUIRE(space.run({"stop"}).code == 0);
    running.wait();
  }
  Running running = slow.start();
  REQUIRE(has(space.run({"status"}).out, "trading        HALTED"));
  const Ended resumed = space.run({"resume", "--json"});
  CHECK(resumed.code == 0);
  CHECK(json::parse(resumed.out).at("trading") == "ACTIVE");
  CHECK(has(space.run({"status"}).out, "trading        ACTIVE"));
  running.signal(SIGINT);
  CHECK(running.wait().code == 0);
  // An interrupt ends the run, and stops no trading.
  CHECK(approved_in(space) > 0);
}

TEST_CASE("a stopped run and its replay are the same, and a replay asks nothing of the stop") {
  Slow slow;
  const Workspace& space = slow.space;
  {
    Running running = slow.start();
    REQUIRE(space.run({"stop"}).code == 0);
    running.wait();
  }
  const std::string file = (space / "halted.gantry").string();
  auto recorded = short_run;
  recorded.insert(recorded.end(), {"--record", file});
  const Ended halted = space.run(recorded);
  REQUIRE(halted.code == 0);
  REQUIRE(halted_in(json::parse(halted.out)) > 0);
  REQUIRE(space.run({"resume"}).code == 0);
  CHECK(space.run({"replay", file, "--json", "--no-timings"}).out == halted.out);
}

TEST_CASE("a risk folder that cannot be used keeps a run from starting") {
  const Workspace space;
  write_text(space / "no_folder", "");
  space.edit("gantry.toml", "[risk]\n", "[risk]\nstate = \"../no_folder/risk\"\n");
  const Ended ended = space.run(short_run);
  CHECK(ended.code == 1);
  CHECK(has(ended.err, "set `state` in [risk]"));
}
