// The swap formulas of WeightedMath.sol, on balances and amounts with 18 decimals.
#pragma once
#include <cstdint>

#include "gantry/abi.h"
#include "plugins/dex/balancer/log_exp.hpp"

namespace gantry::balancer {

// A swap takes at most this part of the balance in, or out.
inline constexpr std::uint64_t ratio_max = one / 10 * 3;

struct WeightedSide {
  u256 balance_in;
  u256 balance_out;
  std::uint64_t weight_in;
  std::uint64_t weight_out;
  bool fast_powers;
};

namespace detail_weighted {

// ceil(a * 10^18 / b), which is required to be below 2^64: a ratio of balances.
GANTRY_HOT bool ratio_up(const u256& a, const u256& b, std::uint64_t& out) noexcept {
  if (a.fits_u128() && b.fits_u128() && b.low128() != 0) [[likely]] {
    const detail::Product256 inflated = detail::mul_128(a.low128(), one);
    if (inflated.high >= b.low128()) return false;
    const detail::Quotient128 result =
        detail::div_256_by_128(inflated.high, inflated.low, b.low128());
    const uint128 ratio = result.quotient + (result.remainder != 0 ? 1U : 0U);
    if (detail::high64(ratio) != 0) return false;
    out = detail::low64(ratio);
    return true;
  }
  u256 ratio;
  if (!div_up(a, b, ratio) || !ratio.fits_u64()) return false;
  out = ratio.limb(0);
  return true;
}

}  // namespace detail_weighted

// MAX_IN_RATIO (BAL#304): more comes in than the formula is good for. Not a matter of arithmetic,
// so limits() asks it, too.
[[nodiscard]] inline bool within_ratio(const u256& balance, const u256& amount) noexcept {
  u256 most;
  return mul_down(balance, u256(ratio_max), most) && amount <= most;
}

// GANTRY_NO_LIQUIDITY: above 30 % of the balance. GANTRY_OUT_OF_RANGE: the contract's arithmetic
// overflows. `out` may be zero.
inline gantry_status weighted_out(const WeightedSide& side, const u256& in, u256& out) noexcept {
  if (!within_ratio(side.balance_in, in)) return GANTRY_NO_LIQUIDITY;
  std::uint64_t base = 0;
  uint128 power = 0;
  const uint128 exponent = static_cast<uint128>(side.weight_in) * one / side.weight_out;
  if (!detail_weighted::ratio_up(side.balance_in, wrapping_add(side.balance_in, in), base) ||
      !power_up(base, exponent, side.fast_powers, power)) {
    return GANTRY_OUT_OF_RANGE;
  }
  const std::uint64_t complement = power < one ? one - static_cast<std::uint64_t>(power) : 0;
  return mul_down(side.balance_out, u256(complement), out) ? GANTRY_OK : GANTRY_OUT_OF_RANGE;
}

// As weighted_out(); MAX_OUT_RATIO is BAL#305.
inline gantry_status weighted_in(const WeightedSide& side, const u256& out, u256& in) noexcept {
  if (!within_ratio(side.balance_out, out)) return GANTRY_NO_LIQUIDITY;
  std::uint64_t base = 0;
  uint128 power = 0;
  const uint128 exponent =
      (static_cast<uint128>(side.weight_out) * one + (side.weight_in - 1)) / side.weight_in;
  if (!detail_weighted::ratio_up(side.balance_out, wrapping_sub(side.balance_out, out), base) ||
      !power_up(base, exponent, side.fast_powers, power) || power < one) {
    return GANTRY_OUT_OF_RANGE;
  }
  return mul_up(side.balance_in, u256::from_u128(power - one), in) ? GANTRY_OK
                                                                   : GANTRY_OUT_OF_RANGE;
}

}  // namespace gantry::balancer
