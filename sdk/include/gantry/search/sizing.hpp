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
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include "gantry/constant_product.hpp"
#include "gantry/search/cycle_index.hpp"

namespace gantry::search {

struct Leg {
  ConstantProduct pool;
  u256 in_max;        // the most that `pool` describes or takes
  bool exact = true;  // to the unit, up to there
  bool whole = true;  // and the pool takes no more than that
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
// GANTRY_BAD_ARGUMENT: the number of legs, or a fee. `out` says nothing unless the status is
// GANTRY_OK.
inline gantry_status best_input(std::span<const Leg> legs, const SizingLimits& limits, Sizing& out);

namespace detail {

// Relative error of every real number here, far above what about 60 roundings can do.
inline constexpr long double real_margin = 64 * std::numeric_limits<long double>::epsilon();

// Rounding that costs less than this part of the profit is not worth a search.
inline constexpr long double rounding_share = 0x1p-20L;

// to_long_double(), and quicker where a value is as narrow as reserves are.
GANTRY_HOT long double real_of(const u256& value) {
#ifdef GANTRY_X86_64
  static_assert(std::numeric_limits<long double>::digits == 64);
  if (value.fits_u128()) [[likely]] {
    // Either half is exact, so that their sum is rounded once.
    return static_cast<long double>(value.limb(1)) * 0x1p64L +
           static_cast<long double>(value.limb(0));
  }
#endif
  return to_long_double(value);
}

// The largest integer not above `value`, brought into 0 .. 2^256 - 1.
inline u256 floor_of(long double value) {
  if (!(value >= 1)) return u256();
  std::uint64_t mantissa = 0;  // value = mantissa 2^(exponent - 64), its highest bit set
  int exponent = 0;
#ifdef GANTRY_X86_64
  // The format's own bytes: the library's functions take as long as two quotes.
  std::uint16_t biased = 0;
  std::memcpy(&mantissa, &value, sizeof(mantissa));
  std::memcpy(&biased, reinterpret_cast<const char*>(&value) + sizeof(mantissa), sizeof(biased));
  exponent = biased - 16382;
#else
  const long double fraction = std::frexp(value, &exponent);  // in [0.5, 1)
#endif
  if (exponent > 256) return u256::max();
#ifndef GANTRY_X86_64
  mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, 64));
#endif
  return exponent >= 64 ? shift_left(u256(mantissa), static_cast<unsigned>(exponent - 64))
                        : u256(mantissa >> (64 - exponent));
}

// Stays at the largest, which no limit of a real token reaches.
inline u256 next(const u256& value) {
  return value == u256::max() ? value : wrapping_add(value, u256(1));
}
inline u256 half_way(const u256& low, const u256& high) {
  return wrapping_add(low, shift_right(wrapping_sub(high, low), 1));
}

// f(x) = gain x / (base + bend x): rate = gain / base and slope = bend / base of screening.hpp,
// without the divisions.
struct Real {
  long double gain = 1;
  long double base = 1;
  long double bend = 0;
};

struct Interval {
  u256 low;
  u256 high;
};

class SizeSearch {
 public:
  // What is found is written to `best` at once: a copy of it would wait for each of its words.
  SizeSearch(std::span<const Leg> legs, const SizingLimits& limits, Sizing& best)
      : legs_(legs), limits_(limits), best_(best) {
    for (std::size_t i = 0; i < legs.size(); ++i) {
      const ConstantProduct& pool = legs[i].pool;
      const std::uint32_t kept = pool.fee_denominator - pool.fee_numerator;
      const Real leg{static_cast<long double>(kept) * real_of(pool.reserve_out),
                     static_cast<long double>(pool.fee_denominator) * real_of(pool.reserve_in),
                     static_cast<long double>(kept)};
      leg_[i] = leg;
      whole_ = {whole_.gain * leg.gain, whole_.base * leg.base,
                whole_.bend * leg.base + whole_.gain * leg.bend};
    }
  }

