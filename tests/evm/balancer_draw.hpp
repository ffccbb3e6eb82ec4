// Pools and amounts of every kind and size, the same for a seed.
#pragma once
#include <cstdint>
#include <random>
#include <vector>

#include "evm/balancer_tally.hpp"
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

// Weights of two to eight tokens that sum to one. Of four kinds: equal, any, 80 to 20 (or to parts
// of 20), and one token with all but the 1 % that the others must have.
std::vector<Integer> weights_of(std::size_t count, std::size_t kind, Draw& draw);

struct AmountOrder {
  bool given_in = true;
  std::size_t in = 0;
  std::size_t out = 0;
  Integer least = 1;  // what the Vault trades; most amounts are more
};

// An amount of any size, from one unit to more than the pool takes or pays.
Integer draw_amount(const BalancerScenery& scenery, const AmountOrder& order, Draw& draw);

}  // namespace gantry::test
