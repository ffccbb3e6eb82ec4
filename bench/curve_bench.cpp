// What a Curve quote costs through the C table of the library: every swap that the contracts paid,
// of the recorded answers in tests/plugins/curve, each pool in memory of its own, in shuffled
// order; one iteration is all of them. Throughput. Each answer is checked against what exchange()
// paid.
#include <benchmark/benchmark.h>
#include <dlfcn.h>

#include <algorithm>
#include <deque>
#include <random>
#include <stdexcept>
#include <string>

#include "gantry/dex.h"
#include "gantry/u256.hpp"
#include "mixed_cycle_bench.hpp"
#include "plugins/curve/answers.hpp"

namespace {

using namespace gantry;
using namespace gantry::test;

struct Pool {
  gantry_dex_instance* instance = nullptr;
  std::vector<std::vector<std::uint8_t>> chunks;
  std::vector<std::vector<std::uint8_t>> payloads;
  std::vector<gantry_request> requests;
  std::vector<gantry_bytes> view;
  gantry_context context{};

  gantry_state state() {
    view.clear();
    for (const auto& chunk : chunks) view.push_back({chunk.data(), chunk.size()});
    return {view.data(), static_cast<std::uint32_t>(view.size()), 0};
  }
};

struct Ask {
  gantry_pool_state state;
  gantry_swap swap;
  u256 paid;
};

class Venue {
 public:
  Venue() {
    void* handle = ::dlopen(GANTRY_PLUGIN_FOLDER "/curve.so", RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) throw std::runtime_error(::dlerror());
    const auto* entry =
        static_cast<const gantry_plugin_entry*>(::dlsym(handle, GANTRY_PLUGIN_SYMBOL));
    table = static_cast<const gantry_dex_v1*>(entry->get_interface(GANTRY_DEX_ID));
    gantry_parameter parameters[3] = {};
    const char* names[] = {"variant", "pending_routers", "pending_pools"};
    for (std::size_t i = 0; i < 3; ++i) {
      parameters[i].name = {names[i], std::char_traits<char>::length(names[i])};
      parameters[i].type = GANTRY_PARAMETER_STRING;
    }
    const gantry_instance_config config{{"curve", 5}, {"eip155:1", 8}, parameters, 3, 0};
    gantry_error error{};
    check(table->create(nullptr, &config, &instance, &error));
  }

  static void check(gantry_status status) {
    if (status != GANTRY_OK) throw std::runtime_error("the curve library refuses its own answers");
  }

  // A pool in this state, in memory of its own.
  Pool& add(const RecordedPool& recorded, const RecordedState& state) {
    Pool& pool = pools_.emplace_back();
    std::vector<gantry_pool_token> tokens(recorded.decimals.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i].decimals = recorded.decimals[i];
    const std::string metadata =
        "variant=" + recorded.variant + " base_pool=0x00000000000000000000000000000000000000bb";
    gantry_pool_spec spec{};
    spec.address.kind = GANTRY_ADDRESS_EVM;
    spec.address.length = 20;
    spec.tokens = tokens.data();
    spec.token_count = static_cast<std::uint32_t>(tokens.size());
    spec.metadata = {reinterpret_cast<const std::uint8_t*>(metadata.data()), metadata.size()};
    pool.context.execution_time_s = state.time_s;
    std::vector<std::vector<std::uint8_t>> written;
    const gantry_state_writer writer{
        &written, [](void* self, std::uint32_t index, std::uint64_t size) -> std::uint8_t* {
          auto& chunks = *static_cast<std::vector<std::vector<std::uint8_t>>*>(self);
          if (index >= chunks.size()) chunks.resize(index + 1);
          chunks[index].assign(size, 0);
          return chunks[index].data();
        }};
    gantry_pool_traits traits{};
    gantry_error error{};
    check(table->open_pool(instance, &spec, &writer, &traits, &error));
    pool.chunks = written;
    const gantry_request_sink sink{
        &pool, [](void* self, const gantry_request* request) -> gantry_status {
          auto& to = *static_cast<Pool*>(self);
          to.requests.push_back(*request);
          to.payloads.emplace_back(request->payload.data,
                                   request->payload.data + request->payload.size);
          return GANTRY_OK;
        }};
    gantry_state now = pool.state();
    check(table->requests(instance, &pool.context, &spec, &now, 0, &sink));
    std::vector<gantry_fact> facts;
    const std::vector<std::uint8_t> no_known_code(32, 1);
    for (std::size_t i = 0; i < pool.requests.size(); ++i) {
      if (pool.requests[i].source == GANTRY_SOURCE_EVM_CODE_HASH) {
        gantry_fact fact{};
        fact.source = pool.requests[i].source;
        fact.tag = pool.requests[i].tag;
        fact.data = {no_known_code.data(), no_known_code.size()};
        facts.push_back(fact);
        continue;
      }
      for (std::size_t k = 0; k < recorded.asks.size(); ++k) {
        if (recorded.asks[k].payload != pool.payloads[i]) continue;
        gantry_fact fact{};
        fact.source = pool.requests[i].source;
        fact.tag = pool.requests[i].tag;
        fact.data = {state.answers[k].data(), state.answers[k].size()};
        facts.push_back(fact);
      }
    }
    check(table->apply(instance, &pool.context, &now, facts.data(),
                       static_cast<std::uint32_t>(facts.size()), &writer));
    pool.chunks[0] = written[0];
    pool.state();
    return pool;
  }

