// What a process of its own costs a strategy: find() of the triangular strategy on the recorded
// market, with all its quotes, in the host's process and in a child, on the same snapshots, each
// first in every other. The difference is taken snapshot by snapshot; what both find is compared
// to the byte. Once with the bell that the street rings at live pace when a block comes in, and
// once without, when the child sleeps until it is called.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
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

constexpr std::size_t warm_snapshots = 50;
constexpr std::size_t measured_snapshots = 1000;

struct Side {
  explicit Side(const std::string& isolation)
      : configuration(test::configure(
            folder.path(),
            {.gantry = {},
             .dex = test::ConfigurationTexts().dex,
             .strategies = "[strategies.triangular]\nmin_profit_bps = 50\nisolation = \"" +
                           isolation + "\"\n",
             .wrapped_native = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
             .usd_token = "0x6B175474E89094C44Da98b954EedeAC495271d0F"})),
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

// p50 and p99 are of the difference.
void isolated_find_over_inproc(benchmark::State& state, bool with_bell) {
  Side inproc("inproc");
  Side child("process");
  std::vector<double> of_inproc, of_child, over;
  double opportunities = 0;
  for (auto _ : state) {
    auto feed = RecordingFeed::open(GANTRY_RECORDING);
    if (!feed) throw std::runtime_error(feed.error().message);
    MarketState market(child.configuration.chains.front(), child.plugins.venues, 0,
                       child.plugins.arena());
    double seconds = 0;
    for (std::size_t i = 0; i < warm_snapshots + measured_snapshots; ++i) {
      const auto input = feed->next();
      if (with_bell) child.plugins.nursery->ring();
      const auto snapshot = input ? market.advance(*input) : Result<SnapshotPtr>(SnapshotPtr());
      if (!snapshot || !*snapshot) throw std::runtime_error("the recording is too short");
      double here = 0;
      double there = 0;
      if (i % 2 == 0) here = inproc.find(**snapshot, i == 0);
      there = child.find(**snapshot, i == 0);
      if (i % 2 == 1) here = inproc.find(**snapshot, i == 0);
      if (inproc.found.size() != child.found.size() ||
          std::memcmp(inproc.found.data(), child.found.data(),
                      inproc.found.size() * sizeof(gantry_opportunity)) != 0) {
        return state.SkipWithError("the isolated strategy finds something else");
      }
      if (i < warm_snapshots) continue;
      of_inproc.push_back(here);
      of_child.push_back(there);
      over.push_back(there - here);
      seconds += there * 1e-9;
      opportunities += static_cast<double>(child.found.size());
    }
    state.SetIterationTime(seconds / static_cast<double>(measured_snapshots));
  }
  report(state, "inproc_", of_inproc);
  report(state, "isolated_", of_child);
  report(state, "", over);
  state.counters["found"] = opportunities / static_cast<double>(over.size());
}
BENCHMARK_CAPTURE(isolated_find_over_inproc, live, true)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(1);
BENCHMARK_CAPTURE(isolated_find_over_inproc, asleep, false)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(1);

}  // namespace
