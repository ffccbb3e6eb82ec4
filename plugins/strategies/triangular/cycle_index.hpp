// All simple cycles of a market, stored once each, and which of them a pool's update touches.
//
// A pool of n tokens gives n(n-1)/2 edges. A cycle visits no token twice and no pool twice: a route
// through one pool twice would need the pool's state after its own first swap, and in a pool of
// many tokens it only takes the long way round. Two hops are two different pools of one pair.
// UNITS      A directed edge is (edge << 1 | direction); direction 0 goes from token0 to token1.
// THREADS    build() by one thread; everything else is const and may run concurrently.
// ERRORS     None. What did not fit the limits is counted in report(), never left out in silence.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gantry::triangular {

inline constexpr std::uint32_t hops_min = 2;
inline constexpr std::uint32_t hops_max = 6;

// Tokens are the host's handles, any numbers; a pool is known by its place in the list.
struct PoolTokens {
  std::span<const std::uint32_t> tokens;
};

struct Edge {
  std::uint32_t pool;
  std::uint32_t token0;
  std::uint32_t token1;
};

struct CycleLimits {
  std::uint32_t max_hops = 4;  // hops_min to hops_max; outside it is brought inside
  std::uint32_t max_cycles = 4'000'000;
  std::uint64_t max_steps = 1'000'000'000;  // hops that the search may try, about 2 ns each
};

struct CycleReport {
  std::uint64_t kept = 0;
  std::uint64_t dropped = 0;  // found beyond max_cycles; the longest go first
  bool complete = true;       // false: max_steps ended the search, and dropped is a lower bound
};

class CycleIndex {
 public:
  // Forgets what it held. Allocates; call it when the set of pools changed, not when a state did.
  void build(std::span<const PoolTokens> pools, const CycleLimits& limits);

  const CycleReport& report() const { return report_; }
  std::span<const Edge> edges() const { return edges_; }
  std::uint32_t pool_count() const { return pool_count_; }

  // The edges of a pool are consecutive: [first, last). A pair (i, j), i < j, of the pool's tokens
  // comes in the order (0,1), (0,2), ... (1,2), ...; one of equal tokens is left out.
  struct EdgeRange {
    std::uint32_t first;
    std::uint32_t last;
  };
  EdgeRange edges_of(std::uint32_t pool) const {
    return {edge_begin_[pool], edge_begin_[pool + 1]};
  }

  // Cycles are numbered by length, the short ones first.
  std::uint32_t cycle_count() const { return first_cycle_[hops_max + 1]; }
  std::uint32_t first_cycle(std::uint32_t hops) const { return first_cycle_[hops]; }
  std::uint32_t cycle_count(std::uint32_t hops) const {
    return first_cycle_[hops + 1] - first_cycle_[hops];
  }
  std::uint32_t hops(std::uint32_t cycle) const {
    std::uint32_t length = hops_min;
    while (cycle >= first_cycle_[length + 1]) ++length;
    return length;
  }
  // The directed edges in order. The way back is the reverse order with each lowest bit flipped.
  std::span<const std::uint32_t> cycle(std::uint32_t cycle) const {
    const std::uint32_t length = hops(cycle);
    return {arena_.data() + arena_offset(length, cycle), length};
  }
  // Where the edges of `cycle`, which has `hops` hops, begin: for loops over one length.
  const std::uint32_t* cycle_edges(std::uint32_t hops, std::uint32_t cycle) const {
    return arena_.data() + arena_offset(hops, cycle);
  }
  // Ascending.
  std::span<const std::uint32_t> cycles_of(std::uint32_t pool) const {
    return {touched_.data() + touched_begin_[pool],
            touched_begin_[pool + 1] - touched_begin_[pool]};
  }

  std::size_t memory_bytes() const;

 private:
  std::size_t arena_offset(std::uint32_t hops, std::uint32_t cycle) const {
    return arena_begin_[hops] + std::size_t{cycle - first_cycle_[hops]} * hops;
  }
  void index_pools();

  std::vector<Edge> edges_;
  std::vector<std::uint32_t> edge_begin_;
  std::vector<std::uint32_t> arena_;
  std::vector<std::uint32_t> touched_begin_;
  std::vector<std::uint32_t> touched_;
  std::array<std::uint32_t, hops_max + 2> first_cycle_{};
  std::array<std::size_t, hops_max + 2> arena_begin_{};
  std::uint32_t pool_count_ = 0;
  CycleReport report_;
};

}  // namespace gantry::triangular
