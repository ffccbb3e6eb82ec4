// What it costs to know whom to blame: a call through a plugin's table as the host makes it, beside
// the same indirect call alone. The function called does next to nothing, and its arguments come
// from 4,096 shuffled ones. Throughput; one iteration is all of them.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <vector>

#include "host/plugin/instances.hpp"

namespace {

using namespace gantry;
using namespace gantry::host;

struct Tokens {
  std::uint32_t in;
  std::uint32_t out;
};

[[gnu::noinline]] gantry_status sum_of(const gantry_dex_instance*, const gantry_pool_state*,
                                       std::uint32_t in, std::uint32_t out,
                                       gantry_swap_limits* limits) {
  limits->in_min.limb[0] = std::uint64_t{in} + out;
  return GANTRY_OK;
}

const gantry_dex_v1& table() {
  static const gantry_dex_v1 functions = [] {
    gantry_dex_v1 out{};
    out.destroy = [](gantry_dex_instance*) {};
    out.limits = &sum_of;
    return out;
  }();
  return functions;
}

VenueInstance make_venue() {
  return {nullptr, nullptr, &table(), nullptr, std::make_shared<Health>("bench", "bench.so", 3)};
}

const std::vector<Tokens>& tokens() {
  static const std::vector<Tokens> all = [] {
    std::vector<Tokens> out(4096);
    std::mt19937 random(5);
    for (Tokens& each : out) {
      each.in = static_cast<std::uint32_t>(random());
      each.out = static_cast<std::uint32_t>(random());
    }
    return out;
  }();
  return all;
}

template <class Call>
void call_all(benchmark::State& state, Call call) {
  for (auto _ : state) {
    for (const Tokens& each : tokens()) {
      gantry_swap_limits out;
      benchmark::DoNotOptimize(call(each, out));
      benchmark::DoNotOptimize(out.in_min.limb[0]);
    }
  }
  for (const Tokens& each : tokens()) {
    gantry_swap_limits out{};
    if (call(each, out) != GANTRY_OK || out.in_min.limb[0] != std::uint64_t{each.in} + each.out) {
      return state.SkipWithError("a sum is wrong");
    }
  }
  const auto calls = state.iterations() * static_cast<std::int64_t>(tokens().size());
  state.counters["per_call"] = benchmark::Counter(
      static_cast<double>(calls), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void indirect_call(benchmark::State& state) {
  const gantry_dex_v1* functions = &table();
  benchmark::DoNotOptimize(functions);
  call_all(state, [functions](const Tokens& each, gantry_swap_limits& out) {
    return functions->limits(nullptr, nullptr, each.in, each.out, &out);
  });
}

gantry_status guarded(const VenueInstance& venue, const Tokens& each, gantry_swap_limits& out) {
  return venue.call<&gantry_dex_v1::limits>(Phase::quote, nullptr, each.in, each.out, &out);
}

void guarded_call(benchmark::State& state) {
  const VenueInstance venue = make_venue();
  call_all(state,
           [&](const Tokens& each, gantry_swap_limits& out) { return guarded(venue, each, out); });
}

// As a strategy's quotes are made: the thread is in a plugin already.
void guarded_call_inside_another(benchmark::State& state) {
  const VenueInstance venue = make_venue();
  const Culprit strategy{};
  const CallGuard find(strategy, Phase::find);
  call_all(state,
           [&](const Tokens& each, gantry_swap_limits& out) { return guarded(venue, each, out); });
}

BENCHMARK(indirect_call);
BENCHMARK(guarded_call);
BENCHMARK(guarded_call_inside_another);

}  // namespace
