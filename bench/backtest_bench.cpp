// A backtest on the recorded market of 10,704 pairs: what of its time is the states alone, and what
// the strategy's search beside them. One iteration is one run; times are of the blocks after the
// first, which has the whole market.
#include <benchmark/benchmark.h>

#include "host/backtest/simulated_chain.hpp"
#include "support/small_market.hpp"

namespace {

using namespace gantry::host;
using namespace gantry::test;

struct Recorded {
  explicit Recorded(const std::string& strategies)
      : configuration(configure(folder.path(),
                                {"", "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 10000\n",
                                 strategies, "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
                                 "0x6B175474E89094C44Da98b954EedeAC495271d0F"},
                                {GANTRY_TEST_PLUGIN_FOLDER})) {}
  TemporaryFolder folder;
  Configuration configuration;
};

void run(benchmark::State& state, const std::string& strategies, bool wants_trades) {
  const Recorded recorded(strategies);
  double seconds = 0;
  std::uint64_t facts = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t trades = 0;
  for (auto _ : state) {
    SimulatedChain chain(SimulationSettings(), gas_overhead_of(recorded.configuration));
    StreetOptions options;
    options.recording = GANTRY_RECORDING;
    options.backtest = &chain;
    const RunReport report = run_market(recorded.configuration, options);
    state.SetIterationTime(report.stream_s);
    seconds += report.stream_s;
    facts += report.facts - report.pools;  // the first block tells of each pool once
    snapshots += report.snapshots - 1;
    trades += chain.trades().size();
  }
  if (facts == 0 || (trades != 0) != wants_trades) state.SkipWithError("it saw another market");
  state.counters["events_per_s"] = static_cast<double>(facts) / seconds;
  state.counters["snapshots_per_s"] = static_cast<double>(snapshots) / seconds;
  state.counters["trades"] = static_cast<double>(trades) / static_cast<double>(state.iterations());
  state.counters["per_call"] = seconds / static_cast<double>(snapshots);
}

void backtest_states(benchmark::State& state) { run(state, "[strategies.idle_strategy]\n", false); }
BENCHMARK(backtest_states)->UseManualTime()->Unit(benchmark::kMillisecond);

void backtest_triangular(benchmark::State& state) {
  run(state, "[strategies.triangular]\nmin_profit_bps = 50\nmax_hops = 4\n", true);
}
BENCHMARK(backtest_triangular)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
