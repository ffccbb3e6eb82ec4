// What a feed tells the market besides blocks, in its place among them. A recording holds each as
// an event, so that a replay does the same.
//
// LAYOUT  Event.payload, little-endian. keep: u64 blocks. undo: u64 block. fresh: nothing.
//         quarantine: u32 pool, then the reason as text. pending: see encode(PendingTransaction).
//         clock: u64 milliseconds, Unix. between: nothing. price: see encode(OutsidePrice).
//         mined: 32 bytes. past: see encode(PastPrices).
#pragma once
#include <cstdint>
#include <string>

#include "host/base/result.hpp"
#include "host/recording/records.hpp"

namespace gantry::host {

// Never renumbered: recordings hold them.
enum class MarketEventKind : std::int32_t {
  keep = 1,        // from here on the last `number` blocks can be undone
  undo = 2,        // the chain was reorganized: `number` is the newest block that still stands
  fresh = 3,       // every pool is read anew with the next block
  quarantine = 4,  // `pool` takes no part any more, for `reason`
  pending = 5,     // a transaction waits to be included: `bytes`
  clock = 6,       // the host's clock when this came: `number` milliseconds
  between = 7,     // no new block: what comes with it came since the newest, which it names again
  price = 8,       // a price from outside the chain: `bytes`
  mined = 9,       // a transaction that was told of is in the block: `bytes`, its hash
  past = 10,       // what an earlier run kept of prices, before the first block: `bytes`
};

struct MarketEvent {
  MarketEventKind kind = MarketEventKind::fresh;
  std::uint64_t number = 0;
  std::uint32_t pool = 0;
  std::string reason;
  recording::Bytes bytes{};
};

inline constexpr std::uint64_t undo_blocks_max = 1024;
inline constexpr std::size_t reason_bytes_max = 1024;

recording::Event encode(const MarketEvent& event);
// Fails with `format`: an unknown kind, a size that cannot be, or more than undo_blocks_max.
Result<MarketEvent> decode(const recording::Event& event);

}  // namespace gantry::host
