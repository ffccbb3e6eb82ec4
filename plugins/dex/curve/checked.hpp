// Arithmetic as the contracts' compiler does it: what would revert there is remembered here, so
// that formulas read as they stand in the contract and are asked once, at the end, whether they
// failed. After a failure the values mean nothing, but nothing traps.
//
// THREADS  A value of the call's own. Allocates nothing.
#pragma once
#include <array>
#include <cstdint>

#include "gantry/u256.hpp"

namespace gantry::curve {

class Checked {
 public:
  bool failed() const noexcept { return failed_; }
  void fail() noexcept { failed_ = true; }
  void require(bool condition) noexcept { failed_ |= !condition; }

  GANTRY_HOT u256 add(const u256& a, const u256& b) noexcept {
    const u256 sum = wrapping_add(a, b);
    failed_ |= sum < a;
    return sum;
  }
  GANTRY_HOT u256 sub(const u256& a, const u256& b) noexcept {
    failed_ |= a < b;
    return wrapping_sub(a, b);
  }
  GANTRY_HOT u256 mul(const u256& a, const u256& b) noexcept {
    u256 product;
    if (!gantry::mul(a, b, product)) [[unlikely]]
      failed_ = true;
    return product;
  }
  GANTRY_HOT u256 mul(const u256& a, std::uint64_t b) noexcept {
    u256 product;
    if (!gantry::mul(a, b, product)) [[unlikely]]
      failed_ = true;
    return product;
  }
  GANTRY_HOT u256 div(const u256& a, const u256& b) noexcept {
    u256 quotient;
    if (!div_floor(a, b, quotient)) [[unlikely]]
      failed_ = true;
    return quotient;
  }
  GANTRY_HOT u256 mul_div(const u256& a, const u256& b, const u256& divisor) noexcept {
    return div(mul(a, b), divisor);
  }

 private:
  bool failed_ = false;
};

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
