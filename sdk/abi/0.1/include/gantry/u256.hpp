// gantry/u256.hpp: unsigned 256-bit integers, the type of every amount.
//
// UNITS      Whatever the caller counts, in the smallest unit. There are no fractions: a division
//            names its rounding.
// THREADS    Pure values: any thread. Everything but the std::string conversions allocates nothing.
// OWNERSHIP  A u256 is a value; it has the layout of gantry_amount.
// ERRORS     Checked functions return false and leave `out` untouched when the exact result is not
//            in 0 .. 2^256 - 1 or a divisor is zero. `out` may be one of the operands. What wraps
//            says so in its name: there is no operator+, so that nobody wraps by accident.
// STABILITY  SDK 0.1. Only for g++ and clang++, whose unsigned __int128 it uses.
#ifndef GANTRY_U256_HPP
#define GANTRY_U256_HPP
#include <gantry/abi.h>

#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <gantry/detail/limbs.hpp>
#include <type_traits>

namespace gantry {

using detail::uint128;

class u256 {
 public:
  constexpr u256() = default;  // zero
  // Implicit, as no value is lost. Negative numbers are the compiler's -Wsign-conversion to find.
  constexpr u256(std::uint64_t value) : value_{{value, 0, 0, 0}} {}
  constexpr explicit u256(const gantry_amount& amount) : value_(amount) {}

  static constexpr u256 from_u128(uint128 value) { return from_halves(value, 0); }
  static constexpr u256 from_halves(uint128 low, uint128 high) {
    return from_limbs(detail::low64(low), detail::high64(low), detail::low64(high),
                      detail::high64(high));
  }
  // Least significant first.
  static constexpr u256 from_limbs(std::uint64_t limb0, std::uint64_t limb1, std::uint64_t limb2,
                                   std::uint64_t limb3) {
    return u256(gantry_amount{{limb0, limb1, limb2, limb3}});
  }
  static constexpr u256 max() {
    return from_halves(~static_cast<uint128>(0), ~static_cast<uint128>(0));
  }

  constexpr gantry_amount amount() const { return value_; }
  constexpr operator gantry_amount() const { return value_; }

  // 0 is the least significant; index < 4.
  constexpr std::uint64_t limb(std::size_t index) const { return value_.limb[index]; }
  constexpr uint128 low128() const { return detail::join(limb(1), limb(0)); }
  constexpr uint128 high128() const { return detail::join(limb(3), limb(2)); }

  constexpr bool is_zero() const { return (limb(0) | limb(1) | limb(2) | limb(3)) == 0; }
  constexpr bool fits_u64() const { return (limb(1) | limb(2) | limb(3)) == 0; }
  constexpr bool fits_u128() const { return (limb(2) | limb(3)) == 0; }

  GANTRY_HOT friend constexpr bool operator==(const u256& a, const u256& b) {
    return ((a.limb(0) ^ b.limb(0)) | (a.limb(1) ^ b.limb(1)) | (a.limb(2) ^ b.limb(2)) |
            (a.limb(3) ^ b.limb(3))) == 0;
  }
  GANTRY_HOT friend constexpr std::strong_ordering operator<=>(const u256& a, const u256& b) {
    if (a.high128() != b.high128()) {
      return a.high128() < b.high128() ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    if (a.low128() == b.low128()) return std::strong_ordering::equal;
    return a.low128() < b.low128() ? std::strong_ordering::less : std::strong_ordering::greater;
  }

 private:
  gantry_amount value_{};
};

static_assert(sizeof(u256) == sizeof(gantry_amount) && std::is_standard_layout_v<u256> &&
              std::is_trivially_copyable_v<u256>);

// A product in full. Orders by value: compare two products exactly with mul_wide(a, b) < ....
struct u512 {
  u256 low;
  u256 high;

