// Kills a host that trades at moments that nobody chose.
//
// ERRORS  Throws std::runtime_error. Within a Catch test.
#pragma once
#include <functional>
#include <string>

#include "evm/trading_scene.hpp"

namespace gantry::test {

struct RandomKills {
  int trials = 0;
  // GANTRY_KILL_SEED, or one that is the same each time.
  unsigned seed = 0;
  // Trades a block or so; called until the host has ended.
  std::function<void(host::tests::Running&)> step;
  // When it has ended, before the next one starts.
  std::function<void()> between = [] {};
};

unsigned kill_seed();

// Each trial starts a host, trades beside it, and kills it (SIGKILL) from a thread of its own at a
// moment of its first three seconds, start-up included, that the seed says. Returns one line for
// people: the seed, and in what state the newest trade was found how often.
std::string kill_at_random(TradingScene& scene, const RandomKills& kills);

}  // namespace gantry::test
