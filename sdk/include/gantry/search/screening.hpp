// Which cycles may pay, in doubles: a fast sieve that loses none that does, as far
// as the shapes of its hops are exact, or bounds.
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
//   Of a hop that is no constant product, as with ticks or stable curves, m and c are those of one
// that it never pays more than (envelope.hpp): the cycle pays no more than the bounds compose to.
//
// THREADS    One at a time for one Screen. Only attach() allocates.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "gantry/constant_product.hpp"
#include "gantry/search/cycle_index.hpp"

namespace gantry::search {

inline constexpr double slack = 0x1p-46;
inline constexpr unsigned reserve_bits_max = 160;

// y <= rate x / (1 + slope x), in smallest units.
struct Envelope {
  double rate;
  double slope;
};

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
  // The same for a hop that pays no more than the bound, of rate and slope above 0 and between
  // 1e-48 and 1e48; `reserve_in` is what its depth is told by.
  void set_bound(std::uint32_t edge, unsigned direction, const Envelope& bound, double reserve_in);
  void close_hop(std::uint32_t edge, unsigned direction);
  // Gas units of a swap over this edge.
  void set_gas(std::uint32_t edge, double gas);
  // Ether for one smallest unit of a token; 0, as at first: cannot be valued, and then not a start
  // unless no token of the cycle can be. Holds for cycles priced from now on.
  void set_value(std::uint32_t token, double ether_per_unit);
  // All at once, by token handle; 0 beyond the span.
  void set_values(std::span<const double> ether_per_unit);
  // Ether that the hop's reserve of the token that goes in is worth, at most; 0 where that cannot
  // be said.
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
  std::vector<std::array<double, 2>> reserves_;  // of what goes in; [direction]
  std::vector<std::uint32_t> token_begin_;       // by token handle: its edges, which go out of it
  std::vector<std::uint32_t> token_edges_;
  std::vector<std::uint32_t> priced_in_;  // by cycle: the last round that priced it
  std::vector<Candidate> survivors_;      // room for two directions of every cycle
  std::uint32_t survivor_count_ = 0;
  std::uint32_t round_ = 0;
  std::uint32_t priced_ = 0;
};

// The order in which candidates are worth a closer look: most ether first; ties by cycle and
// direction, so that it is the same in every run.
inline bool better(const Candidate& left, const Candidate& right);
// Brings the best `count` to the front, in that order, and returns them.
inline std::span<Candidate> best_of(std::span<Candidate> candidates, std::size_t count);

// The directed edges of a candidate from its start token round to it.
inline std::uint32_t walk(const CycleIndex& index, const Candidate& candidate,
                          std::span<std::uint32_t, hops_max> edges);

inline void Screen::attach(const CycleIndex& index) {
  index_ = &index;
  edges_.assign(index.edges().size(), EdgeRates{});
  reserves_.assign(index.edges().size(), {});
  list_tokens();
  priced_in_.assign(index.cycle_count(), 0);
  survivors_.assign(std::size_t{index.cycle_count()} * 2, Candidate{});
  survivor_count_ = 0;
  round_ = 0;
  priced_ = 0;
}

inline bool Screen::set_hop(std::uint32_t edge, unsigned direction, const ConstantProduct& pool) {
  const bool open = !is_zero(pool.reserve_in) && !is_zero(pool.reserve_out) &&
                    bit_width(pool.reserve_in) < reserve_bits_max &&
                    bit_width(pool.reserve_out) < reserve_bits_max &&
                    pool.fee_numerator < pool.fee_denominator;
  if (!open) {
    close_hop(edge, direction);
    return false;
  }
  const double kept = static_cast<double>(pool.fee_denominator - pool.fee_numerator) /
                      static_cast<double>(pool.fee_denominator);
  const double reserve_in = to_double(pool.reserve_in);
  edges_[edge].rate[direction] = kept * to_double(pool.reserve_out) / reserve_in;
  edges_[edge].slope[direction] = kept / reserve_in;
  reserves_[edge][direction] = reserve_in;
  return true;
}

inline void Screen::set_bound(std::uint32_t edge, unsigned direction, const Envelope& bound,
                              double reserve_in) {
  edges_[edge].rate[direction] = bound.rate;
  edges_[edge].slope[direction] = bound.slope;
  reserves_[edge][direction] = reserve_in;
}

inline void Screen::close_hop(std::uint32_t edge, unsigned direction) {
  edges_[edge].rate[direction] = 0;
  edges_[edge].slope[direction] = 0;
  reserves_[edge][direction] = 0;
}

