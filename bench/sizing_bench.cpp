// The best input of a trade, from shapes that are at hand: a cycle of two and of three constant
// products, and a split over one, two and four pools on each side. 4,096 seeded sets of pools in
// shuffled order, a third of which gain nothing; each answer is checked against the pools' own
// formula. One iteration is all of them; the time is one solve's. Throughput.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "bench/random_cycles.hpp"
#include "gantry/search/sizing.hpp"
#include "gantry/search/split_sizing.hpp"

namespace {

using namespace gantry::search;
using gantry::ConstantProduct;
using gantry::u256;
using gantry::bench::random_cycles;
using gantry::bench::random_pool;

constexpr std::size_t sets = gantry::bench::random_sets;

bool pays_as_said(std::span<const Leg> legs, const Sizing& sizing) {
  u256 amount = sizing.amount_in;
  for (const Leg& leg : legs) {
    const u256 in = amount;
    if (gantry::amount_out(leg.pool, in, amount) != GANTRY_OK) return false;
  }
  u256 profit;
  return sub(amount, sizing.amount_in, profit) && profit == sizing.profit;
}

template <std::size_t hops>
void solve(benchmark::State& state) {
  const auto cycles = random_cycles<hops>();
  const SizingLimits limits{.amount_in_max = u256::max()};
  std::size_t gaining = 0;
  for (const auto& legs : cycles) {
    Sizing sizing;
    if (best_input(legs, limits, sizing) != GANTRY_OK) continue;
    ++gaining;
    if (!pays_as_said(legs, sizing)) return state.SkipWithError("a size pays otherwise than said");
  }
  if (gaining < sets / 8) return state.SkipWithError("nearly nothing gains");
  for (auto _ : state) {
    for (const auto& legs : cycles) {
      Sizing sizing;
      benchmark::DoNotOptimize(best_input(legs, limits, sizing));
      benchmark::DoNotOptimize(sizing);
    }
  }
  state.counters["gaining"] = static_cast<double>(gaining);
  const auto calls = state.iterations() * static_cast<std::int64_t>(sets);
  state.counters["per_call"] = benchmark::Counter(
      static_cast<double>(calls), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void two_hop_solve(benchmark::State& state) { solve<2>(state); }
void three_hop_solve(benchmark::State& state) { solve<3>(state); }
BENCHMARK(two_hop_solve);
BENCHMARK(three_hop_solve);

template <std::uint32_t side>
struct Street {
  std::array<ConstantProduct, 2 * side> pools;  // those that buy, those that sell
  std::array<SplitPool, side> buyers;
  std::array<SplitPool, side> sellers;
};

template <std::uint32_t side>
void split(benchmark::State& state) {
  using Street = Street<side>;
  std::mt19937_64 random(2 * side);
  std::vector<Street> all(sets);
  for (Street& street : all) {
    for (std::uint32_t i = 0; i < 2 * side; ++i) {
      street.pools[i] = random_pool(random, i < side);
      SplitPool& pool = i < side ? street.buyers[i] : street.sellers[i - side];
      pool.hop.pool = i;
      pool.in_max = u256::max();
      if (!add_range(pool, {street.pools[i].reserve_in, street.pools[i].reserve_out, 3, 1000},
                     u256::max())) {
        return state.SkipWithError("a pool has no shape");
      }
    }
  }
  SplitLimits limits;
  const auto best = [&](const Street& street, SplitSizing& out) {
    return best_split(
        [&](const SplitPool& pool, const u256& in, u256& paid) {
          return gantry::amount_out(street.pools[pool.hop.pool], in, paid) == GANTRY_OK &&
                 !paid.is_zero();
        },
        {street.buyers, street.sellers}, limits, out);
  };
  std::size_t gaining = 0;
  std::size_t splits = 0;
  for (const Street& street : all) {
    SplitSizing sizing;
    if (best(street, sizing) != GANTRY_OK) continue;
    ++gaining;
    splits += sizing.leg_count > 2 ? 1U : 0U;
    u256 in;
    u256 out;
    for (std::uint32_t i = 0; i < sizing.leg_count; ++i) {
      const SplitLeg& leg = sizing.legs[i];
      const bool buys = i < sizing.buyer_count;
      u256 paid;
      if (gantry::amount_out(street.pools[(buys ? 0 : side) + leg.pool], leg.amount_in, paid) !=
              GANTRY_OK ||
          paid != leg.amount_out ||
          !add(buys ? in : out, buys ? leg.amount_in : paid, buys ? in : out)) {
        return state.SkipWithError("a leg pays otherwise than said");
      }
    }
    u256 profit;
    if (in != sizing.amount_in || !sub(out, in, profit) || profit != sizing.profit) {
      return state.SkipWithError("legs do not add up");
    }
  }
  if (gaining < sets / 8 || (splits == 0) != (side == 1))
    return state.SkipWithError("nearly nothing gains");
  for (auto _ : state) {
    for (const Street& street : all) {
      SplitSizing sizing;
      benchmark::DoNotOptimize(best(street, sizing));
      benchmark::DoNotOptimize(sizing);
    }
  }
  state.counters["gaining"] = static_cast<double>(gaining);
  state.counters["split"] = static_cast<double>(splits);
  const auto calls = state.iterations() * static_cast<std::int64_t>(sets);
  state.counters["per_call"] = benchmark::Counter(
      static_cast<double>(calls), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
void split_solve(benchmark::State& state) {
  if (state.range(0) == 1) return split<1>(state);
  return state.range(0) == 2 ? split<2>(state) : split<4>(state);
}
BENCHMARK(split_solve)->ArgName("a_side")->Arg(1)->Arg(2)->Arg(4);

}  // namespace
