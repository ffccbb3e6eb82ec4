// tests/sdk/operands.hpp: seeded 256-bit operands, and the same numbers in Boost.Multiprecision.
#ifndef GANTRY_TESTS_SDK_OPERANDS_HPP
#define GANTRY_TESTS_SDK_OPERANDS_HPP
#include <boost/multiprecision/cpp_int.hpp>
#include <cstddef>
#include <cstdint>
#include <gantry/u256.hpp>
#include <random>
#include <string>

namespace gantry::tests {

using Integer = boost::multiprecision::cpp_int;  // signed and unbounded: nothing wraps

inline Integer to_integer(const u256& value) {
  Integer result = 0;
  for (std::size_t i = 4; i-- > 0;) result = (result << 64) | value.limb(i);
  return result;
}

inline Integer power_of_two(unsigned exponent) { return Integer(1) << exponent; }

inline bool fits_256(const Integer& value) { return value >= 0 && value < power_of_two(256); }

// Half of the operands are uniform in their bits or in their width, half are what breaks carries
// and quotient estimates: limbs of all zeros and all ones, powers of two and their neighbours.
class Operands {
 public:
  explicit Operands(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  u256 next() {
    switch (below(4)) {
      case 0:
        return uniform();
      case 1:
        return shift_right(uniform(), static_cast<unsigned>(below(256)));
      case 2:
        return near_power_of_two();
      default:
        return shift_right(u256::from_limbs(limb(), limb(), limb(), limb()),
                           static_cast<unsigned>(below(4) * 64));
    }
  }

  // At most `bits` bits, of any width or extreme.
  u256 next(unsigned bits) { return shift_right(next(), 256 - bits); }

  // Exactly `bits` bits wide.
  u256 of_width(unsigned bits) {
    const u256 top = shift_left(u256(1), bits - 1);
    return bitwise_or(top, shift_right(uniform(), 257 - bits));
  }

 private:
  u256 uniform() { return u256::from_limbs(random_(), random_(), random_(), random_()); }

  u256 near_power_of_two() {
    const u256 power = shift_left(u256(1), static_cast<unsigned>(below(257)));  // 2^256 wraps to 0
    const u256 offset(below(3));
    return below(2) == 0 ? wrapping_add(power, offset) : wrapping_sub(power, offset);
  }

  std::uint64_t limb() {
    switch (below(5)) {
      case 0:
        return 0;
      case 1:
        return ~std::uint64_t{0};
      case 2:
        return std::uint64_t{1} << below(64);
      case 3:
        return (std::uint64_t{1} << below(64)) - 1;
      default:
        return random_();
    }
  }

  std::mt19937_64 random_;
};

}  // namespace gantry::tests
#endif