  const gantry_dex_v1* table = nullptr;
  gantry_dex_instance* instance = nullptr;

 private:
  std::deque<Pool> pools_;
};

Venue& venue() {
  static Venue instance;
  return instance;
}

std::vector<Ask> asks_of(const std::vector<std::string>& variants) {
  std::vector<Ask> asks;
  for (const std::string& variant : variants) {
    for (const RecordedPool& recorded :
         read_answers(std::string(GANTRY_CURVE_ANSWERS) + "/" + variant + ".zst")) {
      if (recorded.decimals.size() > 4) continue;
      for (const RecordedState& state : recorded.states) {
        Pool& pool = venue().add(recorded, state);
        for (const RecordedSwap& swap : state.swaps) {
          if (!swap.first.paid || swap.first.paid->is_zero()) continue;
          asks.push_back({{pool.state(), {}, &pool.context},
                          {swap.first.amount, swap.first.in, swap.first.out, GANTRY_EXACT_IN, 0},
                          *swap.first.paid});
        }
      }
    }
  }
  std::mt19937_64 random(4096);
  std::ranges::shuffle(asks, random);
  return asks;
}

void quote_all(benchmark::State& state, const std::vector<Ask>& asks) {
  const gantry_dex_v1& table = *venue().table;
  const gantry_dex_instance* instance = venue().instance;
  if (asks.size() < 4096) return state.SkipWithError("too few recorded answers");
  for (const Ask& ask : asks) {
    gantry_quote quote{};
    if (table.quote(instance, &ask.state, &ask.swap, &quote, nullptr) != GANTRY_OK ||
        u256(quote.amount_out) != ask.paid) {
      return state.SkipWithError("a quote differs from what exchange() paid");
    }
  }
  for (auto _ : state) {
    for (const Ask& ask : asks) {
      gantry_quote quote;
      benchmark::DoNotOptimize(table.quote(instance, &ask.state, &ask.swap, &quote, nullptr));
      benchmark::DoNotOptimize(quote);
    }
  }
  const auto calls = state.iterations() * static_cast<std::int64_t>(asks.size());
  state.counters["per_call"] = benchmark::Counter(
      static_cast<double>(calls), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// Two to four coins; a third of the states ramp A, so that D is solved for them at each quote.
void curve_stable_quote_through_boundary(benchmark::State& state) {
  static const auto asks = asks_of({"3pool", "base", "factory_plain2", "factory_plain", "meta",
                                    "factory_meta", "ng", "ng_meta"});
  quote_all(state, asks);
}

// All of exchange(): what can revert after the payment is computed too.
void curve_crypto_quote_through_boundary(benchmark::State& state) {
  static const auto asks = asks_of({"twocrypto_ng", "tricrypto_ng"});
  quote_all(state, asks);
}

// Of stable pools.
void mixed_cycle_with_curve(benchmark::State& state) {
  static const auto asks = asks_of({"3pool", "factory_plain2", "ng"});
  std::vector<const Ask*> all;
  for (const Ask& ask : asks) all.push_back(&ask);
  const Venue& of = venue();
  bench::solve_mixed(state, *of.table, of.instance,
                     bench::mixed_cycles(*of.table, of.instance, all));
}

BENCHMARK(mixed_cycle_with_curve);
BENCHMARK(curve_stable_quote_through_boundary);
BENCHMARK(curve_crypto_quote_through_boundary);

}  // namespace
