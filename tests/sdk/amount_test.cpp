// The arithmetic for plugins in C against the C++ one, which is tested against
// Boost.Multiprecision.
#include <gantry/amount.h>

#include <catch2/catch.hpp>
#include <functional>
#include <gantry/u256.hpp>

#include "sdk/operands.hpp"

namespace gantry::tests {
namespace {

constexpr std::uint64_t seed = 20201020;
const u256 untouched = u256::from_limbs(1, 2, 3, 4);

using InC = std::function<int(gantry_amount, gantry_amount, gantry_amount, gantry_amount*)>;
using InCpp = std::function<bool(const u256&, const u256&, const u256&, u256&)>;

void compare(const InC& in_c, const InCpp& in_cpp) {
  Operands operands(seed);
  int fits = 0;
  int refused = 0;
  for (int i = 0; i < 100'000; ++i) {
    const u256 a = operands.next();
    const u256 b = operands.next();
    const u256 c = operands.next();
    INFO("case " << i << ": " << to_hex(a) << " " << to_hex(b) << " " << to_hex(c));
    u256 expected = untouched;
    gantry_amount out = untouched;
    const bool done = in_cpp(a, b, c, expected);
    REQUIRE(done == (in_c(a, b, c, &out) != 0));
    REQUIRE(u256(out) == expected);
    ++(done ? fits : refused);
  }
  CHECK(fits > 1'000);
  CHECK(refused > 1'000);
}

}  // namespace

TEST_CASE("sums, differences and products in C are those of C++, and so are their refusals") {
  compare([](auto a, auto b, auto, auto* out) { return gantry_amount_add(a, b, out); },
          [](auto& a, auto& b, auto&, auto& out) { return add(a, b, out); });
  compare([](auto a, auto b, auto, auto* out) { return gantry_amount_sub(a, b, out); },
          [](auto& a, auto& b, auto&, auto& out) { return sub(a, b, out); });
  compare([](auto a, auto b, auto, auto* out) { return gantry_amount_mul(a, b, out); },
          [](auto& a, auto& b, auto&, auto& out) { return mul(a, b, out); });
}

TEST_CASE("a product over a divisor in C is that of C++, rounded down and up") {
  compare(gantry_amount_mul_div_floor,
          [](auto& a, auto& b, auto& c, auto& out) { return mul_div_floor(a, b, c, out); });
  compare(gantry_amount_mul_div_ceil,
          [](auto& a, auto& b, auto& c, auto& out) { return mul_div_ceil(a, b, c, out); });
}

TEST_CASE("words of an EVM chain are read and written alike in C and C++") {
  Operands operands(seed);
  for (int i = 0; i < 1'000; ++i) {
    const u256 value = operands.next();
    std::uint8_t in_c[32];
    std::uint8_t in_cpp[32];
    gantry_amount_store_be(value, in_c);
    store_be(value, in_cpp);
    REQUIRE(std::equal(in_c, in_c + 32, in_cpp));
    REQUIRE(u256(gantry_amount_load_be(in_c)) == value);
  }
}

}  // namespace gantry::tests
