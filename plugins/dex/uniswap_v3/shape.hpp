// What a pool can take and pay in one direction, summed over its ranges, and their shapes.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>

#include "gantry/dex.hpp"
#include "plugins/dex/uniswap_v3/swap_math.hpp"
#include "plugins/dex/uniswap_v3/walk.hpp"

namespace gantry::uniswap_v3 {

struct Sum {
  u256 amount_in;  // with the fee; one more is more than the known ticks take
  u256 amount_out;
  gantry_status status = GANTRY_OK;  // GANTRY_NEED_STATE: there may be more beyond what is known
};

template <bool zero_for_one>
Sum sum_of(const Ticks& ticks, const Place& place, std::uint32_t fee) noexcept {
  Sum sum;
  bool whole = true;
  sum.status = each_step<zero_for_one>(
      ticks, place, [&](const Place& from, const Stop&, const u256& target) {
        u256 in;
        u256 out;
        whole = step_in<zero_for_one>(from.sqrt, target, from.liquidity, in) &&
                step_out<zero_for_one>(from.sqrt, target, from.liquidity, out);
        if (!whole) return false;
        sum.amount_in = wrapping_add(sum.amount_in, wrapping_add(in, fee_on(in, fee)));
        sum.amount_out = wrapping_add(sum.amount_out, out);
        return true;
      });
  if (!whole) sum.status = GANTRY_BAD_STATE;
  return sum;
}

// The least amount up to `most` for which `pays` holds, as it does for `most` and above the least.
template <class Pays>
u256 least_that(Pays&& pays, const u256& most) noexcept {
  // The answer is above `low` and at most `high`: first its size, then its bits.
  u256 high(1);
  u256 low;
  while (high < most && !pays(high)) {
    low = high;
    high = std::min(shift_left(high, 1), most);
  }
  while (wrapping_sub(high, low) > u256(1)) {
    const u256 middle = wrapping_add(low, shift_right(wrapping_sub(high, low), 1));
    (pays(middle) ? high : low) = middle;
  }
  return high;
}

// One segment for each range of liquidity: virtual reserves L / sqrt(P) and L * sqrt(P), rounded
// down. Not exact: the contract rounds the price between, and a range's words apart.
template <bool zero_for_one>
std::uint32_t segments_from(const Ticks& ticks, const Place& place, std::uint32_t fee,
                            std::span<gantry_segment> out) noexcept {
  std::uint32_t count = 0;
  u256 in_end;
  Place start = place;
  const auto finish = [&] {
    if (in_end.is_zero() || start.liquidity == 0 || count == out.size()) return;
    u256 reserve0;
    const u256 reserve1 = mul_shift_96<Rounding::down>(start.liquidity, start.sqrt);
    if (!div_floor(shift_left(u256::from_u128(start.liquidity), 96), start.sqrt, reserve0)) return;
    out[count++] = {zero_for_one ? reserve0 : reserve1,
                    zero_for_one ? reserve1 : reserve0,
                    wrapping_add(in_end, u256(1)),
                    fee,
                    fee_denominator,
                    0,
                    0};
  };
  (void)each_step<zero_for_one>(ticks, place,
                                [&](const Place& from, const Stop& stop, const u256& target) {
                                  u256 in;
                                  if (!step_in<zero_for_one>(from.sqrt, target, from.liquidity, in))
                                    return false;
                                  in_end = wrapping_add(in_end, wrapping_add(in, fee_on(in, fee)));
                                  if (stop.initialized == nullptr) return true;
                                  finish();
                                  in_end = {};
                                  start = from;
                                  start.sqrt = target;
                                  // What pass() will make of it.
                                  if (!pass<zero_for_one>(stop, start)) return false;
                                  return count < out.size();
                                });
  finish();
  return count;
}

}  // namespace gantry::uniswap_v3