  gantry_status run() {
    // Most of all cycles lose, at every size: no root is needed to see that.
    if (!(whole_.gain * (1 + 4 * real_margin) > whole_.base)) return GANTRY_NO_LIQUIDITY;
    root_ = std::sqrt(whole_.gain * whole_.base);
    // Upper bound of the real optimum: the margin goes into the root, where the cancellation is.
    const long double above = root_ * (1 + real_margin) - whole_.base;
    if (!(above > 0) || above * above * (1 + real_margin) < whole_.base * whole_.bend) {
      return GANTRY_NO_LIQUIDITY;
    }
    best_ = Sizing{};
    const u256 first = feasible(next(floor_of((root_ - whole_.base) / whole_.bend)), best_.amounts);
    if (first.is_zero()) return GANTRY_NO_LIQUIDITY;
    best_.amount_in = first;
    const bool gains = sub(best_.amounts[legs_.size() - 1], first, best_.profit);
    best_.shortfall_max = shortfall();
    if (!gains || best_.shortfall_max > real_of(best_.profit) * rounding_share) {
      gain_max_ = above * above / (whole_.base * whole_.bend) * (1 + real_margin);
      const Amounts middle = best_.amounts;
      for (std::size_t hops = 1; hops <= legs_.size(); ++hops) {
        try_amount(hops, middle[hops - 1]);
        try_amount(hops, next(middle[hops - 1]));
      }
      best_.best = prove();
    }
    return best_.profit.is_zero() ? GANTRY_NO_LIQUIDITY : GANTRY_OK;
  }

 private:
  using Amounts = std::array<u256, hops_max>;

  // The exact amounts after each hop. False: beyond the limits of a leg or of 256 bits, as is then
  // every larger input.
  bool forward(const u256& in, Amounts& amounts) const {
    if (in > limits_.amount_in_max) return false;
    u256 amount = in;
    for (std::size_t i = 0; i < legs_.size(); ++i) {
      if (amount > legs_[i].in_max) return false;
      if (amount_out(legs_[i].pool, amount, amount) != GANTRY_OK) return false;
      amounts[i] = amount;
    }
    return true;
  }

  // The smallest input after which `hops` hops give at least `amount`: of each hop
  // ceil(out r d / ((s - out) (d - n))), the inverse of the floor in amount_out(). False: none, or
  // beyond 256 bits.
  bool backward(std::size_t hops, u256 amount, u256& in) const {
    for (std::size_t i = hops; i > 0; --i) {
      const ConstantProduct& pool = legs_[i - 1].pool;
      u256 left;
      u256 scaled;
      u256 divisor;
      if (amount >= pool.reserve_out || !sub(pool.reserve_out, amount, left) ||
          !mul(pool.reserve_in, u256(pool.fee_denominator), scaled) ||
          !mul(left, u256(pool.fee_denominator - pool.fee_numerator), divisor) ||
          !mul_div_ceil(amount, scaled, divisor, amount)) {
        return false;
      }
    }
    in = amount;
    return true;
  }

  // The largest input up to `wanted` that the limits allow, and what it gives; 0: none.
  u256 feasible(const u256& wanted, Amounts& amounts) const {
    u256 bad = std::min(wanted, limits_.amount_in_max);
    if (forward(bad, amounts)) return bad;
    u256 good;
    while (next(good) < bad) {  // at most 256 halvings
      const u256 middle = half_way(good, bad);
      (forward(middle, amounts) ? good : bad) = middle;
    }
    if (!good.is_zero() && !forward(good, amounts)) return u256();  // cannot be: it did
    return good;
  }

  void try_input(const u256& in) {
    Amounts amounts{};
    u256 profit;
    if (!forward(in, amounts) || !sub(amounts[legs_.size() - 1], in, profit) ||
        (profit <= best_.profit && (profit != best_.profit || in >= best_.amount_in))) {
      return;
    }
    best_.amount_in = in;
    best_.profit = profit;
    best_.amounts = amounts;
  }

