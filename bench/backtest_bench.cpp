// Backtests on the recorded market of 10,704 pairs: the states alone, from the file's bytes; the
// street around them, with a strategy that does nothing; and with the strategy's search. Events are
// recorded facts. Times are of the blocks after the first, which has the whole market.
#include <benchmark/benchmark.h>
#include <time.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>

#include "gantry/search/cycle_index.hpp"
#include "host/backtest/simulated_chain.hpp"
#include "host/feed/recording_feed.hpp"
#include "host/import/compile.hpp"
#include "support/long_recording.hpp"
#include "support/small_market.hpp"

namespace {

using namespace gantry::host;
using namespace gantry::test;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t longer = 10;  // times

struct Recorded {
  explicit Recorded(const std::string& strategies)
      : configuration(configure(folder.path(),
                                {"", "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 10000\n",
                                 strategies, "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
                                 "0x6B175474E89094C44Da98b954EedeAC495271d0F"},
                                {GANTRY_TEST_PLUGIN_FOLDER})) {}
  Plugins venues() const {
    Configuration part = configuration;
    part.strategies.clear();
    return make_plugins(part, folder.path() / "store");
  }
  TemporaryFolder folder;
  Configuration configuration;
};

const std::string idle = "[strategies.idle_strategy]\n";
const std::string triangular = "[strategies.triangular]\nmin_profit_bps = 50\nmax_hops = 4\n";

// The same market as it is recorded and compiled, once and ten times as long.
struct Files {
  Files() {
    write_repeated(GANTRY_RECORDING, raw_long, longer);
    const Recorded recorded(idle);
    for (const auto& [from, to] : {std::pair(raw, compiled), std::pair(raw_long, compiled_long)}) {
      auto done = compile_recording(recorded.configuration.chains.front(), recorded.venues().venues,
                                    {from, to});
      if (!done) throw std::runtime_error(done.error().message);
    }
  }
  TemporaryFolder folder;
  std::filesystem::path raw = GANTRY_RECORDING;
  std::filesystem::path compiled = folder / "compiled.gantry";
  std::filesystem::path raw_long = folder / "raw_long.gantry";
  std::filesystem::path compiled_long = folder / "compiled_long.gantry";
};

const Files& files() {
  static const Files made;
  return made;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}
// Of this thread alone: what else runs on the machine has no part in it.
double processor_s() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// The file is read and each block applied, in one thread, and nobody looks at the snapshots. The
// time is an event's.
void market_states(benchmark::State& state, const std::filesystem::path& file) {
  const Recorded recorded(idle);
  double seconds = 0;
  double processor = 0;
  std::uint64_t events = 0;
  std::uint64_t snapshots = 0;
  for (auto _ : state) {
    Plugins plugins = recorded.venues();
    MarketState market(recorded.configuration.chains.front(), std::move(plugins.venues));
    auto feed = RecordingFeed::open(file);
    if (!feed || !market.advance(*feed->next())) return state.SkipWithError("it does not begin");
    const auto start = Clock::now();
    const double worked = processor_s();
    std::uint64_t facts = 0;
    while (auto input = feed->next()) {
      facts += input->fact_count();
      if (auto snapshot = market.advance(*input); !snapshot) {
        return state.SkipWithError(snapshot.error().message.c_str());
      }
      ++snapshots;
    }
    const double took = seconds_since(start);
    processor += processor_s() - worked;
    state.SetIterationTime(took);
    seconds += took;
    events += facts;
    if (facts != longer * 12'000) state.SkipWithError("it saw another market");
  }
  state.counters["events_per_s"] = static_cast<double>(events) / seconds;
  state.counters["snapshots_per_s"] = static_cast<double>(snapshots) / seconds;
  state.counters["processor_ns_per_event"] = processor / static_cast<double>(events) * 1e9;
  state.counters["bytes_per_event"] =
      static_cast<double>(std::filesystem::file_size(file)) / static_cast<double>(longer * 12'000);
  state.counters["per_call"] = seconds / static_cast<double>(events);
}
void market_states_raw(benchmark::State& state) { market_states(state, files().raw_long); }
void market_states_compiled(benchmark::State& state) {
  market_states(state, files().compiled_long);
}
BENCHMARK(market_states_raw)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(market_states_compiled)->UseManualTime()->Unit(benchmark::kMillisecond);

// How many cycles have to be priced anew in all blocks after the first, of at most so many hops
// between usable pools.
std::uint64_t affected_cycles(const Recorded& recorded, std::uint32_t max_hops) {
  using namespace gantry::search;
  Plugins plugins = recorded.venues();
  MarketState market(recorded.configuration.chains.front(), std::move(plugins.venues));
  auto feed = RecordingFeed::open(files().compiled);
  if (!feed) throw std::runtime_error(feed.error().message);
  auto first = market.advance(*feed->next());
  if (!first) throw std::runtime_error(first.error().message);
  std::vector<PoolTokens> tokens;
  std::vector<std::uint32_t> place((*first)->topology->pools.size(), no_handle);
  for (std::uint32_t i = 0; i < place.size(); ++i) {
    const PoolInfo& pool = (*first)->topology->pools[i];
    if (pool.use != PoolUse::usable) continue;
    place[i] = static_cast<std::uint32_t>(tokens.size());
    tokens.push_back({pool.tokens});
  }
  CycleIndex index;
  index.build(tokens, {.max_hops = max_hops});
  std::uint64_t count = 0;
  std::vector<std::uint32_t> cycles;
  while (auto input = feed->next()) {
    auto snapshot = market.advance(*input);
    if (!snapshot) throw std::runtime_error(snapshot.error().message);
    cycles.clear();
    for (const std::uint32_t pool : (*snapshot)->changed) {
      const auto touched = index.cycles_of(place[pool]);
      cycles.insert(cycles.end(), touched.begin(), touched.end());
    }
    std::ranges::sort(cycles);
    count += static_cast<std::uint64_t>(std::ranges::unique(cycles).begin() - cycles.begin());
  }
  return count;
}

// One iteration is one backtest; the time is a snapshot's.
void backtest(benchmark::State& state, const std::string& strategies,
              const std::filesystem::path& file, bool wants_trades) {
  const Recorded recorded(strategies);
  double seconds = 0;
  double search_s = 0;
  std::uint64_t facts = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t trades = 0;
  for (auto _ : state) {
    SimulatedChain chain(SimulationSettings(), gas_overhead_of(recorded.configuration));
    StreetOptions options;
    options.recording = file;
    options.backtest = &chain;
    const RunReport report = run_market(recorded.configuration, options);
    state.SetIterationTime(report.stream_s);
    seconds += report.stream_s;
    // Of the first snapshot too: it is the largest.
    const Histogram& search = report.stages[static_cast<std::size_t>(Stage::strategies)];
    search_s += static_cast<double>(search.sum_ns() - search.max_ns()) * 1e-9;
    facts += report.facts - report.pools;  // the first block tells of each pool once
    snapshots += report.snapshots - 1;
    trades += chain.trades().size();
  }
  if (facts == 0 || (trades != 0) != wants_trades) state.SkipWithError("it saw another market");
  state.counters["events_per_s"] = static_cast<double>(facts) / seconds;
  state.counters["snapshots_per_s"] = static_cast<double>(snapshots) / seconds;
  state.counters["trades"] = static_cast<double>(trades) / static_cast<double>(state.iterations());
  state.counters["per_call"] = seconds / static_cast<double>(snapshots);
  if (!wants_trades) return;
  static const std::uint64_t cycles = affected_cycles(recorded, 4);
  state.counters["search_us"] = search_s / static_cast<double>(snapshots) * 1e6;
  state.counters["over_search"] = seconds / search_s;
  state.counters["cycles_per_s"] =
      static_cast<double>(cycles) * static_cast<double>(state.iterations()) / seconds;
}

void backtest_states_raw(benchmark::State& state) { backtest(state, idle, files().raw, false); }
void backtest_states(benchmark::State& state) { backtest(state, idle, files().compiled, false); }
void backtest_triangular(benchmark::State& state) {
  backtest(state, triangular, files().compiled, true);
}
BENCHMARK(backtest_states_raw)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(backtest_states)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(backtest_triangular)->UseManualTime()->Unit(benchmark::kMillisecond);

// The strategy's search alone: its find() and size() on each snapshot of that backtest.
void backtest_triangular_search(benchmark::State& state) {
  const Recorded recorded(triangular);
  double seconds = 0;
  std::uint64_t snapshots = 0;
  for (auto _ : state) {
    SimulatedChain chain(SimulationSettings(), gas_overhead_of(recorded.configuration));
    StreetOptions options;
    options.recording = files().compiled;
    options.backtest = &chain;
    const RunReport report = run_market(recorded.configuration, options);
    const Histogram& search = report.stages[static_cast<std::size_t>(Stage::strategies)];
    const double took = static_cast<double>(search.sum_ns() - search.max_ns()) * 1e-9;
    state.SetIterationTime(took);
    seconds += took;
    snapshots += report.snapshots - 1;
  }
  state.counters["per_call"] = seconds / static_cast<double>(snapshots);
}
BENCHMARK(backtest_triangular_search)->UseManualTime()->Unit(benchmark::kMillisecond);

// The most memory that this process has had, after the recording and after one of ten times its
// length.
void backtest_memory(benchmark::State& state) {
  const Recorded recorded(idle);
  const auto resident_mb = [&](const std::filesystem::path& file) {
    SimulatedChain chain(SimulationSettings(), gas_overhead_of(recorded.configuration));
    StreetOptions options;
    options.recording = file;
    options.backtest = &chain;
    return static_cast<double>(run_market(recorded.configuration, options).resident_bytes_max) /
           1e6;
  };
  const Files& made = files();
  for (auto _ : state) {
    const double once = resident_mb(made.compiled);
    state.counters["resident_mb"] = once;
    state.counters["more_of_ten_times_mb"] = resident_mb(made.compiled_long) - once;
  }
}
BENCHMARK(backtest_memory)->Iterations(1)->Unit(benchmark::kMillisecond);

// A sweep of four runs, as the program makes it: in one process after the other, or in two at a
// time.
void backtest_sweep(benchmark::State& state) {
  const TemporaryFolder home;
  const std::string program = "HOME='" + home.path().string() +
                              "' XDG_STATE_HOME= " GANTRY_PROGRAM " --plugins " GANTRY_PLUGIN_FOLDER
                              " --config " GANTRY_CONFIG_FOLDER " ";
  const std::string file = (home / "compiled.gantry").string();
  const std::string quiet = " >/dev/null 2>&1";
  // By the program's own configuration.
  const std::string compile = program + "import recording " GANTRY_RECORDING " --out " + file;
  const std::string sweep = program + "backtest " + file +
                            " --sweep strategies.triangular.min_profit_bps=10,20,50,100 --jobs " +
                            std::to_string(state.range(0));
  if (std::system((compile + quiet).c_str()) != 0) return state.SkipWithError("it did not compile");
  for (auto _ : state) {
    if (std::system((sweep + quiet).c_str()) != 0) state.SkipWithError("the sweep failed");
  }
}
BENCHMARK(backtest_sweep)
    ->ArgName("jobs")
    ->Arg(1)
    ->Arg(2)
    ->Iterations(1)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
