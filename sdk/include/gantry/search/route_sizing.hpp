// The best input of a route through any venues, on their own exact quotes, with a bound that says
// how much better another size could be.
//
// Let F(x) be what the route pays for x, in exact integers, and f a concave function with F <= f <
// F + S, where S is what rounding costs. Every venue that Gantry knows pays ever less for one unit
// more, so f exists. The profit is G(x) = F(x) - x.
//
// Search. Through three neighbouring points a < b < c goes one curve of the form that a constant
// product has, with l and r the slopes from a to b and from b to c:
//     f(b + t) = f(b) + p t / (1 + q t),
//     q = (l - r) / (r (c - b) + l (b - a)),   p = r (1 + q (c - b)).
// Its own optimum t = (sqrt(p) - 1) / q is tried next, with 0 as the first of all points: at once
// the best for constant products and within one range of ticks, and near it after a few turns
// elsewhere. Then two quotes a little below and above close in on it.
//
// Bound. Between two neighbouring points f is below each line through two points to the left, and
// to the right, with their payments S apart against us; beyond the last, below those from the left.
// The highest of these lines less x anywhere is what no input gains. S itself: hop j loses at most
// `rounding` units of its output, and each later hop passes on at most its mean rate of that, which
// is above its slope.
//
// UNITS      Smallest units. Reals choose what is tried and bound what was not; what is answered
//            was quoted.
// THREADS    Pure but for the quotes; allocates nothing.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "gantry/market.hpp"
#include "gantry/search/sizing.hpp"
#include "gantry/u256_convert.hpp"

namespace gantry::search {

inline constexpr std::uint32_t route_quotes_max = 32;

struct RouteLimits {
  u256 amount_in_max = u256::max();
  u256 first;                     // where to begin, as its pools' shapes have it; 0: nobody knows
  double rounding = 2;            // units of its output that a hop may round away: what a venue
                                  // reckons in fewer digits than units has more
  double tolerance = 1e-6;        // of the profit: a bound so small, or of S, is good enough
  std::uint32_t quotes_max = 16;  // of the whole route; at most route_quotes_max
  std::uint32_t scan_max = 0;     // more quotes, where so many are left that could gain more
};

struct RouteSizing {
  gantry_route_quote quote{};     // of the best input
  u256 profit;                    // amount_out - amount_in
  long double shortfall_max = 0;  // no input gains so much more
  std::uint32_t quotes = 0;       // that were asked for
  bool best = false;              // all that could gain more were tried: none does
};

namespace detail {

// `Quotes` answers bool(const u256& in, gantry_route_quote& out); false: that cannot be swapped.
template <class Quotes>
class RouteSearch {
 public:
  RouteSearch(Quotes& quotes, std::uint32_t hops, const RouteLimits& limits)
      : quotes_(quotes),
        hops_(hops),
        limits_(limits),
        quotes_max_(std::min(limits.quotes_max, route_quotes_max)),
        end_(limits.amount_in_max) {}

  gantry_status run(RouteSizing& out) {
    u256 next = limits_.first.is_zero() ? end_ : std::min(limits_.first, end_);
    while (!next.is_zero() && out_.quotes < quotes_max_) {
      if (!ask(next)) {
        end_ = wrapping_sub(next, u256(1));
        is_cut_ = true;
      }
      next = choose();
    }
    if (out_.profit.is_zero()) return GANTRY_NO_LIQUIDITY;
    out_.shortfall_max = std::max(widest_gap().missed, lost_);
    out_.best = scan();
    out = out_;
    return GANTRY_OK;
  }

  // Tries every input that no line rules out, if those are few enough: true.
  bool scan() {
    std::uint64_t left = limits_.scan_max;
    std::array<bool, route_quotes_max + 1> open{};
    for (std::uint32_t i = 0; i < count_ && limits_.scan_max != 0; ++i) {
      open[i] = missed_after(i) > 0;
      if (!open[i]) continue;
      const u256 room = wrapping_sub(i + 1 == count_ ? end_ : points_[i + 1].in, points_[i].in);
      if (room > u256(left)) return false;
      left -= room.limb(0);
    }
    for (std::uint32_t i = 0; i < count_ && limits_.scan_max != 0; ++i) {
      const u256& end = i + 1 == count_ ? end_ : points_[i + 1].in;
      for (u256 in = points_[i].in; open[i] && in < end;) {
        in = wrapping_add(in, u256(1));
        gantry_route_quote quote;
        if (!quotes_(in, quote)) break;
        ++out_.quotes;
        keep_if_better(in, quote);
      }
    }
    return limits_.scan_max != 0;
  }

