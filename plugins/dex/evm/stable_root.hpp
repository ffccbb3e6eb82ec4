// Where the Newton iteration of a stable pool's balance ends, found without its steps.
//
// Curve and Balancer look for the y of y^2 + (b - d) y = c in integers: y' = (y^2 + c) / (2 y + b -
// d), Curve's rounded down and Balancer's up, from y = d on, until a step changes y by at most one.
//
// Write f(y) = y^2 + (b - d) y - c, r for its root, S for the distance of its two roots, R for the
// least integer with f(R) > 0, and e = y - r. A step takes e to e^2 / (S + 2 e), which is below e /
// 2. Hence no step leads below r rounded as the iteration rounds, and the steps fall from the
// second value on. With f(R - 1) < 0, f(R) >= 4 and S >= 16 this follows:
//   rounded down: R - 1 stays where it is, and R and R + 1 both lead to it, the latter by a step of
//     two; so it is where the iteration ends.
//   rounded up: R stays where it is, R + 1 leads to it, and R + 2 by a step of two.
// From farther away a step is larger than one. So where both hold, the end is known by R alone. A
// root that is whole, or nearly, is left to the steps.
//
// METHOD  R by floating point, put right by one exact residual, and proven by another.
#pragma once
#include <cmath>
#include <cstdint>

#include "gantry/u256.hpp"

namespace gantry::evm {

namespace detail_root {

constexpr double two_64 = 18446744073709551616.0;

GANTRY_HOT double to_double_128(uint128 value) noexcept {
  return static_cast<double>(static_cast<std::uint64_t>(value >> 64U)) * two_64 +
         static_cast<double>(static_cast<std::uint64_t>(value));
}
// Of what is below 2^126.
GANTRY_HOT uint128 from_double_128(double value) noexcept {
  const auto high = static_cast<std::uint64_t>(value * (1 / two_64));
  const auto low = static_cast<std::uint64_t>(value - static_cast<double>(high) * two_64);
  return (static_cast<uint128>(high) << 64U) | low;
}

// Modulo 2^256, as numbers with a sign.
GANTRY_HOT bool is_negative(const u256& value) noexcept { return (value.limb(3) >> 63U) != 0; }
GANTRY_HOT double signed_to_double(const u256& value) noexcept {
  const bool negative = is_negative(value);
  const u256 size = negative ? wrapping_sub(u256(), value) : value;
  const double magnitude =
      to_double_128(size.high128()) * (two_64 * two_64) + to_double_128(size.low128());
  return negative ? -magnitude : magnitude;
}

}  // namespace detail_root

// R, the least y with f(y) > 0. False: not proven to be where the iteration ends, which then has to
// be carried out.
[[nodiscard]] GANTRY_HOT bool stable_root(const u256& c, const u256& b, const u256& d,
                                          uint128& root) noexcept {
  using namespace detail_root;
  // All squares and sums below stay under 2^252, in the contract too.
  constexpr double value_max = 1.3e36;  // 2^120
  constexpr double distance_min = 1e6;
  if (!b.fits_u128() || !d.fits_u128() || ((b.high128() | d.high128()) != 0) ||
      ((b.low128() | d.low128()) >> 120U) != 0 || (c.high128() >> 112U) != 0) [[unlikely]] {
    return false;
  }
  const uint128 b_low = b.low128();
  const uint128 d_low = d.low128();
  const bool is_down = b_low < d_low;  // the sign of b - d
  const uint128 slope = is_down ? d_low - b_low : b_low - d_low;
  const double slope_size = to_double_128(slope);
  const double of_c = signed_to_double(c);
  const double distance = std::sqrt(slope_size * slope_size + 4 * of_c);
  const double near = is_down ? (distance + slope_size) * 0.5 : 2 * of_c / (distance + slope_size);
  // The first step, from d, may go far beyond the root.
  const double first = to_double_128(d_low) + of_c / to_double_128(d_low + b_low);
  if (!(distance >= distance_min && near < value_max && first < value_max)) [[unlikely]]
    return false;

  uint128 y = from_double_128(near);
  const auto residual = [&](uint128 at) {
    const detail::Product256 square = detail::mul_128(at, at);
    const detail::Product256 linear = detail::mul_128(at, slope);
    const u256 quadratic = u256::from_halves(square.low, square.high);
    const u256 term = u256::from_halves(linear.low, linear.high);
    return wrapping_sub(is_down ? wrapping_sub(quadratic, term) : wrapping_add(quadratic, term), c);
  };
  const double off = signed_to_double(residual(y)) / distance;
  if (!(std::fabs(off) < 1e18)) [[unlikely]]
    return false;
  const auto step = static_cast<std::int64_t>(off);
  y = step < 0 ? y + static_cast<std::uint64_t>(-step) : y - static_cast<std::uint64_t>(step);
  u256 f = residual(y);
  // f(y + 1) - f(y) = 2 y + 1 + b - d.
  const auto rise = [&](uint128 at) {
    return wrapping_sub(u256::from_u128(2 * at + 1 + b_low), u256::from_u128(d_low));
  };
  constexpr int corrections_max = 4;
  for (int i = 0; i < corrections_max && !f.is_zero(); ++i) {
    if (is_negative(f)) {
      f = wrapping_add(f, rise(y));
      ++y;
      if (is_negative(f)) continue;
      root = y;
      return f >= u256(4);
    }
    const u256 below = wrapping_sub(f, rise(y - 1));
    if (is_negative(below)) {
      root = y;
      return f >= u256(4);
    }
    f = below;
    --y;
  }
  return false;
}

}  // namespace gantry::evm
