// What an exact quote of a Uniswap V3 pool costs through the boundary: inside one range, and across
// ticks. Throughput over 4,096 pools in memory of their own, in shuffled order; one iteration is
// all of them. A share of the answers is compared with the tests' slow reference.
//
// Peers are measured outside: their crates and npm packages are no part of the build.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>

#include "evm/uniswap_v3_model.hpp"
#include "host/plugin/library.hpp"
#include "host/plugin/services.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace gantry;
using test::Integer;

constexpr std::size_t pool_count = 4096;
constexpr std::size_t base_count = 12;
constexpr std::size_t checked_every = 16;
constexpr std::uint32_t segments_max = 32;

// A pool's chunks where nothing else is.
class PoolMemory {
 public:
  explicit PoolMemory(const test::StateBytes& chunks) {
    for (const auto& chunk : chunks) {
      if (chunk.empty()) {
        views_.push_back({});
        continue;
      }
      const std::size_t room = (chunk.size() + 63) / 64 * 64;
      auto* bytes = static_cast<std::uint8_t*>(std::aligned_alloc(64, room));
      memory_.emplace_back(bytes, &std::free);
      std::memcpy(bytes, chunk.data(), chunk.size());
      views_.push_back({bytes, chunk.size()});
    }
  }
  gantry_state state() const {
    return {views_.data(), static_cast<std::uint32_t>(views_.size()), 0};
  }

 private:
  std::vector<std::unique_ptr<std::uint8_t, decltype(&std::free)>> memory_;
  std::vector<gantry_bytes> views_;
};

// The library as the host loads it.
class Venue {
 public:
  Venue() {
    auto file = host::inspect_plugin_file(GANTRY_UNISWAP_V3_PLUGIN);
    if (!file) throw std::runtime_error(file.error().message);
    auto library = host::Library::load(*file, folder_.path(), services_.table());
    if (!library) throw std::runtime_error(library.error().message);
    library_ = std::move(*library);
    table = static_cast<const gantry_dex_v1*>(library_->interface(GANTRY_DEX_ID));
    gantry_parameter parameters[7]{};
    const auto name = [&](std::size_t i, std::string_view text, std::int32_t type) {
      parameters[i].name = {text.data(), text.size()};
      parameters[i].type = type;
    };
    name(0, "factory", GANTRY_PARAMETER_STRING);
    name(1, "router", GANTRY_PARAMETER_STRING);
    name(2, "router_deadline", GANTRY_PARAMETER_BOOLEAN);
    name(3, "words_around", GANTRY_PARAMETER_INTEGER);
    parameters[3].integer = 4;
    name(4, "discover_tokens", GANTRY_PARAMETER_STRING);
    name(5, "pending_routers", GANTRY_PARAMETER_STRING);
    name(6, "init_code_hash", GANTRY_PARAMETER_STRING);
    gantry_instance_config config{};
    config.parameters = parameters;
    config.parameter_count = 7;
    gantry_error error{};
    if (table->create(services_.table(), &config, &instance, &error) != GANTRY_OK) {
      throw std::runtime_error(error.message);
    }
  }
  ~Venue() { table->destroy(instance); }

  const gantry_dex_v1* table = nullptr;
  gantry_dex_instance* instance = nullptr;

 private:
  test::TemporaryFolder folder_;
  host::InstanceServices services_{"bench"};
  std::shared_ptr<host::Library> library_;
};

// Ranges of one to four spacings, each with a liquidity of its own, around the price.
test::ModelPool make_base(std::mt19937_64& random) {
  constexpr std::pair<unsigned, int> tiers[] = {{100, 1}, {500, 10}, {3000, 60}, {10000, 200}};
  test::ModelPool model;
  model.address = "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8";
  model.token[0] = "0x1000000000000000000000000000000000000000";
  model.token[1] = "0x2000000000000000000000000000000000000000";
  const auto& [fee, spacing] = tiers[random() % 4];
  model.pool.fee = fee;
  model.pool.spacing = spacing;
  const int centre = static_cast<int>(random() % 120) - 60;
  model.pool.start_at(test::reference_sqrt_at(centre * spacing));
  int lower = centre - 60;
  while (lower < centre + 60) {
    const int upper = lower + 1 + static_cast<int>(random() % 4);
    model.pool.change(lower * spacing, upper * spacing,
                      (Integer(1) << 56U) + Integer(random()) * (1 + random() % 64));
    lower = upper;
  }
  return model;
}

struct Ask {
  gantry_swap swap;
  gantry_pool_state state;
};