 private:
  struct Point {
    u256 in;
    long double x = 0;
    long double paid = 0;
    long double gain() const { return paid - x; }
  };

  bool ask(const u256& in) {
    gantry_route_quote quote;
    ++out_.quotes;
    if (!quotes_(in, quote)) return false;
    const Point point{in, real_of(in), real_of(u256(quote.amount_out))};
    std::uint32_t at = count_;
    while (points_[at - 1].in > in) {
      points_[at] = points_[at - 1];
      --at;
    }
    points_[at] = point;
    ++count_;
    if (best_ >= at) ++best_;
    if (keep_if_better(in, quote)) {
      best_ = at;
      lost_ = rounding_loss(quote);
    }
    return true;
  }

  bool keep_if_better(const u256& in, const gantry_route_quote& quote) {
    u256 profit;
    if (!sub(u256(quote.amount_out), in, profit) || profit <= out_.profit) return false;
    out_.quote = quote;
    out_.profit = profit;
    return true;
  }

  // What to try next; 0: the bound is good enough, or nothing is left to try.
  u256 choose() const {
    if (count_ == 1) return shift_right(end_, 1);  // even the first cannot be swapped
    if (count_ == 2) {
      // A second point on the same curve from 0.
      const u256& first = points_[1].in;
      return wrapping_sub(first, std::max(shift_right(first, 3), u256(1)));
    }
    const Gap worst = widest_gap();
    if (worst.missed <= allowed()) return u256();
    const Point& b = points_[best_];
    const u256 low = best_ == 0 ? u256() : points_[best_ - 1].in;
    const u256 high = best_ + 1 == count_ ? farthest() : points_[best_ + 1].in;
    const long double optimum = predicted();
    const long double near = closeness();
    if (std::fabs(optimum - b.x) > near) {
      const u256 guess = std::min(floor_of(optimum), high);
      if (guess > low && guess != b.in && !is_known(guess)) return guess;
    }
    // Close in on the best from the side that leaves most open; elsewhere halve what is open.
    const u256& from = points_[worst.begin].in;
    const u256 to = worst.begin + 1 == count_ ? farthest() : points_[worst.begin + 1].in;
    const u256 half = shift_right(wrapping_sub(to, from), 1);
    const u256 step = std::min(std::max(floor_of(near), u256(1)), half);
    u256 next = wrapping_add(from, half);
    if (worst.begin + 1 == count_) next = to;
    if (worst.begin == best_ && !step.is_zero()) next = wrapping_add(from, step);
    if (worst.begin + 1 == best_) next = wrapping_sub(to, step);
    return is_known(next) ? u256() : next;
  }

  // Not beyond four times what was seen: a curve is only near there. Halfway to what cannot be
  // swapped, for that may begin anywhere before it.
  u256 farthest() const {
    const u256& last = points_[count_ - 1].in;
    const u256 far = shift_right(end_, 2) > last ? shift_left(last, 2) : end_;
    if (!is_cut_) return far;
    const u256 half = shift_right(wrapping_sub(end_, last), 1);
    return std::min(far, wrapping_add(last, std::max(half, u256(1))));
  }
  bool is_known(const u256& in) const {
    return std::any_of(points_.begin(), points_.begin() + count_,
                       [&](const Point& point) { return point.in == in; });
  }

  // The curve through the best point and its neighbours.
  struct Curve {
    long double at;  // b
    long double p;
    long double q;
  };
  Curve curve() const {
    const std::uint32_t middle = std::clamp(best_, 1U, count_ - 2);
    const Point& a = points_[middle - 1];
    const Point& b = points_[middle];
    const Point& c = points_[middle + 1];
    const long double l = (b.paid - a.paid) / (b.x - a.x);
    const long double r = (c.paid - b.paid) / (c.x - b.x);
    const long double q = (l - r) / (r * (c.x - b.x) + l * (b.x - a.x));
    return {b.x, r * (1 + q * (c.x - b.x)), q};
  }
  long double predicted() const {
    const Curve f = curve();
    if (!(f.q > 0) || !(f.p > 0)) return f.p > 1 ? real_of(end_) : 0;
    return f.at + (std::sqrt(f.p) - 1) / f.q;
  }

