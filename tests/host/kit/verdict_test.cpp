#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "host/kit/verdicts.hpp"
#include "support/temporary_folder.hpp"

using namespace gantry::host;
using gantry::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

const std::string hash(64, 'a');

struct StateFolder {
  TemporaryFolder folder;
  StateFolder() { ::setenv("XDG_STATE_HOME", folder.path().c_str(), 1); }
  ~StateFolder() { ::unsetenv("XDG_STATE_HOME"); }
  fs::path file(const std::string& name) const {
    return folder.path() / "gantry" / "verdicts" / (name + ".json");
  }
};

struct Outcome {
  int code;
  std::string text;
};
Outcome run(const StateFolder& state, const std::string& arguments) {
  const fs::path out = state.folder.path() / "out";
  const int status = std::system(
      (std::string(GANTRY_PROGRAM) + " " + arguments + " >'" + out.string() + "' 2>&1").c_str());
  std::ostringstream text;
  text << std::ifstream(out).rdbuf();
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text.str()};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a verdict that was kept is found again, whole") {
  const StateFolder state;
  CHECK_FALSE(find_verdict(hash));
  Verdict verdict{hash, kit_version, UINT64_MAX, false, 3, "leaks", "it keeps \"everything\""};
  REQUIRE(keep_verdict(verdict));
  const auto found = find_verdict(hash);
  REQUIRE(found);
  CHECK(found->seed == UINT64_MAX);
  CHECK(found->checks_skipped == 3);
  CHECK_FALSE(found->passed);
  CHECK(found->check == "leaks");
  CHECK(found->reason == verdict.reason);
  CHECK(found->current());
  // Another one takes its place, and no draft is left.
  verdict.passed = true;
  REQUIRE(keep_verdict(verdict));
  CHECK(find_verdict(hash)->passed);
  CHECK(std::distance(fs::directory_iterator(state.file(hash).parent_path()), {}) == 1);
}

TEST_CASE("a verdict that is cut, of another file, or named by no hash is none") {
  const StateFolder state;
  REQUIRE(keep_verdict({hash, kit_version, 1, true, 0, {}, {}}));
  std::string text;
  std::getline(std::ifstream(state.file(hash)), text);
  const std::string other(64, 'b');
  std::ofstream(state.file(other)) << text;
  CHECK_FALSE(find_verdict(other));
  for (std::size_t size = 0; size + 1 < text.size(); size += 7) {
    std::ofstream(state.file(hash)) << text.substr(0, size);
    CHECK_FALSE(find_verdict(hash));
  }
  CHECK_FALSE(find_verdict("../../secret"));
  CHECK_FALSE(find_verdict(""));
}

TEST_CASE("where only checked libraries may be loaded, the reason and the remedy are told") {
  const StateFolder state;
  PluginFile file;
  file.path = "/plugins/mine.so";
  file.sha256 = hash;
  CHECK(has(*why_unchecked(file), "has not been checked"));
  CHECK(has(*why_unchecked(file), "gantry plugin check /plugins/mine.so"));
  REQUIRE(keep_verdict({hash, kit_version, 1, false, 0, "leaks", "it leaks"}));
  CHECK(has(*why_unchecked(file), "`leaks`: it leaks"));
  REQUIRE(keep_verdict({hash, kit_version + 1, 1, true, 0, {}, {}}));
  CHECK(has(*why_unchecked(file), "version"));
  REQUIRE(keep_verdict({hash, kit_version, 1, true, 0, {}, {}}));
  CHECK_FALSE(why_unchecked(file));
}

TEST_CASE("the command keeps its verdict, and a host that requires one looks at it alone") {
  const StateFolder state;
  const fs::path config = state.folder.path() / "config";
  const fs::path plugins = state.folder.path() / "plugins";
  fs::create_directories(config);
  fs::create_directories(plugins);
  const std::string good = (plugins / "one.so").string();
  fs::copy_file(fs::path(GANTRY_PLUGIN_FOLDER) / "uniswap_v2.so", good);
  std::ofstream(config / "gantry.toml")
      << "[[chain]]\nid = \"eip155:1\"\n[market]\nrecording = \"" GANTRY_MARKET_FILE
         "\"\n[plugins]\nrequire_checked = true\nfolders = [\""
      << plugins.string() << "\"]\n";
  std::ofstream(config / "dex_config.toml") << "[[dex]]\nname = \"uniswap_v2\"\n";
  std::ofstream(config / "strategies.toml") << "\n";
  const std::string start = "--config '" + config.string() + "' run --blocks 2";

  const auto refused = run(state, start);
  INFO(refused.text);
  CHECK(refused.code == 3);
  CHECK(has(refused.text, "has not been checked"));

  // A part of the checks is no verdict.
  CHECK(run(state, "plugin check '" + good + "' --only load").code == 0);
  CHECK(has(run(state, start).text, "has not been checked"));

  const auto checked = run(state, "plugin check '" + good + "'");
  INFO(checked.text);
  CHECK(checked.code == 0);
  const auto accepted = run(state, start);
  INFO(accepted.text);
  CHECK(accepted.code == 0);
  CHECK_FALSE(has(accepted.text, "checked"));

  const std::string bad = GANTRY_BAD_PLUGIN_FOLDER "/twins/bad/gains_round_trip.so";
  const auto found = run(state, "plugin check '" + bad + "'");
  CHECK(found.code == 3);
  CHECK(has(found.text, "--only dex_round_trip --seed 1"));
  const auto verdict = find_verdict(inspect_plugin_file(bad)->sha256);
  REQUIRE(verdict);
  CHECK_FALSE(verdict->passed);

  // None of its laws was tried: that is no pass either, and its recording makes it one that is.
  const std::string untried = GANTRY_BAD_PLUGIN_FOLDER "/twins/bad/takes_real_states.so";
  CHECK(run(state, "plugin check '" + untried + "'").code == 3);
  const auto missing = find_verdict(inspect_plugin_file(untried)->sha256);
  REQUIRE(missing);
  CHECK_FALSE(missing->passed);
  CHECK(missing->check == "dex_states");
  CHECK(has(*why_unchecked(*inspect_plugin_file(untried)), "--recording FILE"));
  const auto tried = run(state, "plugin check '" + untried + "' --recording " GANTRY_MARKET_FILE);
  INFO(tried.text);
  CHECK(tried.code == 0);
  CHECK_FALSE(why_unchecked(*inspect_plugin_file(untried)));
}
