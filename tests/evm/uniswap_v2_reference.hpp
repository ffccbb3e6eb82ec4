// The constant-product formulas of UniswapV2Library, written as plainly as they can be, in integers
// without a limit. Includes no product code: it is what the product is compared with.
#pragma once
#include "evm/abi_words.hpp"

namespace gantry::test {

// The fee is fee_numerator / fee_denominator of the input: 3 / 1000 for Uniswap V2 itself.
struct ReferencePool {
  Integer reserve_in;
  Integer reserve_out;
  Integer fee_numerator = 3;
  Integer fee_denominator = 1000;
};

// getAmountOut: the most that the pool pays, rounded down.
inline Integer reference_amount_out(const ReferencePool& pool, const Integer& amount_in) {
  const Integer after_fee = amount_in * (pool.fee_denominator - pool.fee_numerator);
  return after_fee * pool.reserve_out / (pool.reserve_in * pool.fee_denominator + after_fee);
}

// The least input whose output is at least amount_out, which is below reserve_out.
inline Integer reference_least_amount_in(const ReferencePool& pool, const Integer& amount_out) {
  const Integer numerator = pool.reserve_in * amount_out * pool.fee_denominator;
  const Integer denominator =
      (pool.reserve_out - amount_out) * (pool.fee_denominator - pool.fee_numerator);
  return (numerator + denominator - 1) / denominator;
}

// getAmountIn: the quotient rounded down, plus one. Where the division leaves nothing over, that is
// one more than the least.
inline Integer reference_amount_in(const ReferencePool& pool, const Integer& amount_out) {
  const Integer numerator = pool.reserve_in * amount_out * pool.fee_denominator;
  const Integer denominator =
      (pool.reserve_out - amount_out) * (pool.fee_denominator - pool.fee_numerator);
  return numerator / denominator + 1;
}

// Whether getAmountOut's products fit in the 256 bits that the EVM has.
inline bool reference_fits_256_bits(const ReferencePool& pool, const Integer& amount_in) {
  const Integer after_fee = amount_in * (pool.fee_denominator - pool.fee_numerator);
  const Integer numerator = after_fee * pool.reserve_out;
  const Integer denominator = pool.reserve_in * pool.fee_denominator + after_fee;
  return (numerator >> 256) == 0 && (denominator >> 256) == 0;
}

}  // namespace gantry::test
