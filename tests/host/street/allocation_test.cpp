// What happens for every block asks for no memory once it is warm, or for as little as is said
// here.
#include <sys/mman.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <random>

#include "host/risk/gate.hpp"
#include "host/street/strategy_runner.hpp"
#include "support/allocations.hpp"
#include "support/small_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

constexpr std::uint32_t tokens = 8;
constexpr std::size_t warm_blocks = 600;  // more than the market's own tables hold of the past
constexpr std::size_t measured_blocks = 400;

// A market of every pair of tokens, out of line in each block, with the real plugins.
class Busy {
 public:
  explicit Busy(const std::string& strategies = "[strategies.triangular]\nmin_profit_bps = 0\n")
      : configuration(
            configure(folder_.path(),
                      {"[risk]\nmin_confidence = 0.1\n", ConfigurationTexts().dex, strategies},
                      {GANTRY_TEST_PLUGIN_FOLDER})),
        plugins(make_plugins(configuration, folder_.path() / "store")),
        market(configuration.chains.front(), plugins.venues) {
    REQUIRE(plugins.refused.empty());
    REQUIRE(plugins.strategies.size() == 1);
    std::mt19937_64 random(21);
    std::vector<SmallPool> pools;
    for (std::uint32_t a = 0; a < tokens; ++a) {
      for (std::uint32_t b = a + 1; b < tokens; ++b)
        pools.push_back({a, b, 50'000'000, 50'000'000});
    }
    std::vector<std::vector<SmallUpdate>> blocks(warm_blocks + measured_blocks);
    for (auto& block : blocks) {
      block.push_back({static_cast<std::uint32_t>(random() % pools.size()),
                       49'000'000 + random() % 2'000'000, 49'000'000 + random() % 2'000'000});
    }
    inputs = market_inputs(tokens, pools, blocks);
  }

  void advance() {
    auto next = market.advance(inputs[next_input_++]);
    REQUIRE(next);
    snapshot = std::move(*next);
    changes.add(*snapshot);
  }
  StrategyInstance& strategy() { return *plugins.strategies.front(); }

  TemporaryFolder folder_;
  Configuration configuration;
  Plugins plugins;
  MarketState market;
  ChangeLog changes;
  History history;
  std::vector<BlockInput> inputs;
  SnapshotPtr snapshot;

 private:
  std::size_t next_input_ = 0;
};

// What a strategy emits, in memory taken before.
struct Found {
  Found() { all.reserve(1024); }
  gantry_opportunity_sink sink() {
    return {this, [](void* self, const gantry_opportunity* o) -> gantry_status {
              auto& to = static_cast<Found*>(self)->all;
              if (to.size() == to.capacity()) return GANTRY_REFUSED;
              to.push_back(*o);
              return GANTRY_OK;
            }};
  }
  std::vector<gantry_opportunity> all;
};

}  // namespace

TEST_CASE("every way to ask for memory is counted") {
  void* volatile block = nullptr;
  CHECK(allocations_of([] {}) == 0);
  CHECK(allocations_of([&] { block = std::malloc(10); }) == 1);
  CHECK(allocations_of([&] { block = std::realloc(block, 100); }) == 1);
  std::free(block);
  CHECK(allocations_of([&] { block = std::calloc(3, 10); }) == 1);
  std::free(block);
  CHECK(allocations_of([&] { block = std::aligned_alloc(64, 64); }) == 1);
  std::free(block);
  CHECK(allocations_of([&] {
          void* aligned = nullptr;
          if (::posix_memalign(&aligned, 64, 64) == 0) block = aligned;
        }) == 1);
  std::free(block);
  CHECK(allocations_of([&] { block = ::operator new(10); }) == 1);
  ::operator delete(block);
  CHECK(allocations_of([&] {
          block = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        }) == 1);
  REQUIRE(block != MAP_FAILED);
  ::munmap(block, 4096);
}

TEST_CASE("an allocation inside a plugin is counted") {
  Busy busy("[strategies.idle_strategy]\nallocations = 3\n");
  busy.advance();
  MarketView view;
  view.bind(*busy.snapshot, {}, true);
  Found found;
  const auto sink = found.sink();
  StrategyInstance& idle = busy.strategy();
  gantry_status status = GANTRY_REFUSED;
  CHECK(allocations_of([&] { status = idle.table().find(idle.object(), view.market(), &sink); }) ==
        3);
  CHECK(status == GANTRY_OK);
}

