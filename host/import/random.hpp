// Seeded randomness that is the same on every machine: integers only, no std:: distribution, no
// libm. Formulas: Blackman and Vigna's xoshiro256** and splitmix64; Lemire's bounded integers.
#pragma once
#include <array>
#include <cstdint>
#include <gantry/u256.hpp>

namespace gantry::host {

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9E3779B97F4A7C15ULL;
      std::uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9ULL;
      mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBULL;
      word = mixed ^ (mixed >> 31U);
    }
  }

  std::uint64_t next() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  // Uniform below `bound`, which is not zero.
  std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t reject = (0 - bound) % bound;
    while (true) {
      const uint128 product = static_cast<uint128>(next()) * bound;
      if (static_cast<std::uint64_t>(product) >= reject) {
        return static_cast<std::uint64_t>(product >> 64U);
      }
    }
  }

  // About normal, mean 0, deviation 1, in units of 2^-32: twelve uniform draws less six.
  std::int64_t normal_q32() {
    std::int64_t sum = -(std::int64_t{6} << 32U);
    for (int i = 0; i < 12; ++i) sum += static_cast<std::int64_t>(next() >> 32U);
    return sum;
  }

 private:
  static constexpr std::uint64_t rotate(std::uint64_t word, unsigned count) {
    return (word << count) | (word >> (64U - count));
  }

  std::array<std::uint64_t, 4> state_{};
};

}  // namespace gantry::host
