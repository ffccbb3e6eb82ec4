// The best whole amount for a gain that rises to a top and then falls, or ends where nothing is to
// be had any more: what is left to compare where no closed form holds.
//
// THREADS  Pure. Allocates nothing.
#pragma once
#include <algorithm>
#include <optional>

#include "gantry/u256.hpp"

namespace gantry::search {

struct BestAmount {
  u256 amount;
  double gain = 0;  // above 0
};

namespace detail {

inline u256 middle_of(const u256& low, const u256& high) {
  return wrapping_add(low, shift_right(wrapping_sub(high, low), 1));
}

}  // namespace detail

// `gain_of`, std::optional<double>(const u256&): what an amount gains; nothing: it cannot be had,
// and no larger one can. Looks from `first` on in doubled steps, up to `most`, and then between. To
// the unit where the gain ends while it rises; else within the gain's own rounding of the top.
template <class GainOf>
std::optional<BestAmount> best_amount(const u256& first, const u256& most, GainOf&& gain_of) {
  if (first.is_zero() || most.is_zero()) return std::nullopt;
  u256 low;                           // rises up to there
  u256 high = std::min(first, most);  // the next to be looked at
  BestAmount best;
  const auto look = [&](const u256& amount) {
    const std::optional<double> gain = gain_of(amount);
    if (gain && *gain > best.gain) best = {amount, *gain};
    return gain;
  };
  std::optional<double> before = 0;
  while (true) {
    const std::optional<double> gain = look(high);
    if (!gain) {
      // The largest that can be had, to the unit.
      u256 had = low;
      u256 not_had = high;
      while (wrapping_sub(not_had, had) > u256(1)) {
        const u256 middle = detail::middle_of(had, not_had);
        (look(middle) ? had : not_had) = middle;
      }
      // A double may not tell its gain from that of a little less.
      if (const auto last = gain_of(had); last && *last > 0 && *last >= best.gain) {
        best = {had, *last};
      }
      high = had;
      break;
    }
    if (*gain < *before || high == most) break;
    before = gain;
    low = shift_right(high, 1);
    high = shift_right(most, 1) < high ? most : shift_left(high, 1);
  }
  // Between the amount before the last rise and the end: thirds, of which the worse end goes.
  // Nearer than half a double's digits to the top, one gain is as good as another.
  while (wrapping_sub(high, low) > std::max(u256(2), shift_right(high, 26))) {
    const u256 third = [&] {
      u256 part;
      return div_floor(wrapping_sub(high, low), u256(3), part) ? part : u256(1);
    }();
    const u256 left = wrapping_add(low, third);
    const u256 right = wrapping_sub(high, third);
    const auto of_left = look(left);
    const auto of_right = look(right);
    if (!of_right || (of_left && *of_left > *of_right)) {
      high = right;
    } else {
      low = left;
    }
  }
  if (best.gain > 0) return best;
  return std::nullopt;
}

}  // namespace gantry::search