TEST_CASE("quotes of a pool and of a route allocate nothing") {
  Busy busy;
  busy.advance();
  MarketView view;
  view.bind(*busy.snapshot, {}, true);
  const gantry_swap swap{{{1'000'000'000, 0, 0, 0}}, 0, 1, GANTRY_EXACT_IN, GANTRY_WANT_IMPACT};
  // There and back through one pool, so that its second visit is quoted on the state after the
  // first.
  const gantry_hop there_and_back[] = {{0, 0, 1, 0}, {0, 1, 0, 0}};
  std::uint64_t quoted = 0;
  const auto allocated = allocations_of([&] {
    for (std::uint32_t pool = 0; pool < view.market()->pool_count; ++pool) {
      gantry_quote quote;
      quoted += view.quote(pool, swap, quote) == GANTRY_OK ? 1U : 0U;
    }
    gantry_route_quote route;
    quoted += view.quote_route(there_and_back, swap.amount, GANTRY_EXACT_IN, route) == GANTRY_OK
                  ? 1U
                  : 0U;
    gantry_value value;
    quoted += view.value(3, swap.amount, value) == GANTRY_OK ? 1U : 0U;
  });
  CHECK(quoted == busy.inputs[0].pools.size() + 2);
  CHECK(allocated == 0);
}

TEST_CASE("the triangular strategy re-prices, finds and sizes without an allocation") {
  Busy busy;
  busy.advance();
  MarketView view;
  view.bind(*busy.snapshot, {}, true);
  StrategyInstance& triangular = busy.strategy();
  gantry_error error{};
  REQUIRE(triangular.table().prepare(triangular.object(), view.market(), &error) == GANTRY_OK);
  Found found;
  const auto sink = found.sink();
  REQUIRE(triangular.table().find(triangular.object(), view.market(), &sink) == GANTRY_OK);

  std::uint64_t allocated = 0;
  std::uint64_t sized_count = 0;
  gantry_sizing_limits limits{};
  limits.amount_in_max = u256(1'000'000'000'000'000'000ULL);
  limits.pool_share_max_bps = 1000;
  for (std::size_t i = 0; i < measured_blocks; ++i) {
    busy.advance();
    view.bind(*busy.snapshot, busy.snapshot->changed, false);
    found.all.clear();
    allocated += allocations_of([&] {
      if (triangular.table().find(triangular.object(), view.market(), &sink) != GANTRY_OK) return;
      for (const gantry_opportunity& o : found.all) {
        gantry_opportunity sized;
        const auto status =
            triangular.table().size(triangular.object(), view.market(), &o, &limits, &sized);
        sized_count += status == GANTRY_OK ? 1U : 0U;
      }
    });
  }
  CHECK(sized_count > measured_blocks);
  CHECK(allocated == 0);
}

TEST_CASE("the risk gate allocates nothing") {
  Busy busy;
  StrategyRunner runner(busy.plugins.strategies[0], busy.changes, busy.history, {});
  const RiskGate gate(busy.configuration.risk);
  RiskBook book(busy.configuration.risk, "eip155:1", false);
  TradeScopes scopes;
  scopes.add(book.scope(RiskScopeKind::strategy, "triangular"));
  scopes.add(book.scope(RiskScopeKind::venue, "uniswap_v2"));
  const auto published = book.view();
  PoolVolatility volatility;
  MarketView view;
  std::uint64_t allocated = 0;
  std::uint64_t approved = 0;
  std::uint64_t refused = 0;
  for (std::size_t i = 0; i < 50; ++i) {
    busy.advance();
    const Batch batch = runner.run({busy.snapshot, 0, {}, 0}, false);
    view.bind(*busy.snapshot, {}, true);
    for (const Ranked& ranked : batch.ranked) {
      // Half of them too late.
      const std::uint64_t head = busy.snapshot->context.state_block + (ranked.index % 2) * 1000;
      volatility.update(*busy.snapshot, busy.snapshot->changed, false);
      allocated += allocations_of([&] {
        const TradeRisk risk{published.get(), scopes,
                             forecast(volatility, busy.snapshot->context, ranked, {})};
        const bool passed =
            gate.check(view, ranked, busy.strategy().settings, head, risk).has_value();
        ++(passed ? approved : refused);
      });
    }
  }
  CHECK(refused > 0);
  CHECK(approved > 0);
  CHECK(allocated == 0);
}

TEST_CASE("a snapshot takes few allocations to make, and few to run a strategy on") {
  Busy busy;
  busy.advance();
  StrategyRunner runner(busy.plugins.strategies[0], busy.changes, busy.history, {});
  std::uint64_t found = 0;
  std::uint64_t most_in_advance = 0;
  std::uint64_t most_in_run = 0;
  for (std::size_t i = 1; i < busy.inputs.size(); ++i) {
    const BlockInput& input = busy.inputs[i];
    std::optional<Result<SnapshotPtr>> next;
    const auto advance = allocations_of([&] { next.emplace(busy.market.advance(input)); });
    REQUIRE(*next);
    busy.snapshot = std::move(**next);
    busy.changes.add(*busy.snapshot);
    Delivery delivery{busy.snapshot, 0, {}, 0};
    const auto run = allocations_of([&] { found += runner.run(delivery, false).ranked.size(); });
    if (i <= warm_blocks) continue;
    most_in_advance = std::max(most_in_advance, advance);
    most_in_run = std::max(most_in_run, run);
  }
  CHECK(found > measured_blocks);
  // The snapshot itself, its list of changed pools, the order of the facts, and now and then a page
  // of what is to be released.
  CHECK(most_in_advance <= 4);
  // The batch's own list.
  CHECK(most_in_run <= 1);
}
