// The best split of one trade over many pools of one pair: so much of token A into each of the
// pools that buy B, and all of that B into those that sell it.
//
// Within a range of virtual reserves r (in) and s (out), of which g = 1 - fee of the input is kept,
// x pays y = g s x / (r + g x). Let t = 1 / sqrt(dy / dx), k = sqrt(r s / g), t0 = sqrt(r / (g s)).
// Then both amounts are linear in t or in 1 / t:
//     x = k (t - t0),    y = k (1 / t0 - 1 / t),    t0 <= t <= t1 = t0 + x_end / k.
// A best split has one price p, of a unit of B in A, at the margin of all its pools: else some of
// it would better go through another. So buyers are at t = sqrt(p) and sellers at t = 1 / sqrt(p)
// or at an end of theirs, and in u = 1 / sqrt(p) what is bought less what is sold is piecewise
// linear and falls: its root is found exactly, between two ends of ranges. Where the amount in has
// a limit that this exceeds, buyers are at the level that the limit gives, and sellers at the one
// that what was bought gives: the same, on one side.
//
// Bound. For any price p, any split gains at most the sum over its pools of what each could gain
// alone at p: max p y(x) - x of a buyer, max y(x) - p x of a seller (weak duality; with a price for
// each side and a limit L of the amount in, max p2 y - (p2 / p1) x and (p2 / p1 - 1) L more). The
// sum at the prices found, less what the exact amounts gain, is `shortfall_max`: integers gain less
// than reals, as all quotes round down. It bounds what rounding cost, too.
//   Where a shape only fits a pool, as of a stable curve, the shape is fitted anew through two
// quotes until it holds, and the pool's term of the sum comes from quotes at x, below and above:
// what a pool pays is concave, so it is below each line through two of its points, outside of them.
//
// Whole units. A pool's inverse, the least input for each amount of B, is asked for by quotes, and
// pools are added up one by one (min-plus, and max-plus for the sellers): all splits of up to
// `scan_max` units of B at once. If more units cannot gain more by the bound, that is the best of
// all integers.
//
// UNITS      Smallest units; prices and costs in units of A. Reals choose, and bound what was not
//            tried; amounts that are answered were quoted.
// THREADS    Pure but for the quotes; allocates nothing.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "gantry/market.h"
#include "gantry/search/sizing.hpp"
#include "gantry/u256_convert.hpp"

namespace gantry::search {

inline constexpr std::uint32_t split_pools_max = 16;  // of one side
inline constexpr std::uint32_t split_ranges_max = 8;
inline constexpr std::uint32_t split_scan_max = 128;

struct SplitRange {
  long double k;
  long double t0;
  long double t1;
};

// A pool in one direction.
struct SplitPool {
  gantry_hop hop{};
  std::uint32_t index_in = 0;  // the pool's own numbers of its tokens
  std::uint32_t index_out = 0;
  std::array<SplitRange, split_ranges_max> ranges{};
  std::uint32_t range_count = 0;
  bool exact = true;        // the ranges are the pool's, not only near it
  u256 in_max;              // the most that may go in
  long double cost = 0;     // of a leg through it, in A
  std::uint64_t gas = 0;    // of such a leg
  long double deep_in = 0;  // virtual reserve of what goes in, of the first range
};

// Adds the next range, which begins where the last one ended: false, and nothing is added, when it
// is none, when it would pay better than the one before, or when there is no room.
inline bool add_range(SplitPool& pool, const ConstantProduct& curve, const u256& in_end);
// Adds the rest of the pool's ranges as one that is near them, from where the last one ended; they
// take `in` and pay `out`, in units. False, and nothing is added, when that is no range.
inline bool add_rest(SplitPool& pool, long double in, long double out);
// No more than this may go in.
inline void limit_input(SplitPool& pool, const u256& in_max);

struct SplitSides {
  std::span<const SplitPool> buyers;   // A to B
  std::span<const SplitPool> sellers;  // B to A
};

struct SplitLimits {
  u256 amount_in_max = u256::max();
  std::uint32_t legs_max = GANTRY_LEGS_MAX;  // 2: one pool on each side
  std::uint32_t scan_max = 64;               // at most split_scan_max; 0: no proof of `best`
  long double cost = 0;                      // of the trade besides its legs, in A
};

struct SplitLeg {
  std::uint32_t pool;  // place in its side
  u256 amount_in;
  u256 amount_out;
};

struct SplitSizing {
  std::array<SplitLeg, GANTRY_LEGS_MAX> legs;  // buyers, then sellers
  std::uint32_t buyer_count = 0;
  std::uint32_t leg_count = 0;
  u256 amount_in;
  u256 profit;                    // before costs
  long double net = 0;            // after them
  long double shortfall_max = 0;  // no split over these pools gains so much more before costs;
                                  // infinite: that cannot be said
  bool best = false;              // none of whole units gains more before costs
};

namespace detail {

inline long double level_in(const SplitRange& range, long double t) {
  return range.k * (std::clamp(t, range.t0, range.t1) - range.t0);
}
inline long double level_out(const SplitRange& range, long double t) {
  return range.k * (1 / range.t0 - 1 / std::clamp(t, range.t0, range.t1));
}
inline long double pool_in(const SplitPool& pool, long double t) {
  long double sum = 0;
  for (std::uint32_t i = 0; i < pool.range_count; ++i) sum += level_in(pool.ranges[i], t);
  return sum;
}
inline long double pool_out(const SplitPool& pool, long double t) {
  long double sum = 0;
  for (std::uint32_t i = 0; i < pool.range_count; ++i) sum += level_out(pool.ranges[i], t);
  return sum;
}

// One side: its pools, and those of them that take part.
struct SplitSide {
  std::array<SplitPool, split_pools_max> pools;
  std::uint32_t count = 0;
  std::uint32_t on = 0;  // bits

