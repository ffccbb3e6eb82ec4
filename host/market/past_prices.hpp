// Prices of the past, of two tokens, as a run hands them on to the next one. They come as a market
// event before the first block, so that a recording holds them and a replay has the same history.
#pragma once
#include <gantry/market.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "host/recording/records.hpp"

namespace gantry::host {

inline constexpr std::size_t past_series_max = 256;
inline constexpr std::size_t past_samples_max = 8192;             // of a series
inline constexpr std::uint64_t past_interval_s_max = 34'560'000;  // 400 days

// One series of History. Handles differ from run to run, addresses do not.
struct PastPrices {
  gantry_address token{};              // EVM
  gantry_address quote{};              // another token
  std::uint64_t interval_s = 0;        // at most one sample in each; 0: one of each snapshot
  std::vector<gantry_sample> samples;  // 1 or more, each later than the one before; prices above 0
};
recording::Bytes encode(const PastPrices& past);
// nullopt: the size is another, or what it says cannot be.
std::optional<PastPrices> decode_past(const recording::Bytes& bytes);
// Whether it may be told of.
bool makes_sense(const PastPrices& past) noexcept;

}  // namespace gantry::host
