// One step of a swap inside one range of liquidity: SqrtPriceMath and SwapMath of
// @uniswap/v3-core 1.0.1, rounded as they round.
//
// UNITS   Roots of prices in Q64.96, below 2^160; amounts in smallest units; liquidity below 2^128.
// ERRORS  false: the contract reverts, or a divisor that no pool has.
#pragma once
#include <cstdint>

#include "gantry/u256.hpp"

namespace gantry::uniswap_v3 {

inline constexpr std::uint32_t fee_denominator = 1'000'000;

enum class Rounding { down, up };

// a * b / 2^96, where b is below 2^160.
template <Rounding rounding>
GANTRY_HOT u256 mul_shift_96(uint128 a, const u256& b) noexcept {
  const auto low = gantry::detail::mul_128(a, b.low128());
  const auto high = gantry::detail::mul_128(a, b.high128());  // below 2^160
  const uint128 second = low.high + high.low;
  const uint128 third = high.high + static_cast<std::uint64_t>(second < low.high);
  const auto bits = u256::from_halves(low.low >> 96U | second << 32U, second >> 96U | third << 32U);
  if constexpr (rounding == Rounding::down) return bits;
  const bool rest = (low.low & ((uint128{1} << 96U) - 1)) != 0;
  return wrapping_add(bits, u256(static_cast<std::uint64_t>(rest)));
}

// liquidity * b * 2^96 / divisor, for quotients below 2^128 and divisors above it. False: it is
// neither, and has to be computed in full.
// Rationale: two digits by the divisor's first 128 bits are at most two too large, and a product
// tells by how much; that takes half as long as a division of such widths.
template <Rounding rounding>
GANTRY_HOT bool ratio_96(uint128 liquidity, uint128 b, const u256& divisor, uint128& out) noexcept {
  using gantry::detail::div_3by2;
  using gantry::detail::mul_128;
  using gantry::detail::TooLarge;
  const uint128 high = divisor.high128();
  const uint128 low = divisor.low128();
  if (high == 0) [[unlikely]]
    return false;
  const auto product = mul_128(liquidity, b);
  const uint128 limb0 = product.low << 96U;
  const uint128 limb1 = product.low >> 32U | product.high << 96U;
  const uint128 limb2 = product.high >> 32U;
  const unsigned shift = gantry::detail::leading_zeros(high);
  const unsigned back = 127 - shift;  // and one more
  const uint128 top = gantry::detail::shift_left_128(high, shift) | low >> 1U >> back;
  const uint128 rest2 = gantry::detail::shift_left_128(limb2, shift) | limb1 >> 1U >> back;
  const uint128 rest1 = gantry::detail::shift_left_128(limb1, shift) | limb0 >> 1U >> back;
  // What the first shift loses is not zero where the quotient is too large.
  if ((limb2 >> 1U >> back) != 0 || rest2 >= top) [[unlikely]]
    return false;
  const auto first = div_3by2<TooLarge::often>(rest2, gantry::detail::high64(rest1), top);
  const auto second = div_3by2<TooLarge::often>(first.remainder, gantry::detail::low64(rest1), top);
  uint128 quotient = gantry::detail::join(first.quotient, second.quotient);
  const auto by_low = mul_128(quotient, low);
  const auto by_high = mul_128(quotient, high);
  uint128 taken0 = by_low.low;
  uint128 taken1 = by_low.high + by_high.low;
  uint128 taken2 = by_high.high + static_cast<std::uint64_t>(taken1 < by_high.low);
  while (taken2 > limb2 ||
         (taken2 == limb2 && (taken1 > limb1 || (taken1 == limb1 && taken0 > limb0)))) {
    --quotient;
    const auto borrow0 = static_cast<std::uint64_t>(taken0 < low);
    const auto borrow1 =
        static_cast<std::uint64_t>(taken1 < high || (taken1 == high && borrow0 != 0));
    taken0 -= low;
    taken1 -= high + borrow0;
    taken2 -= borrow1;
  }
  if constexpr (rounding == Rounding::up) {
    const bool exact = taken0 == limb0 && taken1 == limb1 && taken2 == limb2;
    if (!exact && quotient == ~uint128{0}) [[unlikely]]
      return false;
    quotient += static_cast<std::uint64_t>(!exact);
  }
  out = quotient;
  return true;
}

// liquidity * 2^96 * b / c in full.
template <Rounding rounding>
GANTRY_APART bool mul_div_96(uint128 liquidity, const u256& b, const u256& c, u256& out) noexcept {
  const u256 scaled = shift_left(u256::from_u128(liquidity), 96);
  return rounding == Rounding::up ? mul_div_ceil(scaled, b, c, out)
                                  : mul_div_floor(scaled, b, c, out);
}

// value / divisor, where value is below 2^224: UnsafeMath.divRoundingUp, or a plain division.
template <Rounding rounding>
GANTRY_HOT bool divide(const u256& value, const u256& divisor, u256& out) noexcept {
  return rounding == Rounding::up ? div_ceil(value, divisor, out) : div_floor(value, divisor, out);
}

// SqrtPriceMath.getAmount0Delta for low <= high. It divides by one root and then by the other,
// rounding the same way twice, which gives what one division by their product gives.
template <Rounding rounding>
GANTRY_HOT bool amount0_between(const u256& low, const u256& high, uint128 liquidity,
                                u256& out) noexcept {
  if (high.fits_u128()) [[likely]] {
    const auto roots = gantry::detail::mul_128(low.low128(), high.low128());
    uint128 amount = 0;
    if (ratio_96<rounding>(liquidity, high.low128() - low.low128(),
                           u256::from_halves(roots.low, roots.high), amount)) {
      out = u256::from_u128(amount);
      return true;
    }
  }
  u256 scaled;
  return mul_div_96<rounding>(liquidity, wrapping_sub(high, low), high, scaled) &&
         divide<rounding>(scaled, low, out);
}

// SqrtPriceMath.getAmount1Delta for low <= high.
template <Rounding rounding>
GANTRY_HOT u256 amount1_between(const u256& low, const u256& high, uint128 liquidity) noexcept {
  return mul_shift_96<rounding>(liquidity, wrapping_sub(high, low));
}

// What a step takes in (out) to move the price from `from` to `to`, rounded against the taker.
template <bool zero_for_one>
GANTRY_HOT bool step_in(const u256& from, const u256& to, uint128 liquidity, u256& out) noexcept {
  if constexpr (zero_for_one) return amount0_between<Rounding::up>(to, from, liquidity, out);
  out = amount1_between<Rounding::up>(from, to, liquidity);
  return true;
}

template <bool zero_for_one>
GANTRY_HOT bool step_out(const u256& from, const u256& to, uint128 liquidity, u256& out) noexcept {
  if constexpr (!zero_for_one) return amount0_between<Rounding::down>(from, to, liquidity, out);
  out = amount1_between<Rounding::down>(to, from, liquidity);
  return true;
}

// amount * 2^96 / divisor, for any amount: quotients above 2^256 are false.
template <Rounding rounding>
GANTRY_HOT bool shift_96_div(const u256& amount, uint128 divisor, u256& out) noexcept {
  const u256 by = u256::from_u128(divisor);
  if (amount.high128() >> 32U == 0) [[likely]] {
    return divide<rounding>(shift_left(amount, 96), by, out);
  }
  const u256 q96 = shift_left(u256(1), 96);
  return rounding == Rounding::up ? mul_div_ceil(amount, q96, by, out)
                                  : mul_div_floor(amount, q96, by, out);
}

inline bool fits_160(const u256& value) noexcept {
  return value.limb(3) == 0 && value.limb(2) >> 32U == 0;
}

// ceil(liquidity * 2^96 * sqrt / denominator).
GANTRY_HOT bool next_sqrt_over(uint128 liquidity, const u256& sqrt, const u256& denominator,
                               u256& out) noexcept {
  uint128 next = 0;
  if (sqrt.fits_u128() && ratio_96<Rounding::up>(liquidity, sqrt.low128(), denominator, next))
      [[likely]] {
    out = u256::from_u128(next);
    return true;
  }
  return mul_div_96<Rounding::up>(liquidity, sqrt, denominator, out);
}

// SqrtPriceMath.getNextSqrtPriceFromAmount0RoundingUp: the price falls as token 0 is added.
template <bool add_amount>
GANTRY_HOT bool next_sqrt_by_amount0(const u256& sqrt, uint128 liquidity, const u256& amount,
                                     u256& out) noexcept {
  if (amount.is_zero()) {
    out = sqrt;
    return true;
  }
  const u256 scaled = shift_left(u256::from_u128(liquidity), 96);
  u256 product;
  const bool fits = mul(amount, sqrt, product);
  if constexpr (add_amount) {
    u256 denominator;
    if (fits && add(scaled, product, denominator)) {
      return next_sqrt_over(liquidity, sqrt, denominator, out);
    }
    return div_floor(scaled, sqrt, denominator) && add(denominator, amount, denominator) &&
           div_ceil(scaled, denominator, out);
  } else {
    if (!fits || scaled <= product) return false;
    return next_sqrt_over(liquidity, sqrt, wrapping_sub(scaled, product), out) && fits_160(out);
  }
}

// SqrtPriceMath.getNextSqrtPriceFromAmount1RoundingDown: the price rises as token 1 is added.
template <bool add_amount>
GANTRY_HOT bool next_sqrt_by_amount1(const u256& sqrt, uint128 liquidity, const u256& amount,
                                     u256& out) noexcept {
  u256 quotient;
  if constexpr (add_amount) {
    return shift_96_div<Rounding::down>(amount, liquidity, quotient) && add(sqrt, quotient, out) &&
           fits_160(out);
  } else {
    if (!shift_96_div<Rounding::up>(amount, liquidity, quotient) || quotient >= sqrt) return false;
    out = wrapping_sub(sqrt, quotient);
    return true;
  }
}

// floor(amount * (1e6 - fee) / 1e6), and ceil(amount * fee / (1e6 - fee)).
GANTRY_HOT u256 without_fee(const u256& amount, std::uint32_t fee) noexcept {
  const std::uint64_t kept = fee_denominator - fee;
  if (amount.fits_u128() && amount.low128() >> 108U == 0) [[likely]] {
    return u256::from_u128(
        gantry::detail::div_128_by_constant<fee_denominator>(amount.low128() * kept));
  }
  u256 out;
  (void)mul_div_floor(amount, u256(kept), u256(fee_denominator), out);  // below amount
  return out;
}

GANTRY_HOT u256 fee_on(const u256& amount, std::uint32_t fee) noexcept {
  const std::uint64_t kept = fee_denominator - fee;
  if (amount.fits_u128() && amount.low128() >> 100U == 0) [[likely]] {
    const uint128 value = amount.low128() * fee + (kept - 1);
    const std::uint64_t top = gantry::detail::high64(value);
    const auto low = gantry::detail::div_2by1(top % kept, gantry::detail::low64(value), kept);
    return u256::from_u128(gantry::detail::join(top / kept, low.quotient));
  }
  u256 out;
  (void)mul_div_ceil(amount, u256(fee), u256(kept), out);  // amounts of a step are below 2^193
  return out;
}

struct Step {
  u256 sqrt;       // after it
  u256 amount_in;  // without the fee
  u256 amount_out;
  u256 fee;
  bool reached = false;  // the target
};

// Whether step_in() from `sqrt` to `next` is the whole amount that moved the price there: what the
// root was rounded by is then worth less than one of the amount. With token 0 the exact root is in
// (next - 1, next], and L * 2^96 * (1/(next - 1) - 1/next) has to be 1 at most; with token 1 it is
// in [next, next + 1), and L / 2^96 has to be. False: it may be the whole amount all the same.
// Rationale: it nearly always is, and this spares a division.
template <bool zero_for_one>
GANTRY_HOT bool takes_all(const u256& sqrt, const u256& next, uint128 liquidity) noexcept {
  if constexpr (!zero_for_one) return liquidity <= uint128{1} << 96U;
  // Above 128 bits the contract may have rounded twice, where its product overflows.
  if (!sqrt.fits_u128() || next.is_zero()) return false;
  const auto area = gantry::detail::mul_128(next.low128(), next.low128() - 1);
  const uint128 high = liquidity >> 32U;
  return high < area.high || (high == area.high && liquidity << 96U <= area.low);
}

// SwapMath.computeSwapStep. `in_max` and `out_max`, step_in() and step_out() to the target, are the
// caller's to have ready: a pool knows those of its first step.
template <bool zero_for_one>
GANTRY_HOT bool step_exact_in(const u256& sqrt, const u256& target, uint128 liquidity,
                              const u256& remaining, std::uint32_t fee, const u256& in_max,
                              Step& out) noexcept {
  const u256 kept = without_fee(remaining, fee);
  if (kept >= in_max) {
    out.reached = true;
    out.sqrt = target;
    out.amount_in = in_max;
    out.fee = fee_on(in_max, fee);
    return true;  // amount_out is step_out() to the target
  }
  if (liquidity == 0) return false;
  if constexpr (zero_for_one) {
    if (!next_sqrt_by_amount0<true>(sqrt, liquidity, kept, out.sqrt)) return false;
  } else {
    if (!next_sqrt_by_amount1<true>(sqrt, liquidity, kept, out.sqrt)) return false;
  }
  // Rounding can bring it to the target all the same, and then the fee is that of the amount.
  out.reached = out.sqrt == target;
  if (out.reached) {
    out.amount_in = in_max;
    out.fee = fee_on(in_max, fee);
    return true;
  }
  if (takes_all<zero_for_one>(sqrt, out.sqrt, liquidity)) [[likely]] {
    out.amount_in = kept;
  } else if (!step_in<zero_for_one>(sqrt, out.sqrt, liquidity, out.amount_in)) {
    return false;
  }
  if (!step_out<zero_for_one>(sqrt, out.sqrt, liquidity, out.amount_out)) return false;
  out.fee = wrapping_sub(remaining, out.amount_in);
  return true;
}

template <bool zero_for_one>
GANTRY_HOT bool step_exact_out(const u256& sqrt, const u256& target, uint128 liquidity,
                               const u256& remaining, std::uint32_t fee, const u256& out_max,
                               Step& out) noexcept {
  if (remaining >= out_max) {
    out.reached = true;
    out.sqrt = target;
    out.amount_out = out_max;
    return true;  // amount_in is step_in() to the target, and the fee is of it
  }
  if (liquidity == 0) return false;
  if constexpr (zero_for_one) {
    if (!next_sqrt_by_amount1<false>(sqrt, liquidity, remaining, out.sqrt)) return false;
  } else {
    if (!next_sqrt_by_amount0<false>(sqrt, liquidity, remaining, out.sqrt)) return false;
  }
  out.reached = out.sqrt == target;
  // The contract computes what is between and takes the lesser of that and what was asked for. It
  // is no less, as the root is rounded away from `sqrt`.
  out.amount_out = remaining;
  if (!step_in<zero_for_one>(sqrt, out.sqrt, liquidity, out.amount_in)) return false;
  out.fee = fee_on(out.amount_in, fee);
  return true;
}

}  // namespace gantry::uniswap_v3