inline void Screen::set_gas(std::uint32_t edge, double gas) { edges_[edge].gas = gas; }

inline void Screen::set_value(std::uint32_t token, double ether_per_unit) {
  if (std::size_t{token} + 1 >= token_begin_.size()) return;
  for (std::uint32_t i = token_begin_[token]; i < token_begin_[token + 1]; ++i) {
    edges_[token_edges_[i] >> 1].value[token_edges_[i] & 1U] = ether_per_unit;
  }
}

inline void Screen::set_values(std::span<const double> ether_per_unit) {
  for (std::uint32_t token = 0; token + 1 < token_begin_.size(); ++token) {
    set_value(token, token < ether_per_unit.size() ? ether_per_unit[token] : 0.0);
  }
}

inline double Screen::depth_ether(std::uint32_t edge, unsigned direction) const {
  return edges_[edge].value[direction] * reserves_[edge][direction];
}

inline void Screen::list_tokens() {
  std::uint32_t last = 0;
  for (const Edge& edge : index_->edges()) last = std::max({last, edge.token0, edge.token1});
  token_begin_.assign(std::size_t{last} + 2, 0);
  for (const Edge& edge : index_->edges()) {
    ++token_begin_[edge.token0 + 1];
    ++token_begin_[edge.token1 + 1];
  }
  std::partial_sum(token_begin_.begin(), token_begin_.end(), token_begin_.begin());
  token_edges_.assign(token_begin_.back(), 0);
  std::vector<std::uint32_t> next(token_begin_.begin(), token_begin_.end() - 1);
  for (std::uint32_t edge = 0; edge < index_->edges().size(); ++edge) {
    token_edges_[next[index_->edges()[edge].token0]++] = edge << 1;
    token_edges_[next[index_->edges()[edge].token1]++] = edge << 1 | 1U;
  }
}

inline std::span<Candidate> Screen::reprice(std::span<const std::uint32_t> pools,
                                            const Threshold& threshold) {
  survivor_count_ = 0;
  priced_ = 0;
  if (++round_ == 0) {
    std::fill(priced_in_.begin(), priced_in_.end(), 0);
    round_ = 1;
  }
  for (const std::uint32_t pool : pools) {
    std::uint32_t hops = hops_min;
    for (const std::uint32_t cycle : index_->cycles_of(pool)) {
      while (cycle >= index_->first_cycle(hops + 1)) ++hops;
      if (priced_in_[cycle] == round_) continue;
      priced_in_[cycle] = round_;
      price_any(cycle, hops, threshold);
    }
  }
  return {survivors_.data(), survivor_count_};
}

inline std::span<Candidate> Screen::reprice_all(const Threshold& threshold) {
  survivor_count_ = 0;
  priced_ = 0;
  for (std::uint32_t hops = hops_min; hops <= hops_max; ++hops) {
    const std::uint32_t last = index_->first_cycle(hops + 1);
    for (std::uint32_t cycle = index_->first_cycle(hops); cycle < last; ++cycle) {
      price_any(cycle, hops, threshold);
    }
  }
  return {survivors_.data(), survivor_count_};
}

inline void Screen::price_any(std::uint32_t cycle, std::uint32_t hops, const Threshold& threshold) {
  static_assert(hops_min == 2 && hops_max == 6, "a case for each length");
  ++priced_;
  switch (hops) {
    case 2:
      return price<2>(cycle, threshold);
    case 3:
      return price<3>(cycle, threshold);
    case 4:
      return price<4>(cycle, threshold);
    case 5:
      return price<5>(cycle, threshold);
    default:
      return price<6>(cycle, threshold);
  }
}

template <std::uint32_t hops>
void Screen::price(std::uint32_t cycle, const Threshold& threshold) {
  const std::uint32_t* directed = index_->cycle_edges(hops, cycle);
  double forward = 1;
  double backward = 1;
  for (std::uint32_t i = 0; i < hops; ++i) {
    const EdgeRates& edge = edges_[directed[i] >> 1];
    forward *= edge.rate[directed[i] & 1U];
    backward *= edge.rate[(directed[i] & 1U) ^ 1U];
  }
  // With fees one direction gains at most; without, rounding may make it look like two.
  const bool reversed = backward > forward;
  if (!(std::max(forward, backward) > 1 - slack)) return;
  weigh<hops>(cycle, reversed, std::max(forward, backward), threshold);
  if (std::min(forward, backward) > 1 - slack) [[unlikely]] {
    weigh<hops>(cycle, !reversed, std::min(forward, backward), threshold);
  }
}

