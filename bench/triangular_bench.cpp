// The triangular strategy's core on the recorded market: building the index, pricing the whole
// market, and one update of one pool. Latencies are of single updates, as p50 and p99 in the
// counters; the peer of an update is pricing every cycle anew.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>
#include <stdexcept>

#include "gantry/search/screening.hpp"
#include "gantry/search/sizing.hpp"
#include "plugins/triangular/recorded_market.hpp"

namespace {

using namespace gantry::search;
using gantry::ConstantProduct;
using gantry::u256;

constexpr std::size_t kSized = 16;  // candidates of one update that are sized exactly
constexpr double kGasOfSwap = 100'000;
constexpr Threshold kThreshold{.ether_per_gas = 60e-9, .gas_overhead = 21'000, .net_ether_min = 0};
constexpr double kWethDepthToValue = 10e18;  // a price needs a pool of 10 ether

struct Pool {
  std::uint32_t tokens[2];
  u256 reserve[2];
};

class Market {
 public:
  Market() {
    const recorded::Market market = recorded::load();
    for (const recorded::Pair& pair : market.pairs) {
      pools.push_back({{pair.token0, pair.token1},
                       {gantry::parse_decimal(pair.reserve0).value(),
                        gantry::parse_decimal(pair.reserve1).value()}});
    }
    for (const Pool& pool : pools) tokens.push_back({pool.tokens});
    index.build(tokens, {.max_hops = 4});
    if (index.cycle_count(3) != 2'856 || index.cycle_count(4) != 129'230) {
      throw std::logic_error("the recorded market has other cycles");
    }
    screen.attach(index);
    std::vector<double> values(market.token_count);
    values[market.weth] = 1e-18;
    for (std::uint32_t pool = 0; pool < pools.size(); ++pool) {
      apply(pool);
      screen.set_gas(pool, kGasOfSwap);
      for (const unsigned side : {0U, 1U}) {
        if (pools[pool].tokens[side] != market.weth) continue;
        const double depth = gantry::to_double(pools[pool].reserve[side]);
        deep_weth_pools.push_back({depth, pool});
        if (depth < kWethDepthToValue) continue;
        values[pools[pool].tokens[side ^ 1U]] =
            depth / gantry::to_double(pools[pool].reserve[side ^ 1U]) * 1e-18;
      }
    }
    screen.set_values(values);
    std::sort(deep_weth_pools.rbegin(), deep_weth_pools.rend());
    for (std::uint32_t pool = 0; pool < pools.size(); ++pool) {
      if (index.cycles_of(pool).size() > index.cycles_of(worst_pool).size()) worst_pool = pool;
    }
  }

  ConstantProduct hop(std::uint32_t pool, std::size_t direction) const {
    return {pools[pool].reserve[direction], pools[pool].reserve[direction ^ 1U]};
  }
  // Pools of two tokens: the edge's number is the pool's.
  void apply(std::uint32_t pool) {
    for (const unsigned direction : {0U, 1U}) screen.set_hop(pool, direction, hop(pool, direction));
  }
  // A swap of up to 0.1 % of the reserve, either way.
  void move(std::uint32_t pool, std::mt19937_64& random) {
    const std::size_t direction = random() % 2;
    u256 in;
    u256 out;
    if (!gantry::mul_div_ceil(pools[pool].reserve[direction], u256(1 + random() % 1'000),
                              u256(1'000'000), in) ||
        gantry::amount_out(hop(pool, direction), in, out) != GANTRY_OK) {
      return;
    }
    pools[pool].reserve[direction] = gantry::wrapping_add(pools[pool].reserve[direction], in);
    pools[pool].reserve[direction ^ 1U] =
        gantry::wrapping_sub(pools[pool].reserve[direction ^ 1U], out);
  }
  // Sizes the best candidates exactly; returns the profit of all, as a number to check.
  std::size_t size_best(std::span<Candidate> survivors) {
    std::size_t gaining = 0;
    for (const Candidate& candidate : best_of(survivors, kSized)) {
      std::array<std::uint32_t, hops_max> edges{};
      const std::uint32_t hops = walk(index, candidate, edges);
      std::array<Leg, hops_max> legs;
      for (std::uint32_t i = 0; i < hops; ++i) {
        legs[i] = {hop(edges[i] >> 1, edges[i] & 1U), u256::max()};
      }
      gaining += best_input(std::span(legs).first(hops), limits, sized) == GANTRY_OK ? 1U : 0U;
    }
    return gaining;
  }

  std::vector<Pool> pools;
  std::vector<PoolTokens> tokens;
  CycleIndex index;
  Screen screen;
  std::vector<std::pair<double, std::uint32_t>> deep_weth_pools;
  std::uint32_t worst_pool = 0;
  SizingLimits limits{.amount_in_max = u256::max()};
  Sizing sized{};
};

Market& market() {
  static Market instance;
  return instance;
}

void report(benchmark::State& state, std::vector<double>& nanoseconds, const char* prefix) {
  std::sort(nanoseconds.begin(), nanoseconds.end());
  const auto at = [&](double share) {
    const double last = static_cast<double>(nanoseconds.size() - 1);
    return nanoseconds[static_cast<std::size_t>(share * last)] / 1'000;
  };
  state.counters[std::string(prefix) + "p50_us"] = at(0.50);
  state.counters[std::string(prefix) + "p99_us"] = at(0.99);
}

void index_build(benchmark::State& state) {
  Market& m = market();
  CycleIndex index;
  for (auto _ : state) {
    index.build(m.tokens, {.max_hops = static_cast<std::uint32_t>(state.range(0))});
  }
  state.counters["cycles"] = index.cycle_count();
  state.counters["memory_mb"] = static_cast<double>(index.memory_bytes()) / 1e6;
  state.counters["most_of_a_pool"] = static_cast<double>(index.cycles_of(m.worst_pool).size());
}
BENCHMARK(index_build)->Arg(3)->Arg(4)->Arg(5)->Unit(benchmark::kMillisecond);

void whole_market(benchmark::State& state) {
  Market& m = market();
  std::size_t survivors = 0;
  std::size_t gaining = 0;
  for (auto _ : state) {
    const std::span<Candidate> found = m.screen.reprice_all(kThreshold);
    survivors = found.size();
    gaining = m.size_best(found);
  }
  if (gaining != kSized) state.SkipWithError("a candidate of the recorded market does not gain");
  state.counters["priced"] = m.screen.priced();
  state.counters["survivors"] = static_cast<double>(survivors);
  state.counters["memory_mb"] = static_cast<double>(m.screen.memory_bytes()) / 1e6;
}
BENCHMARK(whole_market)->Unit(benchmark::kMillisecond);

// Moves one pool after another and prices what that touches: screening alone, then with the exact
// sizes of the best. Checked against pricing everything anew.
void updates(benchmark::State& state, std::vector<std::uint32_t> pools) {
  using Clock = std::chrono::steady_clock;
  Market& m = market();
  std::mt19937_64 random(7);
  std::shuffle(pools.begin(), pools.end(), random);
  std::vector<double> screened;
  std::vector<double> sized;
  screened.reserve(1 << 20);
  sized.reserve(1 << 20);
  std::size_t next = 0;
  std::size_t priced = 0;
  for (auto _ : state) {
    const std::uint32_t pool = pools[next++ % pools.size()];
    m.move(pool, random);
    const auto start = Clock::now();
    m.apply(pool);
    const std::span<Candidate> found = m.screen.reprice({&pool, 1}, kThreshold);
    const auto middle = Clock::now();
    benchmark::DoNotOptimize(m.size_best(found));
    const auto end = Clock::now();
    priced += m.screen.priced();
    screened.push_back(std::chrono::duration<double, std::nano>(middle - start).count());
    sized.push_back(std::chrono::duration<double, std::nano>(end - start).count());
    state.SetIterationTime(std::chrono::duration<double>(end - start).count());
  }
  const std::uint32_t last = pools[0];
  const std::size_t of_one = m.screen.reprice({&last, 1}, kThreshold).size();
  std::size_t of_all = 0;
  for (const Candidate& candidate : m.screen.reprice_all(kThreshold)) {
    const auto touched = m.index.cycles_of(last);
    of_all += std::binary_search(touched.begin(), touched.end(), candidate.cycle) ? 1U : 0U;
  }
  if (of_one != of_all) state.SkipWithError("an update gives other candidates than a cold start");
  state.counters["cycles_per_update"] =
      static_cast<double>(priced) / static_cast<double>(state.iterations());
  report(state, screened, "");
  report(state, sized, "screen_and_size_");
}

void update_deep_weth(benchmark::State& state) {
  std::vector<std::uint32_t> pools;
  for (std::size_t i = 0; i < 100; ++i) pools.push_back(market().deep_weth_pools[i].second);
  updates(state, pools);
}
BENCHMARK(update_deep_weth)->UseManualTime()->Unit(benchmark::kMicrosecond);

void update_worst(benchmark::State& state) { updates(state, {market().worst_pool}); }
BENCHMARK(update_worst)->UseManualTime()->Unit(benchmark::kMicrosecond);

void update_any(benchmark::State& state) {
  std::vector<std::uint32_t> pools(market().pools.size());
  std::iota(pools.begin(), pools.end(), 0U);
  updates(state, pools);
}
BENCHMARK(update_any)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