  bool is_on(std::uint32_t i) const { return (on >> i & 1U) != 0; }
  long double in(long double t) const {
    long double sum = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (is_on(i)) sum += pool_in(pools[i], t);
    }
    return sum;
  }
  long double out(long double t) const {
    long double sum = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (is_on(i)) sum += pool_out(pools[i], t);
    }
    return sum;
  }
  long double first() const {
    long double least = std::numeric_limits<long double>::infinity();
    for (std::uint32_t i = 0; i < count; ++i) {
      if (is_on(i) && pools[i].range_count != 0) least = std::min(least, pools[i].ranges[0].t0);
    }
    return least;
  }
};

// The root of a function that is linear between these points, which hold where ranges end, and
// falls or stays: between `low`, where it is not below 0, and `high`, where it is not above.
class Ends {
 public:
  void add(long double at) {
    if (count_ < points_.size() && std::isfinite(at)) points_[count_++] = at;
  }
  template <class F>
  long double root(long double low, long double high, F&& f) {
    std::sort(points_.begin(), points_.begin() + static_cast<std::ptrdiff_t>(count_));
    std::size_t first = 0;
    std::size_t last = count_;
    while (first < last) {
      const std::size_t middle = (first + last) / 2;
      const long double at = points_[middle];
      if (at <= low || (at < high && f(at) >= 0)) {
        first = middle + 1;
        low = std::max(low, std::min(at, high));
      } else {
        last = middle;
        high = std::min(high, at);
      }
    }
    const long double above = f(low);
    const long double below = f(high);
    return above > below ? low + (high - low) * (above / (above - below)) : low;
  }

 private:
  std::array<long double, std::size_t{4} * split_pools_max * split_ranges_max + 2> points_;
  std::size_t count_ = 0;
};

inline void add_ends(Ends& ends, const SplitSide& side, bool inverse) {
  for (std::uint32_t i = 0; i < side.count; ++i) {
    if (!side.is_on(i)) continue;
    for (std::uint32_t j = 0; j < side.pools[i].range_count; ++j) {
      const SplitRange& range = side.pools[i].ranges[j];
      ends.add(inverse ? 1 / range.t0 : range.t0);
      ends.add(inverse ? 1 / range.t1 : range.t1);
    }
  }
}

// Where the side takes so much; infinite: it never does.
inline long double level_for(const SplitSide& side, long double total) {
  const long double low = side.first();
  long double high = low;
  for (std::uint32_t i = 0; i < side.count; ++i) {
    if (!side.is_on(i)) continue;
    for (std::uint32_t j = 0; j < side.pools[i].range_count; ++j) {
      const SplitRange& range = side.pools[i].ranges[j];
      // Far enough for the whole total through this range alone.
      high = std::max(high, std::min(range.t1, (range.t0 + total / range.k) * (1 + 0x1p-40L)));
    }
  }
  if (!(side.in(high) >= total)) return std::numeric_limits<long double>::infinity();
  Ends ends;
  add_ends(ends, side, false);
  return ends.root(low, high, [&](long double t) { return total - side.in(t); });
}

// What a pool gains alone at a price, of an amount out in units of an amount in; an upper bound.
inline long double alone(const SplitPool& pool, long double out_worth) {
  const long double t = std::sqrt(out_worth);
  long double sum = 0;
  for (std::uint32_t i = 0; i < pool.range_count; ++i) {
    const SplitRange& range = pool.ranges[i];
    const long double in = level_in(range, t);
    const long double out = out_worth * level_out(range, t);
    sum += std::max(out - in, 0.0L) +
           real_margin * (out_worth * range.k / range.t0 + range.k * range.t0 + in);
  }
  return sum;
}

