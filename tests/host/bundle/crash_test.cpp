// kill -9 at every kind of moment of an installation and of a rollback: what is in force afterwards
// is the old or the new, whole.
#include <array>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>

#include "workshop.hpp"

using namespace gantry::host::tests;
namespace fs = std::filesystem;

namespace {

constexpr int trials_of_a_phase = 20;

std::uint64_t seed() {
  const char* given = std::getenv("GANTRY_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20201016;
}

class CrashTrial {
 public:
  CrashTrial() {
    desk_.use_trader("trader");
    old_bundle_ = desk_.pack("0.1.0");
    new_bundle_ = desk_.pack("0.2.0");
    const fs::path other = desk_.pack_library(GANTRY_PLUGINS "/uniswap_v2.so", "other");
    // A bundle that only the oldest generation names, and as many generations as are kept.
    succeed({"bundle", "install", other.string(), "--unsigned", "--unchecked"});
    succeed({"bundle", "remove", "uniswap_v2"});
    for (int i = 0; i < 15; ++i) {
      succeed({"bundle", "install", old_bundle_.string(), "--unsigned", "--unchecked"});
      succeed({"bundle", "remove", "trader"});
    }
    succeed({"bundle", "install", old_bundle_.string(), "--unsigned", "--unchecked"});
    // What an installation that was killed before has left.
    fs::create_directories(desk_.store() / "staging/killed/lib");
    write_text(desk_.store() / "staging/killed/lib/half.so", "half");
    keep();
  }

  Workshop& desk() { return desk_; }
  const fs::path& old_bundle() const { return old_bundle_; }
  const fs::path& new_bundle() const { return new_bundle_; }
  std::string lock() const { return read_text(desk_.store() / "plugins.lock"); }

  // The store as it is now is what each trial begins with.
  void keep() {
    fs::remove_all(kept());
    fs::copy(desk_.store(), kept(), fs::copy_options::recursive);
  }
  void succeed(const std::vector<std::string>& words) {
    const Ended ended = desk_.run(words);
    INFO(ended.err);
    REQUIRE(ended.code == 0);
  }

  // Every phase of that command, killed at seeded calls.
  void try_all(const std::vector<std::string>& words, const std::vector<std::string>& phases) {
    const std::string before = lock();
    const std::map<std::string, int> calls = count(words);
    const std::string after = lock();
    REQUIRE(before != after);
    std::mt19937_64 random(seed());
    for (const std::string& phase : phases) {
      REQUIRE(calls.at(phase) > 0);
      int old_ones = 0;
      for (int trial = 0; trial < trials_of_a_phase; ++trial) {
        const int at = 1 + static_cast<int>(random() % static_cast<std::uint64_t>(calls.at(phase)));
        const char* how = std::array{"before", "after", "half"}[random() % 3];
        INFO("seed " << seed() << ", phase " << phase << ", call " << at << " of "
                     << calls.at(phase) << ", " << how);
        restore();
        desk_.variables["KILL_PHASE"] = phase;
        desk_.variables["KILL_AT"] = std::to_string(at);
        desk_.variables["KILL_HOW"] = how;
        const Ended killed = preloaded(words);
        for (const char* name : {"KILL_PHASE", "KILL_AT", "KILL_HOW"}) desk_.variables.erase(name);
        REQUIRE(killed.code == 128 + 9);
        const std::string found = lock();
        REQUIRE((found == before || found == after));
        old_ones += found == before ? 1 : 0;
        REQUIRE_FALSE(desk_.installed().empty());  // each library is whole
        // The next one finds its way, and clears up.
        succeed({"bundle", "install", new_bundle_.string(), "--unsigned", "--unchecked"});
        REQUIRE(desk_.installed() == "0.2.0");
        REQUIRE(desk_.store_is_tidy());
      }
      std::printf("  %s: %d trials over %d calls, %d left the old\n", phase.c_str(),
                  trials_of_a_phase, calls.at(phase), old_ones);
    }
    restore();
  }

 private:
  fs::path kept() const { return desk_ / "kept"; }
  void restore() {
    fs::remove_all(desk_.store());
    fs::copy(kept(), desk_.store(), fs::copy_options::recursive);
  }
  Ended preloaded(const std::vector<std::string>& words) {
    desk_.variables["LD_PRELOAD"] = GANTRY_KILL_AT;
    desk_.variables["KILL_STORE"] = desk_.store().string();
    Ended ended = desk_.run(words);
    desk_.variables.erase("LD_PRELOAD");
    return ended;
  }
  std::map<std::string, int> count(const std::vector<std::string>& words) {
    desk_.variables["KILL_COUNT"] = (desk_ / "counts").string();
    const Ended ended = preloaded(words);
    desk_.variables.erase("KILL_COUNT");
    INFO(ended.err);
    REQUIRE(ended.code == 0);
    std::istringstream lines(read_text(desk_ / "counts"));
    std::map<std::string, int> calls;
    std::string phase;
    for (int number = 0; lines >> phase >> number;) calls[phase] = number;
    return calls;
  }

  Workshop desk_;
  fs::path old_bundle_;
  fs::path new_bundle_;
};

}  // namespace

TEST_CASE("an installation that is killed at any moment leaves the old or the new, whole") {
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed()));
  CrashTrial trial;
  trial.try_all({"bundle", "install", trial.new_bundle().string(), "--unsigned", "--unchecked"},
                {"begin", "clear", "stage", "name", "history", "force", "prune"});
}

TEST_CASE("a rollback that is killed at any moment leaves the old or the new, whole") {
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed()));
  CrashTrial trial;
  trial.succeed({"bundle", "install", trial.new_bundle().string(), "--unsigned", "--unchecked"});
  fs::create_directories(trial.desk().store() / "staging/killed");
  trial.keep();
  trial.try_all({"bundle", "rollback"}, {"begin", "clear", "history", "force"});
}

TEST_CASE("installers at the same time wait for each other, and none's work is lost") {
  Workshop desk;
  std::vector<fs::path> bundles;
  for (const char* name : {"uniswap_v2", "triangular", "pimlico"}) {
    bundles.push_back(
        desk.pack_library(fs::path(GANTRY_PLUGINS) / (std::string(name) + ".so"), name));
  }
  bundles.push_back(desk.pack("0.1.0"));
  std::vector<Running> running;
  for (const fs::path& bundle : bundles) {
    running.push_back(
        desk.start({"bundle", "install", bundle.string(), "--unsigned", "--unchecked"}));
  }
  for (Running& each : running) CHECK(each.wait().code == 0);
  const auto list = boost::json::parse(desk.run({"bundle", "list", "--json"}).out);
  CHECK(list.at("plugins").as_array().size() == bundles.size());
  CHECK(list.at("generation").as_int64() == 4);
}
