// The invariant and the swap formulas of StableMath.sol, on balances and amounts with 18 decimals.
//
// Newton's method with the contract's order of operations, so that each digit that it cuts is cut
// here. Deployments differ: the first rounded the invariant up, those since June 2022 cut as
// Curve's Vyper does, and the V3 vault's multiplies by the precision before it divides.
#pragma once
#include <cstdint>
#include <span>

#include "gantry/abi.h"
#include "plugins/dex/balancer/fixed_point.hpp"
#include "plugins/dex/evm/stable_root.hpp"

namespace gantry::balancer {

inline constexpr std::uint64_t amp_precision = 1000;
inline constexpr unsigned iterations_max = 255;

enum class StableRules : std::uint8_t { round_up = 0, vyper = 1, v3 = 2 };

struct StableSide {
  std::span<u256> balances;
  std::uint32_t in;
  std::uint32_t out;
  std::uint64_t amp;  // A n^(n-1), times amp_precision
  StableRules rules;
};

namespace detail_stable {

[[nodiscard]] inline bool divide(const u256& a, const u256& b, bool up, u256& out) noexcept {
  return up ? div_ceil(a, b, out) : div_floor(a, b, out);
}

inline bool within_one(const u256& a, const u256& b) noexcept {
  return (a > b ? wrapping_sub(a, b) : wrapping_sub(b, a)) <= u256(1);
}

// (n D^2 + A n S P) / ((n + 1) D + (A n - 1) P), where P is n^n times the product of the balances
// over D^(n-1), each division rounded up.
[[nodiscard]] inline bool next_rounded_up(std::span<const u256> balances, std::uint64_t amp_n,
                                          const u256& sum, const u256& d, u256& out) noexcept {
  const std::uint64_t n = balances.size();
  u256 p;
  if (!mul(balances[0], n, p)) return false;
  for (std::size_t i = 1; i < n; ++i) {
    if (!mul(p, balances[i], p) || !mul(p, n, p) || !div_ceil(p, d, p)) return false;
  }
  u256 top;
  u256 bottom;
  u256 part;
  if (!mul(d, n, top) || !mul(top, d, top)) return false;
  if (!mul(sum, amp_n, part) || !mul(part, p, part) || !div_ceil(part, u256(amp_precision), part) ||
      !add(top, part, top)) {
    return false;
  }
  if (!mul(d, n + 1, bottom) || !mul(p, amp_n - amp_precision, part) ||
      !div_floor(part, u256(amp_precision), part) || !add(bottom, part, bottom)) {
    return false;
  }
  return div_ceil(top, bottom, out);
}

// ((A n S + n P) D) / ((A n - 1) D + (n + 1) P), where P is D^(n+1) / (n^n times the product of
// the balances), each division cut.
[[nodiscard]] inline bool next_cut(std::span<const u256> balances, std::uint64_t amp_n,
                                   const u256& amp_n_sum, const u256& d, u256& out) noexcept {
  const std::uint64_t n = balances.size();
  u256 p = d;
  for (const u256& balance : balances) {
    u256 divisor;
    if (!mul(p, d, p) || !mul(balance, n, divisor) || !div_floor(p, divisor, p)) return false;
  }
  u256 top;
  u256 bottom;
  u256 part;
  if (!mul(p, n, top) || !add(top, amp_n_sum, top) || !mul(top, d, top)) return false;
  if (!mul(d, amp_n - amp_precision, bottom) || !div_floor(bottom, u256(amp_precision), bottom) ||
      !mul(p, n + 1, part) || !add(bottom, part, bottom)) {
    return false;
  }
  return div_floor(top, bottom, out);
}

}  // namespace detail_stable

// D. False: the contract's arithmetic overflows, divides by zero or does not converge.
[[nodiscard]] inline bool stable_invariant(std::span<const u256> balances, std::uint64_t amp,
                                           StableRules rules, u256& out) noexcept {
  u256 sum;
  for (const u256& balance : balances) {
    if (!add(sum, balance, sum)) return false;
  }
  if (sum.is_zero() || amp < amp_precision) return false;
  const std::uint64_t amp_n = amp * balances.size();
  u256 amp_n_sum;
  if (rules != StableRules::round_up &&
      (!mul(sum, amp_n, amp_n_sum) || !div_floor(amp_n_sum, u256(amp_precision), amp_n_sum))) {
    return false;
  }
  u256 d = sum;
  for (unsigned i = 0; i < iterations_max; ++i) {
    const u256 before = d;
    const bool done = rules == StableRules::round_up
                          ? detail_stable::next_rounded_up(balances, amp_n, sum, before, d)
                          : detail_stable::next_cut(balances, amp_n, amp_n_sum, before, d);
    if (!done) return false;
    if (detail_stable::within_one(d, before)) {
      out = d;
      return true;
    }
  }
  return false;
}

// The balance of one token at which the invariant is D, all others being as they are; rounded up.
// False: as of stable_invariant().
[[nodiscard]] inline bool stable_balance(std::span<const u256> balances, std::uint64_t amp,
                                         StableRules rules, const u256& d, std::uint32_t token,
                                         u256& out) noexcept {
  const std::uint64_t n = balances.size();
  const std::uint64_t amp_n = amp * n;
  u256 sum = balances[0];
  u256 p;
  if (!mul(balances[0], n, p)) return false;
  for (std::size_t i = 1; i < n; ++i) {
    if (!mul(p, balances[i], p) || !mul(p, n, p) || !div_floor(p, d, p) ||
        !add(sum, balances[i], sum)) {
      return false;
    }
  }
  sum = wrapping_sub(sum, balances[token]);
  u256 d_squared;
  u256 c;
  u256 b;
  u256 part;
  if (!mul(d, d, d_squared) || !mul(p, amp_n, part)) return false;
  if (rules == StableRules::v3) {
    if (!mul(d_squared, amp_precision, c) || !div_ceil(c, part, c)) return false;
    if (!mul(d, amp_precision, b) || !div_floor(b, u256(amp_n), b)) return false;
  } else {
    if (!div_ceil(d_squared, part, c) || !mul(c, amp_precision, c)) return false;
    if (!div_floor(d, u256(amp_n), b) || !mul(b, amp_precision, b)) return false;
  }
  if (!mul(c, balances[token], c) || !add(b, sum, b)) return false;

  if (evm::stable_root<evm::RootRounding::up>(b, c, d, out)) [[likely]]
    return true;
  u256 y;
  u256 top;
  u256 bottom;
  if (!add(d_squared, c, top) || !add(d, b, bottom) || !div_ceil(top, bottom, y)) return false;
  for (unsigned i = 0; i < iterations_max; ++i) {
    const u256 before = y;
    if (!mul(y, y, top) || !add(top, c, top) || !mul(y, 2, bottom) || !add(bottom, b, bottom) ||
        !sub(bottom, d, bottom) || !div_ceil(top, bottom, y)) {
      return false;
    }
    if (detail_stable::within_one(y, before)) {
      out = y;
      return true;
    }
  }
  return false;
}

// `d` is the invariant of the balances as they are, which are left so.
// GANTRY_NO_LIQUIDITY: not even one unit comes out; GANTRY_OUT_OF_RANGE: as of stable_invariant().
inline gantry_status stable_out(const StableSide& side, const u256& d, const u256& in,
                                u256& out) noexcept {
  const u256 before = side.balances[side.in];
  u256 after;
  if (!add(before, in, after)) return GANTRY_OUT_OF_RANGE;
  side.balances[side.in] = after;
  u256 left;
  const bool found = stable_balance(side.balances, side.amp, side.rules, d, side.out, left);
  side.balances[side.in] = before;
  if (!found) return GANTRY_OUT_OF_RANGE;
  if (!sub(side.balances[side.out], left, left) || !sub(left, u256(1), left)) {
    return GANTRY_NO_LIQUIDITY;
  }
  out = left;
  return GANTRY_OK;
}

// GANTRY_NO_LIQUIDITY: there is not that much; GANTRY_OUT_OF_RANGE: as of stable_invariant().
inline gantry_status stable_in(const StableSide& side, const u256& d, const u256& out,
                               u256& in) noexcept {
  const u256 before = side.balances[side.out];
  u256 after;
  if (!sub(before, out, after)) return GANTRY_NO_LIQUIDITY;
  side.balances[side.out] = after;
  u256 needed;
  const bool found = stable_balance(side.balances, side.amp, side.rules, d, side.in, needed);
  side.balances[side.out] = before;
  if (!found) return after.is_zero() ? GANTRY_NO_LIQUIDITY : GANTRY_OUT_OF_RANGE;
  if (!sub(needed, side.balances[side.in], needed) || !add(needed, u256(1), needed)) {
    return GANTRY_OUT_OF_RANGE;
  }
  in = needed;
  return GANTRY_OK;
}

}  // namespace gantry::balancer
