// What a backtest's own trades do to the pools of a recorded market. A swap stays on its pool's
// recorded states, each time quoted anew by the pool's venue on the state that the recording has.
//
// Rationale: it stays for ever unless it is told otherwise. What a swap has brought into line the
// recording still has out of line, so that a swap that is forgotten can be made, and earned, again.
//
// THREADS  The apply stage's, one at a time.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "gantry/strategy.h"
#include "gantry/u256.hpp"
#include "host/market/snapshot.hpp"

namespace gantry::host {

// Amounts in smallest units, tokens as market handles.
struct OwnSwap {
  std::uint32_t pool = 0;
  std::uint32_t token_in = 0;
  std::uint32_t token_out = 0;
  u256 amount_in;
};

class OwnSwaps {
 public:
  static constexpr std::uint64_t for_ever = UINT64_MAX;  // blocks

  explicit OwnSwaps(std::uint64_t blocks_kept) : blocks_kept_(blocks_kept) {}

  // Made in that block, by each leg's amount_in. They are on the states of snapshots from the next
  // meet() or put_on() on.
  void add(std::uint64_t block, std::span<const gantry_leg> legs);
  // Puts what is kept onto the states of a snapshot that nobody else has seen yet. Pools whose
  // state moves by it count as changed.
  void meet(Snapshot& snapshot);
  // The same of one that others have seen, and do not look at any more: what moves by it counts as
  // changed in the next one that is met.
  void put_on(Snapshot& snapshot);

 private:
  struct Kept {
    std::uint64_t block = 0;
    OwnSwap swap;
  };
  std::uint64_t blocks_kept_;
  std::map<std::uint32_t, std::vector<Kept>> kept_;  // by pool, in the order of trading
  std::vector<std::uint32_t> dirty_;                 // whose swaps are others than overlays_ has
  std::vector<std::uint32_t> untold_;             // that overlays_ has, and no snapshot's `changed`
  std::shared_ptr<const PoolOverlays> overlays_;  // as of the last put_on()
};

}  // namespace gantry::host