// `Quotes` answers bool(const SplitPool&, const u256& in, u256& out); false: that cannot be
// swapped.
template <class Quotes>
class SplitSearch {
 public:
  SplitSearch(Quotes& quotes, const SplitSides& sides, const SplitLimits& limits)
      : quotes_(quotes), limits_(limits), most_(limits.amount_in_max) {
    take(sides.buyers, buyers_);
    take(sides.sellers, sellers_);
  }

  gantry_status run(SplitSizing& out) {
    list_all();
    const bool found = search();
    if (!found) best_ = {};
    if (!found && member_count_ == 0) return GANTRY_NO_LIQUIDITY;
    if (member_count_ == 0) list_legs();
    certify();
    prove();
    if (best_.profit.is_zero()) return GANTRY_NO_LIQUIDITY;
    add_costs();
    out = best_;
    return GANTRY_OK;
  }

 private:
  struct Levels {
    long double buy = 0;   // t of the buyers
    long double sell = 0;  // t of the sellers
    long double gain = 0;  // before costs
  };
  struct Choice {
    std::uint32_t buyers = 0;
    std::uint32_t sellers = 0;
    long double net = -std::numeric_limits<long double>::infinity();
    bool trades() const { return buyers != 0 && sellers != 0; }
    std::uint32_t legs() const {
      return static_cast<std::uint32_t>(std::popcount(buyers) + std::popcount(sellers));
    }
  };

  static void take(std::span<const SplitPool> from, SplitSide& side) {
    side.count = static_cast<std::uint32_t>(std::min<std::size_t>(from.size(), split_pools_max));
    for (std::uint32_t i = 0; i < side.count; ++i) {
      side.pools[i] = from[i];
      if (from[i].range_count != 0) side.on |= 1U << i;
    }
  }

  bool search() {
    for (std::uint32_t tries = 0; tries < 2 * split_pools_max; ++tries) {
      const std::uint32_t buyers = buyers_.on;
      const std::uint32_t sellers = sellers_.on;
      failed_side_ = nullptr;
      if (!choose_legs()) return false;
      refit();
      if (in_whole_units()) return true;
      if (failed_side_ == nullptr) return false;
      // Again, without the pool that could not be quoted.
      const bool bought = failed_side_ == &buyers_;
      buyers_.on = bought ? buyers & ~failed_ : buyers;
      sellers_.on = bought ? sellers : sellers & ~failed_;
    }
    return false;
  }

  // What the bound and the proof are about: all pools, where their shapes are exact, legs are free
  // and each may have one; else those of the legs.
  struct Member {
    const SplitPool* pool;
    std::uint32_t place;
    bool buys;
  };
  void list_all() {
    const auto free = [](const SplitSide& side) {
      return std::all_of(side.pools.begin(), side.pools.begin() + side.count,
                         [](const SplitPool& pool) { return pool.exact && pool.cost == 0; });
    };
    const auto count = static_cast<std::uint32_t>(std::popcount(buyers_.on)) +
                       static_cast<std::uint32_t>(std::popcount(sellers_.on));
    if (buyers_.on == 0 || sellers_.on == 0 || !free(buyers_) || !free(sellers_) ||
        count > std::min<std::uint32_t>(limits_.legs_max, GANTRY_LEGS_MAX)) {
      return;
    }
    levels_ = levels();
    if (!(levels_.gain > 0)) return;
    for (const SplitSide* side : {&buyers_, &sellers_}) {
      for (std::uint32_t i = 0; i < side->count; ++i) {
        if (side->is_on(i)) add_member(*side, i);
      }
    }
  }
  void list_legs() {
    for (std::uint32_t i = 0; i < best_.leg_count; ++i) {
      add_member(i < best_.buyer_count ? buyers_ : sellers_, best_.legs[i].pool);
    }
  }
  void add_member(const SplitSide& side, std::uint32_t place) {
    const bool buys = &side == &buyers_;
    members_[member_count_++] = {&side.pools[place], place, buys};
    if (buys) ++member_buyers_;
  }

  Levels levels() const {
    const long double low = sellers_.first();      // in u: nobody sells below,
    const long double high = 1 / buyers_.first();  // and nobody buys above
    if (!(low < high)) return {};
    Ends ends;
    add_ends(ends, buyers_, true);
    add_ends(ends, sellers_, false);
    const long double u =
        ends.root(low, high, [&](long double at) { return buyers_.out(1 / at) - sellers_.in(at); });
    Levels found{1 / u, u, 0};
    const long double most = real_of(most_);
    if (buyers_.in(found.buy) > most) {
      found.buy = level_for(buyers_, most);
      found.sell = level_for(sellers_, buyers_.out(found.buy));
    }
    if (!std::isfinite(found.buy) || !std::isfinite(found.sell)) return {};
    found.gain = std::max(sellers_.out(found.sell) - buyers_.in(found.buy), 0.0L);
    return found;
  }

