// What the conformance kit has to say when a bundle is installed.
#include <signal.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <random>
#include <thread>

#include "tests/host/bundle/workshop.hpp"

using namespace gantry::host::tests;
namespace fs = std::filesystem;

namespace {

Ended install(const Workshop& desk, const fs::path& bundle, const char* more = nullptr) {
  std::vector<std::string> words{"bundle", "install", bundle.string(), "--unsigned"};
  if (more != nullptr) words.emplace_back(more);
  return desk.run(words);
}

constexpr std::string_view verdict = "conformance kit: ";

}  // namespace

TEST_CASE(
    "a bundle is installed once the kit has passed it, and the verdict holds for those bytes") {
  const Workshop desk;
  const fs::path bundle = desk.pack("0.1.0");
  const Ended first = install(desk, bundle);
  INFO(first.err);
  REQUIRE(first.code == 0);
  CHECK(has(first.out, verdict));
  CHECK(has(first.out, "org.example.trader 0.1.0 installed, unsigned: generation 1"));
  REQUIRE(desk.run({"bundle", "remove", "trader"}).code == 0);
  const Ended again = install(desk, bundle);
  CHECK(again.code == 0);
  CHECK_FALSE(has(again.out, verdict));
  // Other bytes are tried for themselves.
  CHECK(has(install(desk, desk.pack("0.2.0")).out, verdict));
  CHECK(desk.installed() == "0.2.0");
}

TEST_CASE("what was installed through the kit runs where only checked plugins may") {
  const Workshop desk;
  desk.edit("gantry.toml", "require_checked = false", "require_checked = true");
  for (const char* shipped : {"uniswap_v2", "triangular", "pimlico"}) {
    const fs::path library = fs::path(GANTRY_PLUGINS) / (std::string(shipped) + ".so");
    const Ended ended = install(desk, desk.pack_library(library, shipped));
    INFO(ended.err);
    REQUIRE(ended.code == 0);
  }
  const Ended ran = desk.run({"run", "--blocks", "2"});
  INFO(ran.err);
  CHECK(ran.code == 0);
  const Ended unchecked = install(desk, desk.pack("0.1.0"), "--unchecked");
  CHECK(unchecked.code == 3);
  CHECK(has(unchecked.err, "require_checked = true"));
}

TEST_CASE(
    "a bundle that the kit fails is refused with the rule and the seed, and nothing is left") {
  const Workshop desk;
  const fs::path bundle = desk.pack_library(GANTRY_BAD_PLUGINS "/find_throws.so", "find_throws");
  const Ended refused = install(desk, bundle);
  INFO(refused.err);
  CHECK(refused.code == 3);
  CHECK(has(refused.err, "\n  strategy_finds: find() answered GANTRY_PLUGIN_FAULT"));
  CHECK(has(refused.err, "org.gantry.test.find_throws 0.1.0: fails 11 checks of the"));
  CHECK(has(refused.err, "(seed 1)"));
  CHECK(has(refused.err, "--unchecked"));
  CHECK_FALSE(fs::exists(desk.store() / "plugins.lock"));
  CHECK(fs::is_empty(desk.store() / "bundles"));
  CHECK(desk.store_is_tidy());
  // What none of the laws looked at is refused as well, and told how it could be tried.
  const Ended untried = install(
      desk, desk.pack_library(GANTRY_BAD_PLUGINS "/twins/bad/takes_no_state.so", "subject"));
  INFO(untried.err);
  CHECK(untried.code == 3);
  CHECK(has(untried.err, "  dex_states: no state could be made"));
  CHECK(has(untried.err, "--recording FILE"));
  // The operator's word counts for more, and is theirs to give.
  CHECK(install(desk, bundle, "--unchecked").code == 0);
  CHECK(desk.installed() == "0.1.0");
}

TEST_CASE("an installation that is killed while the kit runs leaves the old, whole") {
  const Workshop desk;
  const fs::path bundle = desk.pack("0.2.0");
  REQUIRE(install(desk, desk.pack("0.1.0"), "--unchecked").code == 0);
  const std::string before = read_text(desk.store() / "plugins.lock");
  constexpr unsigned seed = 20201016;
  std::mt19937 random(seed);
  for (int trial = 0; trial < 20; ++trial) {
    const std::chrono::milliseconds wait(random() % 300);
    INFO("seed " << seed << ", trial " << trial << ", " << wait.count() << " ms into the kit");
    Running installing = desk.start({"bundle", "install", bundle.string(), "--unsigned"});
    // Its library is staged: from now on the kit is at work.
    const auto staged = [&] {
      std::error_code error;
      const fs::recursive_directory_iterator files(desk.store() / "staging", error);
      return !error && std::any_of(begin(files), end(files), [](const fs::directory_entry& file) {
        return file.path().extension() == ".so";
      });
    };
    while (!staged()) {
      REQUIRE_FALSE(installing.ended());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(wait);
    REQUIRE_FALSE(installing.ended());  // else the kit was over before
    installing.signal(SIGKILL);
    REQUIRE(installing.wait().code == 128 + SIGKILL);
    REQUIRE(read_text(desk.store() / "plugins.lock") == before);
    REQUIRE(desk.installed() == "0.1.0");
  }
  CHECK(install(desk, bundle).code == 0);
  CHECK(desk.installed() == "0.2.0");
  CHECK(desk.store_is_tidy());
}
