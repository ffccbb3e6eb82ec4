// Balancer's 18-decimal fixed-point arithmetic, rounded as FixedPoint.sol rounds.
//
// ERRORS  False where the contract reverts: a product above 2^256 - 1, a zero divisor, a negative
//         difference. `out` is then untouched.
#pragma once
#include <cstdint>

#include "gantry/u256.hpp"

namespace gantry::balancer {

inline constexpr std::uint64_t one = 1'000'000'000'000'000'000;  // 1.0
inline constexpr uint128 largest_u112 = (static_cast<uint128>(1) << 112U) - 1;

// floor(value / divisor) for 256-bit values below 2^dividend_bits and a divisor known to the
// compiler: Barrett's reduction. Requires dividend_bits < divisor's bits + 127.
// Rationale: a processor's own division takes longer than these two products, and a power needs
// thirty of them in a row.
template <uint128 divisor, unsigned dividend_bits>
class ConstantDivision {
 public:
  GANTRY_HOT static constexpr uint128 floor(uint128 high, uint128 low) {
    const uint128 top = (high << (128 - drop)) | (low >> drop);
    const detail::Product256 product = detail::mul_128(top, reciprocal);
    uint128 quotient = (product.high << (128 - keep)) | (product.low >> keep);
    uint128 rest = low - quotient * divisor;  // below 3 * divisor, so its low half says it all
    if (rest >= divisor) [[unlikely]] {
      ++quotient;
      rest -= divisor;
    }
    if (rest >= divisor) [[unlikely]]
      ++quotient;
    return quotient;
  }
  GANTRY_HOT static constexpr uint128 of_product(uint128 a, uint128 b) {
    const detail::Product256 product = detail::mul_128(a, b);
    return floor(product.high, product.low);
  }

 private:
  static constexpr unsigned divisor_bits = 128 - detail::leading_zeros(divisor);
  static constexpr unsigned drop = divisor_bits - 1;
  static constexpr unsigned keep = dividend_bits - drop;
  static constexpr uint128 reciprocal =  // floor(2^dividend_bits / divisor)
      dividend_bits < 128
          ? (static_cast<uint128>(1) << dividend_bits) / divisor
          : detail::div_256_by_128(static_cast<uint128>(1) << (dividend_bits - 128), 0, divisor)
                .quotient;
  static_assert(divisor_bits < 125 && drop > 0 && keep > 0 && keep < 128);
};

inline constexpr uint128 one_20 = static_cast<uint128>(one) * 100;
inline constexpr uint128 one_36 = static_cast<uint128>(one) * one;

// Of values below 2^186, 2^187 and 2^240.
using DivideByOne = ConstantDivision<one, 186>;
using DivideByOne20 = ConstantDivision<one_20, 187>;
using DivideByOne36 = ConstantDivision<one_36, 240>;

[[nodiscard]] inline bool mul_down(const u256& a, const u256& b, u256& out) noexcept {
  u256 product;
  if (!mul(a, b, product)) return false;
  if ((product.high128() >> 58U) == 0) {
    out = u256::from_u128(DivideByOne::floor(product.high128(), product.low128()));
    return true;
  }
  return div_floor(product, u256(one), out);
}

[[nodiscard]] inline bool mul_up(const u256& a, const u256& b, u256& out) noexcept {
  u256 product;
  if (!mul(a, b, product)) return false;
  return div_ceil(product, u256(one), out);
}

[[nodiscard]] inline bool div_down(const u256& a, const u256& b, u256& out) noexcept {
  u256 inflated;
  return mul(a, one, inflated) && div_floor(inflated, b, out);
}

[[nodiscard]] inline bool div_up(const u256& a, const u256& b, u256& out) noexcept {
  u256 inflated;
  return mul(a, one, inflated) && div_ceil(inflated, b, out);
}

}  // namespace gantry::balancer
