#include "host/import/random.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using gantry::host::Random;

TEST_CASE("a seed gives the numbers that xoshiro256** gives after splitmix64") {
  // Computed with arbitrary-precision integers from the two published recurrences.
  Random zero(0);
  REQUIRE(zero.next() == 0x99EC5F36CB75F2B4ULL);
  REQUIRE(zero.next() == 0xBF6E1F784956452AULL);
  REQUIRE(zero.next() == 0x1A5F849D4933E6E0ULL);
  Random other(2020);
  REQUIRE(other.next() == 0x2334C896B4CF8E03ULL);
}

TEST_CASE("bounded numbers stay below their bound and reach all of it") {
  Random random(7);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7000; ++i) ++seen.at(random.below(7));
  for (const int count : seen) REQUIRE(std::abs(count - 1000) < 150);
  for (int i = 0; i < 100; ++i) REQUIRE(random.below(1) == 0);
}

TEST_CASE("normal numbers have mean 0 and deviation 1") {
  Random random(11);
  double sum = 0;
  double squares = 0;
  constexpr int draws = 100'000;
  for (int i = 0; i < draws; ++i) {
    const double value = static_cast<double>(random.normal_q32()) / 4294967296.0;
    sum += value;
    squares += value * value;
  }
  REQUIRE(std::abs(sum / draws) < 0.02);
  REQUIRE(std::abs(squares / draws - 1) < 0.03);
}
