// The books of a run that trades, beside the chain that it traded on. Within a Catch test.
#pragma once
#include <optional>

#include "evm/trading_scene.hpp"

namespace gantry::test {

// What the chain holds is what the books say: nothing open, each effect once, every unit.
void check_books(TradingScene& scene, const Holdings& before);
// The risk book of the chain, as it is kept, has the ledger's figures: what all trades of its day
// brought after costs, and how many were carried out and undone.
void check_risk(const TradingScene& scene);
// Whether the ledger has a result that the risk book, as it is kept, was not told.
bool has_untold_result(const TradingScene& scene);
// Trials of each phase in which a host is killed: `usual`, or what GANTRY_KILL_TRIALS says.
int kill_trials(int usual);
// Runs the program on blocks without trades until nothing is under way any more.
void settle(TradingScene& scene);
// nullopt: nothing was written yet.
std::optional<host::ledger::Trade> newest_trade(const TradingScene& scene);

}  // namespace gantry::test
