// Numbers and divisions that the pools' contracts share.
#pragma once
#include <array>
#include <cstdint>

#include "gantry/u256.hpp"
#include "plugins/dex/evm/checked.hpp"

namespace gantry::curve {

using evm::Checked;

// The EVM's own division: by zero gives zero.
GANTRY_HOT u256 div_or_zero(const u256& a, const u256& b) noexcept {
  u256 quotient;
  return div_floor(a, b, quotient) ? quotient : u256();
}

// |a - b|.
GANTRY_HOT u256 distance(const u256& a, const u256& b) noexcept {
  return a > b ? wrapping_sub(a, b) : wrapping_sub(b, a);
}

inline constexpr std::array<u256, 78> powers_of_ten = [] {
  std::array<u256, 78> powers{};
  powers[0] = u256(1);
  for (std::size_t i = 1; i < powers.size(); ++i) {
    powers[i] = wrapping_mul(powers[i - 1], u256(10));
  }
  return powers;
}();

// 10^exponent; exponent <= 77.
constexpr const u256& power_of_ten(unsigned exponent) noexcept { return powers_of_ten[exponent]; }

inline constexpr std::uint64_t wad = 1'000'000'000'000'000'000ULL;   // 10^18: "PRECISION"
inline constexpr std::uint64_t fee_denominator = 10'000'000'000ULL;  // 10^10

}  // namespace gantry::curve
