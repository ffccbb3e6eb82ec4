// Transactions that wait to be included, and the swaps in them as the venues that run read them.
//
// A transaction comes as a market event, as a node told of it, so that a recording holds it and a
// replay reads the same swaps. The newest of them go with each snapshot in a window: who skips
// snapshots misses none of it, but for what the window's bound has dropped.
//
// THREADS  One at a time, with MarketState.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gantry/pending.h"
#include "host/market/market_event.hpp"
#include "host/market/snapshot.hpp"

namespace gantry::host {

// Of one transaction; what has more is not kept. Uniswap's routers need about 1 KB.
inline constexpr std::size_t pending_input_bytes_max = 32U << 10U;
// Swaps that a window holds.
inline constexpr std::size_t pending_window_max = 1024;
// Routers of one venue.
inline constexpr std::size_t pending_routers_max = 64;

struct PendingTransaction {
  std::array<std::uint8_t, 32> hash{};
  gantry_address from{};
  gantry_address to{};
  gantry_amount value{};
  gantry_amount gas_price{};  // for a gas unit, at most
  gantry_amount gas_tip{};
  std::uint64_t nonce = 0;
  recording::Bytes input;
};
recording::Bytes encode(const PendingTransaction& transaction);
// nullopt: too short or too long.
std::optional<PendingTransaction> decode_pending(const recording::Bytes& bytes);

// What a venue reads; nothing where it does not offer to. Strikes are given for `snapshot`.
std::vector<gantry_address> pending_routers(const VenueInstance& venue, std::uint64_t snapshot);

struct PendingWindow {
  std::vector<gantry_pending_event> events;  // the newest, their sequences dense
  std::uint64_t last = 0;                    // sequence of the newest; 0: there was none yet
  std::uint64_t transactions = 0;            // that were told of so far
  std::vector<std::uint64_t> mined;          // sequences, of those among them that wait no more
};

class PendingSwaps {
 public:
  // Whether an answer is that of a call that succeeded; a strike where it is a fault.
  using Accept = std::function<bool(const VenueInstance&, gantry_status)>;

  // Reads the transactions among the events, for the pools of that snapshot.
  void take(const std::vector<MarketEvent>& events, const Snapshot& snapshot, const Accept& accept);
  // Null: nothing was told of yet.
  const std::shared_ptr<const PendingWindow>& window() const noexcept { return window_; }

 private:
  struct Reading;
  const std::vector<gantry_address>& routers_of(const VenueInstance& venue, std::uint64_t snapshot);

  std::shared_ptr<const PendingWindow> window_;
  std::vector<std::pair<const VenueInstance*, std::vector<gantry_address>>> routers_;
};

}  // namespace gantry::host
