#include "plugins/strategies/triangular/screening.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gantry::triangular {

void Screen::attach(const CycleIndex& index) {
  index_ = &index;
  edges_.assign(index.edges().size(), EdgeRates{});
  list_tokens();
  priced_in_.assign(index.cycle_count(), 0);
  survivors_.assign(std::size_t{index.cycle_count()} * 2, Candidate{});
  survivor_count_ = 0;
  round_ = 0;
  priced_ = 0;
}

bool Screen::set_hop(std::uint32_t edge, unsigned direction, const ConstantProduct& pool) {
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
  return true;
}

void Screen::close_hop(std::uint32_t edge, unsigned direction) {
  edges_[edge].rate[direction] = 0;
  edges_[edge].slope[direction] = 0;
}

void Screen::set_gas(std::uint32_t edge, double gas) { edges_[edge].gas = gas; }

void Screen::set_value(std::uint32_t token, double ether_per_unit) {
  if (std::size_t{token} + 1 >= token_begin_.size()) return;
  for (std::uint32_t i = token_begin_[token]; i < token_begin_[token + 1]; ++i) {
    edges_[token_edges_[i] >> 1].value[token_edges_[i] & 1U] = ether_per_unit;
  }
}

void Screen::set_values(std::span<const double> ether_per_unit) {
  for (std::uint32_t token = 0; token + 1 < token_begin_.size(); ++token) {
    set_value(token, token < ether_per_unit.size() ? ether_per_unit[token] : 0.0);
  }
}

double Screen::depth_ether(std::uint32_t edge, unsigned direction) const {
  const EdgeRates& from = edges_[edge];
  return from.slope[direction] > 0 ? from.value[direction] / from.slope[direction] : 0;
}

void Screen::list_tokens() {
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

std::span<Candidate> Screen::reprice(std::span<const std::uint32_t> pools,
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

std::span<Candidate> Screen::reprice_all(const Threshold& threshold) {
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

void Screen::price_any(std::uint32_t cycle, std::uint32_t hops, const Threshold& threshold) {
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

std::size_t Screen::memory_bytes() const {
  return edges_.capacity() * sizeof(EdgeRates) +
         sizeof(std::uint32_t) *
             (priced_in_.capacity() + token_begin_.capacity() + token_edges_.capacity()) +
         survivors_.capacity() * sizeof(Candidate);
}

bool better(const Candidate& left, const Candidate& right) {
  if (left.net_ether != right.net_ether) return left.net_ether > right.net_ether;
  if (left.cycle != right.cycle) return left.cycle < right.cycle;
  return !left.reversed && right.reversed;
}

std::span<Candidate> best_of(std::span<Candidate> candidates, std::size_t count) {
  const std::size_t kept = std::min(count, candidates.size());
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept),
                    candidates.end(), better);
  return candidates.first(kept);
}

std::uint32_t walk(const CycleIndex& index, const Candidate& candidate,
                   std::span<std::uint32_t, hops_max> edges) {
  const std::span<const std::uint32_t> cycle = index.cycle(candidate.cycle);
  const std::uint32_t hops = static_cast<std::uint32_t>(cycle.size());
  for (std::uint32_t i = 0; i < hops; ++i) {
    edges[i] = candidate.reversed ? cycle[(candidate.start + hops - i) % hops] ^ 1U
                                  : cycle[(candidate.start + i) % hops];
  }
  return hops;
}

}  // namespace gantry::triangular
