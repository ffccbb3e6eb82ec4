// The state of one pair and the exact arithmetic on it: UniswapV2Pair and UniswapV2Library.
//
// UNITS  Reserves in the token's smallest unit, below 2^112 as the contract keeps them.
#pragma once
#include <cstdint>

#include "gantry/constant_product.hpp"
#include "gantry/dex.hpp"

namespace gantry::uniswap_v2 {

// Chunk 0: what never changes.
struct PairTraits {
  std::uint32_t fee_bps;
  std::uint32_t reserved;
};

// Chunk 1, and the overlay. Relocatable: numbers only.
struct PairReserves {
  std::uint64_t reserve0[2];  // little-endian limbs
  std::uint64_t reserve1[2];
  std::uint64_t block;  // of the newest fact applied
  std::uint64_t log_index;
};

inline constexpr std::uint32_t fee_denominator = 10000;
inline constexpr std::uint64_t swap_gas = 90000;  // one pair.swap between tokens that exist

inline uint128 join(const std::uint64_t (&limbs)[2]) noexcept {
  return (static_cast<uint128>(limbs[1]) << 64U) | limbs[0];
}

inline constexpr uint128 reserve_max = (static_cast<uint128>(1) << 112U) - 1;

// ceil(amount * fee_bps / 10000) for amounts below 2^112, by constant divisors only.
inline uint128 fee_of_amount(uint128 amount, std::uint32_t fee_bps) noexcept {
  const uint128 product = amount * fee_bps + (fee_denominator - 1);
  const auto high = static_cast<std::uint64_t>(product >> 64U);
  const auto low = static_cast<std::uint64_t>(product);
  const std::uint64_t middle = ((high % fee_denominator) << 32U) | (low >> 32U);
  const std::uint64_t bottom = ((middle % fee_denominator) << 32U) | (low & 0xffffffffU);
  return (static_cast<uint128>(high / fee_denominator) << 64U) +
         (static_cast<uint128>(middle / fee_denominator) << 32U) + bottom / fee_denominator;
}

// The pair as seen by one direction.
struct Side {
  uint128 reserve_in;
  uint128 reserve_out;
  std::uint32_t fee_bps;

  ConstantProduct curve() const noexcept {
    return {u256::from_u128(reserve_in), u256::from_u128(reserve_out), fee_bps, fee_denominator};
  }
};

// Exact amounts and fee of a swap. NO_LIQUIDITY: it pays nothing, or more than there is.
// OUT_OF_RANGE: the pair reverts with OVERFLOW, as its new balance exceeds 2^112 - 1.
inline gantry_status quote_pair(const Side& side, const gantry_swap& swap,
                                gantry_quote& out) noexcept {
  const u256 amount(swap.amount);
  u256 in = amount;
  u256 paid = amount;
  const auto status = swap.mode == GANTRY_EXACT_IN ? amount_out(side.curve(), amount, paid)
                                                   : amount_in(side.curve(), amount, in);
  if (status != GANTRY_OK) return status;
  if (paid.is_zero()) return GANTRY_NO_LIQUIDITY;
  if (!in.fits_u128() || in.low128() > reserve_max - side.reserve_in) return GANTRY_OUT_OF_RANGE;
  out.amount_in = in;
  out.amount_out = paid;
  out.fee = u256::from_u128(fee_of_amount(in.low128(), side.fee_bps));
  out.gas = swap_gas;
  out.price_impact = 0;
  out.fee_on_out = 0;
  out.crossings = 0;
  if ((swap.wants & GANTRY_WANT_IMPACT) != 0) {
    // Of the curve x*y=k: 1 - (out/in') / (reserve_out/reserve_in) = in' / (reserve_in + in').
    const double kept =
        static_cast<double>(in.low128()) * (1.0 - side.fee_bps / double{fee_denominator});
    out.price_impact = kept / (static_cast<double>(side.reserve_in) + kept);
  }
  return GANTRY_OK;
}

}  // namespace gantry::uniswap_v2
