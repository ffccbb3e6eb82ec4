// Amounts of every size, the same for a seed.
#pragma once
#include <cstdint>
#include <random>

#include "evm/integer_words.hpp"

namespace gantry::test {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  Integer bits(unsigned count) {  // of just so many bits
    Integer value = 1;
    for (unsigned i = 1; i < count; ++i) value = (value << 1) | (random_() & 1U);
    return value;
  }
  // From 1 to `most`, as many small ones as large ones.
  Integer up_to(const Integer& most) {
    if (most <= 1) return 1;
    const auto width = static_cast<unsigned>(msb(most)) + 1;
    const Integer value = bits(1 + static_cast<unsigned>(below(width)));
    return value > most ? Integer(most - value % most) : value;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace gantry::test
