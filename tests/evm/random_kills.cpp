#include "evm/random_kills.hpp"

#include <fmt/format.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "evm/trading_books.hpp"

namespace gantry::test {
namespace {

using host::tests::Running;
using std::chrono::microseconds;

constexpr microseconds lives_max{3'000'000};

// Ends its object's process then, unless the test ends first.
class Killer {
 public:
  Killer(const Running& running, microseconds after)
      : thread_([this, &running, after] {
          std::this_thread::sleep_for(after);
          if (!gone_) running.signal(SIGKILL);
          killed_ = true;
        }) {}
  ~Killer() { thread_.join(); }
  bool killed() const { return killed_; }
  // It has ended by itself, and its number may be another's from now on.
  void spare() { gone_ = true; }

 private:
  std::atomic<bool> killed_ = false;
  std::atomic<bool> gone_ = false;
  std::thread thread_;
};

// What is newest in the books, beside what was newest before this host.
std::string newest_since(const TradingScene& scene, host::ledger::IntentId last) {
  const auto newest = newest_trade(scene);
  if (!newest || newest->intent.id <= last) return "before its first trade";
  const bool is_told = newest->result && newest->result->realised;
  return std::string(to_string(newest->intent.state)) +
         (newest->result ? is_told ? ", realised" : ", not realised" : "");
}

}  // namespace

unsigned kill_seed() {
  const char* wanted = std::getenv("GANTRY_KILL_SEED");
  return wanted == nullptr ? 20261122U : static_cast<unsigned>(std::strtoul(wanted, nullptr, 10));
}

std::string kill_at_random(TradingScene& scene, const RandomKills& kills) {
  INFO("GANTRY_KILL_SEED=" << kills.seed);
  std::mt19937 random(kills.seed);
  std::map<std::string, int> found;
  for (int trial = 0; trial < kills.trials; ++trial) {
    const microseconds moment(random() % static_cast<unsigned>(lives_max.count()));
    INFO("trial " << trial << ", killed after " << moment.count() << " us");
    const auto known = newest_trade(scene);
    Running running = scene.start({});
    {
      Killer killer(running, moment);
      while (!killer.killed()) {
        kills.step(running);
        if (!killer.killed() && running.ended()) killer.spare();
      }
    }
    const host::tests::Ended ended = running.wait();
    INFO(ended.err);
    CHECK(ended.code == 128 + SIGKILL);  // and not by itself
    ++found[newest_since(scene, known ? known->intent.id : 0)];
    kills.between();
  }
  std::string told = fmt::format("GANTRY_KILL_SEED={}: {} kills", kills.seed, kills.trials);
  for (const auto& [state, count] : found) told += fmt::format("; {} {}", count, state);
  return told;
}

}  // namespace gantry::test
