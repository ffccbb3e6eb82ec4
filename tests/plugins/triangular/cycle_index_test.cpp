#include "gantry/search/cycle_index.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "plugins/triangular/exhaustive_cycles.hpp"
#include "plugins/triangular/recorded_market.hpp"

using namespace gantry::search;

namespace {

CycleIndex index_of(const exhaustive::Pools& pools, const CycleLimits& limits) {
  std::vector<PoolTokens> tokens;
  for (const auto& pool : pools) tokens.push_back({pool});
  CycleIndex index;
  index.build(tokens, limits);
  return index;
}

// The product's cycles of one length as the search writes them; checks on the way that each is
// closed, in order, and of different tokens and pools.
std::vector<exhaustive::Cycle> cycles_of_length(const CycleIndex& index, std::uint32_t hops) {
  std::vector<exhaustive::Cycle> all;
  bool in_order = true;
  for (std::uint32_t id = index.first_cycle(hops); id < index.first_cycle(hops + 1); ++id) {
    const auto directed = index.cycle(id);
    in_order = in_order && directed.size() == hops && index.hops(id) == hops;
    exhaustive::Cycle cycle;
    for (std::size_t i = 0; i < directed.size(); ++i) {
      const auto ends = [&](std::uint32_t step) {
        const Edge& edge = index.edges()[step >> 1];
        return (step & 1U) == 0 ? std::pair(edge.token0, edge.token1)
                                : std::pair(edge.token1, edge.token0);
      };
      const auto [from, to] = ends(directed[i]);
      in_order = in_order && to == ends(directed[(i + 1) % directed.size()]).first;
      cycle.push_back(
          {index.edges()[directed[i] >> 1].pool, std::min(from, to), std::max(from, to)});
    }
    std::sort(cycle.begin(), cycle.end());
    all.push_back(cycle);
  }
  CHECK(in_order);
  std::sort(all.begin(), all.end());
  return all;
}

bool inverse_is_exact(const CycleIndex& index) {
  std::vector<std::vector<std::uint32_t>> expected(index.pool_count());
  for (std::uint32_t id = 0; id < index.cycle_count(); ++id) {
    for (const std::uint32_t step : index.cycle(id)) {
      expected[index.edges()[step >> 1].pool].push_back(id);
    }
  }
  for (std::uint32_t pool = 0; pool < index.pool_count(); ++pool) {
    const auto found = index.cycles_of(pool);
    if (!std::equal(found.begin(), found.end(), expected[pool].begin(), expected[pool].end())) {
      return false;
    }
  }
  return true;
}

exhaustive::Pools recorded_pools() {
  exhaustive::Pools pools;
  for (const recorded::Pair& pair : recorded::load().pairs) {
    pools.push_back({pair.token0, pair.token1});
  }
  return pools;
}

}  // namespace

TEST_CASE("an index of cycles with a required edge has those, and no others") {
  const std::uint32_t seed = GENERATE(5U, 6U, 7U);
  CAPTURE(seed);
  std::mt19937 generator(seed);
  const auto random = [&] { return static_cast<std::uint32_t>(generator()); };
  exhaustive::Pools pools;
  for (int i = 0; i < 30; ++i) {
    std::vector<std::uint32_t> tokens{random() % 9, 9 + random() % 3};
    if (i % 3 == 0) tokens.push_back(12 + random() % 2);
    pools.push_back(tokens);
  }
  // An edge of some pools alone, and of a pool of three tokens not all.
  const auto is_required = [](std::uint32_t pool, std::uint32_t low, std::uint32_t high) {
    return pool % 7 == 0 && (low + high) % 2 == 0;
  };
  std::vector<PoolTokens> tokens;
  for (const auto& pool : pools) tokens.push_back({pool});
  CycleIndex index;
  index.build(tokens, {4}, [&](const Edge& edge) {
    return is_required(edge.pool, std::min(edge.token0, edge.token1),
                       std::max(edge.token0, edge.token1));
  });
  CHECK(inverse_is_exact(index));
  std::size_t kept = 0;
  std::size_t all = 0;
  for (std::uint32_t hops = 2; hops <= 4; ++hops) {
    auto expected = exhaustive::simple_cycles(pools, hops);
    all += expected.size();
    std::erase_if(expected, [&](const exhaustive::Cycle& cycle) {
      return std::none_of(cycle.begin(), cycle.end(), [&](const exhaustive::Hop& hop) {
        return is_required(hop.pool, hop.low, hop.high);
      });
    });
    CHECK(cycles_of_length(index, hops) == expected);
    kept += expected.size();
  }
  CHECK(kept > 0);
  CHECK(kept < all);
}

TEST_CASE("the cycle index finds what an exhaustive search finds, on random markets") {
  const std::uint32_t seed = GENERATE(1U, 2U, 3U, 4U);
  CAPTURE(seed);
  std::mt19937 generator(seed);
  const auto random = [&] { return static_cast<std::uint32_t>(generator()); };
  std::size_t seen[hops_max + 1] = {};
  for (int round = 0; round < 500; ++round) {
    const std::uint32_t tokens = 2 + random() % 8;
    const std::uint32_t stride = 1 + random() % 1000;  // handles need not be dense
    exhaustive::Pools pools(random() % 22);
    for (auto& pool : pools) {
      const std::uint32_t width = random() % 10 < 8 ? 2 : 3 + random() % 2;
      for (std::uint32_t i = 0; i < width; ++i) {
        pool.push_back((random() % tokens) * stride);  // equal ones make no edge
      }
      std::sort(pool.begin(), pool.end());
      pool.erase(std::unique(pool.begin(), pool.end()), pool.end());
      std::shuffle(pool.begin(), pool.end(), generator);
    }
    const std::uint32_t max_hops = hops_min + random() % (hops_max - hops_min + 1);
    const CycleIndex index = index_of(pools, {.max_hops = max_hops});
    REQUIRE(index.report().complete);
    REQUIRE(index.report().dropped == 0);
    REQUIRE(index.report().kept == index.cycle_count());
    for (std::uint32_t hops = hops_min; hops <= hops_max; ++hops) {
      const auto expected = hops <= max_hops ? exhaustive::simple_cycles(pools, hops)
                                             : std::vector<exhaustive::Cycle>{};
      REQUIRE(cycles_of_length(index, hops) == expected);
      seen[hops] += expected.size();
    }
    REQUIRE(inverse_is_exact(index));
  }
  for (std::uint32_t hops = hops_min; hops <= hops_max; ++hops) CHECK(seen[hops] > 1000);
}

