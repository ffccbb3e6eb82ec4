// Seeded cycles of constant products, a third of which gain something: what the best input is asked
// of, beside the peers too.
#pragma once
#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "gantry/search/sizing.hpp"

namespace gantry::bench {

inline constexpr std::size_t random_sets = 4096;

// `milliether` of one token against as much at a price that is off by up to 3 %.
inline ConstantProduct random_pool(std::mt19937_64& random, bool forward) {
  const std::uint64_t size = 10'000 + random() % 10'000'000;
  const std::uint64_t other = size * (970 + random() % 61) / 1000;
  u256 in;
  u256 out;
  constexpr std::uint64_t milliether = 1'000'000'000'000'000;
  if (!mul(u256(size), u256(milliether + random() % milliether), in) ||
      !mul(u256(other), u256(milliether + random() % milliether), out)) {
    return {};
  }
  return forward ? ConstantProduct{in, out} : ConstantProduct{out, in};
}

// In shuffled order.
template <std::size_t hops>
std::vector<std::array<search::Leg, hops>> random_cycles() {
  std::mt19937_64 random(hops);
  std::vector<std::array<search::Leg, hops>> all(random_sets);
  for (auto& legs : all) {
    for (std::size_t i = 0; i < hops; ++i) legs[i] = {random_pool(random, i % 2 == 0), u256::max()};
  }
  std::ranges::shuffle(all, random);
  return all;
}

}  // namespace gantry::bench