  // What takes part at this level.
  static std::uint32_t used(const SplitSide& side, long double t, long double& cost) {
    std::uint32_t bits = 0;
    for (std::uint32_t i = 0; i < side.count; ++i) {
      if (!side.is_on(i) || !(pool_in(side.pools[i], t) >= 1)) continue;
      bits |= 1U << i;
      cost += side.pools[i].cost;
    }
    return bits;
  }
  Choice choice_of(std::uint32_t buyers, std::uint32_t sellers) {
    buyers_.on = buyers;
    sellers_.on = sellers;
    Choice found;
    if (buyers == 0 || sellers == 0) return found;
    const Levels at = levels();
    long double cost = limits_.cost;
    if (!(at.gain > 0)) return found;
    found.buyers = used(buyers_, at.buy, cost);
    found.sellers = used(sellers_, at.sell, cost);
    if (found.trades()) found.net = at.gain - cost;
    return found;
  }

  // Which pools take part: all, and then without the one whose leg costs more than it brings, or
  // brings least while there are too many, and so on; or one of all on each side, whatever pays
  // more.
  bool choose_legs() {
    const std::uint32_t legs_max = std::clamp<std::uint32_t>(limits_.legs_max, 2, GANTRY_LEGS_MAX);
    const Choice all = choice_of(buyers_.on, sellers_.on);
    Choice best;
    for (Choice now = all; now.trades();) {
      const bool fits = now.legs() <= legs_max;
      if (fits && now.net > best.net) best = now;
      Choice next;
      for (std::uint32_t bit = 1; bit != 0; bit <<= 1U) {
        if ((now.buyers & bit) != 0) keep_better(next, choice_of(now.buyers & ~bit, now.sellers));
        if ((now.sellers & bit) != 0) keep_better(next, choice_of(now.buyers, now.sellers & ~bit));
      }
      if (!next.trades() || (fits && next.net <= now.net)) break;
      now = next;
    }
    // Where both sides have one pool, that was it.
    for (std::uint32_t b = all.legs() > 2 ? all.buyers : 0; b != 0; b &= b - 1) {
      for (std::uint32_t s = all.sellers; s != 0; s &= s - 1) {
        keep_better(best, choice_of(b & (~b + 1U), s & (~s + 1U)));
      }
    }
    if (!best.trades()) return false;
    buyers_.on = best.buyers;
    sellers_.on = best.sellers;
    return true;
  }
  static void keep_better(Choice& best, const Choice& other) {
    if (other.trades() && other.net > best.net) best = other;
  }

  // Shapes that are only near are brought through two quotes where they will be used.
  void refit() {
    for (int turn = 0; turn < 4; ++turn) {
      bool moved = false;
      const Levels at = levels();
      for (SplitSide* side : {&buyers_, &sellers_}) {
        const long double t = side == &buyers_ ? at.buy : at.sell;
        for (std::uint32_t i = 0; i < side->count && at.gain > 0; ++i) {
          if (side->is_on(i) && !side->pools[i].exact) moved |= fit(side->pools[i], t);
        }
      }
      if (!moved) return;
    }
  }
  // y = m x / (1 + c x) through (x, y) and a point at seven eighths of x, unless the shape that is
  // there has (x, y): ranges of ticks do, but for rounding.
  bool fit(SplitPool& pool, long double t) {
    const u256 far = std::min(floor_of(pool_in(pool, t)), pool.in_max);
    const u256 near = wrapping_sub(far, shift_right(far, 3));
    u256 far_out;
    u256 near_out;
    if (near.is_zero() || near == far || !quotes_(pool, far, far_out) ||
        !quotes_(pool, near, near_out) || near_out.is_zero()) {
      return false;
    }
    const long double x = real_of(far);
    const long double y = real_of(far_out);
    if (std::fabs(pool_out(pool, t) - y) <= y * 0x1p-30L + 2) return false;
    const long double w = real_of(near);
    const long double per_x = x / y;  // (1 + c x) / m
    const long double per_w = w / real_of(near_out);
    // A shape has to bend; a quarter of all quotes' digits is enough to be a line.
    const long double bend = std::max((per_x - per_w) / (x - w), per_x / x * 0x1p-40L);
    const long double start = per_x - bend * x;  // 1 / m
    if (!(start > 0)) return false;
    // Without a fee: r = m / c in terms of x, s = m^2 / c.
    const long double reserve_in = start / bend;
    const long double reserve_out = 1 / bend;
    SplitRange range;
    range.k = std::sqrt(reserve_in) * std::sqrt(reserve_out);
    range.t0 = std::sqrt(start);
    range.t1 = range.t0 + real_of(pool.in_max) / range.k;
    pool.ranges[0] = range;
    pool.range_count = 1;
    return true;
  }

