// The best input of mixed cycles (mixed_cycle.hpp). Throughput; one iteration is all cycles, and
// the time is one's.
#pragma once
#include <benchmark/benchmark.h>

#include "mixed_cycle.hpp"

namespace gantry::bench {

inline void solve_mixed(benchmark::State& state, const gantry_dex_v1& table,
                        const gantry_dex_instance* object, const std::vector<MixedCycle>& cycles) {
  std::size_t gaining = 0;
  std::uint64_t quotes = 0;
  for (const MixedCycle& cycle : cycles) {
    search::RouteSizing sizing;
    if (size_mixed(table, object, cycle, sizing) != GANTRY_OK) continue;
    ++gaining;
    quotes += sizing.quotes;
    gantry_route_quote again;
    u256 profit;
    if (!quote_mixed(table, object, cycle, u256(sizing.quote.amount_in), again) ||
        !sub(u256(again.amount_out), u256(again.amount_in), profit) || profit != sizing.profit) {
      return state.SkipWithError("a size pays otherwise than said");
    }
  }
  if (gaining < cycles.size() / 4 || cycles.size() < 1000) {
    return state.SkipWithError("nearly nothing gains");
  }
  for (auto _ : state) {
    for (const MixedCycle& cycle : cycles) {
      search::RouteSizing sizing;
      benchmark::DoNotOptimize(size_mixed(table, object, cycle, sizing));
      benchmark::DoNotOptimize(sizing);
    }
  }
  state.counters["quotes"] = static_cast<double>(quotes) / static_cast<double>(gaining);
  const auto calls = state.iterations() * static_cast<std::int64_t>(cycles.size());
  state.counters["per_call"] = benchmark::Counter(
      static_cast<double>(calls), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

}  // namespace gantry::bench
