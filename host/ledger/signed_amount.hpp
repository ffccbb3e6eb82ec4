// What was won or lost: a whole number of a token's smallest unit, from -2^255 to 2^255 - 1.
//
// UNITS    Whatever the caller counts.
// ERRORS   Functions that return bool leave `out` untouched when the exact result is out of range.
// THREADS  Pure values: any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gantry/u256.hpp"
#include "gantry/u256_convert.hpp"

namespace gantry::host::ledger {

class SignedAmount {
 public:
  constexpr SignedAmount() = default;  // zero

  // Two's complement, as the EVM's int256.
  static constexpr SignedAmount from_bits(const u256& bits) { return SignedAmount(bits); }
  [[nodiscard]] static constexpr bool from_magnitude(const u256& magnitude, bool negative,
                                                     SignedAmount& out) {
    const SignedAmount made(negative ? wrapping_sub(u256(), magnitude) : magnitude);
    if (!magnitude.is_zero() && made.is_negative() != negative) return false;
    out = made;
    return true;
  }

  constexpr const u256& bits() const { return bits_; }
  constexpr bool is_negative() const { return (bits_.limb(3) >> 63U) != 0; }
  constexpr u256 magnitude() const { return is_negative() ? wrapping_sub(u256(), bits_) : bits_; }

  friend constexpr bool operator==(const SignedAmount&, const SignedAmount&) = default;

 private:
  constexpr explicit SignedAmount(const u256& bits) : bits_(bits) {}
  u256 bits_;
};

[[nodiscard]] constexpr bool add(const SignedAmount& a, const SignedAmount& b, SignedAmount& out) {
  const SignedAmount sum = SignedAmount::from_bits(wrapping_add(a.bits(), b.bits()));
  if (a.is_negative() == b.is_negative() && sum.is_negative() != a.is_negative()) return false;
  out = sum;
  return true;
}

// False for the one number whose negative is out of range.
[[nodiscard]] constexpr bool negate(const SignedAmount& a, SignedAmount& out) {
  return SignedAmount::from_magnitude(a.magnitude(), !a.is_negative(), out);
}

// a - b.
[[nodiscard]] constexpr bool less(const SignedAmount& a, const u256& b, SignedAmount& out) {
  SignedAmount minus;
  return SignedAmount::from_magnitude(b, true, minus) && add(a, minus, out);
}

// The parts of a number that is split evenly: the first takes what is left over, so that they add
// up to it. `count` is not 0.
struct EvenSplit {
  SignedAmount first;
  SignedAmount other;
};
inline EvenSplit split_evenly(const SignedAmount& amount, std::uint64_t count) {
  u256 each;
  u256 rest;
  static_cast<void>(divmod(amount.magnitude(), u256(count), each, rest));
  EvenSplit split;
  static_cast<void>(
      SignedAmount::from_magnitude(wrapping_add(each, rest), amount.is_negative(), split.first));
  static_cast<void>(SignedAmount::from_magnitude(each, amount.is_negative(), split.other));
  return split;
}

// "-15" or "15".
inline std::string to_string(const SignedAmount& amount) {
  return (amount.is_negative() ? "-" : "") + gantry::to_string(amount.magnitude());
}
inline std::optional<SignedAmount> parse_signed(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto magnitude = parse_decimal(negative ? text.substr(1) : text);
  SignedAmount out;
  if (!magnitude || !SignedAmount::from_magnitude(*magnitude, negative, out)) return std::nullopt;
  return out;
}

}  // namespace gantry::host::ledger
