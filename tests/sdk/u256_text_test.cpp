#include <array>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <gantry/u256.hpp>
#include <limits>
#include <string>

#include "sdk/operands.hpp"

namespace gantry::tests {
namespace {

constexpr int cases = 100'000;
constexpr std::uint64_t seed = 20201020;

const std::string greatest =
    "115792089237316195423570985008687907853269984665640564039457584007913129639935";

// The nearest Float to value, ties to even, by definition: no Float arithmetic that rounds.
template <typename Float>
Float nearest(const Integer& value) {
  if (value == 0) return 0;
  const auto width = static_cast<unsigned>(msb(value)) + 1;
  const unsigned precision = std::numeric_limits<Float>::digits;
  const unsigned dropped = width > precision ? width - precision : 0;
  Integer kept = value >> dropped;
  const Integer rest = value - (kept << dropped);
  const Integer twice = rest * 2;
  const Integer unit = Integer(1) << dropped;
  if (dropped != 0 && (twice > unit || (twice == unit && bit_test(kept, 0)))) ++kept;
  Float result = 0;  // each step is exact: kept has at most `precision` significant bits
  for (auto i = static_cast<unsigned>(msb(kept)) + 1; i-- > 0;)
    result = result * 2 + (bit_test(kept, i) ? 1 : 0);
  return std::ldexp(result, static_cast<int>(dropped));
}

}  // namespace

static_assert(parse_decimal("0") == u256() && parse_decimal("007") == u256(7));
static_assert(parse_hex("0xfF") == u256(255) && !parse_hex("0x"));

TEST_CASE("decimal text is Boost's, and reads back") {
  Operands operands(seed);
  for (int i = 0; i < cases; ++i) {
    const u256 value = operands.next();
    const std::string expected = to_integer(value).str();
    if (to_string(value) != expected || parse_decimal(expected) != value) FAIL(expected);
  }
  CHECK(to_string(u256::max()) == greatest);
}

TEST_CASE("hexadecimal text is Boost's, and reads back in either case") {
  Operands operands(seed);
  for (int i = 0; i < cases; ++i) {
    const u256 value = operands.next();
    const std::string lower = to_integer(value).str(0, std::ios_base::hex);
    std::string upper = lower;
    for (char& character : upper) {
      if (character >= 'a') character = static_cast<char>(character - 'a' + 'A');
    }
    if (to_hex(value) != "0x" + lower) FAIL(lower);
    if (parse_hex(lower) != value || parse_hex("0x" + upper) != value) FAIL(upper);
  }
}

TEST_CASE("powers of ten print with all their zeros") {
  std::string text = "1";
  for (int i = 0; i < 78; ++i, text += '0') {
    const auto value = parse_decimal(text);
    REQUIRE(value);
    CHECK(to_string(*value) == text);
    u256 less;
    REQUIRE(sub(*value, u256(1), less));
    CHECK(to_string(less) == (i == 0 ? "0" : std::string(static_cast<std::size_t>(i), '9')));
  }
}

TEST_CASE("what is not one decimal number in range is refused") {
  const std::string over = greatest.substr(0, greatest.size() - 1) + "6";  // 2^256
  for (const std::string& text :
       {std::string(), std::string(" 1"), std::string("1 "), std::string("+1"), std::string("-1"),
        std::string("0x1"), std::string("1e18"), std::string("1.0"), std::string("1_000"),
        std::string("1,000"), std::string("12a"), std::string("1\0", 2), std::string("/"),
        std::string(":"), std::string("\xEF\xBC\x91"), over, greatest + "0",
        std::string(200, '9')}) {
    INFO('"' << text << '"');
    CHECK_FALSE(parse_decimal(text));
  }
  CHECK(parse_decimal(greatest) == u256::max());
  CHECK(parse_decimal(std::string(200, '0') + greatest) == u256::max());
}

TEST_CASE("what is not one hexadecimal number in range is refused") {
  for (const std::string& text :
       {std::string(), std::string("0x"), std::string("0X1"), std::string("x1"),
        std::string("0x0x1"), std::string("-0x1"), std::string("0x-1"), std::string("0x "),
        std::string("0xg"), std::string("0x`"), std::string("@"), std::string("0x1\0", 4),
        std::string("0x1").append(64, '0'), std::string(65, 'f')}) {
    INFO('"' << text << '"');
    CHECK_FALSE(parse_hex(text));
  }
  CHECK(parse_hex("0x" + std::string(64, 'f')) == u256::max());
  CHECK(parse_hex("0x000" + std::string(64, 'F')) == u256::max());
}

TEST_CASE("a buffer that is too small is left alone") {
  std::array<char, 8> text{};
  CHECK(to_chars(text.data(), text.data() + 3, u256(1234)) == nullptr);
  CHECK(to_hex_chars(text.data(), text.data() + 4, u256(0x123)) == nullptr);
  CHECK(text == std::array<char, 8>{});
  CHECK(to_chars(text.data(), text.data() + 4, u256(1234)) == text.data() + 4);
  CHECK(std::memcmp(text.data(), "1234", 5) == 0);
}

TEST_CASE("bytes are those of the EVM's words, and read back") {
  Operands operands(seed);
  for (int i = 0; i < cases; ++i) {
    const u256 value = operands.next();
    std::array<std::uint8_t, 32> bytes{};
    store_be(value, bytes.data());
    Integer expected;
    import_bits(expected, bytes.begin(), bytes.end());  // most significant first
    if (expected != to_integer(value) || load_be(bytes.data()) != value) FAIL(to_hex(value));
  }
}

TEST_CASE("doubles are the nearest, ties to even") {
  Operands operands(seed);
  for (int i = 0; i < cases; ++i) {
    u256 value = operands.next();
    if (i % 2 == 0) {  // about halfway between two doubles
      const auto width = static_cast<unsigned>(operands.below(190)) + 60;
      const u256 half = shift_left(u256(1), width - 54);
      value = bitwise_and(operands.of_width(width), bitwise_not(wrapping_sub(half, u256(1))));
      value = wrapping_add(bitwise_or(value, half), u256(operands.below(3)));
      value = wrapping_sub(value, u256(1));
    }
    const Integer x = to_integer(value);
    if (to_double(value) != nearest<double>(x)) FAIL("double of " << x);
    if (to_long_double(value) != nearest<long double>(x)) FAIL("long double of " << x);
  }
  CHECK(to_double(u256()) == 0.0);
  CHECK(to_double(u256((std::uint64_t{1} << 53) + 1)) == 0x1p53);
  CHECK(to_double(u256((std::uint64_t{1} << 53) + 3)) == 0x1p53 + 4);
}

TEST_CASE("a double becomes the integer below it") {
  Operands operands(seed);
  for (int i = 0; i < cases; ++i) {
    // Any double from 2^-64 to below 2^256.
    const std::uint64_t exponent = 1023 - 64 + operands.below(320);
    const auto value =
        std::bit_cast<double>(exponent << 52 | (operands.next().limb(0) & ((1ULL << 52) - 1)));
    u256 out;
    if (!from_double_floor(value, out) || to_integer(out) != Integer(std::floor(value))) {
      FAIL(value);
    }
  }
}

TEST_CASE("a double that is no amount is refused") {
  const u256 untouched(5);
  u256 out = untouched;
  for (const double value :
       {-1.0, -0.5, -std::numeric_limits<double>::denorm_min(), 0x1p256, 1e300,
        std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
        std::numeric_limits<double>::quiet_NaN()}) {
    INFO(value);
    CHECK_FALSE(from_double_floor(value, out));
    CHECK(out == untouched);
  }
  CHECK((from_double_floor(-0.0, out) && out.is_zero()));
  CHECK((from_double_floor(std::numeric_limits<double>::denorm_min(), out) && out.is_zero()));
  CHECK((from_double_floor(0x1.fffffffffffffp255, out) && bit_width(out) == 256));
}

}  // namespace gantry::tests