  bool fail(SplitSide& side, std::uint32_t i) {
    failed_side_ = &side;
    failed_ = 1U << i;
    return false;
  }

  // Exact amounts at the levels. Less is tried where the sellers cannot take it all to the unit.
  bool in_whole_units() {
    for (int turn = 0; turn < 4; ++turn) {
      const Levels at = levels();
      if (!(at.gain > 0)) return false;
      best_ = {};
      u256 bought;
      if (!buy(at, bought)) return false;
      if (sell(at, bought)) {
        if (member_count_ == 0) levels_ = at;
        return true;
      }
      if (failed_side_ != nullptr) return false;
      most_ = wrapping_sub(best_.amount_in, shift_right(best_.amount_in, 16));
      if (most_.is_zero()) return false;
      most_ = wrapping_sub(most_, u256(1));
    }
    return false;
  }
  bool buy(const Levels& at, u256& bought) {
    for (std::uint32_t i = 0; i < buyers_.count; ++i) {
      if (!buyers_.is_on(i)) continue;
      SplitPool& pool = buyers_.pools[i];
      const u256 room = wrapping_sub(most_, best_.amount_in);
      u256 in = std::min({floor_of(pool_in(pool, at.buy)), pool.in_max, room});
      u256 out;
      if (in.is_zero() || !quotes_(pool, in, out) || out.is_zero()) return fail(buyers_, i);
      best_.legs[best_.leg_count++] = {i, in, out};
      best_.amount_in = wrapping_add(best_.amount_in, in);
      if (!add(bought, out, bought)) return false;
    }
    best_.buyer_count = best_.leg_count;
    return best_.buyer_count != 0;
  }
  bool sell(const Levels& at, const u256& bought) {
    u256 left = bought;
    const long double fitted = level_for(sellers_, real_of(bought));
    const long double t = std::isfinite(fitted) ? fitted : at.sell;
    for (std::uint32_t i = 0; i < sellers_.count; ++i) {
      if (!sellers_.is_on(i)) continue;
      const SplitPool& pool = sellers_.pools[i];
      const u256 in = std::min({floor_of(pool_in(pool, t)), pool.in_max, left});
      best_.legs[best_.leg_count++] = {i, in, u256()};
      left = wrapping_sub(left, in);
    }
    for (std::uint32_t i = best_.buyer_count; i < best_.leg_count && !left.is_zero(); ++i) {
      SplitLeg& leg = best_.legs[i];
      const u256 room = wrapping_sub(sellers_.pools[leg.pool].in_max, leg.amount_in);
      const u256 more = std::min(room, left);
      leg.amount_in = wrapping_add(leg.amount_in, more);
      left = wrapping_sub(left, more);
    }
    if (!left.is_zero()) return false;
    u256 sold;
    for (std::uint32_t i = best_.buyer_count; i < best_.leg_count; ++i) {
      SplitLeg& leg = best_.legs[i];
      if (leg.amount_in.is_zero() ||
          !quotes_(sellers_.pools[leg.pool], leg.amount_in, leg.amount_out) ||
          leg.amount_out.is_zero() || !add(sold, leg.amount_out, sold)) {
        return fail(sellers_, leg.pool);
      }
    }
    if (!sub(sold, best_.amount_in, best_.profit)) best_.profit = u256();
    return true;
  }

