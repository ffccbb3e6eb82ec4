// The size of a route of any shape, beside every input there is, or many of them.
#include "gantry/search/route_sizing.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace gantry;
using namespace gantry::search;

namespace {

// A pool of several ranges, each a constant product of its own, as ticks make them: the price of a
// later one is worse.
struct Range {
  std::uint64_t reserve_in;
  std::uint64_t reserve_out;
  std::uint64_t in_end;  // what goes into it at the most
};
struct RangedPool {
  std::vector<Range> ranges;
  std::uint64_t kept = 997;  // of 1000

  // Rounded down in each range; nothing: it cannot take so much.
  bool out(std::uint64_t in, std::uint64_t& paid) const {
    paid = 0;
    for (const Range& range : ranges) {
      const std::uint64_t part = std::min(in, range.in_end);
      const auto kept_in = static_cast<gantry::uint128>(part) * kept;
      paid += static_cast<std::uint64_t>(
          kept_in * range.reserve_out /
          (static_cast<gantry::uint128>(range.reserve_in) * 1000 + kept_in));
      in -= part;
      if (in == 0) return true;
    }
    return false;
  }
};

struct PoolRoute {
  std::vector<RangedPool> pools;

  bool operator()(const u256& in, gantry_route_quote& quote) const {
    if (bit_width(in) > 60) return false;
    std::uint64_t amount = in.limb(0);
    quote = {};
    quote.amount_in = quote.amounts[0] = in;
    for (std::size_t i = 0; i < pools.size(); ++i) {
      if (!pools[i].out(amount, amount)) return false;
      quote.amounts[i + 1] = u256(amount);
    }
    quote.amount_out = u256(amount);
    return true;
  }
  // What is gained; nothing at all where it cannot be swapped.
  long double gain(std::uint64_t in) const {
    gantry_route_quote quote;
    if (!(*this)(u256(in), quote)) return -1e30L;
    return to_long_double(u256(quote.amount_out)) - static_cast<long double>(in);
  }
};

// Ranges around a price of 1 by `tilt`, each as deep as the others, whose prices fall by `step`.
RangedPool ranged(std::mt19937_64& random, double tilt, std::size_t count, double depth) {
  RangedPool pool;
  double price = tilt;
  for (std::size_t i = 0; i < count; ++i) {
    Range range{
        static_cast<std::uint64_t>(depth), static_cast<std::uint64_t>(depth * price),
        static_cast<std::uint64_t>(depth * (0.05 + 0.001 * static_cast<double>(random() % 300)))};
    if (i + 1 == count && random() % 2 == 0) range.in_end = UINT64_MAX;
    pool.ranges.push_back(range);
    // Where this one ends the next begins, or a little below.
    const double in = static_cast<double>(range.in_end) * 0.997;
    const double end = static_cast<double>(range.reserve_in) *
                       static_cast<double>(range.reserve_out) /
                       ((static_cast<double>(range.reserve_in) + in) *
                        (static_cast<double>(range.reserve_in) + in));
    price = end * (0.97 + 0.0001 * static_cast<double>(random() % 300));
  }
  return pool;
}

PoolRoute route(std::mt19937_64& random, double depth) {
  PoolRoute out;
  const std::size_t hops = 2 + random() % 3;
  for (std::size_t i = 0; i < hops; ++i) {
    const double tilt = i == 0 ? 1.0 + 0.0001 * static_cast<double>(random() % 3000) : 1.0;
    out.pools.push_back(ranged(random, tilt, 1 + random() % 4, depth));
  }
  return out;
}

RouteLimits whole(double rounding) {
  RouteLimits limits;
  limits.amount_in_max = u256(UINT64_MAX >> 4);
  limits.rounding = rounding;
  return limits;
}

}  // namespace

TEST_CASE("of all inputs of a small market none gains so much more, and a scan finds the best") {
  std::mt19937_64 random(5);
  int gaining = 0;
  for (int i = 0; i < 3000; ++i) {
    const PoolRoute pools = route(random, 200 + static_cast<double>(random() % 3000));
    long double most = 0;
    for (std::uint64_t in = 1; in <= 3000; ++in) most = std::max(most, pools.gain(in));
    RouteSizing sized;
    RouteLimits limits = whole(4);
    limits.first = u256(1 + random() % 500);
    if (best_route_input_by(pools, static_cast<std::uint32_t>(pools.pools.size()), limits, sized) !=
        GANTRY_OK) {
      // Less than rounding takes may be overlooked.
      CHECK(most <= 16);
      continue;
    }
    ++gaining;
    CAPTURE(i, limits.first.limb(0), most, sized.shortfall_max, sized.quotes);
    const long double gain = pools.gain(u256(sized.quote.amount_in).limb(0));
    CHECK(gain == to_long_double(sized.profit));
    CHECK(most < gain + sized.shortfall_max);
    CHECK_FALSE(sized.best);
    limits.scan_max = 1U << 20;
    limits.amount_in_max = u256(3000);
    REQUIRE(best_route_input_by(pools, static_cast<std::uint32_t>(pools.pools.size()), limits,
                                sized) == GANTRY_OK);
    CHECK(sized.best);
    CHECK(to_long_double(sized.profit) == most);
  }
  CHECK(gaining > 1000);
}

TEST_CASE("in a deep market a few quotes find the size, and none near it gains so much more") {
  std::mt19937_64 random(6);
  int gaining = 0;
  std::uint64_t quotes = 0;
  for (int i = 0; i < 3000; ++i) {
    const double depth = 1e12 * static_cast<double>(1 + random() % 1000);
    const PoolRoute pools = route(random, depth);
    RouteLimits limits = whole(4);
    limits.first =
        u256(static_cast<std::uint64_t>(depth / static_cast<double>(2 + random() % 1000)));
    RouteSizing sized;
    if (best_route_input_by(pools, static_cast<std::uint32_t>(pools.pools.size()), limits, sized) !=
        GANTRY_OK) {
      continue;
    }
    ++gaining;
    quotes += sized.quotes;
    CAPTURE(i, sized.quotes, sized.shortfall_max);
    const long double gain = to_long_double(sized.profit);
    // Others, many of them near.
    const auto at = static_cast<long double>(u256(sized.quote.amount_in).limb(0));
    for (int j = 0; j < 200; ++j) {
      const long double away = std::pow(0.8L, j % 60) * (random() % 2 == 0 ? 1 : -1);
      const long double other = at * (1 + away);
      if (other < 1) continue;
      CHECK(pools.gain(static_cast<std::uint64_t>(other)) < gain + sized.shortfall_max);
    }
    CHECK(sized.shortfall_max <= gain * 1e-3L + 100);
  }
  CHECK(gaining > 500);
  CHECK(quotes < 8 * static_cast<std::uint64_t>(gaining));
}
