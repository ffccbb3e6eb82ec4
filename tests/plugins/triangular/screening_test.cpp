#include "gantry/search/screening.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <memory>

#include "plugins/triangular/convert.hpp"
#include "plugins/triangular/recorded_market.hpp"

using namespace gantry::search;
using gantry::ConstantProduct;
using gantry::u256;
using reference::cpp_int;

namespace {

constexpr double kAll = -std::numeric_limits<double>::infinity();

struct Pool {
  std::vector<std::uint32_t> tokens;  // two
  cpp_int reserve[2];
  std::uint32_t fee = 3;
};

struct Market {
  std::vector<Pool> pools;
  // At one address, as the screen points at it, wherever the market moves.
  std::unique_ptr<CycleIndex> owned_index = std::make_unique<CycleIndex>();
  Screen screen;

  const CycleIndex& index() const { return *owned_index; }

  void build(std::uint32_t max_hops) {
    std::vector<PoolTokens> tokens;
    for (const Pool& pool : pools) tokens.push_back({pool.tokens});
    owned_index->build(tokens, {.max_hops = max_hops});
    screen.attach(index());
    for (std::uint32_t pool = 0; pool < pools.size(); ++pool) apply(pool, screen);
  }
  void apply(std::uint32_t pool, Screen& to) const {
    for (std::uint32_t edge = index().edges_of(pool).first; edge < index().edges_of(pool).last;
         ++edge) {
      to.set_gas(edge, 100'000);
      for (const unsigned direction : {0U, 1U}) {
        to.set_hop(edge, direction, convert::to_pool(leg(pool, direction)));
      }
    }
  }
  reference::Leg leg(std::uint32_t pool, unsigned direction) const {
    const Pool& from = pools[pool];
    return {from.reserve[direction], from.reserve[direction ^ 1U], from.fee};
  }
  std::vector<reference::Leg> legs(const Candidate& candidate) const {
    std::array<std::uint32_t, hops_max> edges{};
    const std::uint32_t hops = walk(index(), candidate, edges);
    std::vector<reference::Leg> result;
    for (std::uint32_t i = 0; i < hops; ++i) {
      result.push_back(leg(index().edges()[edges[i] >> 1].pool, edges[i] & 1U));
    }
    return result;
  }
  std::uint32_t start_token(const Candidate& candidate) const {
    std::array<std::uint32_t, hops_max> edges{};
    walk(index(), candidate, edges);
    const Edge& edge = index().edges()[edges[0] >> 1];
    return (edges[0] & 1U) == 0 ? edge.token0 : edge.token1;
  }
};

Market random_market(std::mt19937_64& random, std::uint64_t reserve_max) {
  Market market;
  market.pools.resize(4 + random() % 8);
  for (Pool& pool : market.pools) {
    const auto first = static_cast<std::uint32_t>(random() % 5);
    pool.tokens = {first, static_cast<std::uint32_t>((first + 1 + random() % 4) % 5)};
    for (cpp_int& reserve : pool.reserve) reserve = 1 + random() % reserve_max;
    pool.fee = random() % 3 == 0 ? 0 : 3;
  }
  market.build(static_cast<std::uint32_t>(2 + random() % 3));
  return market;
}

using Key = std::pair<std::uint32_t, bool>;

std::map<Key, Candidate> by_cycle(std::span<const Candidate> candidates) {
  std::map<Key, Candidate> result;
  for (const Candidate& candidate : candidates) {
    const bool inserted =
        result.emplace(Key{candidate.cycle, candidate.reversed}, candidate).second;
    REQUIRE(inserted);
  }
  return result;
}

bool equal(const std::map<Key, Candidate>& left, const std::map<Key, Candidate>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const auto& a, const auto& b) {
                      return a.first == b.first && a.second.net_ether == b.second.net_ether &&
                             a.second.start == b.second.start;
                    });
}

Market recorded_market(std::uint32_t max_hops) {
  Market market;
  for (const recorded::Pair& pair : recorded::load().pairs) {
    market.pools.push_back(
        {{pair.token0, pair.token1}, {cpp_int(pair.reserve0), cpp_int(pair.reserve1)}});
  }
  market.build(max_hops);
  return market;
}

}  // namespace