TEST_CASE("the cycle index finds what an exhaustive search finds, on the recorded market") {
  const exhaustive::Pools pools = recorded_pools();
  REQUIRE(pools.size() == 10'704);
  const CycleIndex index = index_of(pools, {.max_hops = 4});
  CHECK(index.report().complete);
  CHECK(index.report().dropped == 0);
  CHECK(index.cycle_count(2) == 0);
  CHECK(index.cycle_count(3) == 2'856);
  CHECK(index.cycle_count(4) == 129'230);
  CHECK(index.cycle_count() == 132'086);
  // Not REQUIRE(a == b), which would print both lists.
  const bool triangles_equal = cycles_of_length(index, 3) == exhaustive::simple_cycles(pools, 3);
  const bool squares_equal = cycles_of_length(index, 4) == exhaustive::simple_cycles(pools, 4);
  CHECK(triangles_equal);
  CHECK(squares_equal);
  CHECK(inverse_is_exact(index));
}

TEST_CASE("the cycles of a small market are those counted by hand") {
  // Two pools of 1-2, a triangle 1-2-3, and a pool of 3 tokens beside it.
  const CycleIndex index = index_of({{1, 2}, {2, 1}, {2, 3}, {3, 1}, {1, 2, 3}}, {});
  // Pairs: 1-2 has three pools (3 ways to take two), 2-3 two, 1-3 two.
  CHECK(index.cycle_count(2) == 3 + 1 + 1);
  // 3 x 2 x 2 triangles, less those that take the wide pool twice: two of its edges and one of the
  // others (1 + 1 + 2), and all three (1).
  CHECK(index.cycle_count(3) == 12 - 4 - 1);
  CHECK(index.cycle_count(4) == 0);
  CHECK(index.cycles_of(2).size() == 1 + 5);
}

TEST_CASE("an empty market, one pool, and pools of one token have no cycles") {
  CHECK(index_of({}, {}).cycle_count() == 0);
  CHECK(index_of({{1, 2}}, {}).cycle_count() == 0);
  CHECK(index_of({{1, 2, 3, 4}}, {}).cycle_count() == 0);
  const CycleIndex index = index_of({{5, 5}, {7}, {}, {5, 5}}, {});
  CHECK(index.cycle_count() == 0);
  CHECK(index.edges().empty());
  CHECK(index.cycles_of(3).empty());
}

TEST_CASE("building again forgets the market before") {
  std::vector<std::uint32_t> pair = {1, 2};
  const std::vector<PoolTokens> two = {{pair}, {pair}};
  CycleIndex index;
  index.build(two, {});
  REQUIRE(index.cycle_count() == 1);
  index.build(std::span(two).first(1), {});
  CHECK(index.cycle_count() == 0);
  CHECK(index.pool_count() == 1);
  CHECK(index.edges().size() == 1);
}

TEST_CASE("what exceeds the limit on cycles is counted, and the longest are dropped") {
  exhaustive::Pools pools;
  for (std::uint32_t i = 0; i < 6; ++i) {
    for (std::uint32_t j = i + 1; j < 6; ++j) pools.push_back({i, j});
  }
  const CycleIndex whole = index_of(pools, {.max_hops = 5});
  REQUIRE(whole.cycle_count(3) == 20);
  REQUIRE(whole.cycle_count(4) == 45);
  REQUIRE(whole.cycle_count(5) == 72);
  const CycleIndex cut = index_of(pools, {.max_hops = 5, .max_cycles = 30});
  CHECK(cut.cycle_count() == 30);
  CHECK(cut.cycle_count(3) == 20);
  CHECK(cut.cycle_count(4) == 10);
  CHECK(cut.report().kept == 30);
  CHECK(cut.report().dropped == 20 + 45 + 72 - 30);
  CHECK(cut.report().complete);
  CHECK(inverse_is_exact(cut));
}

TEST_CASE("a search that reaches its limit on steps says that it is not complete") {
  exhaustive::Pools pools;
  for (std::uint32_t i = 0; i < 12; ++i) {
    for (std::uint32_t j = i + 1; j < 12; ++j) pools.push_back({i, j});
  }
  const CycleIndex index = index_of(pools, {.max_hops = 6, .max_steps = 2'000});
  CHECK_FALSE(index.report().complete);
  CHECK(index.cycle_count() > 0);
  CHECK(index.cycle_count() == index.report().kept);
  CHECK(inverse_is_exact(index));
}

TEST_CASE("hop limits outside 2 to 6 are brought inside") {
  const exhaustive::Pools pools = {{1, 2}, {1, 2}, {2, 3}, {3, 1}};
  CHECK(index_of(pools, {.max_hops = 0}).cycle_count() == 1);
  CHECK(index_of(pools, {.max_hops = 99}).cycle_count() == 3);
}