class Pools {
 public:
  Pools() {
    std::mt19937_64 random(4096);
    test::V3Venue maker({{"factory", std::string()}});
    std::vector<test::ModelPool> bases;
    std::vector<test::StateBytes> states;
    for (std::size_t i = 0; i < base_count; ++i) {
      bases.push_back(make_base(random));
      maker.open(bases.back());
      if (maker.refresh_from(bases.back(), 1) != GANTRY_OK) throw std::runtime_error("no state");
      states.push_back(maker.state_bytes());
    }
    for (std::size_t tried = 0; references_.size() < pool_count; ++tried) {
      if (tried == 2 * pool_count) throw std::runtime_error("too many logs were not applied");
      // Each at a price of its own, as a swap's log leaves it.
      const std::size_t base = random() % base_count;
      test::ReferencePool3 pool = bases[base].pool;
      // About a fourth of the way to the last of its ticks, at most.
      pool.swap(random() % 2 == 0, true, Integer(random() >> 8U) * pool.spacing);
      maker.set_state_bytes(states[base]);
      std::vector<test::OwnedFact> facts{swap_log(pool)};
      const auto status = maker.apply(facts);
      if (status == GANTRY_NEED_STATE) continue;  // beyond the ticks that were read
      if (status != GANTRY_OK) throw std::runtime_error("a log was not applied");
      memory_.emplace_back(maker.state_bytes());
      references_.push_back(std::move(pool));
    }
    order_.resize(pool_count);
    for (std::size_t i = 0; i < pool_count; ++i) order_[i] = i;
    std::ranges::shuffle(order_, random);
  }

  // Swaps that cross so many ticks, in both directions.
  std::vector<Ask> asks(unsigned crossings) {
    std::mt19937_64 random(crossings + 1);
    std::vector<Ask> asks;
    for (std::size_t i = 0; i < pool_count; ++i) {
      const std::size_t pool = order_[i];
      const std::uint32_t in = random() % 2;
      Ask ask{};
      ask.state = {memory_[pool].state(), {}, &context_};
      gantry_segment rows[segments_max];
      std::uint32_t count = 0;
      if (venue.table->segments(venue.instance, &ask.state, in, in ^ 1U, rows, segments_max,
                                &count) != GANTRY_OK ||
          count <= crossings) {
        throw std::runtime_error("a pool has too few ranges");
      }
      u256 amount;
      for (unsigned row = 0; row < crossings; ++row) {
        amount = wrapping_add(amount, wrapping_sub(u256(rows[row].in_end), u256(1)));
      }
      u256 part;
      if (!mul_div_floor(u256(rows[crossings].in_end), u256(1 + random() % 900), u256(1000),
                         part)) {
        throw std::runtime_error("a range is too large");
      }
      ask.swap = {wrapping_add(wrapping_add(amount, part), u256(1)), in, in ^ 1U, GANTRY_EXACT_IN,
                  0};
      check(ask, pool, crossings, i % checked_every == 0);
      asks.push_back(ask);
    }
    return asks;
  }

  Venue venue;

 private:
  static test::OwnedFact swap_log(const test::ReferencePool3& pool) {
    test::ChainLog log;
    log.emitter = "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8";
    log.topics = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67" +
                 test::word(1) + test::word(2);
    log.data = "0x" + test::word(1) + test::word(1) + test::word(pool.sqrt) +
               test::word(pool.liquidity) + test::signed_word(pool.tick);
    log.block = 2;
    return test::fact_of(log);
  }

  void check(const Ask& ask, std::size_t pool, unsigned crossings, bool by_reference) const {
    gantry_quote quote{};
    if (venue.table->quote(venue.instance, &ask.state, &ask.swap, &quote, nullptr) != GANTRY_OK ||
        quote.crossings != crossings) {
      throw std::runtime_error("a quote does not cross as many ticks as it should");
    }
    if (!by_reference) return;
    const test::ReferenceSwap swap =
        test::ReferencePool3(references_[pool])
            .swap(ask.swap.token_in == 0, true, test::to_integer(ask.swap.amount));
    if (!swap.whole || test::to_integer(quote.amount_out) != swap.amount_out ||
        test::to_integer(quote.fee) != swap.fee) {
      throw std::runtime_error("a quote differs from the reference");
    }
  }

  std::vector<PoolMemory> memory_;
  std::vector<test::ReferencePool3> references_;
  std::vector<std::size_t> order_;
  gantry_context context_{};
};

Pools& pools() {
  static Pools instance;
  return instance;
}

void quote_all(benchmark::State& state, unsigned crossings) {
  std::vector<Ask> asks;
  try {
    asks = pools().asks(crossings);
  } catch (const std::exception& error) {
    return state.SkipWithError(error.what());
  }
  const gantry_dex_v1& table = *pools().venue.table;
  const gantry_dex_instance* instance = pools().venue.instance;
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

void v3_quote_no_crossing(benchmark::State& state) { quote_all(state, 0); }
void v3_quote_one_crossing(benchmark::State& state) { quote_all(state, 1); }
void v3_quote_eight_crossings(benchmark::State& state) { quote_all(state, 8); }

BENCHMARK(v3_quote_no_crossing);
BENCHMARK(v3_quote_one_crossing);
BENCHMARK(v3_quote_eight_crossings);

}  // namespace