// Most cycles end here, so it has no root, no division and no jump before the decision.
template <std::uint32_t hops>
inline void Screen::weigh(std::uint32_t cycle, bool reversed, double rate,
                          const Threshold& threshold) {
  const std::uint32_t* directed = index_->cycle_edges(hops, cycle);
  const std::uint32_t flip = reversed ? 1 : 0;
  const std::uint32_t first = flip * (hops - 1);
  Walk<hops> walk;
  double gas = threshold.gas_overhead;
  for (std::uint32_t i = 0; i < hops; ++i) {
    const std::uint32_t step = directed[first + i - 2 * flip * i];
    const EdgeRates& edge = edges_[step >> 1];
    const unsigned direction = (step & 1U) ^ flip;
    walk.rate[i] = edge.rate[direction];
    walk.slope[i] = edge.slope[direction];
    walk.value[i] = edge.value[direction];
    gas += edge.gas;
  }
  for (std::uint32_t start = 0; start < hops; ++start) {
    walk.whole[start] = walk.slope[(start + hops - 1) % hops];
    for (std::uint32_t i = hops - 1; i > 0; --i) {
      const std::uint32_t at = (start + i - 1) % hops;
      walk.whole[start] = walk.slope[at] + walk.rate[at] * walk.whole[start];
    }
  }
  // sqrt(m) - 1 <= (m - 1) / 2.
  const double half = std::max(rate * (1 + slack) - 1, 0.0) / 2;
  const double cost = gas * threshold.ether_per_gas * (1 - slack);
  const double needed = (cost + threshold.net_ether_min) * (1 - slack);
  unsigned enough = 0;
  for (std::uint32_t start = 0; start < hops; ++start) {
    enough |= walk.value[start] * (half * half) >= needed * walk.whole[start] ? 1U : 0U;
  }
  if (enough == 0) return;
  offer<hops>(walk, rate, {cost, cycle, reversed}, threshold.net_ether_min);
}

template <std::uint32_t hops>
[[gnu::noinline]] void Screen::offer(const Walk<hops>& walk, double rate, const Route& route,
                                     double net_ether_min) {
  const double root = std::sqrt(rate) * (1 + slack) - 1;
  if (!(root > 0)) return;
  const double gain = root * root * (1 + slack);  // over the slope it is the profit
  double best_ether = -1;
  std::uint32_t best = hops;
  for (std::uint32_t start = 0; start < hops; ++start) {
    // Below one unit of the start token there is nothing to gain there.
    if (gain < walk.whole[start]) continue;
    const double ether = walk.value[start] * gain / walk.whole[start];
    if (ether > best_ether || (ether == best_ether && walk.whole[start] < walk.whole[best])) {
      best_ether = ether;
      best = start;
    }
  }
  const double net = best_ether - route.cost_ether;
  if (best == hops || !(net > net_ether_min)) return;
  survivors_[survivor_count_++] = {
      net, route.cycle, static_cast<std::uint8_t>(route.reversed ? hops - 1 - best : best),
      route.reversed};
}

inline std::size_t Screen::memory_bytes() const {
  return edges_.capacity() * sizeof(EdgeRates) + reserves_.capacity() * sizeof(reserves_[0]) +
         sizeof(std::uint32_t) *
             (priced_in_.capacity() + token_begin_.capacity() + token_edges_.capacity()) +
         survivors_.capacity() * sizeof(Candidate);
}

inline bool better(const Candidate& left, const Candidate& right) {
  if (left.net_ether != right.net_ether) return left.net_ether > right.net_ether;
  if (left.cycle != right.cycle) return left.cycle < right.cycle;
  return !left.reversed && right.reversed;
}

inline std::span<Candidate> best_of(std::span<Candidate> candidates, std::size_t count) {
  const std::size_t kept = std::min(count, candidates.size());
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept),
                    candidates.end(), better);
  return candidates.first(kept);
}

inline std::uint32_t walk(const CycleIndex& index, const Candidate& candidate,
                          std::span<std::uint32_t, hops_max> edges) {
  const std::span<const std::uint32_t> cycle = index.cycle(candidate.cycle);
  const std::uint32_t hops = static_cast<std::uint32_t>(cycle.size());
  for (std::uint32_t i = 0; i < hops; ++i) {
    edges[i] = candidate.reversed ? cycle[(candidate.start + hops - i) % hops] ^ 1U
                                  : cycle[(candidate.start + i) % hops];
  }
  return hops;
}

}  // namespace gantry::search
