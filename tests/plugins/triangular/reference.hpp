// Constant-product cycles in exact rationals and in machine integers: the reference that sizes and
// screening are compared with. Nothing of the product's arithmetic is used.
#pragma once
#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace reference {

using boost::multiprecision::cpp_int;
using boost::multiprecision::cpp_rational;

struct Leg {
  cpp_int reserve_in;
  cpp_int reserve_out;
  std::uint32_t fee = 3;
  std::uint32_t denominator = 1000;
};

// f(x) = rate x / (1 + slope x), exactly.
struct Real {
  cpp_rational rate = 1;
  cpp_rational slope = 0;
};

inline Real compose(std::span<const Leg> legs) {
  Real whole;
  for (const Leg& leg : legs) {
    const cpp_rational kept(leg.denominator - leg.fee, leg.denominator);
    whole.slope += whole.rate * kept / cpp_rational(leg.reserve_in);
    whole.rate *= kept * cpp_rational(leg.reserve_out) / cpp_rational(leg.reserve_in);
  }
  return whole;
}

// Whether the real-valued optimum (sqrt(m) - 1)^2 / c is below `bound`, without a square root:
// m + 1 - bound c < 2 sqrt(m). No optimum (m <= 1) counts as 0.
inline bool optimum_below(const Real& real, const cpp_rational& bound) {
  if (real.rate <= 1) return bound > 0;
  const cpp_rational left = real.rate + 1 - bound * real.slope;
  return left < 0 || left * left < 4 * real.rate;
}

// Whether the optimum lies above `x`: sqrt(m) - 1 > c x.
inline bool optimum_beyond(const Real& real, const cpp_rational& x) {
  const cpp_rational right = 1 + real.slope * x;
  return real.rate > right * right;
}

inline cpp_rational gain_at(const Real& real, const cpp_rational& x) {
  return real.rate * x / (1 + real.slope * x) - x;
}

inline cpp_int out_of(const Leg& leg, const cpp_int& in) {
  const cpp_int kept = in * (leg.denominator - leg.fee);
  return kept * leg.reserve_out / (leg.reserve_in * leg.denominator + kept);
}

inline cpp_int route(std::span<const Leg> legs, cpp_int amount) {
  for (const Leg& leg : legs) amount = out_of(leg, amount);
  return amount;
}

// The best profit over every input, for reserves below 2^20; 0: none gains.
inline std::uint64_t brute_force(std::span<const Leg> legs, std::uint64_t in_max = ~0ULL) {
  std::vector<std::array<std::uint64_t, 4>> pools;
  for (const Leg& leg : legs) {
    pools.push_back({static_cast<std::uint64_t>(leg.reserve_in),
                     static_cast<std::uint64_t>(leg.reserve_out), leg.denominator - leg.fee,
                     leg.denominator});
  }
  std::uint64_t best = 0;
  const std::uint64_t last = std::min(in_max, pools.back()[1]);  // more never comes out
  for (std::uint64_t in = 1; in <= last; ++in) {
    std::uint64_t amount = in;
    for (const auto& [reserve_in, reserve_out, kept, denominator] : pools) {
      amount = amount * kept * reserve_out / (reserve_in * denominator + amount * kept);
    }
    if (amount > in) best = std::max(best, amount - in);
  }
  return best;
}

// Uniform in its logarithm, so that every size occurs.
inline cpp_int log_uniform(std::mt19937_64& random, unsigned bits_min, unsigned bits_max) {
  const unsigned bits = std::uniform_int_distribution<unsigned>(bits_min, bits_max)(random);
  cpp_int value = 1;
  for (unsigned i = 1; i < bits; ++i) value = value * 2 + (random() & 1U);
  return value;
}

}  // namespace reference
