// The best input of one cycle, in exact integers.
//
// On the chain every hop rounds down, so the exact result F(x) is a staircase under f(x) = m x / (1
// + c x) (screening.hpp). With a_j(x) the exact amount after j hops:
//
// How far below the real optimum P* = max f(x) - x the answer can be. x0 = ceil(x*) is always
// tried.
// - f rises, so f(x0) >= f(x*) while x0 < x* + 1: rounding the input up costs less than 1.
// - The floor of hop j loses less than 1 of its output. Hop i > j is concave with f_i' falling, so
//   it passes on at most f_i'(a_(i-1)) of a loss in its input, taken at the exact (lower) amount.
//   The loss at the end is less than S_k, where S_0 = 0 and S_j = 1 + S_(j-1) f_j'(a_(j-1)).
// - x* itself is computed in long double, each value within d of itself, so x* within
//   d sqrt(m) / (sqrt(m) - 1) of itself. As P* - P(x) = c (x - x*)^2 / (1 + c x), this costs at
//   most 8 d^2 sqrt(m) / c, second order in d; d = 2^-57 on x86-64.
// So P* - profit < 1 + S_k + 8 d^2 sqrt(m) / c, reported as `shortfall_max`. If a limit lies below
// x*, P rises up to it, x0 is that limit itself, and the same bound holds against the best real
// input within the limit.
//
// When the answer is the best integer. Any better x has f(x) - x >= profit + 1, an interval around
// x* that the closed form gives. Among inputs with the same a_j(x) the smallest is the best, so
// trying the smallest input of every a_j over that interval, for any one j, misses nothing. If for
// some j (the token with the coarsest units) there are at most `scan_max` of them, all are tried,
// and `best` is true. Otherwise the smallest inputs of the amounts at and next to a_j(x0) are tried
// for each j, which gains what the coarse steps lose. Where shortfall_max is below a millionth of
// the profit, x0 is the answer, and nothing else is tried.
// UNITS      Smallest units. THREADS  Pure; allocates nothing.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "gantry/constant_product.hpp"
#include "plugins/strategies/triangular/cycle_index.hpp"

namespace gantry::triangular {

struct Leg {
  ConstantProduct pool;
  u256 in_max;  // the most that `pool` describes or takes
};

struct SizingLimits {
  u256 amount_in_max;
  std::uint32_t scan_max = 256;  // routes that the proof of `best` may cost, about 0.2 us each
};

struct Sizing {
  u256 amount_in;
  u256 profit;
  std::array<u256, hops_max> amounts;  // after each hop; the last is what comes out
  long double shortfall_max;           // the real-valued optimum is less than this above profit
  bool best;                           // no other input pays more
};

// `legs`: hops_min to hops_max, the output of one being the input of the next. GANTRY_OK;
// GANTRY_NO_LIQUIDITY: no input within the limits was found that gains a unit;
// GANTRY_BAD_ARGUMENT: the number of legs.
gantry_status best_input(std::span<const Leg> legs, const SizingLimits& limits, Sizing& out);

}  // namespace gantry::triangular
