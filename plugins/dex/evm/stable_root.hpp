// Where Newton's method for y^2 + (b - d) y = c ends, without walking there: how StableSwap pools,
// of Curve and of Balancer, find a balance.
//
// Their step is y <- (y^2 + c) / (2 y + b - d), cut or rounded up, from y = d, until two follow
// each other that are at most one apart. The function is convex, so that from the first step on no
// y is below the true root r, and each comes at least half as near as the last. Let R be floor(r).
// From R + 3 up a cut step goes down by two or more, and so is not the last; from R - 1 to R + 2 it
// goes to R, unless (R + 1)^2 + (b - d)(R + 1) - c, what is missing to the next integer, is at most
// 4 = (R + 1 - y)^2 there. Rounded up, with C = ceil(r), a step from C + 3 up goes down by two or
// more too, and one from C to C + 2 goes to C, unless C^2 + (b - d) C - c is below 4.
//
// So the end is R (or C) wherever that holds, which is checked exactly; what floating-point numbers
// say only has to be near. In the few other cases the caller walks.
//
// UNITS   Any; b, c and d as the contracts name them.
// THREADS  Pure. Allocates nothing.
#pragma once
#include <cmath>
#include <cstdint>

#include "gantry/u256.hpp"

namespace gantry::evm {

enum class RootRounding : std::uint8_t { cut, up };

namespace detail_root {

GANTRY_HOT double as_double(uint128 value) noexcept {
  return static_cast<double>(detail::high64(value)) * 0x1p64 +
         static_cast<double>(detail::low64(value));
}

// Requires 0 <= value < 2^127.
GANTRY_HOT uint128 from_double(double value) noexcept {
  const auto high = static_cast<std::uint64_t>(value * 0x1p-64);
  const double rest = value - static_cast<double>(high) * 0x1p64;
  return detail::join(high, static_cast<std::uint64_t>(rest));
}

}  // namespace detail_root

// False: it is not certain, or the numbers are too wide; nothing is written then.
template <RootRounding rounding>
[[nodiscard]] GANTRY_HOT bool stable_root(const u256& b_wide, const u256& c, const u256& d_wide,
                                          u256& out) noexcept {
  if (!b_wide.fits_u128() || !d_wide.fits_u128()) return false;
  const uint128 b = b_wide.low128();
  const uint128 d = d_wide.low128();
  // Then no step leaves 126 bits, and no square with c is above 2^256.
  if (((b | d) >> 125U) != 0 || (c.high128() >> 122U) != 0) return false;
  if ((c.high128() << 4U | c.low128() >> 124U) >= b + d) return false;

  const double half_b = (detail_root::as_double(b) - detail_root::as_double(d)) / 2;
  const double c_near =
      detail_root::as_double(c.high128()) * 0x1p128 + detail_root::as_double(c.low128());
  const double side = std::sqrt(half_b * half_b + c_near);
  // Of the two forms the one that subtracts nothing.
  const double near = half_b > 0 ? c_near / (side + half_b) : side - half_b;
  if (!(near >= 1 && near < 0x1p126)) return false;
  const uint128 start = detail_root::from_double(near);

  // One step from there, which is right to a millionth of a unit or better.
  if (2 * start + b <= d) return false;
  const uint128 below = 2 * start + b - d;
  const detail::Product256 square = detail::mul_128(start, start);
  const uint128 above_low = square.low + c.low128();
  const uint128 above_high = square.high + c.high128() + (above_low < square.low ? 1U : 0U);
  if (above_high >= below) return false;
  const uint128 root = detail::div_256_by_128(above_high, above_low, below).quotient +
                       (rounding == RootRounding::up ? 1U : 0U);
  if ((root >> 126U) != 0) return false;

  // root (root + b) and c + root d: their difference is root^2 + (b - d) root - c.
  const detail::Product256 left = detail::mul_128(root, root + b);
  const detail::Product256 times_d = detail::mul_128(root, d);
  const u256 high_side = u256::from_halves(left.low, left.high);
  const u256 low_side = wrapping_add(u256::from_halves(times_d.low, times_d.high), c);
  if constexpr (rounding == RootRounding::cut) {
    if (high_side > low_side) return false;  // above the root
    const u256 over = wrapping_sub(low_side, high_side);
    if (!over.fits_u128() || (over.high128() | over.low128() >> 127U) != 0) return false;
    if (2 * root + 1 + b <= over.low128() + d + 4) return false;
  } else {
    if (high_side < low_side) return false;  // below the root
    const u256 over = wrapping_sub(high_side, low_side);
    if (!over.fits_u128() || (over.low128() >> 126U) != 0) return false;
    if (over.low128() < 4 || over.low128() + d + 1 >= 2 * root + b) return false;
    // What the rounding up of a step can add is less than two only where it is not this steep.
    if (2 * root + b < d + 5) return false;
  }
  out = u256::from_u128(root);
  return true;
}

}  // namespace gantry::evm
