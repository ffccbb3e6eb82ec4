// Random numbers of tests that can be run again: GANTRY_TEST_SEED names another seed than the
// usual.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <random>

#include "evm/integer_words.hpp"

namespace gantry::test {

inline std::uint64_t test_seed(std::uint64_t usual) {
  const char* text = std::getenv("GANTRY_TEST_SEED");
  return text == nullptr ? usual : std::strtoull(text, nullptr, 10);
}

class SeededRandom {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  int between(int least, int most) {
    return least + static_cast<int>(engine_() % static_cast<std::uint64_t>(most - least + 1));
  }
  Integer below(const Integer& end) {
    Integer bits = 0;
    for (int i = 0; i < 6; ++i) bits = (bits << 64) | engine_();
    return bits % end;
  }
  // Every length up to `most` bits as likely as the others.
  Integer of_bits(int least, int most) {
    const auto bits = static_cast<unsigned>(between(least, most));
    return (Integer(1) << (bits - 1)) + below(Integer(1) << (bits - 1));
  }
  bool coin() { return (engine_() & 1U) != 0; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace gantry::test
