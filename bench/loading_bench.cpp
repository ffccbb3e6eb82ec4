// What it takes to start: a plugin's library, and the whole recorded market up to the first answer
// of the triangular strategy; then one update of one pool through the host and that strategy.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <stdexcept>

#include "host/feed/recording_feed.hpp"
#include "host/street/strategy_runner.hpp"
#include "support/small_market.hpp"

namespace {

using namespace gantry;
using namespace gantry::host;
using Clock = std::chrono::steady_clock;

double ns_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

// Configuration and libraries of a run, without a street.
struct Host {
  explicit Host(const test::ConfigurationTexts& texts)
      : configuration(test::configure(folder.path(), texts, {GANTRY_TEST_PLUGIN_FOLDER})) {}
  test::TemporaryFolder folder;
  Configuration configuration;
  std::filesystem::path store = folder.path() / "store";
};

// The library of one venue and one strategy: inspect, map, check, initialise, create.
void plugin_load(benchmark::State& state) {
  Host host({"", test::ConfigurationTexts().dex, "[strategies.idle_strategy]\n"});
  const std::filesystem::path files[] = {
      std::filesystem::path(GANTRY_PLUGIN_FOLDER) / "uniswap_v2.so",
      std::filesystem::path(GANTRY_TEST_PLUGIN_FOLDER) / "idle_strategy.so"};
  for (auto _ : state) {
    for (const auto& file : files) {
      if (!inspect_plugin_file(file)) state.SkipWithError("a library cannot be inspected");
    }
    const Plugins plugins = make_plugins(host.configuration, host.store);
    if (plugins.venues.size() != 1 || plugins.strategies.size() != 1) {
      state.SkipWithError("a library does not load");
    }
  }
  const auto loads = state.iterations() * std::int64_t{2};
  state.counters["per_call"] = benchmark::Counter(
      static_cast<double>(loads), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(plugin_load)->Unit(benchmark::kMillisecond);

// WETH and DAI.
test::ConfigurationTexts recorded_texts() {
  test::ConfigurationTexts texts;
  texts.wrapped_native = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";
  texts.usd_token = "0x6B175474E89094C44Da98b954EedeAC495271d0F";
  return texts;
}

// The recorded market with every pool in it, and the strategy that watches it.
class Watched {
 public:
  Watched() : host_(recorded_texts()) {
    plugins_ = make_plugins(host_.configuration, host_.store);
    if (plugins_.venues.size() != 1 || plugins_.strategies.size() != 1) {
      throw std::runtime_error("the plugins do not load");
    }
  }

  // Opens the recording and takes its first block: all pools.
  void load() {
    auto feed = RecordingFeed::open(GANTRY_RECORDING);
    if (!feed) throw std::runtime_error(feed.error().message);
    auto input = feed->next();
    if (!input) throw std::runtime_error("the recording is empty");
    const auto chain = host_.configuration.chain_of(GANTRY_RECORDING, feed->header().chain);
    if (!chain) throw std::runtime_error(chain.error().message);
    market_ = std::make_unique<MarketState>(**chain, plugins_.venues);
    advance(*input);
    runner_ = std::make_unique<StrategyRunner>(plugins_.strategies[0], changes_, history_,
                                               RunnerOptions{});
    runner_->subscribe(*snapshot_);
    block_ = input->block;
  }

  Batch find() { return runner_->run({snapshot_, 0, {}, 0}, false); }

  // A swap of up to 0.1 % of the reserves of `pool`, as its Sync would say it.
  void move(std::uint32_t pool, std::mt19937_64& random) {
    u256 reserves[2];
    read(pool, reserves);
    const std::size_t in = random() % 2;
    u256 added;
    u256 product;
    u256 out;
    if (!mul_div_ceil(reserves[in], u256(1 + random() % 1000), u256(1'000'000), added) ||
        !mul(reserves[0], reserves[1], product)) {
      throw std::runtime_error("a reserve is out of range");
    }
    reserves[in] = wrapping_add(reserves[in], added);
    if (!div_ceil(product, reserves[in], out)) throw std::runtime_error("a reserve is zero");
    reserves[in ^ 1U] = out;
    BlockInput input;
    ++block_.number;
    block_.time_s += 13;
    input.block = block_;
    recording::Fact fact;
    fact.pool = pool;
    fact.kind = recording::FactKind::evm_log;
    fact.source = snapshot_->topology->pools[pool].address;
    fact.topics.assign(sync_topic, sync_topic + 32);
    fact.data.resize(64);
    store_be(reserves[0], fact.data.data());
    store_be(reserves[1], fact.data.data() + 32);
    input.facts.push_back(std::move(fact));
    advance(input);
    if (snapshot_->changed.size() != 1) throw std::runtime_error("an update was not taken");
  }

  // Pools of the wrapped coin, deepest first; and the pool of most others' tokens.
  std::vector<std::uint32_t> deep_weth_pools(std::size_t count) {
    const Topology& topology = *snapshot_->topology;
    std::vector<std::pair<double, std::uint32_t>> all;
    for (const std::uint32_t pool : topology.pools_of(topology.wrapped_token)) {
      if (topology.pools[pool].use != PoolUse::usable) continue;
      u256 reserves[2];
      read(pool, reserves);
      all.emplace_back(-to_double(reserves[topology.pools[pool].index_of(topology.wrapped_token)]),
                       pool);
    }
    std::ranges::sort(all);
    std::vector<std::uint32_t> out;
    if (all.size() < count) throw std::runtime_error("too few pools of the wrapped coin");
    for (std::size_t i = 0; i < count; ++i) out.push_back(all[i].second);
    return out;
  }
  // The pool whose tokens have the most pools: about the one in most cycles.
  std::uint32_t busiest_pool() const {
    const Topology& topology = *snapshot_->topology;
    std::pair<std::size_t, std::uint32_t> best{};
    for (std::uint32_t i = 0; i < topology.pools.size(); ++i) {
      const PoolInfo& pool = topology.pools[i];
      if (pool.use != PoolUse::usable) continue;
      best = std::max(
          best,
          {topology.pools_of(pool.tokens[0]).size() * topology.pools_of(pool.tokens[1]).size(), i});
    }
    return best.second;
  }
  std::uint64_t strikes() const {
    return plugins_.strategies[0]->health().strikes() + plugins_.venues[0]->health().strikes();
  }
  std::size_t pool_count() const { return snapshot_->topology->pools.size(); }

 private:
  static constexpr std::uint8_t sync_topic[] = {0x1c, 0x41, 0x1e, 0x9a, 0x96, 0xe0, 0x71, 0x24,
                                                0x1c, 0x2f, 0x21, 0xf7, 0x72, 0x6b, 0x17, 0xae,
                                                0x89, 0xe3, 0xca, 0xb4, 0xc7, 0x8b, 0xe5, 0x0e,
                                                0x06, 0x2b, 0x03, 0xa9, 0xff, 0xfb, 0xba, 0xd1};

  void advance(const BlockInput& input) {
    auto snapshot = market_->advance(input);
    if (!snapshot) throw std::runtime_error(snapshot.error().message);
    snapshot_ = std::move(*snapshot);
    changes_.add(*snapshot_);
  }
  void read(std::uint32_t pool, u256 (&reserves)[2]) {
    MarketView view;
    view.bind(*snapshot_, {}, true);
    gantry_amount balances[2];
    gantry_pool_view seen{0, 2, balances};
    if (view.view(pool, seen) != GANTRY_OK) throw std::runtime_error("a pool has no reserves");
    reserves[0] = u256(balances[0]);
    reserves[1] = u256(balances[1]);
  }

  Host host_;
  Plugins plugins_;
  ChangeLog changes_;
  History history_;
  std::unique_ptr<MarketState> market_;
  SnapshotPtr snapshot_;
  std::unique_ptr<StrategyRunner> runner_;
  recording::Block block_;
};

// Libraries, recording, topology, cycle index, and the first find() over every pool.
void whole_market_cold(benchmark::State& state) {
  for (auto _ : state) {
    Watched watched;
    watched.load();
    const Batch batch = watched.find();
    if (batch.found == 0 || watched.strikes() != 0) {
      state.SkipWithError("the recorded market gives nothing");
    }
    state.counters["pools"] = static_cast<double>(watched.pool_count());
    state.counters["found"] = static_cast<double>(batch.found);
  }
}
BENCHMARK(whole_market_cold)->Unit(benchmark::kMillisecond);

Watched& watched() {
  static Watched instance;
  static const bool loaded = [] {
    instance.load();
    instance.find();
    return true;
  }();
  (void)loaded;
  return instance;
}

// From the snapshot to what the strategy found in it, sized, checked leg by leg and priced.
void updates(benchmark::State& state, std::vector<std::uint32_t> pools) {
  Watched& w = watched();
  std::mt19937_64 random(11);
  std::ranges::shuffle(pools, random);
  std::vector<double> took;
  took.reserve(1 << 20);
  std::size_t next = 0;
  std::uint64_t found = 0;
  for (auto _ : state) {
    w.move(pools[next++ % pools.size()], random);
    const auto start = Clock::now();
    const Batch batch = w.find();
    took.push_back(ns_since(start));
    found += batch.found;
    state.SetIterationTime(took.back() * 1e-9);
  }
  if (found == 0 || w.strikes() != 0) state.SkipWithError("the updates give nothing");
  std::ranges::sort(took);
  const auto at = [&](double share) {
    return took[static_cast<std::size_t>(share * static_cast<double>(took.size() - 1))] / 1e3;
  };
  // Updates differ a thousandfold, and the largest would be all that a mean tells of.
  state.counters["per_call"] = at(0.50) * 1e-6;
  state.counters["p50_us"] = at(0.50);
  state.counters["p99_us"] = at(0.99);
  state.counters["found_per_update"] =
      static_cast<double>(found) / static_cast<double>(state.iterations());
}

void strategy_update_deep_weth(benchmark::State& state) {
  updates(state, watched().deep_weth_pools(100));
}
void strategy_update_worst(benchmark::State& state) { updates(state, {watched().busiest_pool()}); }
// As many each time, and each pool once.
BENCHMARK(strategy_update_deep_weth)
    ->Iterations(100)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(strategy_update_worst)->Iterations(20)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
