// The plugins that work on a snapshot. A change of what runs is a new set, which the next snapshot
// carries: snapshots in flight keep theirs, and with it the instances, their libraries and the
// market that the pools' states lie in.
//
// THREADS    Immutable once a snapshot carries it.
// OWNERSHIP  When the last snapshot of a set is gone, nobody is inside what only that set holds.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "host/plugin/instances.hpp"

namespace gantry::host {

class MarketState;     // host/market/market_state.hpp
class StrategyRunner;  // host/street/strategy_runner.hpp

struct PluginSet {
  struct Strategy {
    std::uint32_t lane = 0;   // its number: in the order of batches, in the report, in a recording
    std::uint64_t since = 0;  // the first snapshot that this instance works on
    std::shared_ptr<StrategyInstance> instance;
    std::shared_ptr<StrategyRunner> runner;
  };
  std::vector<std::shared_ptr<VenueInstance>> venues;
  std::shared_ptr<MarketState> market;                         // the apply stage's; of those venues
  std::vector<Strategy> strategies;                            // ascending by lane
  std::vector<std::shared_ptr<PaymasterInstance>> paymasters;  // in the order they are asked

  const Strategy* find(std::uint32_t lane) const noexcept {
    const auto at = std::ranges::lower_bound(strategies, lane, {}, &Strategy::lane);
    return at != strategies.end() && at->lane == lane ? &*at : nullptr;
  }
};

}  // namespace gantry::host
