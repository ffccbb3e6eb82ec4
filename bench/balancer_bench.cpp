// Balancer's exact quotes, asked of the library through the C table as the host does. Throughput
// over 4,096 pools and amounts in shuffled order; one iteration is all of them. Every answer is
// compared with a reference in unbounded integers first.
#include <benchmark/benchmark.h>
#include <dlfcn.h>

#include <algorithm>
#include <memory>
#include <random>
#include <stdexcept>

#include "evm/balancer_reference.hpp"
#include "gantry/plugin.h"
#include "mixed_cycle_bench.hpp"
#include "plugins/balancer/told_pool.hpp"

namespace {

using namespace gantry;
namespace reference = test::balancer_reference;
using reference::e18;
using reference::Integer;

constexpr std::size_t pool_count = 4096;
constexpr const char* library = GANTRY_PLUGIN_FOLDER "/balancer.so";

// The venue's table, with the parameters of its manifest.
class Venue {
 public:
  Venue() {
    void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) throw std::runtime_error(dlerror());
    const auto* entry = static_cast<const gantry_plugin_entry*>(dlsym(handle, "gantry_plugin"));
    table = static_cast<const gantry_dex_v1*>(entry->get_interface(GANTRY_DEX_ID));
    gantry_parameter parameters[6] = {};
    const char* names[] = {"variant",        "router_v3", "pending_routers",
                           "wrapped_native", "vault",     "vault_v3"};
    const std::string vault = "0x" + std::string(40, '1');
    for (std::size_t i = 0; i < 6; ++i) {
      parameters[i].name = {names[i], std::char_traits<char>::length(names[i])};
      parameters[i].type = GANTRY_PARAMETER_STRING;
      if (i > 3) parameters[i].string = {vault.data(), vault.size()};
    }
    gantry_instance_config config{};
    config.parameters = parameters;
    config.parameter_count = 6;
    gantry_error error{};
    if (table->create(nullptr, &config, &object, &error) != GANTRY_OK) {
      throw std::runtime_error(error.message);
    }
  }
  const gantry_dex_v1* table = nullptr;
  gantry_dex_instance* object = nullptr;
};

struct Ask {
  test::StateBytes bytes;
  std::vector<gantry_bytes> chunks;
  gantry_pool_state state{};
  gantry_swap swap{};
  Integer expected;  // amount out
};

class Asks {
 public:
  explicit Asks(bool weighted) {
    context_.execution_time_s = 1;
    std::mt19937_64 random(weighted ? 1 : 2);
    test::PluginVenue venue(library, "balancer");
    while (asks.size() < pool_count) add(venue, weighted, random);
    std::ranges::shuffle(asks, random);
  }
  std::vector<std::unique_ptr<Ask>> asks;

 private:
  void add(test::PluginVenue& venue, bool weighted, std::mt19937_64& random) {
    test::ToldPool pool;
    pool.variant = weighted ? "20230320-weighted-pool-v4" : "20240223-composable-stable-pool-v6";
    const std::size_t count = 2 + random() % 3;
    pool.tokens = test::told_tokens(std::vector<std::uint32_t>(count, 18));
    pool.fee = e18 / 1000;
    for (std::size_t i = 0; i < count; ++i) {
      const Integer depth =
          e18 * (weighted ? 1'000 + random() % 10'000'000 : 1'000'000 + random() % 1'000'000);
      pool.balances.push_back(depth + random() % 1'000'000'000);
      pool.weights.push_back(e18 / count);
    }
    if (weighted) {  // 80/20 and 60/40 among those that are equal
      const Integer moved = e18 / count * (random() % 8) / 10;
      pool.weights[0] += moved;
      pool.weights[1] -= moved;
      Integer sum = 0;
      for (const Integer& weight : pool.weights) sum += weight;
      pool.weights[0] += e18 - sum;
    } else {
      pool.weights.clear();
      pool.amp = 1'000 * (10 + random() % 2'000);
    }
    if (test::tell(venue, pool) != GANTRY_OK) throw std::runtime_error("a pool has no state");
    auto ask = std::make_unique<Ask>();
    ask->bytes = venue.state_bytes();
    for (const auto& chunk : ask->bytes) ask->chunks.push_back({chunk.data(), chunk.size()});
    ask->state.base = {ask->chunks.data(), static_cast<std::uint32_t>(ask->chunks.size()), 0};
    ask->state.context = &context_;
    const std::uint32_t in = random() % count;
    const auto out = static_cast<std::uint32_t>((in + 1 + random() % (count - 1)) % count);
    // A millionth to a tenth of the pool.
    const Integer amount = pool.balances[in] / (10 + random() % 1'000'000);
    ask->swap = {test::to_amount(amount), in, out, GANTRY_EXACT_IN, 0};
    const Integer kept = amount - reference::mul_up(amount, pool.fee);
    const auto answer =
        weighted
            ? reference::weighted_out({pool.balances[in], pool.weights[in], pool.balances[out],
                                       pool.weights[out], true},
                                      kept)
            : reference::stable_out({pool.balances, pool.amp, reference::Invariant::vyper, false},
                                    in, out, kept);
    ask->expected = *answer;
    asks.push_back(std::move(ask));
  }

  gantry_context context_{};
};

void quote_all(benchmark::State& state, const Asks& all) {
  static const Venue venue;
  for (const auto& ask : all.asks) {
    gantry_quote quote{};
    const auto status = venue.table->quote(venue.object, &ask->state, &ask->swap, &quote, nullptr);
    if (status != GANTRY_OK || test::to_integer(quote.amount_out) != ask->expected) {
      return state.SkipWithError("a quote differs from the reference");
    }
  }
  for (auto _ : state) {
    for (const auto& ask : all.asks) {
      gantry_quote quote;
      benchmark::DoNotOptimize(
          venue.table->quote(venue.object, &ask->state, &ask->swap, &quote, nullptr));
      benchmark::DoNotOptimize(quote);
    }
  }
  const auto calls = state.iterations() * static_cast<std::int64_t>(all.asks.size());
  state.counters["per_call"] = benchmark::Counter(
      static_cast<double>(calls), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void balancer_weighted_quote_through_boundary(benchmark::State& state) {
  static const Asks asks(true);
  quote_all(state, asks);
}

void balancer_stable_quote_through_boundary(benchmark::State& state) {
  static const Asks asks(false);
  quote_all(state, asks);
}

// Half of them weighted pools, half stable ones.
void mixed_cycle_with_balancer(benchmark::State& state) {
  static const Venue venue;
  static const Asks weighted(true);
  static const Asks stable(false);
  std::vector<const Ask*> all;
  for (std::size_t i = 0; i < pool_count; ++i) {
    all.push_back((i % 2 == 0 ? weighted : stable).asks[i].get());
  }
  bench::solve_mixed(state, *venue.table, venue.object,
                     bench::mixed_cycles(*venue.table, venue.object, all));
}

BENCHMARK(mixed_cycle_with_balancer);
BENCHMARK(balancer_weighted_quote_through_boundary);
BENCHMARK(balancer_stable_quote_through_boundary);

}  // namespace