TEST_CASE("no cycle that pays after gas is lost, and no estimate is below what it pays") {
  const std::uint32_t seed = GENERATE(21U, 22U, 23U);
  std::mt19937_64 random(seed);
  int paying = 0;
  int discarded = 0;
  for (int round = 0; round < 300; ++round) {
    Market market = random_market(random, 400);
    std::vector<double> values(5);
    for (double& value : values) value = static_cast<double>(random() % 1'000) / 1'000;
    market.screen.set_values(values);
    const Threshold threshold{.ether_per_gas = 1e-4,
                              .gas_overhead = 21'000,
                              .net_ether_min = static_cast<double>(random() % 10)};
    const auto survivors = by_cycle(market.screen.reprice_all(threshold));
    REQUIRE(market.screen.priced() == market.index().cycle_count());
    for (std::uint32_t id = 0; id < market.index().cycle_count(); ++id) {
      const std::uint32_t hops = market.index().hops(id);
      const double gas = (21'000 + 100'000.0 * hops) * 1e-4;
      for (const bool reversed : {false, true}) {
        double best = kAll;
        for (std::uint8_t start = 0; start < hops; ++start) {
          const Candidate candidate{0, id, start, reversed};
          const auto profit = reference::brute_force(market.legs(candidate));
          if (profit == 0) continue;
          best = std::max(
              best, static_cast<double>(profit) * values[market.start_token(candidate)] - gas);
        }
        const auto found = survivors.find({id, reversed});
        if (best > threshold.net_ether_min) {
          ++paying;
          CAPTURE(seed, round, id, reversed, best);
          REQUIRE(found != survivors.end());
          REQUIRE(found->second.net_ether >= best);
        } else if (found == survivors.end()) {
          ++discarded;
        }
      }
    }
  }
  CHECK(paying > 500);
  CHECK(discarded > 2'000);
}

TEST_CASE("a gain too small for a double to see survives the screen") {
  // Without a fee, reserves near 2^158 and a rate of 1 + 2^-70: the optimum is above a unit, and
  // the rate rounds to 1. (s^2 / r^2 with s = r + 2^88.)
  const cpp_int reserve = cpp_int(1) << 158;
  Market market;
  market.pools = {{{1, 2}, {reserve, reserve + (cpp_int(1) << 88)}, 0},
                  {{2, 1}, {reserve, reserve}, 0}};
  market.build(2);
  market.screen.set_values(std::vector<double>{0, 1, 1});
  const reference::Real real = reference::compose(market.legs({0, 0, 0, false}));
  const reference::Real back = reference::compose(market.legs({0, 0, 0, true}));
  REQUIRE((real.rate > 1) != (back.rate > 1));
  const bool reversed = back.rate > 1;
  REQUIRE_FALSE(reference::optimum_below(reversed ? back : real, 1));
  const auto survivors = by_cycle(market.screen.reprice_all({.net_ether_min = 0}));
  CHECK(survivors.contains({0, reversed}));
}

TEST_CASE("re-pricing what changed gives what pricing everything anew gives") {
  const std::uint32_t seed = GENERATE(31U, 32U, 33U);
  std::mt19937_64 random(seed);
  Market market = random_market(random, 1'000'000);
  while (market.index().cycle_count() < 20) market = random_market(random, 1'000'000);
  const std::vector<double> values = {1, 0.5, 2, 0, 1};
  market.screen.set_values(values);
  const Threshold threshold{.ether_per_gas = 1e-5, .net_ether_min = 0};
  auto known = by_cycle(market.screen.reprice_all(threshold));
  int moved = 0;
  for (int round = 0; round < 500; ++round) {
    std::vector<std::uint32_t> changed;
    for (std::uint32_t i = 0; i < 1 + random() % 3; ++i) {
      const auto pool = static_cast<std::uint32_t>(random() % market.pools.size());
      changed.push_back(pool);
      // Zero closes the pool until its next change.
      for (cpp_int& reserve : market.pools[pool].reserve) reserve = random() % 1'000'000;
      if (random() % 10 == 0) market.pools[pool].reserve[random() % 2] = 0;
      market.apply(pool, market.screen);
    }
    const auto before = known;
    const auto survivors = market.screen.reprice(changed, threshold);
    for (const std::uint32_t pool : changed) {
      for (const std::uint32_t id : market.index().cycles_of(pool)) {
        known.erase({id, false});
        known.erase({id, true});
      }
    }
    for (const Candidate& candidate : survivors) {
      known[{candidate.cycle, candidate.reversed}] = candidate;
    }
    Screen fresh;
    fresh.attach(market.index());
    fresh.set_values(values);
    for (std::uint32_t pool = 0; pool < market.pools.size(); ++pool) {
      market.apply(pool, fresh);
    }
    const bool same = equal(known, by_cycle(fresh.reprice_all(threshold)));
    CAPTURE(seed, round);
    REQUIRE(same);
    moved += equal(before, known) ? 0 : 1;
  }
  CHECK(moved > 300);
}

TEST_CASE("the start is the token in which the profit is worth most, and one that has a value") {
  // A triangle that gains the same way round from each token; depths differ by token.
  Market market;
  market.pools = {{{0, 1}, {1'000'000, 2'000'000}},
                  {{1, 2}, {2'000'000, 3'000'000}},
                  {{2, 0}, {3'000'000, 2'000'000}}};
  market.build(3);
  const auto start_with = [&](std::vector<double> values) {
    market.screen.set_values(values);
    const auto survivors = market.screen.reprice_all({.net_ether_min = kAll});
    REQUIRE(survivors.size() == 1);
    return market.start_token(survivors[0]);
  };
  CHECK(start_with({1, 0, 0}) == 0);
  CHECK(start_with({0, 1, 0}) == 1);
  CHECK(start_with({0, 0, 1}) == 2);
  CHECK(start_with({0.001, 1, 0.001}) == 1);
  // Without any value there is still a start, for whoever can value it, and it is worth nothing.
  market.screen.set_values({});
  const auto survivors = market.screen.reprice_all({.net_ether_min = kAll});
  REQUIRE(survivors.size() == 1);
  CHECK(survivors[0].net_ether == 0);
  CHECK(market.screen.reprice_all({.net_ether_min = 0}).empty());
}

TEST_CASE("a fair market, an empty one and pools without reserves give no candidates") {
  Market fair;
  for (std::uint32_t i = 0; i < 5; ++i) {
    for (std::uint32_t j = i + 1; j < 5; ++j) {
      fair.pools.push_back({{i, j}, {1'000'000 * (i + 1), 1'000'000 * (j + 1)}});
    }
  }
  fair.build(4);
  fair.screen.set_values(std::vector<double>(5, 1.0));
  CHECK(fair.index().cycle_count() == 10 + 15);
  CHECK(fair.screen.reprice_all({.net_ether_min = kAll}).empty());

  Market empty;
  empty.build(4);
  CHECK(empty.screen.reprice_all({.net_ether_min = kAll}).empty());
  CHECK(empty.screen.reprice({}, {.net_ether_min = kAll}).empty());

  Market dry;
  dry.pools = {{{0, 1}, {0, 100}}, {{1, 0}, {100, 0}}, {{0, 1}, {0, 0}}, {{0, 1}, {1, 9'999}}};
  dry.build(4);
  dry.screen.set_values(std::vector<double>(2, 1.0));
  CHECK(dry.index().cycle_count() == 6);
  CHECK(dry.screen.reprice_all({.net_ether_min = kAll}).empty());
}

TEST_CASE("a hop that cannot be priced is closed") {
  Market market;
  market.pools = {{{0, 1}, {100, 400}}, {{1, 0}, {100, 400}}};
  market.build(2);
  market.screen.set_values(std::vector<double>(2, 1.0));
  const Threshold all{.net_ether_min = kAll};
  REQUIRE(market.screen.reprice_all(all).size() == 1);
  const ConstantProduct good{u256(100), u256(400)};
  const ConstantProduct too_deep{gantry::shift_left(u256(1), 160), u256(400)};
  const ConstantProduct all_fee{u256(100), u256(400), 7, 7};
  for (const ConstantProduct& bad : {too_deep, all_fee, ConstantProduct{}}) {
    CHECK_FALSE(market.screen.set_hop(0, 0, bad));
    CHECK(market.screen.reprice_all(all).empty());
    CHECK(market.screen.set_hop(0, 0, good));
    CHECK(market.screen.reprice_all(all).size() == 1);
  }
}

TEST_CASE("pricing a pool prices its cycles and no others, each once") {
  Market market = recorded_market(4);
  const Threshold threshold{.net_ether_min = 0};
  std::vector<std::uint32_t> all(market.pools.size());
  for (std::uint32_t pool = 0; pool < all.size(); ++pool) {
    all[pool] = pool;
    const std::uint32_t one[] = {pool, pool};
    market.screen.reprice(one, threshold);
    if (market.screen.priced() != market.index().cycles_of(pool).size()) FAIL(pool);
  }
  market.screen.reprice(all, threshold);
  CHECK(market.screen.priced() == market.index().cycle_count());
}

TEST_CASE("the gaining cycles of the recorded market are those of exact arithmetic") {
  Market market = recorded_market(4);
  const auto survivors = by_cycle(market.screen.reprice_all({.net_ether_min = kAll}));
  std::map<std::size_t, int> gaining;
  int worth_a_unit = 0;
  for (std::uint32_t id = 0; id < market.index().cycle_count(); ++id) {
    for (const bool reversed : {false, true}) {
      const auto legs = market.legs({0, id, 0, reversed});
      if (reference::compose(legs).rate <= 1) continue;
      ++gaining[legs.size()];
      bool worth = false;
      for (std::uint8_t start = 0; start < legs.size() && !worth; ++start) {
        worth =
            !reference::optimum_below(reference::compose(market.legs({0, id, start, reversed})), 1);
      }
      worth_a_unit += worth ? 1 : 0;
      if (worth != survivors.contains({id, reversed})) FAIL(id);
    }
  }
  CHECK(gaining[3] == 2'705);
  CHECK(gaining[4] == 125'427);
  CHECK(survivors.size() == static_cast<std::size_t>(worth_a_unit));
}

TEST_CASE("the best candidates come first, in one order") {
  std::vector<Candidate> candidates = {
      {1, 7, 0, false}, {3, 9, 0, true}, {3, 9, 0, false}, {2, 1, 0, false}, {3, 4, 0, true}};
  const auto best = best_of(candidates, 4);
  REQUIRE(best.size() == 4);
  CHECK(best[0].cycle == 4);
  CHECK(best[1].cycle == 9);
  CHECK_FALSE(best[1].reversed);
  CHECK(best[2].reversed);
  CHECK(best[3].cycle == 1);
  CHECK(best_of(candidates, 99).size() == 5);
}
