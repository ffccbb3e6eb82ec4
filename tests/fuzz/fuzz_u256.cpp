// 256-bit arithmetic against Boost.Multiprecision: every result, and every refusal, has to agree.
// The first byte of the input says how the operands are shaped, the rest are their bytes.
#include <array>
#include <boost/multiprecision/cpp_int.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <gantry/u256.hpp>

namespace {

using Reference = boost::multiprecision::cpp_int;
using gantry::u256;

Reference to_reference(const u256& value) {
  Reference out = 0;
  for (std::size_t index = 4; index-- > 0;) out = (out << 64) | Reference(value.limb(index));
  return out;
}

const Reference& limit() {
  static const Reference value = Reference(1) << 256;
  return value;
}

// An operation may refuse only what does not fit, and must then leave `out` alone.
void expect(const char* operation, bool done, const u256& out, const Reference& wanted,
            bool defined) {
  const bool fits = defined && wanted >= 0 && wanted < limit();
  const bool right = done == fits && (fits ? to_reference(out) == wanted : out == u256(7));
  if (!right) {
    std::fprintf(stderr, "%s is wrong\n", operation);
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::array<std::array<std::uint64_t, 4>, 3> limbs{};
  for (std::size_t index = 0; index < 96 && index + 1 < size; ++index) {
    limbs[index / 32][index / 8 % 4] |= std::uint64_t{data[index + 1]} << (8 * (index % 8));
  }
  // Values around a power of two are where carries and estimates go wrong.
  std::array<u256, 3> operand;
  for (std::size_t index = 0; index < 3; ++index) {
    operand[index] =
        u256::from_limbs(limbs[index][0], limbs[index][1], limbs[index][2], limbs[index][3]);
    const unsigned shape = data[0] >> (2 * index) & 3U;
    if (shape == 1) operand[index] = gantry::shift_right(operand[index], data[1]);
    if (shape == 2) operand[index] = gantry::bitwise_not(operand[index]);
    if (shape == 3) operand[index] = gantry::wrapping_sub(u256(0), operand[index]);
  }
  const auto& [a, b, divisor] = operand;
  const Reference x = to_reference(a);
  const Reference y = to_reference(b);
  const Reference d = to_reference(divisor);
  const Reference d_or_one = d == 0 ? Reference(1) : d;
  const Reference ceiling = (x * y + d_or_one - 1) / d_or_one;

  u256 out(7);
  const auto reset = [&out] { out = u256(7); };
  expect("add", gantry::add(a, b, out), out, x + y, true);
  reset();
  expect("sub", gantry::sub(a, b, out), out, x - y, true);
  reset();
  expect("mul", gantry::mul(a, b, out), out, x * y, true);
  reset();
  expect("div_floor", gantry::div_floor(a, divisor, out), out, x / d_or_one, d != 0);
  reset();
  expect("div_ceil", gantry::div_ceil(a, divisor, out), out, (x + d_or_one - 1) / d_or_one, d != 0);
  reset();
  expect("mul_div_floor", gantry::mul_div_floor(a, b, divisor, out), out, x * y / d_or_one, d != 0);
  reset();
  expect("mul_div_ceil", gantry::mul_div_ceil(a, b, divisor, out), out, ceiling, d != 0);
  expect("wrapping_mul", true, gantry::wrapping_mul(a, b), x * y % limit(), true);
  expect("isqrt_floor", true, gantry::isqrt_floor(a), boost::multiprecision::sqrt(x), true);
  return 0;
}
