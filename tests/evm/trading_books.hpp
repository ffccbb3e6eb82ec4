// The books of a run that trades, beside the chain that it traded on. Within a Catch test.
#pragma once
#include <optional>

#include "evm/trading_scene.hpp"

namespace gantry::test {

// What the chain holds is what the books say: nothing open, each effect once, every unit.
void check_books(TradingScene& scene, const Holdings& before);
// Runs the program on blocks without trades until nothing is under way any more.
void settle(TradingScene& scene);
// nullopt: nothing was written yet.
std::optional<host::ledger::Trade> newest_trade(const TradingScene& scene);

}  // namespace gantry::test
