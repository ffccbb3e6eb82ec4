// gantry/u256_convert.hpp: u256 to and from doubles, text and bytes, and its square root.
//
// Comes with gantry/u256.hpp. Text is ASCII: decimal without a sign, or hexadecimal after "0x" as
// JSON-RPC writes quantities. Bytes are the 32-byte big-endian words of the EVM's ABI.
// ERRORS     Parsing returns an empty optional for whatever is not exactly one number in range.
#ifndef GANTRY_U256_CONVERT_HPP
#define GANTRY_U256_CONVERT_HPP
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <gantry/u256.hpp>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace gantry {
namespace detail {

// 2^exponent, exactly.
constexpr long double power_of_two(unsigned exponent) {
  long double result = 1;
  long double square = 2;
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result *= square;
    if (exponent > 1) square *= square;
  }
  return result;
}

}  // namespace detail

// The nearest double, ties to even; the relative error is at most 2^-53. Rounded as an integer, so
// that neither the machine's rounding mode nor wider registers have a say.
constexpr double to_double(const u256& value) {
  static_assert(std::numeric_limits<double>::is_iec559);
  const unsigned width = bit_width(value);
  if (width == 0) return 0.0;
  const u256 scaled = shift_left(value, 256 - width);
  const std::uint64_t mantissa = scaled.limb(3) >> 11;  // 53 bits, the highest of them 1
  const bool below = (scaled.limb(0) | scaled.limb(1) | scaled.limb(2)) != 0;
  const std::uint64_t rest = (scaled.limb(3) & 0x7ff) | static_cast<std::uint64_t>(below);
  const std::uint64_t up = rest + (mantissa & 1) > 0x400 ? 1 : 0;
  // The highest bit adds one to the exponent, and so does a mantissa that rounds up to 2^53.
  return std::bit_cast<double>(((std::uint64_t{1023 - 1 - 1} + width) << 52) + mantissa + up);
}

// The nearest long double, ties to even: 64 bits of precision on x86-64 Linux.
constexpr long double to_long_double(const u256& value) {
  constexpr unsigned precision = std::numeric_limits<long double>::digits;
  static_assert(precision <= 113);
  const unsigned width = bit_width(value);
  const unsigned dropped = width > precision ? width - precision : 0;
  uint128 mantissa = shift_right(value, dropped).low128();
  if (dropped != 0) {
    const u256 rest = wrapping_sub(value, shift_left(shift_right(value, dropped), dropped));
    const u256 half = shift_left(u256(1), dropped - 1);
    if (rest > half || (rest == half && (mantissa & 1) != 0)) mantissa += 1;
  }
  // Either half of the mantissa is exact, and so are their sum and the product.
  const long double high = static_cast<long double>(detail::high64(mantissa));
  const long double low = static_cast<long double>(detail::low64(mantissa));
  return (high * detail::power_of_two(64) + low) * detail::power_of_two(dropped);
}

// floor(value). False, and out untouched: negative, NaN, infinite, or 2^256 and above. -0.0 is 0.
[[nodiscard]] constexpr bool from_double_floor(double value, u256& out) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t magnitude = bits & ~(std::uint64_t{1} << 63);
  if (magnitude == 0) {
    out = u256();
    return true;
  }
  if (magnitude != bits) return false;
  const unsigned exponent = static_cast<unsigned>(bits >> 52);  // biased by 1023
  if (exponent >= 1023 + 256) return false;
  if (exponent < 1023) {
    out = u256();
    return true;
  }
  const std::uint64_t fraction = (bits & ((std::uint64_t{1} << 52) - 1)) | std::uint64_t{1} << 52;
  const unsigned power = exponent - 1023;
  out = power >= 52 ? shift_left(u256(fraction), power - 52) : u256(fraction >> (52 - power));
  return true;
}

namespace detail {

// One step of Newton's method for the root of value, at most 2^128 - 1. From any root that is not
// below the floor of the true one, neither is the result.
constexpr uint128 newton_step(const u256& value, uint128 root) {
  u256 sum;
  if (!div_floor(value, u256::from_u128(root), sum)) return root;  // cannot be: root is not zero
  sum = shift_right(wrapping_add(sum, u256::from_u128(root)), 1);
  return sum.fits_u128() ? sum.low128() : ~uint128{0};
}

}  // namespace detail

// The greatest integer whose square is not above value.
constexpr u256 isqrt_floor(const u256& value) {
  if (value.is_zero()) return u256();
  uint128 root = ~uint128{0};  // never below the true root, from here on
  if (std::is_constant_evaluated()) {
    for (uint128 next = detail::newton_step(value, root); next < root;) {
      root = next;
      next = detail::newton_step(value, root);
    }
  } else {
    // Right to 50 bits, and a little above. Each step doubles the bits.
    u256 above;
    if (from_double_floor(std::sqrt(to_double(value)) * (1.0 + 0x1p-50) + 1.0, above) &&
        above.fits_u128()) {
      root = above.low128();
    }
    root = detail::newton_step(value, detail::newton_step(value, root));
  }
  while (mul_wide(u256::from_u128(root), u256::from_u128(root)).low > value)
    --root;  // 0 to 2 times
  return u256::from_u128(root);
}

