#include <limits>
#include <stdexcept>

#include "bench/peers/searches.hpp"
#include "gantry/u256_convert.hpp"
#include "host/backtest/simulated_chain.hpp"
#include "host/feed/recording_feed.hpp"
#include "host/import/compile.hpp"
#include "support/small_market.hpp"

namespace gantry::peers {
namespace {

using namespace host;
namespace json = boost::json;
using Time = std::chrono::milliseconds;

constexpr std::size_t sync_bytes = 64;  // of Sync(): both reserves

// The swaps after the first block, which has the whole market: pool, time, reserves.
json::array recorded_swaps() {
  auto feed = RecordingFeed::open(GANTRY_RECORDING);
  if (!feed || !feed->next()) throw std::runtime_error("the recorded market does not begin");
  json::array swaps;
  while (auto input = feed->next()) {
    for (const recording::Fact& fact : input->facts) {
      if (fact.data.size() != sync_bytes) throw std::runtime_error("a fact is no swap");
      const u256 reserves[2] = {load_be(fact.data.data()), load_be(fact.data.data() + 32)};
      swaps.push_back(json::array{fact.pool, input->block.time_s, to_double(reserves[0]),
                                  to_double(reserves[1])});
    }
  }
  return swaps;
}

}  // namespace

json::object backtest(Time time) {
  const test::TemporaryFolder folder;
  const Configuration configuration =
      test::configure(folder.path(),
                      {"", "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 10000\n",
                       "[strategies.idle_strategy]\n", "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
                       "0x6B175474E89094C44Da98b954EedeAC495271d0F"},
                      {GANTRY_TEST_PLUGIN_FOLDER});
  const std::filesystem::path compiled = folder / "compiled.gantry";
  {
    Configuration venues = configuration;
    venues.strategies.clear();
    const Plugins plugins = make_plugins(venues, folder / "store");
    if (auto done = compile_recording(configuration.chains.front(), plugins.venues,
                                      {GANTRY_RECORDING, compiled});
        !done) {
      throw std::runtime_error(done.error().message);
    }
  }
  json::array swaps = recorded_swaps();
  double quickest_s = std::numeric_limits<double>::max();
  double seconds = 0;
  do {
    SimulatedChain chain(SimulationSettings(), gas_overhead_of(configuration));
    StreetOptions options;
    options.recording = compiled;
    options.backtest = &chain;
    const RunReport report = test::run_market(configuration, options);
    // The first block tells of each pool once.
    if (report.facts - report.pools != swaps.size()) {
      throw std::runtime_error("the backtest saw another market");
    }
    quickest_s = std::min(quickest_s, report.stream_s);
    seconds += report.stream_s;
  } while (seconds < std::chrono::duration<double>(time).count());
  return {{"venue", "backtest"},
          {"ours_ns", quickest_s / static_cast<double>(swaps.size()) * 1e9},
          {"swaps", std::move(swaps)}};
}

}  // namespace gantry::peers
