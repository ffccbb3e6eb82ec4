#include <catch2/catch.hpp>
#include <cstdint>
#include <functional>
#include <gantry/u256.hpp>

#include "sdk/operands.hpp"

namespace gantry::tests {
namespace {

constexpr int cases = 100'000;
constexpr std::uint64_t seed = 20201019;
const u256 untouched = u256::from_limbs(1, 2, 3, 4);

// Counts, so that a test can show that it has seen both answers often enough to mean something.
struct Tally {
  int fits = 0;
  int refused = 0;
};

// `done` and `out` are what the product said; `expected` the exact result. Undefined (a zero
// divisor) is expected as -1.
void check(Tally& tally, bool done, const u256& out, const Integer& expected) {
  if (fits_256(expected)) {
    ++tally.fits;
    if (!done || to_integer(out) != expected) {
      FAIL("expected " << expected << ", got " << done << " " << to_string(out));
    }
  } else {
    ++tally.refused;
    if (done || out != untouched) FAIL("expected a refusal of " << expected << ", got " << done);
  }
}

Integer ceiling(const Integer& value, const Integer& divisor) {
  return (value + divisor - 1) / divisor;
}

using Binary = std::function<bool(const u256&, const u256&, u256&)>;
using Reference = std::function<Integer(const Integer&, const Integer&)>;

Tally compare(const Binary& product, const Reference& reference) {
  Operands operands(seed);
  Tally tally;
  for (int i = 0; i < cases; ++i) {
    const u256 a = operands.next();
    const u256 b = operands.next();
    INFO("case " << i << ": " << to_hex(a) << " " << to_hex(b));
    u256 out = untouched;
    const bool done = product(a, b, out);
    check(tally, done, out, reference(to_integer(a), to_integer(b)));
  }
  return tally;
}

}  // namespace

static_assert(std::is_trivially_copyable_v<u256> && alignof(u256) == alignof(gantry_amount));
static_assert(u256(7) == u256(gantry_amount{{7, 0, 0, 0}}) && u256(7) < u256::max());
static_assert([] {
  u256 out;
  return mul_div_floor(u256::max(), u256::max(), u256::max(), out) && out == u256::max() &&
         mul_div_ceil(u256(10), u256(10), u256(7), out) && out == u256(15) &&
         !mul_div_floor(u256::max(), u256(2), u256(1), out) && out == u256(15) &&
         div_floor(shift_left(u256(1), 255), u256::from_u128(~uint128{0}), out) &&
         out == shift_left(u256(1), 127) && !div_floor(u256(1), u256(0), out);
}());
static_assert(isqrt_floor(u256::max()) == u256::from_u128(~uint128{0}));
static_assert(to_double(u256::max()) == 0x1p256 && to_double(u256(3)) == 3.0);

TEST_CASE("addition is exact, and refuses what overflows") {
  const Tally tally = compare([](auto& a, auto& b, auto& out) { return add(a, b, out); },
                              [](auto& a, auto& b) { return Integer(a + b); });
  CHECK(tally.fits > 10'000);
  CHECK(tally.refused > 1'000);
}

TEST_CASE("subtraction is exact, and refuses what would be negative") {
  const Tally tally = compare([](auto& a, auto& b, auto& out) { return sub(a, b, out); },
                              [](auto& a, auto& b) { return Integer(a - b); });
  CHECK(tally.fits > 10'000);
  CHECK(tally.refused > 10'000);
}

TEST_CASE("multiplication is exact, and refuses what overflows") {
  const Tally tally = compare([](auto& a, auto& b, auto& out) { return mul(a, b, out); },
                              [](auto& a, auto& b) { return Integer(a * b); });
  CHECK(tally.fits > 10'000);
  CHECK(tally.refused > 10'000);
}

TEST_CASE("multiplication by one limb is that by the same number") {
  const Tally tally = compare([](auto& a, auto& b, auto& out) { return mul(a, b.limb(1), out); },
                              [](auto& a, auto& b) { return Integer(a * ((b >> 64) & ~0ULL)); });
  CHECK(tally.fits > 10'000);
  CHECK(tally.refused > 10'000);
}

TEST_CASE("division is exact in both roundings, and refuses a zero divisor") {
  Tally tally = compare([](auto& a, auto& b, auto& out) { return div_floor(a, b, out); },
                        [](auto& a, auto& b) { return b == 0 ? Integer(-1) : Integer(a / b); });
  CHECK(tally.fits > 50'000);
  CHECK(tally.refused > 1'000);
  tally = compare([](auto& a, auto& b, auto& out) { return div_ceil(a, b, out); },
                  [](auto& a, auto& b) { return b == 0 ? Integer(-1) : ceiling(a, b); });
  CHECK(tally.fits > 50'000);
  CHECK(tally.refused > 1'000);
}

TEST_CASE("division leaves the remainder") {
  Operands operands(seed);
  for (int i = 0; i < cases; ++i) {
    const u256 a = operands.next();
    const u256 b = operands.next();
    u256 quotient = untouched;
    u256 remainder = untouched;
    const bool done = divmod(a, b, quotient, remainder);
    INFO("case " << i << ": " << to_hex(a) << " " << to_hex(b));
    if (done == b.is_zero()) FAIL("refused " << !done);
    const bool exact = b.is_zero() ? quotient == untouched && remainder == untouched
                                   : to_integer(quotient) == to_integer(a) / to_integer(b) &&
                                         to_integer(remainder) == to_integer(a) % to_integer(b);
    if (!exact) FAIL(to_string(quotient) << " " << to_string(remainder));
  }
}

TEST_CASE("a quotient digit that is estimated too large is put right") {
  // Divisors just above a power of two with a low part of ones, dividends just below a multiple:
  // where Knuth's estimate is 2 too large, and where it does not fit its digit.
  Operands operands(seed);
  Tally tally;
  for (int i = 0; i < cases; ++i) {
    const unsigned bits = static_cast<unsigned>(operands.below(253)) + 2;
    const u256 low = shift_right(u256::max(), 257 - bits);
    const u256 divisor = operands.below(2) == 0
                             ? bitwise_or(shift_left(u256(1), bits - 1), shift_right(low, 1))
                             : bitwise_not(shift_left(bitwise_not(low), bits % 64));
    if (divisor.is_zero()) continue;
    const Integer d = to_integer(divisor);
    const Integer multiple = d * to_integer(operands.next(257 - bit_width(divisor)));
    const Integer value = multiple - 1 - static_cast<int>(operands.below(2));
    if (!fits_256(value)) continue;
    const u256 dividend = *parse_decimal(value.str());
    INFO("case " << i << ": " << to_hex(dividend) << " " << to_hex(divisor));
    u256 out = untouched;
    check(tally, div_floor(dividend, divisor, out), out, value / d);
  }
  CHECK(tally.fits > 40'000);
}

TEST_CASE("multiplication and division together keep all 512 bits, in both roundings") {
  Operands operands(seed);
  Tally tally;
  for (int i = 0; i < 2 * cases; ++i) {
    const u256 a = operands.next();
    const u256 b = operands.next();
    const u256 divisor = operands.below(8) == 0 ? a : operands.next();
    INFO("case " << i << ": " << to_hex(a) << " " << to_hex(b) << " " << to_hex(divisor));
    const Integer d = to_integer(divisor);
    const Integer product = to_integer(a) * to_integer(b);
    u256 out = untouched;
    const bool floor_done = mul_div_floor(a, b, divisor, out);
    check(tally, floor_done, out, d == 0 ? Integer(-1) : Integer(product / d));
    out = untouched;
    const bool ceil_done = mul_div_ceil(a, b, divisor, out);
    check(tally, ceil_done, out, d == 0 ? Integer(-1) : ceiling(product, d));
  }
  CHECK(tally.fits > 100'000);
  CHECK(tally.refused > 10'000);
}

TEST_CASE("products compare as the numbers do") {
  Operands operands(seed);
  int equal = 0;
  for (int i = 0; i < cases; ++i) {
    const u256 a = operands.next();
    const u256 b = operands.next();
    const u256 c = operands.below(4) == 0 ? b : operands.next();
    const u256 d = c == b ? a : operands.next();
    const Integer left = to_integer(a) * to_integer(b);
    const Integer right = to_integer(c) * to_integer(d);
    const auto order = mul_wide(a, b) <=> mul_wide(c, d);
    equal += order == 0;
    if ((order < 0) != (left < right) || (order == 0) != (left == right)) {
      FAIL("case " << i << ": " << left << " " << right);
    }
  }
  CHECK(equal > 1'000);
}

TEST_CASE("what wraps is the number modulo 2^256") {
  Operands operands(seed);
  const Integer modulus = power_of_two(256);
  for (int i = 0; i < cases; ++i) {
    const u256 a = operands.next();
    const u256 b = operands.next();
    const Integer x = to_integer(a);
    const Integer y = to_integer(b);
    const bool same = to_integer(wrapping_add(a, b)) == (x + y) % modulus &&
                      to_integer(wrapping_sub(a, b)) == (x - y + modulus) % modulus &&
                      to_integer(wrapping_mul(a, b)) == (x * y) % modulus;
    if (!same) FAIL("case " << i << ": " << to_hex(a) << " " << to_hex(b));
  }
}

TEST_CASE("bits are those of the number") {
  Operands operands(seed);
  const Integer modulus = power_of_two(256);
  for (int i = 0; i < cases; ++i) {
    const u256 a = operands.next();
    const u256 b = operands.next();
    const auto count = static_cast<unsigned>(operands.below(300));
    const Integer x = to_integer(a);
    const Integer y = to_integer(b);
    const bool same =
        to_integer(bitwise_and(a, b)) == (x & y) && to_integer(bitwise_or(a, b)) == (x | y) &&
        to_integer(bitwise_xor(a, b)) == (x ^ y) && to_integer(bitwise_not(a)) == modulus - 1 - x &&
        to_integer(shift_left(a, count)) == (x << count) % modulus &&
        to_integer(shift_right(a, count)) == x >> count &&
        bit_width(a) == (x == 0 ? 0 : msb(x) + 1) && a.is_zero() == (x == 0) &&
        a.fits_u64() == (x < power_of_two(64)) && a.fits_u128() == (x < power_of_two(128)) &&
        (a < b) == (x < y) && (a == b) == (x == y) && (a > b) == (x > y);
    if (!same) FAIL("case " << i << ": " << to_hex(a) << " " << to_hex(b) << " " << count);
  }
}

TEST_CASE("the square root is the greatest integer whose square is not above") {
  Operands operands(seed);
  for (int i = 0; i < cases; ++i) {
    u256 value = operands.next();
    if (i % 3 == 0) {  // around a square, where rounding shows
      const u256 root = operands.next(128);
      value =
          wrapping_add(wrapping_mul(root, root), wrapping_sub(u256(operands.below(3)), u256(1)));
    }
    const Integer x = to_integer(value);
    const Integer root = to_integer(isqrt_floor(value));
    if (root * root > x || (root + 1) * (root + 1) <= x) FAIL("case " << i << ": " << x);
  }
}

TEST_CASE("the result may replace an operand") {
  u256 a(21);
  REQUIRE(add(a, a, a));
  CHECK(a == u256(42));
  REQUIRE(mul(a, a, a));
  CHECK(a == u256(1764));
  REQUIRE(mul_div_ceil(a, a, a, a));
  CHECK(a == u256(1764));
  REQUIRE(div_floor(a, a, a));
  CHECK(a == u256(1));
  u256 wide = u256::max();
  REQUIRE(mul_div_floor(wide, wide, wide, wide));
  CHECK(wide == u256::max());
  REQUIRE(div_floor(wide, wide, wide));
  CHECK(wide == u256(1));
}

}  // namespace gantry::tests
