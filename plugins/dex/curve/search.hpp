// Inverts exchange() exactly where the contract cannot: by asking it.
//
// The search ends with an amount that pays and one less that does not. exchange() grows with the
// amount but for the last unit of Newton's method; where it steps back by one, the amount found is
// such a step, not always the first of them. Where the fee grows with the imbalance, more in can
// pay less: then the search is on the near side of the peak.
#pragma once
#include <utility>

#include "gantry/dex.h"
#include "gantry/u256.hpp"

namespace gantry::curve {

enum class Verdict { too_little, enough, too_much };

// The least amount in (0, max] that is not too little, by `judge`; zero: there is none.
template <class Judge>
u256 least_not_too_little(const Judge& judge, const u256& guess) noexcept {
  const u256 one(1);
  u256 low;  // too little
  u256 high = guess;
  u256 step = one;
  if (judge(guess) == Verdict::too_little) {
    low = guess;
    while (true) {
      if (low == u256::max()) return {};
      if (!add(low, step, high)) high = u256::max();
      if (judge(high) != Verdict::too_little) break;
      low = high;
      step = shift_left(step, 1);
      if (step.is_zero()) step = u256::max();
    }
  } else {
    while (true) {
      if (high <= step) break;  // zero pays nothing
      const u256 probe = wrapping_sub(high, step);
      if (judge(probe) == Verdict::too_little) {
        low = probe;
        break;
      }
      high = probe;
      step = shift_left(step, 1);
    }
  }
  while (wrapping_sub(high, low) > one) {
    const u256 middle = wrapping_add(low, shift_right(wrapping_sub(high, low), 1));
    (judge(middle) == Verdict::too_little ? low : high) = middle;
  }
  return high;
}

// About where `paid` is greatest, of amounts up to `most`: by powers of two, then by thirds. A fee
// that grows with the imbalance makes more in pay less beyond that.
template <class Paid>
u256 peak_of(const Paid& paid, const u256& most) noexcept {
  u256 best;
  u256 best_paid;
  for (unsigned bits = 0; bits < bit_width(most); ++bits) {
    const u256 amount = shift_left(u256(1), bits);
    const u256 pays = paid(amount);
    if (pays > best_paid) {
      best = amount;
      best_paid = pays;
    }
  }
  u256 low = shift_right(best, 1);
  u256 high = shift_left(best, 1);
  if (high < best || high > most) high = most;
  constexpr unsigned thirds_max = 96;  // each leaves two thirds of the range
  for (unsigned step = 0; step < thirds_max && wrapping_sub(high, low) > u256(2); ++step) {
    u256 third;
    if (!div_floor(wrapping_sub(high, low), u256(3), third)) break;
    const u256 first = wrapping_add(low, third);
    const u256 second = wrapping_sub(high, third);
    (paid(first) < paid(second) ? low : high) = paid(first) < paid(second) ? first : second;
  }
  for (const u256& amount : {low, high}) {
    if (paid(amount) > best_paid) {
      best = amount;
      best_paid = paid(amount);
    }
  }
  return best;
}

}  // namespace gantry::curve
