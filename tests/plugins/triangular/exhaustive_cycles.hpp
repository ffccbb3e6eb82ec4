// Every simple cycle of a market by plain depth-first search over raw numbers: slow, obvious, and
// without a line of the product, which the tests compare with it.
#pragma once
#include <cstdint>
#include <vector>

namespace exhaustive {

// A pool is the list of its tokens.
using Pools = std::vector<std::vector<std::uint32_t>>;

// One hop, whichever way it is walked: the pool and its two tokens, the smaller one first.
struct Hop {
  std::uint32_t pool;
  std::uint32_t low;
  std::uint32_t high;
  auto operator<=>(const Hop&) const = default;
};

// The hops of a cycle, sorted: no order, direction or start is left in it. In a simple cycle the
// set of its hops says which cycle it is.
using Cycle = std::vector<Hop>;

// All cycles of `hops` hops that visit no token twice and no pool twice, sorted, each once.
std::vector<Cycle> simple_cycles(const Pools& pools, std::uint32_t hops);

}  // namespace exhaustive
