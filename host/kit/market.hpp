// A market of the kit's own: constant-product pairs of two venues that disagree a little more with
// each block, and loans that can be repaid for more than they are worth, seeded. An exchange tells
// what the coin is worth in dollars. The venue is the kit's, so that a strategy is checked by
// itself alone; its arithmetic is the SDK's, and the snapshots are made by the host's own market.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "host/market/market_state.hpp"

namespace gantry::host::kit {

struct MarketShape {
  std::uint32_t tokens = 5;
  std::uint32_t blocks = 12;
  std::uint64_t disagreement_bps = 300;  // of the venues' prices
  std::uint32_t later_pools = 0;         // that come with the middle block, and a new topology
  std::uint32_t loans = 0;               // pools that go one way, as borrowers' positions do
  // Tokens' worth moves in every block: all alike, but for one that falls behind for a while, in
  // blocks 60 to 72. For who looks back, its blocks are half an hour apart, 84 of them.
  bool drifts = false;
  std::uint64_t block_s = 12;
};

// Every snapshot of one seeded market, in order.
class GeneratedMarket {
 public:
  GeneratedMarket(const MarketShape& shape, std::uint64_t seed);
  const std::vector<SnapshotPtr>& snapshots() const { return snapshots_; }

 private:
  ChainSettings chain_;
  std::unique_ptr<MarketState> state_;
  std::vector<SnapshotPtr> snapshots_;
};

}  // namespace gantry::host::kit