  friend constexpr bool operator==(const u512& a, const u512& b) = default;
  friend constexpr std::strong_ordering operator<=>(const u512& a, const u512& b) {
    const std::strong_ordering order = a.high <=> b.high;
    return order != 0 ? order : a.low <=> b.low;
  }
};

constexpr bool is_zero(const u256& value) { return value.is_zero(); }

// The number of bits up to the highest one; 0 for zero.
constexpr unsigned bit_width(const u256& value) {
  if (value.high128() != 0) return 256 - detail::leading_zeros(value.high128());
  return value.low128() == 0 ? 0 : 128 - detail::leading_zeros(value.low128());
}

// Modulo 2^256.
GANTRY_HOT constexpr u256 wrapping_add(const u256& a, const u256& b) {
  const uint128 low = a.low128() + b.low128();
  const auto carry = static_cast<std::uint64_t>(low < a.low128());
  return u256::from_halves(low, a.high128() + b.high128() + carry);
}

// Modulo 2^256.
GANTRY_HOT constexpr u256 wrapping_sub(const u256& a, const u256& b) {
  const auto borrow = static_cast<std::uint64_t>(a.low128() < b.low128());
  return u256::from_halves(a.low128() - b.low128(), a.high128() - b.high128() - borrow);
}

// Modulo 2^256.
GANTRY_HOT constexpr u256 wrapping_mul(const u256& a, const u256& b) {
  const detail::Product256 low = detail::mul_128(a.low128(), b.low128());
  return u256::from_halves(low.low, low.high + a.low128() * b.high128() + a.high128() * b.low128());
}

constexpr u256 bitwise_and(const u256& a, const u256& b) {
  return u256::from_halves(a.low128() & b.low128(), a.high128() & b.high128());
}
constexpr u256 bitwise_or(const u256& a, const u256& b) {
  return u256::from_halves(a.low128() | b.low128(), a.high128() | b.high128());
}
constexpr u256 bitwise_xor(const u256& a, const u256& b) {
  return u256::from_halves(a.low128() ^ b.low128(), a.high128() ^ b.high128());
}
constexpr u256 bitwise_not(const u256& a) { return u256::from_halves(~a.low128(), ~a.high128()); }

// Bits shifted out are lost. A count of 256 or more gives zero.
constexpr u256 shift_left(const u256& value, unsigned count) {
  if (count >= 256) return u256();
  if (count >= 128) {
    return u256::from_halves(0, detail::shift_left_128(value.low128(), count - 128));
  }
  const uint128 carried = count == 0 ? 0 : value.low128() >> (128 - count);
  return u256::from_halves(detail::shift_left_128(value.low128(), count),
                           detail::shift_left_128(value.high128(), count) | carried);
}

// floor(value / 2^count). A count of 256 or more gives zero.
constexpr u256 shift_right(const u256& value, unsigned count) {
  if (count >= 256) return u256();
  if (count >= 128) return u256::from_u128(value.high128() >> (count - 128));
  const uint128 carried = count == 0 ? 0 : value.high128() << (128 - count);
  return u256::from_halves(value.low128() >> count | carried, value.high128() >> count);
}

// a + b. False: overflow.
[[nodiscard]] GANTRY_HOT constexpr bool add(const u256& a, const u256& b, u256& out) {
  const u256 sum = wrapping_add(a, b);
  if (sum < a) return false;
  out = sum;
  return true;
}

// a - b. False: b > a.
[[nodiscard]] GANTRY_HOT constexpr bool sub(const u256& a, const u256& b, u256& out) {
  if (a < b) return false;
  out = wrapping_sub(a, b);
  return true;
}

// a * b in full: cannot overflow.
GANTRY_HOT constexpr u512 mul_wide(const u256& a, const u256& b) {
  const detail::Product256 low = detail::mul_128(a.low128(), b.low128());
  const detail::Product256 high = detail::mul_128(a.high128(), b.high128());
  const detail::Product256 cross_a = detail::mul_128(a.high128(), b.low128());
  const detail::Product256 cross_b = detail::mul_128(a.low128(), b.high128());
  const uint128 sum = low.high + cross_a.low;
  const uint128 second = sum + cross_b.low;
  // The two carries, taken before the sums that they go into.
  const auto carry_a = static_cast<std::uint64_t>(sum < low.high);
  const auto carry_b = static_cast<std::uint64_t>(second < sum);
  const uint128 third_a = high.low + cross_a.high;
  const uint128 third_b = third_a + cross_b.high;
  const uint128 third = third_b + carry_a + carry_b;
  const uint128 fourth = high.high + static_cast<std::uint64_t>(third_a < high.low) +
                         static_cast<std::uint64_t>(third_b < third_a) +
                         static_cast<std::uint64_t>(third < third_b);
  return {u256::from_halves(low.low, second), u256::from_halves(third, fourth)};
}

// a * b. False: overflow.
[[nodiscard]] GANTRY_HOT constexpr bool mul(const u256& a, std::uint64_t b, u256& out) {
  const uint128 limb0 = detail::mul64(a.limb(0), b);
  const uint128 limb1 = detail::mul64(a.limb(1), b) + detail::high64(limb0);
  const uint128 limb2 = detail::mul64(a.limb(2), b) + detail::high64(limb1);
  const uint128 limb3 = detail::mul64(a.limb(3), b) + detail::high64(limb2);
  if (detail::high64(limb3) != 0) return false;
  out = u256::from_limbs(detail::low64(limb0), detail::low64(limb1), detail::low64(limb2),
                         detail::low64(limb3));
  return true;
}

// a * b. False: overflow.
[[nodiscard]] GANTRY_HOT constexpr bool mul(const u256& a, const u256& b, u256& out) {
  if (a.fits_u128() && b.fits_u128()) {
    const detail::Product256 product = detail::mul_128(a.low128(), b.low128());
    out = u256::from_halves(product.low, product.high);
    return true;
  }
  const u512 product = mul_wide(a, b);
  if (!product.high.is_zero()) return false;
  out = product.low;
  return true;
}

namespace detail {

// Every value. Requires value.high < divisor.
GANTRY_APART constexpr void divmod_512(const u512& value, const u256& divisor, u256& quotient,
                                       u256& remainder) {
  const std::uint64_t limbs[8] = {value.low.limb(0),  value.low.limb(1),  value.low.limb(2),
                                  value.low.limb(3),  value.high.limb(0), value.high.limb(1),
                                  value.high.limb(2), value.high.limb(3)};
  const std::uint64_t divisor_limbs[4] = {divisor.limb(0), divisor.limb(1), divisor.limb(2),
                                          divisor.limb(3)};
  std::uint64_t q[8] = {};
  std::uint64_t r[4] = {};
  divide_512(limbs, divisor_limbs, q, r);
  quotient = u256::from_limbs(q[0], q[1], q[2], q[3]);
  remainder = u256::from_limbs(r[0], r[1], r[2], r[3]);
}

}  // namespace detail

// floor(value / divisor), and what is left. False: zero divisor, or the quotient overflows.
// `quotient` and `remainder` are different variables.
[[nodiscard]] GANTRY_HOT constexpr bool divmod(const u512& value, const u256& divisor,
                                               u256& quotient, u256& remainder) {
  if (value.high >= divisor) return false;
  if (divisor.fits_u128() && value.high.is_zero() && value.low.high128() < divisor.low128()) {
    const detail::Quotient128 result =
        detail::div_256_by_128(value.low.high128(), value.low.low128(), divisor.low128());
    quotient = u256::from_u128(result.quotient);
    remainder = u256::from_u128(result.remainder);
    return true;
  }
  if (value.high.is_zero() && !divisor.fits_u128()) {
    const uint128 result = detail::div_256_by_256(value.low.high128(), value.low.low128(),
                                                  divisor.high128(), divisor.low128());
    remainder = wrapping_sub(value.low, wrapping_mul(u256::from_u128(result), divisor));
    quotient = u256::from_u128(result);
    return true;
  }
  detail::divmod_512(value, divisor, quotient, remainder);
  return true;
}

// As above. False: b == 0.
[[nodiscard]] GANTRY_HOT constexpr bool divmod(const u256& a, const u256& b, u256& quotient,
                                               u256& remainder) {
  return divmod(u512{a, u256()}, b, quotient, remainder);
}

// floor(value / divisor). False: zero divisor, or the quotient overflows.
[[nodiscard]] GANTRY_HOT constexpr bool div_floor(const u512& value, const u256& divisor,
                                                  u256& out) {
  u256 remainder;
  return divmod(value, divisor, out, remainder);
}

// ceil(value / divisor). False: zero divisor, or the quotient overflows.
[[nodiscard]] GANTRY_HOT constexpr bool div_ceil(const u512& value, const u256& divisor,
                                                 u256& out) {
  u256 quotient;
  u256 remainder;
  if (!divmod(value, divisor, quotient, remainder)) return false;
  return add(quotient, u256(remainder.is_zero() ? 0 : 1), out);
}

// floor(a / b). False: b == 0.
[[nodiscard]] GANTRY_HOT constexpr bool div_floor(const u256& a, const u256& b, u256& out) {
  return div_floor(u512{a, u256()}, b, out);
}

// ceil(a / b). False: b == 0.
[[nodiscard]] GANTRY_HOT constexpr bool div_ceil(const u256& a, const u256& b, u256& out) {
  return div_ceil(u512{a, u256()}, b, out);
}

// floor(a * b / divisor), the product in full. False: zero divisor, or the result overflows.
[[nodiscard]] GANTRY_HOT constexpr bool mul_div_floor(const u256& a, const u256& b,
                                                      const u256& divisor, u256& out) {
  return div_floor(mul_wide(a, b), divisor, out);
}

// ceil(a * b / divisor), the product in full. False: zero divisor, or the result overflows.
[[nodiscard]] GANTRY_HOT constexpr bool mul_div_ceil(const u256& a, const u256& b,
                                                     const u256& divisor, u256& out) {
  return div_ceil(mul_wide(a, b), divisor, out);
}

}  // namespace gantry

#include <gantry/u256_convert.hpp>  // doubles, square root, text, bytes: part of this header
#endif
