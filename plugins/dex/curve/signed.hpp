// Signed 256-bit arithmetic as the contracts' compiler does it, over Checked.
#pragma once
#include <cstdint>

#include "plugins/dex/curve/checked.hpp"

namespace gantry::curve {

// Two's complement, as the EVM holds it.
struct Signed {
  u256 bits;

  constexpr Signed() = default;
  constexpr explicit Signed(const u256& value) : bits(value) {}
  constexpr bool negative() const { return (bits.limb(3) >> 63U) != 0; }
  constexpr bool is_zero() const { return bits.is_zero(); }
  constexpr u256 magnitude() const { return negative() ? wrapping_sub(u256(), bits) : bits; }
  constexpr Signed negated() const { return Signed(wrapping_sub(u256(), bits)); }
  bool operator==(const Signed&) const = default;
};

constexpr Signed signed_of(bool negative, const u256& magnitude) noexcept {
  return negative ? Signed(magnitude).negated() : Signed(magnitude);
}

// Modulo 2^256, as the contracts' unsafe_ functions.
inline Signed wrapping_add(const Signed& a, const Signed& b) noexcept {
  return Signed(gantry::wrapping_add(a.bits, b.bits));
}
inline Signed wrapping_sub(const Signed& a, const Signed& b) noexcept {
  return Signed(gantry::wrapping_sub(a.bits, b.bits));
}
inline Signed wrapping_mul(const Signed& a, const Signed& b) noexcept {
  return Signed(gantry::wrapping_mul(a.bits, b.bits));
}
// Towards zero; by zero gives zero.
inline Signed div_or_zero(const Signed& a, const Signed& b) noexcept {
  return signed_of(a.negative() != b.negative(), div_or_zero(a.magnitude(), b.magnitude()));
}
// Towards minus infinity.
inline Signed shifted_right(const Signed& a, unsigned count) noexcept {
  const u256 value = shift_right(a.bits, count);
  if (!a.negative()) return Signed(value);
  return Signed(bitwise_or(value, bitwise_not(shift_right(u256::max(), count))));
}
// a < b.
inline bool less(const Signed& a, const Signed& b) noexcept {
  return a.negative() != b.negative() ? a.negative() : a.bits < b.bits;
}

// What can revert.
class SignedChecked {
 public:
  explicit SignedChecked(Checked& calc) noexcept : calc_(calc) {}

  Signed add(const Signed& a, const Signed& b) noexcept {
    const Signed sum = wrapping_add(a, b);
    calc_.require(a.negative() != b.negative() || sum.negative() == a.negative());
    return sum;
  }
  Signed sub(const Signed& a, const Signed& b) noexcept {
    const Signed difference = wrapping_sub(a, b);
    calc_.require(a.negative() == b.negative() || difference.negative() == a.negative());
    return difference;
  }
  Signed mul(const Signed& a, const Signed& b) noexcept {
    const bool negative = a.negative() != b.negative();
    const Signed product = signed_of(negative, calc_.mul(a.magnitude(), b.magnitude()));
    calc_.require(product.is_zero() || product.negative() == negative);
    return product;
  }
  Signed div(const Signed& a, const Signed& b) noexcept {
    calc_.require(!b.is_zero());
    const bool negative = a.negative() != b.negative();
    const Signed quotient = div_or_zero(a, b);
    calc_.require(quotient.is_zero() || quotient.negative() == negative);
    return quotient;
  }
  Signed of(const u256& value) noexcept {
    calc_.require(!Signed(value).negative());
    return Signed(value);
  }
  u256 unsigned_of(const Signed& value) noexcept {
    calc_.require(!value.negative());
    return value.bits;
  }

 private:
  Checked& calc_;
};

}  // namespace gantry::curve
