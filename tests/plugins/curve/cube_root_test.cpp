// The cube root that is found at once is where the contracts' seven steps end.
#include <catch2/catch.hpp>
#include <random>

#include "plugins/dex/curve/crypto_math.hpp"

using namespace gantry;
using namespace gantry::curve;

namespace {

u256 cubed(std::uint64_t high, std::uint64_t low) {
  const u256 y = u256::from_limbs(low, high, 0, 0);
  return wrapping_mul(wrapping_mul(y, y), y);
}

}  // namespace

TEST_CASE("a cube root that is found at once is that of seven Newton steps") {
  std::mt19937_64 random(1729);
  std::size_t found = 0;
  constexpr std::size_t cases = 1'000'000;
  for (std::size_t i = 0; i < cases; ++i) {
    const auto shift = static_cast<unsigned>(random() % 150);
    const u256 scaled =
        shift_right(u256::from_limbs(random(), random(), random(), random()), shift);
    u256 root;
    if (!cube_root_end(scaled, root)) continue;
    ++found;
    const u256 steps = cube_root_steps(scaled);
    if (root != steps) {
      CAPTURE(to_string(scaled), to_string(root), to_string(steps));
      REQUIRE(root == steps);
    }
  }
  CHECK(found > cases * 9 / 10);
}

TEST_CASE("beside a whole cube the root is that of the steps, or is left to them") {
  std::mt19937_64 random(91);
  std::size_t found = 0;
  std::size_t left = 0;
  for (int i = 0; i < 200'000; ++i) {
    const unsigned width = 37 + static_cast<unsigned>(random() % 46);  // of the root
    const uint128 y = (uint128{random()} << 64 | random()) >> (128 - width);
    const u256 whole = cubed(static_cast<std::uint64_t>(y >> 64U), static_cast<std::uint64_t>(y));
    // Up to a few times the root away, to either side, and a few units.
    const u256 away = random() % 2 == 0 ? u256(random() % 9)
                                        : u256::from_u128(y * (random() % 40) + random() % 9);
    const u256 scaled = random() % 2 == 0 ? wrapping_add(whole, away) : wrapping_sub(whole, away);
    u256 root;
    if (!cube_root_end(scaled, root)) {
      ++left;
      continue;
    }
    ++found;
    CAPTURE(to_string(scaled));
    if (root != cube_root_steps(scaled)) REQUIRE(root == cube_root_steps(scaled));
  }
  CHECK(found > 50'000);
  CHECK(left > 20'000);
}
