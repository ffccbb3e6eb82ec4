// Prices from outside the chain, as their sources gave them. Each comes as a market event, so that
// a recording holds it and a replay tells strategies the same. The newest go with each snapshot in
// a window, as pending swaps do: who skips snapshots is told of all that the window still holds.
//
// THREADS  One at a time, with MarketState.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gantry/strategy.h"
#include "host/market/market_event.hpp"
#include "host/market/topology.hpp"

namespace gantry::host {

// Prices that a window holds.
inline constexpr std::size_t price_window_max = 256;

struct OutsidePrice {
  gantry_address token{};  // EVM
  gantry_address quote{};
  double bid = 0;             // of one whole token in whole quote tokens: finite, above 0
  double ask = 0;             // at least the bid
  std::uint64_t time_ms = 0;  // Unix
  std::string source;         // 1 to 31 printable characters
};
recording::Bytes encode(const OutsidePrice& price);
// nullopt: the size is another, or what it says cannot be.
std::optional<OutsidePrice> decode_price(const recording::Bytes& bytes);
// Whether it may be told of.
bool makes_sense(const OutsidePrice& price) noexcept;

struct PriceWindow {
  std::vector<gantry_outside_price> prices;  // the newest, their sequences dense
  std::uint64_t last = 0;                    // sequence of the newest, from 1
};

class OutsidePrices {
 public:
  // Of the tokens that the market has; others are left out.
  void take(const std::vector<MarketEvent>& events, const Topology& topology);
  // Null: nothing was told of yet.
  const std::shared_ptr<const PriceWindow>& window() const noexcept { return window_; }

 private:
  std::shared_ptr<const PriceWindow> window_;
};

}  // namespace gantry::host
