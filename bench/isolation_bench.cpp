// What a process of its own costs a strategy: find() of the triangular strategy on the recorded
// market, with all its quotes, in the host's process and in a child. Each is run through the
// recording alone, as two that took turns would push each other's data out of the caches, and
// twelve times in turn; of a snapshot's twelve times the shortest counts, as other work on the
// machine only adds. The difference is taken snapshot by snapshot; what both find is compared to
// the byte. With the bell that the street rings at live pace when a block comes in, and without,
// when the child sleeps until it is called.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "host/feed/recording_feed.hpp"
#include "host/isolation/isolated_strategy.hpp"
#include "host/isolation/nursery.hpp"
#include "host/market/market_state.hpp"
#include "support/small_market.hpp"

namespace {

using namespace gantry;
using namespace gantry::host;

constexpr const char* triangular = "[strategies.triangular]\nmin_profit_bps = 50\n";
// Asks for nothing and finds nothing: what the call alone costs.
constexpr const char* idle = "[strategies.idle_strategy]\n";
constexpr std::size_t warm_snapshots = 50;
constexpr std::size_t measured_snapshots = 400;
constexpr int rounds = 12;

struct Side {
  Side(const std::string& strategy, const std::string& isolation)
      : configuration(
            test::configure(folder.path(),
                            {.gantry = {},
                             .dex = test::ConfigurationTexts().dex,
                             .strategies = strategy + "isolation = \"" + isolation + "\"\n",
                             .wrapped_native = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
                             .usd_token = "0x6B175474E89094C44Da98b954EedeAC495271d0F"},
                            {GANTRY_TEST_PLUGIN_FOLDER})),
        plugins(make_plugins(configuration, folder.path() / "store", {}, {GANTRY_PROGRAM})) {
    if (plugins.strategies.size() != 1) throw std::runtime_error("the strategy does not load");
    found.reserve(4096);
  }

  // Of one find(), in nanoseconds; what comes before the first is not timed.
  double find(const Snapshot& snapshot, bool cold) {
    const StrategyInstance& strategy = *plugins.strategies.front();
    view.bind(snapshot, snapshot.changed, cold);
    gantry_error error{};
    if (cold && strategy.table().prepare(strategy.object(), view.market(), &error) != GANTRY_OK) {
      throw std::runtime_error(error.message);
    }
    found.clear();
    const gantry_opportunity_sink sink{
        this, [](void* self, const gantry_opportunity* opportunity) -> gantry_status {
          static_cast<Side*>(self)->found.push_back(*opportunity);
          return GANTRY_OK;
        }};
    const auto start = std::chrono::steady_clock::now();
    const auto status = strategy.table().find(strategy.object(), view.market(), &sink);
    const auto end = std::chrono::steady_clock::now();
    if (status != GANTRY_OK) throw std::runtime_error("find() failed");
    return std::chrono::duration<double, std::nano>(end - start).count();
  }

  test::TemporaryFolder folder;
  Configuration configuration;
  Plugins plugins;
  MarketView view;
  std::vector<gantry_opportunity> found;
  std::uint64_t emitted = 0;
};

void report(benchmark::State& state, const std::string& prefix, std::vector<double>& nanoseconds) {
  std::ranges::sort(nanoseconds);
  const auto at = [&](double share) {
    const auto last = static_cast<double>(nanoseconds.size() - 1);
    return nanoseconds[static_cast<std::size_t>(share * last)] / 1'000;
  };
  state.counters[prefix + "p50_us"] = at(0.50);
  state.counters[prefix + "p99_us"] = at(0.99);
}

// Through the recording once; keeps the shorter time of each snapshot.
void pass(Side& side, bool with_bell, std::vector<double>& nanoseconds, std::uint64_t& digest) {
  auto feed = RecordingFeed::open(GANTRY_RECORDING);
  if (!feed) throw std::runtime_error(feed.error().message);
  MarketState market(side.configuration.chains.front(), side.plugins.venues, 0,
                     side.plugins.arena());
  nanoseconds.resize(measured_snapshots, std::numeric_limits<double>::infinity());
  digest = 14695981039346656037ULL;
  for (std::size_t i = 0; i < warm_snapshots + measured_snapshots; ++i) {
    const auto input = feed->next();
    if (with_bell && side.plugins.nursery) side.plugins.nursery->ring();
    const auto snapshot =
        input ? market.advance(*input) : Result<std::shared_ptr<Snapshot>>(nullptr);
    if (!snapshot || !*snapshot) throw std::runtime_error("the recording is too short");
    const double took = side.find(**snapshot, i == 0);
    for (const gantry_opportunity& one : side.found) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(&one);
      for (std::size_t k = 0; k < sizeof(one); ++k) digest = (digest ^ bytes[k]) * 1099511628211ULL;
    }
    if (i < warm_snapshots) continue;
    double& shortest = nanoseconds[i - warm_snapshots];
    shortest = std::min(shortest, took);
    side.emitted += side.found.size();
  }
}

// p50 and p99 are of the difference.
void isolated_find_over_inproc(benchmark::State& state, const char* strategy, bool with_bell) {
  std::vector<double> of_inproc, of_child;
  std::uint64_t emitted = 0;
  for (auto _ : state) {
    Side inproc(strategy, "inproc");
    Side child(strategy, "process");
    std::uint64_t expected = 0;
    std::uint64_t digest = 0;
    for (int round = 0; round < rounds; ++round) {
      pass(inproc, with_bell, of_inproc, expected);
      pass(child, with_bell, of_child, digest);
      if (digest != expected) {
        return state.SkipWithError("the isolated strategy finds something else");
      }
    }
    emitted = child.emitted;
    const double sum = std::accumulate(of_child.begin(), of_child.end(), 0.0);
    state.SetIterationTime(sum * 1e-9 / static_cast<double>(measured_snapshots));
  }
  std::vector<double> over;
  for (std::size_t i = 0; i < measured_snapshots; ++i) over.push_back(of_child[i] - of_inproc[i]);
  report(state, "inproc_", of_inproc);
  report(state, "isolated_", of_child);
  report(state, "", over);
  state.counters["found"] = static_cast<double>(emitted) / (rounds * measured_snapshots);
}
BENCHMARK_CAPTURE(isolated_find_over_inproc, live, triangular, true)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(1);
BENCHMARK_CAPTURE(isolated_find_over_inproc, asleep, triangular, false)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(1);
BENCHMARK_CAPTURE(isolated_find_over_inproc, empty_call, idle, true)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(1);

}  // namespace