// Digits of 10^77 < 2^256, and "0x" with 64 digits.
inline constexpr std::size_t u256_decimal_chars_max = 78;
inline constexpr std::size_t u256_hex_chars_max = 66;

// Writes value in decimal to [first, last) and returns the end of what it wrote; a null pointer,
// and nothing written, when there is no room. No terminating zero.
constexpr char* to_chars(char* first, char* last, const u256& value) {
  char digits[u256_decimal_chars_max] = {};
  std::size_t count = 0;
  std::uint64_t limbs[4] = {value.limb(0), value.limb(1), value.limb(2), value.limb(3)};
  constexpr std::uint64_t chunk = 10'000'000'000'000'000'000U;  // 10^19, the most that a limb holds
  std::size_t size = detail::significant(limbs, 4);
  do {
    std::uint64_t rest = 0;
    for (std::size_t i = size; i-- > 0;) {
      const detail::Quotient64 step = detail::div_2by1(rest, limbs[i], chunk);
      limbs[i] = step.quotient;
      rest = step.remainder;
    }
    size = detail::significant(limbs, size);
    for (unsigned i = 0; i < 19 && (size != 0 || rest != 0 || count == 0); ++i) {
      digits[count++] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    }
  } while (size != 0);
  if (last - first < static_cast<std::ptrdiff_t>(count)) return nullptr;
  while (count != 0) *first++ = digits[--count];
  return first;
}

// As to_chars, in hexadecimal: "0x", lower case, no leading zeros, "0x0" for zero.
constexpr char* to_hex_chars(char* first, char* last, const u256& value) {
  const unsigned width = bit_width(value);
  const unsigned digits = width == 0 ? 1 : (width + 3) / 4;
  if (last - first < static_cast<std::ptrdiff_t>(digits) + 2) return nullptr;
  *first++ = '0';
  *first++ = 'x';
  for (unsigned i = digits; i-- > 0;) {
    *first++ = "0123456789abcdef"[(value.limb(i / 16) >> (i % 16 * 4)) & 15];
  }
  return first;
}

// Decimal.
inline std::string to_string(const u256& value) {
  char text[u256_decimal_chars_max];
  return std::string(text, to_chars(text, text + sizeof text, value));
}

// "0x...", as to_hex_chars.
inline std::string to_hex(const u256& value) {
  char text[u256_hex_chars_max];
  return std::string(text, to_hex_chars(text, text + sizeof text, value));
}

// One or more digits and nothing else; leading zeros are allowed.
constexpr std::optional<u256> parse_decimal(std::string_view text) {
  if (text.empty()) return std::nullopt;
  u256 value;
  while (!text.empty()) {
    // As many digits at a time as fit a limb.
    std::uint64_t part = 0;
    std::uint64_t scale = 1;
    std::size_t used = 0;
    for (; used < text.size() && used < 19; ++used) {
      const char digit = text[used];
      if (digit < '0' || digit > '9') return std::nullopt;
      part = part * 10 + static_cast<std::uint64_t>(digit - '0');
      scale *= 10;
    }
    text.remove_prefix(used);
    if (!mul(value, scale, value) || !add(value, u256(part), value)) return std::nullopt;
  }
  return value;
}

// "0x" or nothing, then one or more digits of either case; leading zeros are allowed.
constexpr std::optional<u256> parse_hex(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  if (text.empty()) return std::nullopt;
  u256 value;
  for (const char character : text) {
    unsigned digit = 0;
    if (character >= '0' && character <= '9') {
      digit = static_cast<unsigned>(character - '0');
    } else if (character >= 'a' && character <= 'f') {
      digit = static_cast<unsigned>(character - 'a') + 10;
    } else if (character >= 'A' && character <= 'F') {
      digit = static_cast<unsigned>(character - 'A') + 10;
    } else {
      return std::nullopt;
    }
    if (value.limb(3) >> 60 != 0) return std::nullopt;
    value = bitwise_or(shift_left(value, 4), u256(digit));
  }
  return value;
}

// Reads 32 bytes, most significant first.
constexpr u256 load_be(const std::uint8_t* bytes) {
  std::uint64_t limbs[4] = {};
  for (std::size_t i = 0; i < 32; ++i) {
    limbs[3 - i / 8] = limbs[3 - i / 8] << 8 | bytes[i];
  }
  return u256::from_limbs(limbs[0], limbs[1], limbs[2], limbs[3]);
}

// Writes 32 bytes, most significant first.
constexpr void store_be(const u256& value, std::uint8_t* bytes) {
  for (std::size_t i = 0; i < 32; ++i) {
    bytes[i] = static_cast<std::uint8_t>(value.limb(3 - i / 8) >> (56 - i % 8 * 8));
  }
}

}  // namespace gantry
#endif