  bool try_amount(std::size_t hops, const u256& amount) {
    u256 in;
    if (amount.is_zero() || !backward(hops, amount, in)) return false;
    try_input(in);
    return true;
  }

  // 1 + S_k + 8 d^2 sqrt(m) / c of sizing.hpp.
  long double shortfall() const {
    long double lost = 1;  // the first hop's own
    for (std::size_t i = 1; i < legs_.size(); ++i) {
      const Real& leg = leg_[i];
      const long double below = leg.base + leg.bend * real_of(best_.amounts[i - 1]);
      lost = 1 + lost * leg.gain * leg.base / (below * below);
    }
    const long double of_floats = 8 * real_margin * real_margin * root_ / whole_.bend;
    return (1 + lost + of_floats) * (1 + real_margin);
  }

  // All integers that can pay `target` or more are inside, if there are any:
  // c x^2 - (m - 1 - c T) x + T <= 0, whose roots are (centre +- half) with
  // half = sqrt((P* - T) (Q - T)) / 2 for P*, Q = (sqrt(m) -+ 1)^2 / c.
  Interval paying(long double target) const {
    const long double rate = whole_.gain / whole_.base;
    const long double slope = whole_.bend / whole_.base;
    const long double root = std::sqrt(rate) * (1 + real_margin) + 1;
    const long double other = root * root / slope * (1 + real_margin);
    const long double half =
        std::sqrt(std::max(gain_max_ - target, 0.0L) * std::max(other - target, 0.0L)) / 2;
    const long double centre = (rate - 1 - slope * target) / (2 * slope);
    const long double error = real_margin * ((rate + 1) / slope + target + half) + 1;
    const u256 low = floor_of(centre - half - error);
    return {low.is_zero() ? u256(1) : low, floor_of(centre + half + error)};
  }

  // Tries everything that could still be better, when that is little enough: true.
  bool prove() {
    const long double target = real_of(best_.profit) * (1 - real_margin) + 1;
    if (target > gain_max_) return true;
    Interval inputs = paying(target);
    Amounts at_low{};
    Amounts at_high{};
    inputs.high = feasible(inputs.high, at_high);
    if (inputs.high < inputs.low) return true;
    if (!forward(inputs.low, at_low)) return false;
    Interval narrowest = inputs;
    std::size_t hops = 0;
    for (std::size_t i = 0; i < legs_.size(); ++i) {
      if (wrapping_sub(at_high[i], at_low[i]) < wrapping_sub(narrowest.high, narrowest.low)) {
        narrowest = {at_low[i], at_high[i]};
        hops = i + 1;
      }
    }
    if (wrapping_sub(narrowest.high, narrowest.low) >= u256(limits_.scan_max)) return false;
    bool all = true;
    const std::uint64_t count = wrapping_sub(narrowest.high, narrowest.low).limb(0) + 1;
    for (std::uint64_t i = 0; i < count; ++i) {
      const u256 amount = wrapping_add(narrowest.low, u256(i));
      if (!amount.is_zero()) all = try_amount(hops, amount) && all;
    }
    return all;
  }

  std::span<const Leg> legs_;
  const SizingLimits& limits_;
  std::array<Real, hops_max> leg_{};
  Real whole_;
  long double root_ = 0;      // sqrt(gain base) of the whole
  long double gain_max_ = 0;  // P* is not above; known where more than one input is tried
  Sizing& best_;
};

}  // namespace detail

inline gantry_status best_input(std::span<const Leg> legs, const SizingLimits& limits,
                                Sizing& out) {
  if (legs.size() < hops_min || legs.size() > hops_max) return GANTRY_BAD_ARGUMENT;
  for (const Leg& leg : legs) {
    if (leg.pool.fee_numerator >= leg.pool.fee_denominator) return GANTRY_BAD_ARGUMENT;
    if (leg.pool.reserve_in.is_zero() || leg.pool.reserve_out.is_zero()) {
      return GANTRY_NO_LIQUIDITY;
    }
  }
  return detail::SizeSearch(legs, limits, out).run();
}

}  // namespace gantry::search
