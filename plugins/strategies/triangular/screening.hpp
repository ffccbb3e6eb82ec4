// Which cycles may pay, in doubles: a fast sieve that never loses one that does.
//
// A hop of a constant product gives y = g s x / (r + g x) for reserves r (in), s (out) and g = 1 -
// fee. With m = g s / r, its rate for a small amount, and c = g / r this is y = m x / (1 + c x),
// and hops compose to the same form: m = m1 m2, c = c1 + m1 c2. So a whole cycle is f(x) = m x / (1
// + c x), concave, f(0) = 0. It gains for some x exactly when m > 1, and then
//     x* = (sqrt(m) - 1) / c,    f(x*) - x* = (sqrt(m) - 1)^2 / c.
// m is the same wherever the cycle starts; only c is not, so the best start token is the one with
// the largest value / c.
//
// Nothing that pays is lost. Integer rounding only takes: F(x) <= f(x), so a cycle whose exact
// profit is positive has m > 1, and no start pays more than its (sqrt(m) - 1)^2 / c. Let u = 2^-53.
// A reserve as a double is off by at most 2u, m of a hop by 7u, of six hops by 47u, c of a cycle
// (a sum of positive terms) by 49u, sqrt(m) by 26u; with the reserves below 2^160 (set_hop() sees
// to that) nothing under- or overflows on the way to m > 1. slack = 128u is added to each, so
//     computed m > 1 - slack  for every cycle with m > 1, and
//     computed gain = (sqrt(m) (1 + slack) - 1)^2 / c (1 + slack)  >= the real-valued optimum
// (the cancellation in sqrt(m) - 1 is why the margin goes inside the bracket). `net_ether` below
// comes from that upper bound.
// THREADS    One at a time for one Screen. Only attach() allocates.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "gantry/constant_product.hpp"
#include "plugins/strategies/triangular/cycle_index.hpp"

namespace gantry::triangular {

inline constexpr double slack = 0x1p-46;
inline constexpr unsigned reserve_bits_max = 160;

// One direction of a cycle that survived, and where to start it.
struct Candidate {
  double net_ether;  // upper bound of the profit after gas; see Screen::set_value()
  std::uint32_t cycle;
  std::uint8_t start;  // place in the cycle's list of edges, in the list's own direction
  bool reversed;       // walk the list backwards from `start`, each edge against its direction
  std::uint16_t reserved = 0;
};

// Gas in ether and what a trade must leave after it.
struct Threshold {
  double ether_per_gas = 0;
  double gas_overhead = 0;   // gas units of the transaction itself
  double net_ether_min = 0;  // survivors leave more than this
};

class Screen {
 public:
  // Starts over for this topology, all hops closed and all values 0. `index` must outlive it and
  // have small numbers for tokens: memory is kept for each up to the largest.
  void attach(const CycleIndex& index);

  // The hop's state from now on. direction 0: token0 in. A hop with an empty reserve, a fee of
  // 100 % or a reserve of reserve_bits_max bits or more is closed: false.
  bool set_hop(std::uint32_t edge, unsigned direction, const ConstantProduct& pool);
  void close_hop(std::uint32_t edge, unsigned direction);
  // Gas units of a swap over this edge.
  void set_gas(std::uint32_t edge, double gas);
  // Ether for one smallest unit of a token; 0, as at first: cannot be valued, and then not a start
  // unless no token of the cycle can be. Holds for cycles priced from now on.
  void set_value(std::uint32_t token, double ether_per_unit);
  // All at once, by token handle; 0 beyond the span.
  void set_values(std::span<const double> ether_per_unit);
  // Ether that the hop's reserve of the token that goes in is worth; 0 where that cannot be said.
  double depth_ether(std::uint32_t edge, unsigned direction) const;

  // Prices the cycles through these pools, each once, and returns those that survive, in no
  // particular order, until the next call.
  std::span<Candidate> reprice(std::span<const std::uint32_t> pools, const Threshold& threshold);
  std::span<Candidate> reprice_all(const Threshold& threshold);
  // Cycles that the last call priced.
  std::uint32_t priced() const { return priced_; }

  std::size_t memory_bytes() const;

 private:
  // What a price needs of one edge, in one cache line; [direction].
  struct alignas(64) EdgeRates {
    double rate[2] = {0, 0};   // m; 0: closed
    double slope[2] = {0, 0};  // c
    double value[2] = {0, 0};  // ether for a unit of the token that goes in
    double gas = 0;
  };
  // A cycle in walking order.
  template <std::uint32_t hops>
  struct Walk {
    double rate[hops];
    double slope[hops];
    double value[hops];
    double whole[hops];  // c of the cycle, by start
  };
  struct Route {
    double cost_ether;
    std::uint32_t cycle;
    bool reversed;
  };

  template <std::uint32_t hops>
  void price(std::uint32_t cycle, const Threshold& threshold);
  template <std::uint32_t hops>
  void weigh(std::uint32_t cycle, bool reversed, double rate, const Threshold& threshold);
  template <std::uint32_t hops>
  void offer(const Walk<hops>& walk, double rate, const Route& route, double net_ether_min);
  void list_tokens();
  void price_any(std::uint32_t cycle, std::uint32_t hops, const Threshold& threshold);

  const CycleIndex* index_ = nullptr;
  std::vector<EdgeRates> edges_;
  std::vector<std::uint32_t> token_begin_;  // by token handle: its edges, which go out of it
  std::vector<std::uint32_t> token_edges_;
  std::vector<std::uint32_t> priced_in_;  // by cycle: the last round that priced it
  std::vector<Candidate> survivors_;      // room for two directions of every cycle
  std::uint32_t survivor_count_ = 0;
  std::uint32_t round_ = 0;
  std::uint32_t priced_ = 0;
};

// The order in which candidates are worth a closer look: most ether first; ties by cycle and
// direction, so that it is the same in every run.
bool better(const Candidate& left, const Candidate& right);
// Brings the best `count` to the front, in that order, and returns them.
std::span<Candidate> best_of(std::span<Candidate> candidates, std::size_t count);

// The directed edges of a candidate from its start token round to it.
std::uint32_t walk(const CycleIndex& index, const Candidate& candidate,
                   std::span<std::uint32_t, hops_max> edges);

}  // namespace gantry::triangular
