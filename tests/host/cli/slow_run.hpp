// A run that lasts until it is stopped, for tests of what can be asked of it meanwhile.
#pragma once
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "program.hpp"

namespace gantry::host::tests {

namespace json = boost::json;

// The shipped configuration with a strategy beside it that is slow, so that the run lasts.
struct Slow {
  Slow() {
    space.edit("gantry.toml", "\"" GANTRY_PLUGINS "\"",
               "\"" GANTRY_PLUGINS "\", \"" GANTRY_TEST_PLUGINS "\"");
    space.append("strategies.toml", "\n[strategies.slow_strategy]\nrounds = 50000\n");
  }
  void add_bad_plugins() const {
    space.edit("gantry.toml", GANTRY_TEST_PLUGINS, GANTRY_TEST_PLUGINS "\", \"" GANTRY_BAD_PLUGINS);
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

}  // namespace gantry::host::tests
