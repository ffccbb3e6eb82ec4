// The same through the program: what its user sees, and its exit code.
#include <sys/wait.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "support/small_market.hpp"
#include "tests/host/plugin/bad_libraries.hpp"

using namespace gantry::test;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;

  json::object report() const { return json::parse(out).as_object(); }
};

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// A market, a configuration, and a folder for the plugin under test.
class Installation {
 public:
  explicit Installation(const ConfigurationTexts& texts = {}) {
    fs::create_directory(extra());
    write_market(
        folder_.path() / "market.gantry", 2,
        {{0, 1, 100'000, 40'000'000},
         {0, 1, 100'000, 44'000'000},
         {0, 1, 100'000, 48'000'000, "quote_throws"}},
        {{{0, 99'000, 40'400'000}}, {{1, 101'000, 43'600'000}}, {{2, 100'000, 48'000'000}}});
    ConfigurationTexts all = texts;
    all.gantry +=
        "[risk]\nmin_confidence = 0\nmin_profit_usd = 0\nmin_profit_gas = 0\nmin_success = 0\n"
        "max_composite = 1\n"
        "[market]\nrecording = \"market.gantry\"\n[plugins]\nfolders = [\"" GANTRY_PLUGIN_FOLDER
        "\", \"extra\"]\n";
    const auto write = [&](const char* name, const std::string& text) {
      std::ofstream(folder_.path() / name) << text;
    };
    write("gantry.toml",
          "[[chain]]\nid = \"eip155:1\"\nname = \"ethereum\"\nblock_time_s = 13\n"
          "gas_price_gwei = 20\n"
          "wrapped_native = \"0x1000000000000000000000000000000000000000\"\n"
          "usd_tokens = [\"0x1000000000000000000000000000000000000001\"]\n"
          "[wallet]\nsender = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n" +
              all.gantry);
    write("dex_config.toml", all.dex);
    write("strategies.toml", all.strategies);
  }

  fs::path extra() const { return folder_.path() / "extra"; }
  void add(const std::string& name) const {
    const std::string file = name + ".so";
    fs::copy_file(fs::path(GANTRY_BAD_PLUGIN_FOLDER) / file, extra() / file);
  }

  // Another for each run: what one run put away is there for the next, and that is tested
  // elsewhere.
  fs::path state() const { return folder_.path() / ("state" + std::to_string(++runs_)); }

  Outcome run(const std::string& arguments) const {
    const auto out = folder_.path() / "out";
    const auto err = folder_.path() / "err";
    // Its store of libraries and its socket are its own.
    const std::string command = "XDG_CACHE_HOME='" + folder_.path().string() +
                                "/cache' XDG_STATE_HOME='" + state().string() +
                                "' XDG_RUNTIME_DIR='" + folder_.path().string() + "' " +
                                GANTRY_PROGRAM " --config '" + folder_.path().string() + "' " +
                                arguments + " >'" + out.string() + "' 2>'" + err.string() + "'";
    const int status = std::system(command.c_str());
    REQUIRE(WIFEXITED(status));
    return {WEXITSTATUS(status), text_of(out), text_of(err)};
  }

 private:
  TemporaryFolder folder_;
  mutable int runs_ = 0;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string strategy(const std::string& name) {
  return "[strategies.triangular]\nmin_profit_bps = 0\n[strategies." + name + "]\n";
}
std::string dex(const std::string& name) {
  return "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 0\n[[dex]]\nname = \"" + name +
         "\"\nmin_liquidity_usd = 0\n";
}

}  // namespace

TEST_CASE("without a bad plugin a run ends with 0") {
  const auto outcome = Installation().run("run --json");
  INFO(outcome.err);
  CHECK(outcome.code == 0);
  CHECK(outcome.report().at("plugins_refused").as_array().empty());
}

TEST_CASE("a library that cannot be loaded is named with reason and remedy, and the run goes on") {
  std::vector<BadLibrary> cases(std::begin(unloadable_libraries), std::end(unloadable_libraries));
  cases.push_back(throwing_library);
  for (const BadLibrary& c : cases) {
    INFO(c.name);
    const Installation installation({.dex = dex(c.name)});
    installation.add(c.name);
    const auto outcome = installation.run("run");
    INFO(outcome.out << outcome.err);
    CHECK(outcome.code == 3);
    CHECK(contains(outcome.out, c.name + std::string(".so")));
    CHECK(contains(outcome.err, c.name + std::string(".so")));
    CHECK(contains(outcome.err, c.reason));
    CHECK(contains(outcome.err, c.remedy));
    CHECK(contains(outcome.out, "WETH"));  // the trade that the others found
    const auto report = installation.run("run --json").report();
    CHECK(report.at("plugins_refused").as_array().size() == 1);
    CHECK(report.at("plan").is_object());
  }
}

TEST_CASE("a plugin that misbehaves is retired with its reason, and the run goes on to its end") {
  for (const std::string name : {"find_throws", "nan_confidence", "bad_handles"}) {
    INFO(name);
    const Installation installation({.strategies = strategy(name)});
    installation.add(name);
    const auto outcome = installation.run("run --json");
    INFO(outcome.out << outcome.err);
    CHECK(outcome.code == 3);
    CHECK(contains(outcome.err, "retired"));
    CHECK(contains(outcome.err, name + ".so"));
    CHECK(outcome.report().at("plan").is_object());
  }
  const Installation installation({.dex = dex("quote_throws")});
  installation.add("quote_throws");
  const auto outcome = installation.run("run --json");
  CHECK(outcome.code == 3);
  CHECK(contains(outcome.err, "quote_throws.so"));
  CHECK(outcome.report().at("plan").is_object());
}

TEST_CASE("a file that is no plugin is named, and the run goes on") {
  const Installation installation;
  std::ofstream(installation.extra() / "letter.so") << "Dear loader, I am no library.\n";
  const std::string whole = text_of(fs::path(GANTRY_PLUGIN_FOLDER) / "uniswap_v2.so");
  std::ofstream(installation.extra() / "half.so", std::ios::binary)
      << whole.substr(0, whole.size() / 2);
  std::ofstream(installation.extra() / "empty.so");
  const auto outcome = installation.run("run");
  INFO(outcome.out << outcome.err);
  CHECK(outcome.code == 3);
  for (const char* name : {"letter.so", "half.so", "empty.so"}) {
    CHECK(contains(outcome.out, name));
  }
  const auto report = installation.run("run --json").report();
  CHECK(report.at("plugins_refused").as_array().size() == 3);
  CHECK(report.at("plan").is_object());
}

TEST_CASE("what is named but not installed is reported and stops nothing") {
  const Installation installation({.dex = dex("not_there")});
  const auto outcome = installation.run("run --json");
  INFO(outcome.out << outcome.err);
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.err, "not_there"));
  CHECK(outcome.report().at("plan").is_object());
}

TEST_CASE("inspecting a plugin runs nothing of it") {
  const Installation installation;
  for (const char* name : {"create_throws", "bad_init", "unresolved_symbol", "bad_revision"}) {
    const auto outcome = installation.run("plugin inspect '" GANTRY_BAD_PLUGIN_FOLDER "/" +
                                          std::string(name) + ".so'");
    INFO(outcome.out << outcome.err);
    CHECK(contains(outcome.out, name));
    CHECK(contains(outcome.out, "org.gantry.test."));
  }
}
