// What the C table costs: the exact V2 quote, amount and fee, asked of the library as the host
// loads it, of the host's market view, and of a plain function in this program. Throughput over
// 4,096 pools and amounts in shuffled order; one iteration is all of them.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

#include "gantry/constant_product.hpp"
#include "host/market/market_view.hpp"
#include "plugins/dex/uniswap_v2/pair.hpp"
#include "support/small_market.hpp"

namespace {

using namespace gantry;
using namespace gantry::host;

constexpr std::uint32_t pool_count = 4096;
constexpr std::uint32_t token_count = 64;

struct Ask {
  gantry_swap swap;
  gantry_pool_state state;
  std::uint32_t pool;
};

class Pools {
 public:
  Pools() {
    std::mt19937_64 random(4096);
    std::vector<test::SmallPool> pools;
    for (std::uint32_t i = 0; i < pool_count; ++i) {
      const auto token = static_cast<std::uint32_t>(random() % token_count);
      const auto other = static_cast<std::uint32_t>(1 + random() % (token_count - 1));
      // A tenth of a token to a hundred million, uniform in magnitude.
      const auto depth = [&] {
        return static_cast<std::uint64_t>(
            std::pow(10.0, 2 + static_cast<double>(random() % 9000) / 1000));
      };
      pools.push_back({token, (token + other) % token_count, depth(), depth()});
    }
    market_ = std::make_unique<MarketState>(configuration_.chains.front(), plugins_.venues);
    auto snapshot = market_->advance(test::market_inputs(token_count, pools, {})[0]);
    if (!snapshot) throw std::runtime_error(snapshot.error().message);
    snapshot_ = std::move(*snapshot);
    view.bind(*snapshot_, {}, true);
    for (std::uint32_t i = 0; i < pool_count; ++i) asks.push_back(ask(i, pools[i], random));
    std::ranges::shuffle(asks, random);
  }

  // The plugin's tables, as through the strategy's services but without them.
  const VenueInstance& venue() const { return *plugins_.venues.front(); }

  MarketView view;
  std::vector<Ask> asks;
  std::vector<uniswap_v2::Side> sides;  // by pool: what the plain function is given

 private:
  Ask ask(std::uint32_t pool, const test::SmallPool& reserves, std::mt19937_64& random) {
    constexpr std::uint64_t unit = 1'000'000'000'000'000;  // a thousandth of a token
    const std::uint32_t in = random() % 2;
    Ask out{};
    out.pool = pool;
    sides.push_back({static_cast<uint128>(in == 0 ? reserves.reserve0 : reserves.reserve1) * unit,
                     static_cast<uint128>(in == 0 ? reserves.reserve1 : reserves.reserve0) * unit,
                     30});
    // A millionth to a tenth of the pool.
    const uint128 amount = sides.back().reserve_in / (10 + random() % 1'000'000) + random() % unit;
    out.swap = {u256::from_u128(amount), in, in ^ 1U, GANTRY_EXACT_IN, 0};
    if (!snapshot_->pool_state(pool, out.state)) throw std::runtime_error("a pool has no state");
    return out;
  }

  test::TemporaryFolder folder_;
  Configuration configuration_ = test::configure(folder_.path(), {});
  Plugins plugins_ = make_plugins(configuration_, folder_.path() / "store");
  std::unique_ptr<MarketState> market_;
  SnapshotPtr snapshot_;
};

Pools& pools() {
  static Pools instance;
  return instance;
}

[[gnu::noinline]] gantry_status plain_quote(const uniswap_v2::Side& side, const gantry_swap& swap,
                                            gantry_quote& out) {
  return uniswap_v2::quote_pair(side, swap, out);
}

// By the SDK's header, whose tests compare it with unbounded integers.
bool is_right(const uniswap_v2::Side& side, const gantry_swap& swap, const gantry_quote& quote) {
  u256 out;
  u256 fee;
  const u256 in(swap.amount);
  return amount_out(side.curve(), in, out) == GANTRY_OK &&
         fee_of(side.curve(), in, fee) == GANTRY_OK && u256(quote.amount_in) == in &&
         u256(quote.amount_out) == out && u256(quote.fee) == fee &&
         quote.gas == uniswap_v2::swap_gas;
}

template <class Call>
void quote_all(benchmark::State& state, Call call) {
  const std::vector<Ask>& asks = pools().asks;
  const std::vector<uniswap_v2::Side>& sides = pools().sides;
  for (const Ask& ask : asks) {
    gantry_quote quote{};
    if (call(ask, quote) != GANTRY_OK || !is_right(sides[ask.pool], ask.swap, quote)) {
      return state.SkipWithError("a quote differs from gantry/constant_product.hpp");
    }
  }
  for (auto _ : state) {
    for (const Ask& ask : asks) {
      gantry_quote quote;
      benchmark::DoNotOptimize(call(ask, quote));
      benchmark::DoNotOptimize(quote);
    }
  }
  const auto calls = state.iterations() * static_cast<std::int64_t>(asks.size());
  state.counters["per_call"] = benchmark::Counter(
      static_cast<double>(calls), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void v2_quote_plain_function(benchmark::State& state) {
  const std::vector<uniswap_v2::Side>& sides = pools().sides;
  quote_all(state, [&](const Ask& ask, gantry_quote& out) {
    return plain_quote(sides[ask.pool], ask.swap, out);
  });
}

void v2_quote_through_boundary(benchmark::State& state) {
  const gantry_dex_v1& table = pools().venue().table();
  const gantry_dex_instance* object = pools().venue().object();
  quote_all(state, [&](const Ask& ask, gantry_quote& out) {
    return table.quote(object, &ask.state, &ask.swap, &out, nullptr);
  });
}

void v2_quote_through_market_view(benchmark::State& state) {
  const MarketView& view = pools().view;
  quote_all(state,
            [&](const Ask& ask, gantry_quote& out) { return view.quote(ask.pool, ask.swap, out); });
}

BENCHMARK(v2_quote_plain_function);
BENCHMARK(v2_quote_through_boundary);
BENCHMARK(v2_quote_through_market_view);

}  // namespace