  // The sum of what the pools gain alone, and what that leaves open.
  void certify() {
    const long double buy_price = levels_.buy * levels_.buy;
    const long double sell_price = 1 / (levels_.sell * levels_.sell);
    const long double bound = bound_at(buy_price, std::max(buy_price, sell_price));
    best_.shortfall_max = std::max(bound - real_of(best_.profit), 0.0L);
  }
  long double bound_at(long double buy_price, long double sell_price) {
    const long double scale = sell_price / buy_price;
    long double bound = (scale - 1) * real_of(limits_.amount_in_max);
    if (!(scale > 1 + real_margin)) bound = 0;
    for (std::uint32_t i = 0; i < member_count_; ++i) {
      const Member& member = members_[i];
      const long double worth = member.buys ? buy_price : 1 / sell_price;
      // A pool without an exact shape is a member by its leg.
      const long double most = member.pool->exact
                                   ? alone(*member.pool, worth)
                                   : alone_by_quotes(*member.pool, best_.legs[i], worth);
      bound += most * (member.buys ? scale : sell_price);
    }
    return bound;
  }
  // As alone(), for a pool of which nothing is known but that it is concave.
  long double alone_by_quotes(const SplitPool& pool, const SplitLeg& leg, long double worth) {
    constexpr long double rounding = 2;
    // Near, and not so near that rounding hides that it bends.
    const u256 step = shift_right(leg.amount_in, bit_width(leg.amount_in) > 40 ? 12 : 6);
    const u256 below = wrapping_sub(leg.amount_in, step);
    u256 above = wrapping_add(leg.amount_in, step);
    above = std::min(above, pool.in_max);
    u256 below_out;
    u256 above_out;
    constexpr long double unknown = std::numeric_limits<long double>::infinity();
    if (step.is_zero() || !quotes_(pool, below, below_out)) return unknown;
    const long double x = real_of(leg.amount_in);
    const long double y = real_of(leg.amount_out);
    const long double down = x - real_of(below);
    const long double slope_down = y - real_of(below_out);
    if (worth * (slope_down - rounding) < down) return unknown;
    const long double up = real_of(above) - x;
    long double open = std::max(worth * (slope_down + rounding) / down - 1, 0.0L) * up;
    if (up > 0) {
      if (!quotes_(pool, above, above_out)) return unknown;
      const long double slope_up = real_of(above_out) - y;
      if (above < pool.in_max && worth * (slope_up + rounding) > up) return unknown;
      open = std::max(open, (1 - worth * (slope_up - rounding) / up) * down);
    }
    return std::max(worth * (y + rounding) - x, 0.0L) + open;
  }

  void add_costs() {
    best_.net = real_of(best_.profit) - limits_.cost;
    for (std::uint32_t i = 0; i < best_.leg_count; ++i) {
      const SplitSide& side = i < best_.buyer_count ? buyers_ : sellers_;
      best_.net -= side.pools[best_.legs[i].pool].cost;
    }
  }

  // ---- all whole numbers ----

  using Table = std::array<u256, split_scan_max + 1>;
  static constexpr std::uint32_t side_legs_max = GANTRY_LEGS_MAX - 1;
  using Steps = std::array<std::array<std::uint8_t, split_scan_max + 1>, side_legs_max>;

  // The units of B beyond which no split can gain a unit more than the best so far.
  std::uint32_t units_that_matter() {
    const long double middle = levels_.buy / levels_.sell;  // between both prices
    const long double target = real_of(best_.profit) + 1;
    long double least = std::numeric_limits<long double>::infinity();
    for (const long double spread : {1.05L, 1.2L, 1.5L, 2.0L, 4.0L, 8.0L}) {
      const long double low = middle / spread;
      const long double high = middle * spread;
      long double most = 0;
      for (std::uint32_t i = 0; i < member_count_; ++i) {
        const Member& member = members_[i];
        most += member.buys ? alone(*member.pool, high) : low * alone(*member.pool, 1 / low);
      }
      least = std::min(least, (most - target) / (high - low));
    }
    return least < split_scan_max ? static_cast<std::uint32_t>(std::max(least, 0.0L)) + 1
                                  : split_scan_max + 1;
  }

  void prove() {
    const std::uint32_t scan = std::min(limits_.scan_max, split_scan_max);
    if (scan == 0 || member_count_ == 0 || member_buyers_ == 0 ||
        !(best_.shortfall_max > real_of(best_.profit) * rounding_share)) {
      return;
    }
    const auto is_exact = [](const Member& member) { return member.pool->exact; };
    if (!std::all_of(members_.begin(), members_.begin() + member_count_, is_exact)) return;
    const std::uint32_t units = units_that_matter();
    if (units > scan) return;
    Table spent;
    Table gained;
    Steps bought{};
    Steps sold{};
    add_up(true, units, spent, bought);
    add_up(false, units, gained, sold);
    std::uint32_t most = 0;
    u256 profit = best_.profit;
    for (std::uint32_t n = 1; n <= units; ++n) {
      u256 more;
      if (spent[n] > limits_.amount_in_max || !sub(gained[n], spent[n], more)) continue;
      if (more <= profit) continue;
      profit = more;
      most = n;
    }
    if (most != 0 && !rebuild(bought, sold, most)) return;
    best_.best = true;
  }

  std::span<const Member> members_of(bool buys) const {
    const std::span all(members_.data(), member_count_);
    return buys ? all.first(member_buyers_) : all.subspan(member_buyers_);
  }

