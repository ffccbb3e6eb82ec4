// A constant product that a pool never pays more than, for pools that are none themselves: ranges
// of ticks, and curves of any kind. Screens compose such shapes, so that what they rule out cannot
// pay.
//
// Let f(x) be what the pool pays for x before rounding: concave, f(0) = 0, and a quote is two units
// and one more for each crossed tick below it at most. (What else is rounded, as an input upwards
// or a power to 1e-14, is less than rate_margin makes up for.) With m no less than its rate at 0,
// f(x) <= m x / (1 + c x) for all x exactly when c <= (m - f(x) / x) / f(x). f(x) / x falls and f
// rises; so between two points a < b that is at least (m - f(a) / a) / f(b), up to the first point
// z it is (m - rate at 0) / f(z), and beyond the last one it has the most that the pool can pay for
// f(b). The least of these is c.
//   A pool that is a straight line would have c = 0 and gain without end: m is made a little larger
// than the rate, by rate_margin, which bends the bound and costs a sixth of a basis point. Where
// the pool holds few units of what it pays, their rounding costs more.
//   The rate at 0 is the larger of two: that of the pool's first segment, and twice as far above
//   the
// mean rate of the smallest quote, f(z) / z, as that is above f(2z) / 2z: for a pool that bends
// evenly it is once as far. A pool whose rate falls off faster within z, some 1/65536 of what it
// can pay, and whose segment does not tell, is bounded from z on.
//   A fee that falls as the pool comes into balance, as of Curve's later pools, lets f(x) / x rise.
// The largest of what follows is taken at each point; between two points such a pool may still pay
// more than the bound.
//
// THREADS    Pure but for the quotes; allocates nothing.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "gantry/market.hpp"
#include "gantry/search/route.hpp"
#include "gantry/search/screening.hpp"
#include "gantry/u256_convert.hpp"

namespace gantry::search {

// `leg`: the hop's, by read_leg(). False: the pool quotes nothing in that direction now.
inline bool read_envelope(const Market& market, const gantry_hop& hop, const Leg& leg,
                          Envelope& out);

namespace detail {

inline constexpr double envelope_lost = 2;  // units, besides those of crossed ticks
inline constexpr double rate_margin = 0x1p-16;
inline constexpr double envelope_first = 0x1p-16;  // of what the pool can pay
inline constexpr int envelope_turns = 6;
// In terms of the first: a factor of eight between two points makes c at most eight times too
// small.
inline constexpr std::array<double, 8> envelope_factors{1,      2,      0x1p4,  0x1p7,
                                                        0x1p10, 0x1p13, 0x1p16, 0x1p19};

// What a pool pays at those factors of an amount, as far as it quotes them.
struct EnvelopePoints {
  std::array<double, envelope_factors.size()> at{};
  std::array<double, envelope_factors.size()> paid{};  // at least what f is there
  std::uint32_t known = 0;

  // `hop`: with the pool's own numbers of its tokens. False: not even the first.
  bool read(const Market& market, const gantry_hop& hop, double first, double in_most) {
    std::array<gantry_swap, envelope_factors.size()> swaps{};
    std::array<gantry_quote, envelope_factors.size()> quotes{};
    std::array<gantry_status, envelope_factors.size()> statuses{};
    std::uint32_t count = 0;
    for (const double factor : envelope_factors) {
      u256 amount;
      if (!from_double_floor(std::min(first * factor, in_most), amount)) break;
      swaps[count++] = {amount, hop.token_in, hop.token_out, GANTRY_EXACT_IN, 0};
      if (first * factor >= in_most) break;
    }
    known = 0;
    if (count == 0 || market.quote_many(hop.pool, {swaps.data(), count}, quotes.data(),
                                        statuses.data()) != GANTRY_OK) {
      return false;
    }
    for (; known < count && statuses[known] == GANTRY_OK; ++known) {
      at[known] = to_double(u256(swaps[known].amount));
      paid[known] = to_double(u256(quotes[known].amount_out)) + envelope_lost +
                    static_cast<double>(quotes[known].crossings);
    }
    return known > 0;
  }
};

}  // namespace detail

inline bool read_envelope(const Market& market, const gantry_hop& hop, const Leg& leg,
                          Envelope& out) {
  gantry_pool pool;
  gantry_swap_limits limits{};
  if (market.pool(hop.pool, pool) != GANTRY_OK) return false;
  const std::uint32_t in = detail::index_in(pool, hop.token_in);
  const std::uint32_t to = detail::index_in(pool, hop.token_out);
  if (market.limits(hop.pool, in, to, limits) != GANTRY_OK) return false;
  const double kept = static_cast<double>(leg.pool.fee_denominator - leg.pool.fee_numerator) /
                      static_cast<double>(leg.pool.fee_denominator);
  const double shape_rate = kept * to_double(leg.pool.reserve_out) / to_double(leg.pool.reserve_in);
  const double in_most = to_double(u256(limits.in_max));
  const double in_least = std::max(to_double(u256(limits.in_min)), 1.0);
  const double paid_most = to_double(u256(limits.out_max)) + detail::envelope_lost;

  // What the first point is to be paid. Of few units, so many that rounding them says less of the
  // rate than the pool's bend there does.
  const double few =
      std::max(paid_most * detail::envelope_first, std::sqrt(paid_most * detail::envelope_lost));
  detail::EnvelopePoints points;
  double first = std::min(in_most * detail::envelope_first, few / shape_rate);
  for (int turn = 0; turn < detail::envelope_turns; ++turn) {
    first = std::max(first, in_least);
    if (!points.read(market, {hop.pool, in, to, 0}, first, in_most)) {
      first *= 16;  // too little to be paid for
      continue;
    }
    // A shape that was made far from the price has the first too large.
    if (points.paid[0] <= 4 * few || first == in_least) break;
    first *= few / points.paid[0];
  }
  const auto& [at, paid, known] = points;
  if (known == 0) return false;

  // f(x) / x from each point on. It falls, but for fees that do as a pool comes into balance.
  std::array<double, detail::envelope_factors.size()> mean{};
  for (std::uint32_t i = known; i-- > 0;) {
    mean[i] = std::max(paid[i] / at[i], i + 1 < known ? mean[i + 1] : 0.0);
  }
  double rate = std::max(shape_rate, mean[0]);
  if (known > 1) rate = std::max(rate, 3 * mean[0] - 2 * mean[1]);
  out.rate = rate * (1 + detail::rate_margin);
  out.slope = (out.rate - rate) / paid[0];
  for (std::uint32_t i = 0; i < known; ++i) {
    const double beyond = i + 1 < known ? paid[i + 1] : std::max(paid_most, paid[i]);
    out.slope = std::min(out.slope, (out.rate - mean[i]) / beyond);
  }
  out.slope *= 1 - 0x1p-40;  // all that the doubles above may be off by
  return out.rate > 1e-48 && out.rate < 1e48 && out.slope > 1e-48 && out.slope < 1e48;
}

}  // namespace gantry::search
