// Seeded swaps of a constant-product pair, ordinary and extreme, in named buckets.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "evm/abi_words.hpp"

namespace gantry::test {

// The pair keeps each reserve in a uint112.
inline const Integer& largest_reserve() {
  static const Integer value = (Integer(1) << 112) - 1;
  return value;
}

struct SwapCase {
  std::size_t bucket = 0;  // index into the buckets it came from
  bool zero_for_one = true;
  Integer reserve_in;
  Integer reserve_out;
  Integer amount;  // in or out, as the bucket says
};

enum class Outcome { all_succeed, some_succeed, none_succeeds };

struct Bucket {
  std::string name;
  std::size_t cases;
  Outcome outcome;
};

struct CaseSet {
  std::vector<Bucket> buckets;
  std::vector<SwapCase> cases;
};

// The same seed gives the same cases on every machine.
CaseSet exact_in_cases(std::uint64_t seed);
// `kept`: what the fee leaves, of the denominator that the pair reckons with: Uniswap's 997.
CaseSet exact_out_cases(std::uint64_t seed, unsigned kept = 997);

}  // namespace gantry::test
