// The state of one pair and the exact arithmetic on it: UniswapV2Pair and UniswapV2Library.
//
// UNITS  Reserves in the token's smallest unit, below 2^112 as the contract keeps them.
#pragma once
#include <cstdint>

#include "gantry/constant_product.hpp"
#include "gantry/dex.hpp"

namespace gantry::uniswap_v2 {

// Chunk 0, and the overlay: all that a quote reads, small enough to share a cache line with the
// list that names it. Relocatable: numbers only.
struct PairState {
  std::uint64_t reserves[2][2];  // by token; little-endian limbs
  std::uint64_t block;           // of the newest fact applied
  std::uint32_t log_index;
  std::uint16_t fee_bps;
  std::uint16_t known;  // has_reserves, and awaits_factory until it has answered
};
static_assert(sizeof(PairState) == 48);

inline constexpr std::uint16_t has_reserves = 1;
inline constexpr std::uint16_t awaits_factory = 2;  // it has to say that the pair is its own

inline constexpr std::uint32_t fee_denominator = 10000;
inline constexpr std::uint64_t swap_gas = 90000;  // one pair.swap between tokens that exist

inline uint128 join(const std::uint64_t (&limbs)[2]) noexcept {
  return (static_cast<uint128>(limbs[1]) << 64U) | limbs[0];
}

inline constexpr uint128 reserve_max = (static_cast<uint128>(1) << 112U) - 1;

inline bool quotable(const PairState& pair) noexcept {
  return (pair.known & (has_reserves | awaits_factory)) == has_reserves;
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

inline void put(gantry_amount& amount, uint128 value) noexcept {
  amount.limb[0] = static_cast<std::uint64_t>(value);
  amount.limb[1] = static_cast<std::uint64_t>(value >> 64U);
  amount.limb[2] = 0;
  amount.limb[3] = 0;
}

// Of the curve x*y=k: 1 - (out/in') / (reserve_out/reserve_in) = in' / (reserve_in + in').
GANTRY_APART inline double price_impact(uint128 reserve_in, uint128 in, std::uint32_t fee_bps) {
  const double effective = static_cast<double>(in) * (1.0 - fee_bps / double{fee_denominator});
  return effective / (static_cast<double>(reserve_in) + effective);
}

// Fills the answer for amounts that the pair takes. The fee is ceil(in * fee_bps / 10000).
// Rationale: limbs are written once, from registers; a 256-bit value that is built and then copied
// stalls for longer than the arithmetic takes.
GANTRY_HOT void fill_quote(const Side& side, const gantry_swap& swap, uint128 in, uint128 paid,
                           gantry_quote& out) noexcept {
  const uint128 kept = in * (fee_denominator - side.fee_bps);
  put(out.amount_in, in);
  put(out.amount_out, paid);
  put(out.fee, in - detail::div_128_by_constant<fee_denominator>(kept));
  out.gas = swap_gas;
  out.price_impact = 0;
  out.fee_on_out = 0;
  out.crossings = 0;
  if ((swap.wants & GANTRY_WANT_IMPACT) != 0) {
    out.price_impact = price_impact(side.reserve_in, in, side.fee_bps);
  }
}

// quote_pair() for every mode but GANTRY_EXACT_IN. By value: a Side whose address is taken lives in
// memory.
GANTRY_APART inline gantry_status quote_other_mode(Side side, const gantry_swap& swap,
                                                   gantry_quote& out) noexcept {
  if (swap.mode != GANTRY_EXACT_OUT) return GANTRY_UNSUPPORTED;
  const u256 wanted(swap.amount);
  if (wanted.is_zero()) return GANTRY_NO_LIQUIDITY;
  u256 in;
  if (const auto status = amount_in(side.curve(), wanted, in); status != GANTRY_OK) return status;
  if (!in.fits_u128() || in.low128() > reserve_max - side.reserve_in) return GANTRY_OUT_OF_RANGE;
  fill_quote(side, swap, in.low128(), wanted.low128(), out);
  return GANTRY_OK;
}

// Exact amounts and fee of a swap; `out` is written only with GANTRY_OK. NO_LIQUIDITY: it pays
// nothing, or more than there is. OUT_OF_RANGE: the pair reverts with OVERFLOW, as its new balance
// exceeds 2^112 - 1. UNSUPPORTED: an unknown mode.
GANTRY_HOT gantry_status quote_pair(const Side& side, const gantry_swap& swap,
                                    gantry_quote& out) noexcept {
  if (swap.mode != GANTRY_EXACT_IN) [[unlikely]]
    return quote_other_mode(side, swap, out);
  if (side.reserve_in == 0 || side.reserve_out == 0) return GANTRY_NO_LIQUIDITY;
  if ((swap.amount.limb[2] | swap.amount.limb[3]) != 0) return GANTRY_OUT_OF_RANGE;
  const uint128 in = (static_cast<uint128>(swap.amount.limb[1]) << 64U) | swap.amount.limb[0];
  if (in > reserve_max - side.reserve_in) return GANTRY_OUT_OF_RANGE;
  // Below 2^126 and 2^127: reserves and amounts are below 2^112, the factors below 2^14.
  const uint128 in_kept = in * (fee_denominator - side.fee_bps);
  const uint128 base = side.reserve_in * fee_denominator + in_kept;
  const uint128 paid = detail::mul_ratio_128(in_kept, side.reserve_out, base);
  if (paid == 0) return GANTRY_NO_LIQUIDITY;
  fill_quote(side, swap, in, paid, out);
  return GANTRY_OK;
}

}  // namespace gantry::uniswap_v2
