// The risk gate's check of one trade, with all its scopes, beside the reads of the pools' balances
// that it cannot do without; and how long `gantry stop` takes until every book is HALTED and the
// disk has it. 4,096 shuffled trades of three legs; throughput, one iteration is all of them.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <vector>

#include "host/api/control.hpp"
#include "host/risk/gate.hpp"
#include "host/risk/store.hpp"
#include "support/applied_market.hpp"

namespace {

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

constexpr std::uint32_t tokens = 12;
constexpr std::size_t trades = 4096;

struct Judged {
  Judged() {
    std::mt19937_64 random(7);
    while (all.size() < trades) {
      Ranked r;
      r.opportunity = {};
      r.opportunity.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
      r.opportunity.block = market.snapshot->context.state_block;
      r.opportunity.valid_until_block = r.opportunity.block + 1;
      r.opportunity.confidence = 1;
      r.opportunity.leg_count = 3;
      for (std::uint32_t i = 0; i < 3; ++i) {
        const auto pool = static_cast<std::uint32_t>(random() % pools().size());
        r.opportunity.legs[i] = {{pool, pools()[pool].token0, pools()[pool].token1, 0},
                                 u256(1'000'000'000 + random() % 1'000'000),
                                 u256()};
      }
      r.stake = {u256(1'000'000'000'000'000'000), u256(400'000'000), 0, 1, GANTRY_OK, 0};
      r.gross = {u256(1'000'000'000'000'000'000), u256(400'000'000), 0, 1, GANTRY_OK, 0};
      r.pays = true;
      r.net = u256(500'000'000'000'000'000);
      // Every eighth is refused by the last checks.
      r.gas_cost = u256(random() % 8 == 0 ? 2'000'000'000'000'000'000 : 10'000'000'000'000'000);
      r.net_usd_e6 = u256(200'000'000);
      refused += r.gas_cost > r.net ? 1 : 0;
      all.push_back(r);
    }
    for (const RiskScopeKind kind : {RiskScopeKind::strategy, RiskScopeKind::venue}) {
      for (int i = 0; i < 3; ++i) scopes.add(book.scope(kind, "name" + std::to_string(i)));
    }
    for (int i = 0; i < 3; ++i) {
      scopes.add(book.scope(RiskScopeKind::plugin, "library" + std::to_string(i)));
    }
    book.begin_group(1'700'000'000);
  }
  static const std::vector<SmallPool>& pools() {
    static const std::vector<SmallPool> made = [] {
      std::vector<SmallPool> out;
      for (std::uint32_t a = 0; a < tokens; ++a) {
        for (std::uint32_t b = a + 1; b < tokens; ++b) out.push_back({a, b, 1'000'000, 1'000'000});
      }
      return out;
    }();
    return made;
  }
  static RiskSettings settings() {
    RiskSettings out;
    out.min_profit_usd = 1;
    RiskScope venue{RiskScopeKind::venue, "name1", out};
    venue.limits.min_profit_usd = 2;
    out.scopes.push_back(venue);
    return out;
  }

  AppliedMarket market{market_inputs(tokens, pools(), {})};
  RiskBook book{settings(), "eip155:1", false};
  RiskGate gate{settings()};
  TradeScopes scopes;
  StrategySettings strategy;
  std::vector<Ranked> all;
  std::size_t refused = 0;
};

Judged& judged() {
  static Judged instance;
  return instance;
}

void risk_check(benchmark::State& state) {
  Judged& j = judged();
  const auto view = j.book.view();
  const PoolVolatility still;
  std::size_t refused = 0;
  for (auto _ : state) {
    refused = 0;
    for (const Ranked& ranked : j.all) {
      const TradeRisk risk{view.get(), j.scopes,
                           forecast(still, j.market.snapshot->context, ranked, {})};
      const auto verdict =
          j.gate.check(j.market.view, ranked, j.strategy, ranked.opportunity.block, risk);
      refused += verdict ? 0 : 1;
      benchmark::DoNotOptimize(verdict);
    }
  }
  if (refused != j.refused) state.SkipWithError("the gate judged otherwise");
  state.counters["per_call"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(trades),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void risk_pool_reads(benchmark::State& state) {
  Judged& j = judged();
  std::vector<gantry_amount> balances(64);
  std::size_t read = 0;
  for (auto _ : state) {
    read = 0;
    for (const Ranked& ranked : j.all) {
      for (std::uint32_t i = 0; i < ranked.opportunity.leg_count; ++i) {
        gantry_pool_view pool{0, 64, balances.data()};
        read += j.market.view.view(ranked.opportunity.legs[i].hop.pool, pool) == GANTRY_OK ? 1 : 0;
        benchmark::DoNotOptimize(pool);
      }
    }
  }
  if (read != 3 * trades) state.SkipWithError("a pool could not be read");
  state.counters["per_call"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(trades),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// From the client's connection to its answer: as `gantry stop` does it, in force and on the disk.
void risk_stop(benchmark::State& state) {
  const TemporaryFolder folder;
  const auto store = RiskStore::open(folder / "risk");
  RiskBook book({}, "eip155:1", false);
  ControlHandlers handlers;
  handlers.status = [] { return std::string("{}"); };
  handlers.stop = [&] {
    RiskFact halt;
    halt.kind = RiskFact::Kind::halt;
    (void)book.apply(halt);
    return store->halt(1) ? std::string("{}") : std::string();
  };
  std::filesystem::create_directory(folder / "run");
  std::filesystem::permissions(folder / "run", std::filesystem::perms::owner_all);
  const auto server = ControlServer::start(folder / "run" / "s", std::move(handlers));
  if (!server) return state.SkipWithError("no socket");
  RiskFact resume;
  resume.kind = RiskFact::Kind::resume;
  std::vector<double> took_us;
  for (auto _ : state) {
    const auto asked = std::chrono::steady_clock::now();
    const auto answer = ask_host(folder / "run" / "s", "stop");
    took_us.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - asked)
            .count());
    if (!answer || answer->empty() || book.mode() != TradingMode::halted || !store->halted()) {
      state.SkipWithError("trading is not stopped");
    }
    state.PauseTiming();
    (void)book.apply(resume);
    (void)book.begin_group(1);
    (void)store->lift();
    state.ResumeTiming();
  }
  std::ranges::sort(took_us);
  const auto at = [&](double share) {
    return took_us[static_cast<std::size_t>(share * static_cast<double>(took_us.size() - 1))];
  };
  state.counters["p50_us"] = at(0.50);
  state.counters["p99_us"] = at(0.99);
  state.counters["per_call"] =
      benchmark::Counter(static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK(risk_pool_reads);
BENCHMARK(risk_check);
BENCHMARK(risk_stop)->UseRealTime();

}  // namespace