  // The least input of buyers, or the largest output of sellers, for each number of units of B;
  // steps: how many of them go through each pool.
  void add_up(bool buys, std::uint32_t units, Table& sum, Steps& steps) {
    for (std::uint32_t n = 0; n <= units; ++n) sum[n] = n == 0 || !buys ? u256() : u256::max();
    const auto members = members_of(buys);
    for (std::size_t at = 0; at < members.size(); ++at) {
      const SplitPool& pool = *members[at].pool;
      Table one;
      for (std::uint32_t n = 1; n <= units; ++n) {
        const u256 amount(n);
        if (buys) {
          one[n] = least_input(pool, amount);
        } else if (amount > pool.in_max || !quotes_(pool, amount, one[n])) {
          one[n] = u256();
        }
      }
      for (std::uint32_t n = units; n > 0; --n) {
        std::uint8_t through = 0;
        u256 found = sum[n];
        for (std::uint32_t part = 1; part <= n; ++part) {
          u256 both;
          if (sum[n - part] == u256::max() || one[part] == u256::max()) continue;
          if (!add(sum[n - part], one[part], both)) continue;
          if (buys ? both >= found : both <= found) continue;
          found = both;
          through = static_cast<std::uint8_t>(part);
        }
        sum[n] = found;
        steps[at][n] = through;
      }
    }
  }

  // All ones: none, within the pool's limit.
  u256 least_input(const SplitPool& pool, const u256& wanted) {
    const auto pays = [&](const u256& in) {
      u256 out;
      return !in.is_zero() && in <= pool.in_max && quotes_(pool, in, out) && out >= wanted;
    };
    // From where the shape has it, in steps that double.
    const long double target = real_of(wanted);
    long double start = 0;
    long double got = 0;
    for (std::uint32_t i = 0; i < pool.range_count && got < target; ++i) {
      const SplitRange& range = pool.ranges[i];
      const long double whole = level_out(range, range.t1);
      const long double left = 1 / range.t0 - (target - got) / range.k;
      start += got + whole < target || !(left > 0) ? level_in(range, range.t1)
                                                   : range.k * (1 / left - range.t0);
      got += whole;
    }
    const u256 guess = std::min(std::max(floor_of(start), u256(1)), pool.in_max);
    u256 high = guess;
    u256 step(1);
    while (!pays(high)) {
      if (high == pool.in_max || bit_width(step) > 250) return u256::max();
      u256 next_high;
      high = add(high, step, next_high) ? std::min(next_high, pool.in_max) : pool.in_max;
      step = shift_left(step, 1);
    }
    u256 low;  // does not pay
    for (step = u256(1); step < high; step = shift_left(step, 1)) {
      const u256 tried = wrapping_sub(high, step);
      if (!pays(tried)) {
        low = tried;
        break;
      }
      high = tried;
    }
    while (wrapping_sub(high, low) > u256(1)) {
      const u256 middle = half_way(low, high);
      (pays(middle) ? high : low) = middle;
    }
    return high;
  }

  // The legs of so many units of B; of what comes with the last of them beyond, and of what pays
  // nothing, the first seller takes all. False: no room, or a quote was refused.
  bool rebuild(const Steps& bought, const Steps& sold, std::uint32_t units) {
    SplitSizing found;
    u256 rest;
    if (!rebuild_side(bought, true, units, rest, found)) return false;
    u256 out;
    for (std::uint32_t i = 0; i < found.leg_count; ++i) {
      found.amount_in = wrapping_add(found.amount_in, found.legs[i].amount_in);
      out = wrapping_add(out, found.legs[i].amount_out);
    }
    found.buyer_count = found.leg_count;
    if (!sub(out, u256(units), rest) || !rebuild_side(sold, false, units, rest, found)) {
      return false;
    }
    out = u256();
    for (std::uint32_t i = found.buyer_count; i < found.leg_count; ++i) {
      out = wrapping_add(out, found.legs[i].amount_out);
    }
    if (found.buyer_count == found.leg_count || !sub(out, found.amount_in, found.profit) ||
        found.profit < best_.profit) {
      return false;
    }
    const long double gained = real_of(found.profit) - detail::real_of(best_.profit);
    found.shortfall_max = std::max(best_.shortfall_max - gained, 0.0L);
    best_ = found;
    return true;
  }
  bool rebuild_side(const Steps& steps, bool buys, std::uint32_t units, u256 rest,
                    SplitSizing& found) {
    const auto members = members_of(buys);
    std::array<std::uint32_t, side_legs_max> through{};
    std::uint32_t left = units;
    for (std::size_t at = members.size(); at-- > 0;) {
      through[at] = steps[at][left];
      left -= through[at];
    }
    rest = wrapping_add(rest, u256(buys ? 0 : left));
    for (std::size_t at = 0; at < members.size(); ++at) {
      if (through[at] == 0) continue;
      const SplitPool& pool = *members[at].pool;
      const u256 part(through[at]);
      SplitLeg leg{members[at].place, buys ? least_input(pool, part) : part, u256()};
      if (!buys) {
        const u256 more = std::min(wrapping_sub(pool.in_max, leg.amount_in), rest);
        leg.amount_in = wrapping_add(leg.amount_in, more);
        rest = wrapping_sub(rest, more);
      }
      if (!quotes_(pool, leg.amount_in, leg.amount_out) || leg.amount_out.is_zero()) return false;
      found.legs[found.leg_count++] = leg;
    }
    return rest.is_zero() && found.leg_count != 0;
  }

