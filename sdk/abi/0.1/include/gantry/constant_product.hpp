// gantry/constant_product.hpp: swaps on reserve_in * reserve_out = constant, fee taken from what
// goes in. Uniswap V2 and its forks; UniswapV2Library.getAmountOut and getAmountIn.
//
// UNITS      Amounts and reserves in the smallest unit of their token. The fee is
//            fee_numerator / fee_denominator of the amount in: 3 / 1000 for Uniswap V2.
// THREADS    Pure functions: any thread, no allocation.
// ERRORS     As listed; `out` is untouched unless the status is GANTRY_OK. Amount zero is not an
//            error here, though contracts refuse it: the formula is all that this header knows.
#ifndef GANTRY_CONSTANT_PRODUCT_HPP
#define GANTRY_CONSTANT_PRODUCT_HPP
#include <gantry/abi.h>

#include <cstdint>
#include <gantry/u256.hpp>

namespace gantry {

struct ConstantProduct {
  u256 reserve_in;
  u256 reserve_out;
  std::uint32_t fee_numerator = 3;
  std::uint32_t fee_denominator = 1000;
};

namespace detail {

constexpr bool is_fee(const ConstantProduct& pool) {
  return pool.fee_numerator < pool.fee_denominator;
}

// amount_out by checked 256-bit arithmetic, as the contract has it: every input, no shortcut.
GANTRY_APART constexpr gantry_status amount_out_general(const ConstantProduct& pool, const u256& in,
                                                        u256& out) {
  if (!is_fee(pool)) return GANTRY_BAD_ARGUMENT;
  if (pool.reserve_in.is_zero() || pool.reserve_out.is_zero()) return GANTRY_NO_LIQUIDITY;
  u256 in_kept;
  u256 numerator;
  u256 denominator;
  if (!mul(in, std::uint64_t{pool.fee_denominator - pool.fee_numerator}, in_kept) ||
      !mul(in_kept, pool.reserve_out, numerator) ||
      !mul(pool.reserve_in, std::uint64_t{pool.fee_denominator}, denominator) ||
      !add(denominator, in_kept, denominator) || !div_floor(numerator, denominator, out)) {
    return GANTRY_OUT_OF_RANGE;
  }
  return GANTRY_OK;
}

// Every input. in * n / d < in, so the division cannot overflow.
GANTRY_APART constexpr gantry_status fee_of_general(const ConstantProduct& pool, const u256& in,
                                                    u256& fee) {
  const bool fits = mul_div_ceil(in, u256(pool.fee_numerator), u256(pool.fee_denominator), fee);
  return fits ? GANTRY_OK : GANTRY_OUT_OF_RANGE;
}

// floor(value / denominator), by a multiplication for the denominators that contracts use.
GANTRY_HOT constexpr uint128 divide_by_fee(uint128 value, std::uint32_t denominator) {
  if (denominator == 1000) return div_128_by_constant<1000>(value);
  if (denominator == 10'000) return div_128_by_constant<10'000>(value);
  if (denominator == 1'000'000) return div_128_by_constant<1'000'000>(value);
  const Quotient64 high = div_2by1(0, high64(value), denominator);
  const Quotient64 low = div_2by1(high.remainder, low64(value), denominator);
  return join(high.quotient, low.quotient);
}

}  // namespace detail

// The amount out for exactly `in`:
//   floor(in * (d - n) * reserve_out / (reserve_in * d + in * (d - n))), fee n / d.
// NO_LIQUIDITY: a reserve is zero. OUT_OF_RANGE: an intermediate product overflows 256 bits, where
// the contract reverts. BAD_ARGUMENT: the fee is not below 1. Always less than reserve_out.
GANTRY_HOT constexpr gantry_status amount_out(const ConstantProduct& pool, const u256& in,
                                              u256& out) {
  const bool narrow =
      ((pool.reserve_in.limb(2) | pool.reserve_in.limb(3)) |
       (pool.reserve_out.limb(2) | pool.reserve_out.limb(3)) | (in.limb(2) | in.limb(3))) == 0;
  if (!narrow || !detail::is_fee(pool)) [[unlikely]] {
    return detail::amount_out_general(pool, in, out);
  }
  // Everything that a pair of 112-bit reserves can hold: denominator below 2^128.
  const std::uint64_t keep = pool.fee_denominator - pool.fee_numerator;
  const uint128 kept_low = detail::mul64(in.limb(0), keep);
  const uint128 kept_high = detail::mul64(in.limb(1), keep) + detail::high64(kept_low);
  const uint128 in_kept = detail::join(detail::low64(kept_high), detail::low64(kept_low));
  const uint128 base_low = detail::mul64(pool.reserve_in.limb(0), pool.fee_denominator);
  const uint128 base_high =
      detail::mul64(pool.reserve_in.limb(1), pool.fee_denominator) + detail::high64(base_low);
  uint128 denominator = 0;
  const bool carry = __builtin_add_overflow(
      detail::join(detail::low64(base_high), detail::low64(base_low)), in_kept, &denominator);
  const bool wide = (detail::high64(kept_high) | detail::high64(base_high)) != 0;
  if (carry || wide || pool.reserve_in.is_zero() || pool.reserve_out.is_zero()) [[unlikely]] {
    return detail::amount_out_general(pool, in, out);
  }
  out = u256::from_u128(detail::mul_ratio_128(in_kept, pool.reserve_out.low128(), denominator));
  return GANTRY_OK;
}

// The amount that must go in for at least `out`:
//   floor(reserve_in * out * d / ((reserve_out - out) * (d - n))) + 1, fee n / d.
// NO_LIQUIDITY: reserve_in is zero, or `out` is not below reserve_out. OUT_OF_RANGE: an
// intermediate product overflows 256 bits, where the contract reverts. BAD_ARGUMENT: the fee is not
// below 1.
constexpr gantry_status amount_in(const ConstantProduct& pool, const u256& out, u256& in) {
  if (!detail::is_fee(pool)) return GANTRY_BAD_ARGUMENT;
  u256 left;
  if (pool.reserve_in.is_zero() || out == pool.reserve_out || !sub(pool.reserve_out, out, left)) {
    return GANTRY_NO_LIQUIDITY;
  }
  u256 numerator;
  u256 denominator;
  u256 quotient;
  if (!mul(pool.reserve_in, out, numerator) ||
      !mul(numerator, std::uint64_t{pool.fee_denominator}, numerator) ||
      !mul(left, std::uint64_t{pool.fee_denominator - pool.fee_numerator}, denominator) ||
      !div_floor(numerator, denominator, quotient) || !add(quotient, u256(1), in)) {
    return GANTRY_OUT_OF_RANGE;
  }
  return GANTRY_OK;
}

// The fee within `in`, in the token that goes in: what the formulas above leave out of `in`,
// ceil(in * n / d), fee n / d. BAD_ARGUMENT: the fee is not below 1.
GANTRY_HOT constexpr gantry_status fee_of(const ConstantProduct& pool, const u256& in, u256& fee) {
  if (!detail::is_fee(pool)) [[unlikely]]
    return GANTRY_BAD_ARGUMENT;
  const std::uint64_t keep = pool.fee_denominator - pool.fee_numerator;
  const uint128 kept_low = detail::mul64(in.limb(0), keep);
  const uint128 kept_high = detail::mul64(in.limb(1), keep) + detail::high64(kept_low);
  if (!in.fits_u128() || detail::high64(kept_high) != 0) [[unlikely]] {
    return detail::fee_of_general(pool, in, fee);
  }
  // in - floor(in * keep / d), as the product is amount_out's, too.
  const uint128 in_kept = detail::join(detail::low64(kept_high), detail::low64(kept_low));
  const uint128 kept = detail::divide_by_fee(in_kept, pool.fee_denominator);
  fee = u256::from_u128(in.low128() - kept);
  return GANTRY_OK;
}

}  // namespace gantry
#endif