  // How far from the best its neighbours have to be. Near enough: f is below the lines through
  // them by |f''| / 2 times the square of that, f'' = -2 q / sqrt(p). But not so near that S hides
  // that it falls there.
  long double closeness() const {
    const Curve f = curve();
    const long double bend = f.q > 0 && f.p > 0 ? 2 * f.q / std::sqrt(f.p) : 0;
    const long double most = std::max(points_[best_].x / 8, 1.0L);
    if (!(bend > 0)) return most;
    return std::clamp(std::sqrt((tolerated() / 4 + 4 * lost_) / bend), 1.0L, most);
  }

  long double tolerated() const {
    return limits_.tolerance * std::max(points_[best_].gain(), 0.0L);
  }
  long double allowed() const { return tolerated() + 5 * lost_; }

  // S.
  long double rounding_loss(const gantry_route_quote& quote) const {
    long double lost = 0;
    for (std::uint32_t i = 0; i < hops_; ++i) {
      const long double in = std::max(real_of(u256(quote.amounts[i])), 1.0L);
      lost = limits_.rounding + lost * real_of(u256(quote.amounts[i + 1])) / in;
    }
    return lost;
  }

  // From a point to the next one, or from the last to the end, and by how much something in there
  // may gain more than the best.
  struct Gap {
    std::uint32_t begin = 0;
    long double missed = 0;
  };
  Gap widest_gap() const {
    Gap worst;
    for (std::uint32_t i = 0; i < count_; ++i) {
      const long double missed = missed_after(i);
      if (missed > worst.missed) worst = {i, missed};
    }
    return worst;
  }
  long double missed_after(std::uint32_t i) const {
    const bool is_last = i + 1 == count_;
    const Point& from = points_[i];
    const long double width = (is_last ? real_of(end_) : points_[i + 1].x) - from.x;
    // Neighbouring integers have nothing between them.
    if (width < 1 || (!is_last && width <= 1)) return 0;
    long double most = std::numeric_limits<long double>::infinity();
    for (std::uint32_t j = 0; j < i; ++j) {
      const Point& before = points_[j];
      const long double slope = (from.paid - before.paid + lost_) / (from.x - before.x);
      most = std::min(most, from.gain() + std::max(0.0L, slope - 1) * width);
    }
    for (std::uint32_t j = i + 2; j < count_; ++j) {
      const Point& next = points_[i + 1];
      const Point& after = points_[j];
      const long double slope = (after.paid - next.paid - lost_) / (after.x - next.x);
      most = std::min(most, next.gain() + std::max(0.0L, 1 - slope) * width);
    }
    // It pays no less for more, so that what is paid at the end bounds all before it.
    if (!is_last) most = std::min(most, points_[i + 1].gain() + width);
    return most + lost_ - points_[best_].gain();
  }

  Quotes& quotes_;
  const std::uint32_t hops_;
  const RouteLimits& limits_;
  const std::uint32_t quotes_max_;
  u256 end_;             // more is not allowed, or cannot be swapped
  bool is_cut_ = false;  // the latter
  RouteSizing out_;
  long double lost_ = 0;                              // S at the best
  std::array<Point, route_quotes_max + 1> points_{};  // ascending; the first is 0, which pays 0
  std::uint32_t count_ = 1;
  std::uint32_t best_ = 0;
};

}  // namespace detail

// GANTRY_OK; GANTRY_NO_LIQUIDITY: no input was found that gains a unit; GANTRY_BAD_ARGUMENT: the
// number of hops. `quotes` answers bool(const u256& in, gantry_route_quote& out); false: so much
// cannot be swapped, nor can more.
template <class Quotes>
gantry_status best_route_input_by(Quotes quotes, std::uint32_t hops, const RouteLimits& limits,
                                  RouteSizing& out) {
  if (hops == 0 || hops > GANTRY_LEGS_MAX) return GANTRY_BAD_ARGUMENT;
  return detail::RouteSearch(quotes, hops, limits).run(out);
}
inline gantry_status best_route_input(const Market& market, std::span<const gantry_hop> hops,
                                      const RouteLimits& limits, RouteSizing& out) {
  return best_route_input_by(
      [&](const u256& in, gantry_route_quote& quote) {
        return market.quote_route(hops, in, quote) == GANTRY_OK;
      },
      static_cast<std::uint32_t>(hops.size()), limits, out);
}

}  // namespace gantry::search