  Quotes& quotes_;
  const SplitLimits& limits_;
  u256 most_;  // that goes in
  SplitSide buyers_;
  SplitSide sellers_;
  SplitSide* failed_side_ = nullptr;
  std::uint32_t failed_ = 0;  // a bit of that side
  Levels levels_;
  SplitSizing best_;
  std::array<Member, GANTRY_LEGS_MAX> members_{};  // buyers, then sellers
  std::uint32_t member_count_ = 0;
  std::uint32_t member_buyers_ = 0;
};

}  // namespace detail

inline bool add_range(SplitPool& pool, const ConstantProduct& curve, const u256& in_end) {
  if (pool.range_count == split_ranges_max || is_zero(curve.reserve_in) ||
      is_zero(curve.reserve_out) || curve.fee_numerator >= curve.fee_denominator ||
      in_end.is_zero()) {
    return false;
  }
  const long double kept = static_cast<long double>(curve.fee_denominator - curve.fee_numerator) /
                           static_cast<long double>(curve.fee_denominator);
  const long double reserve_in = detail::real_of(curve.reserve_in);
  const long double reserve_out = detail::real_of(curve.reserve_out);
  SplitRange range;
  range.k = std::sqrt(reserve_in * reserve_out / kept);
  range.t0 = std::sqrt(reserve_in / (kept * reserve_out));
  if (pool.range_count != 0) {
    // Where both meet, as far as a shape in whole units can say.
    const SplitRange& before = pool.ranges[pool.range_count - 1];
    if (range.t0 < before.t1 * (1 - 1e-6L)) return false;
    range.t0 = std::max(range.t0, before.t1);
  } else {
    pool.deep_in = reserve_in;
  }
  const bool ends = in_end != u256::max();
  range.t1 = ends ? range.t0 + detail::real_of(in_end) / range.k
                  : std::numeric_limits<long double>::infinity();
  pool.ranges[pool.range_count++] = range;
  return true;
}

inline bool add_rest(SplitPool& pool, long double in, long double out) {
  if (pool.range_count == 0 || pool.range_count == split_ranges_max) return false;
  SplitRange range;
  range.t0 = pool.ranges[pool.range_count - 1].t1;
  range.t1 = in / (out * range.t0);
  range.k = in / (range.t1 - range.t0);
  if (!std::isfinite(range.k) || !(range.t1 > range.t0)) return false;
  pool.ranges[pool.range_count++] = range;
  pool.exact = false;
  return true;
}

inline void limit_input(SplitPool& pool, const u256& in_max) {
  pool.in_max = std::min(pool.in_max, in_max);
  long double left = detail::real_of(pool.in_max);
  for (std::uint32_t i = 0; i < pool.range_count; ++i) {
    SplitRange& range = pool.ranges[i];
    range.t1 = std::min(range.t1, range.t0 + left / range.k);
    left = std::max(left - range.k * (range.t1 - range.t0), 0.0L);
  }
}

// The best split within the limits. GANTRY_OK; GANTRY_NO_LIQUIDITY: none was found that gains a
// unit. `quotes` answers bool(const SplitPool&, const u256& in, u256& out); false: so much cannot
// be swapped. A pool is on one side of the answer at most, as its fee sees to; one without a fee
// may be on both.
template <class Quotes>
gantry_status best_split(Quotes quotes, const SplitSides& sides, const SplitLimits& limits,
                         SplitSizing& out) {
  // The cheapest and the dearest, as nearly all that is asked about gains nothing.
  const auto first = [](std::span<const SplitPool> pools) {
    long double least = std::numeric_limits<long double>::infinity();
    for (const SplitPool& pool : pools) {
      if (pool.range_count != 0) least = std::min(least, pool.ranges[0].t0);
    }
    return least;
  };
  if (!(first(sides.buyers) * first(sides.sellers) < 1)) return GANTRY_NO_LIQUIDITY;
  return detail::SplitSearch<Quotes>(quotes, sides, limits).run(out);
}

}  // namespace gantry::search
