#include "bench/peers/searches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "bench/random_cycles.hpp"
#include "gantry/search/screening.hpp"
#include "gantry/u256_convert.hpp"
#include "plugins/triangular/recorded_market.hpp"

namespace gantry::peers {
namespace {

using namespace search;
namespace json = boost::json;
using Time = std::chrono::milliseconds;

constexpr std::size_t pools_moved = 100;  // the deepest with wrapped ether
constexpr std::uint32_t most_hops = 4;
constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();
constexpr std::size_t best = 16;
constexpr u256 dust(1'000'000'000'000);  // wei: below it rounding says who is best

const SizingLimits any_size{.amount_in_max = u256::max()};

json::string text(const u256& number) { return json::string(to_string(number)); }

// Input, profit, and what no input pays more than that.
void add_answer(json::array& out, const Sizing& sizing) {
  out.push_back(text(sizing.amount_in));
  out.push_back(text(sizing.profit));
  out.push_back(json::string(fmt::format("{:.0f}", std::ceil(sizing.shortfall_max))));
}

struct Market {
  Market() {
    const recorded::Market read = recorded::load();
    weth = read.weth;
    for (const recorded::Pair& pair : read.pairs) {
      pools.push_back(
          {{pair.token0, pair.token1},
           {parse_decimal(pair.reserve0).value(), parse_decimal(pair.reserve1).value()}});
    }
    for (const Pool& pool : pools) tokens.push_back({pool.tokens});
    find();
    screen.attach(index);
    // Nothing else has a value, so that each cycle begins with it.
    screen.set_value(weth, 1e-18);
    for (std::uint32_t pool = 0; pool < pools.size(); ++pool) apply(pool);
  }

  void find() {
    index.build(tokens, {.max_hops = most_hops},
                [&](const Edge& edge) { return edge.token0 == weth || edge.token1 == weth; });
  }
  ConstantProduct hop(std::uint32_t pool, std::size_t direction) const {
    return {pools[pool].reserves[direction], pools[pool].reserves[direction ^ 1U]};
  }
  // Pools of two tokens: the edge's number is the pool's.
  void apply(std::uint32_t pool) {
    for (const unsigned direction : {0U, 1U}) screen.set_hop(pool, direction, hop(pool, direction));
  }
  std::size_t side_of_weth(std::uint32_t pool) const {
    return pools[pool].tokens[0] == weth ? 0 : 1;
  }

  struct Pool {
    std::uint32_t tokens[2];
    u256 reserves[2];
  };
  std::uint32_t weth = 0;
  std::vector<Pool> pools;
  std::vector<PoolTokens> tokens;
  CycleIndex index;
  Screen screen;
};

// FNV-1a of the pools as they come after wrapped ether, in the direction that reads less.
std::uint64_t hash_of(std::vector<std::uint32_t> pools) {
  std::vector<std::uint32_t> back(pools.rbegin(), pools.rend());
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::uint32_t pool : std::min(pools, back)) hash = (hash ^ pool) * 0x100000001b3;
  return hash;
}

// The cycles' number and sum of hashes, in whatever order they were found.
json::object found_cycles(Market& market, Time time) {
  const CycleIndex& index = market.index;
  std::uint64_t sum = 0;
  for (std::uint32_t cycle = 0; cycle < index.cycle_count(); ++cycle) {
    std::vector<std::uint32_t> pools;
    std::size_t first = 0;
    for (const std::uint32_t step : index.cycle(cycle)) {
      const Edge& edge = index.edges()[step >> 1];
      if (((step & 1U) == 0 ? edge.token0 : edge.token1) == market.weth) first = pools.size();
      pools.push_back(edge.pool);
    }
    std::ranges::rotate(pools, pools.begin() + static_cast<std::ptrdiff_t>(first));
    sum += hash_of(std::move(pools));
  }
  json::array pairs;
  for (const Market::Pool& pool : market.pools) {
    pairs.push_back(json::array{pool.tokens[0], pool.tokens[1], text(pool.reserves[0]),
                                text(pool.reserves[1])});
  }
  return {{"venue", "cycles_found"},
          {"ours_ns", time_ns(time, 1, [&] { market.find(); })},
          {"weth", market.weth},
          {"most_hops", most_hops},
          {"pairs", std::move(pairs)},
          {"cycles", index.cycle_count()},
          {"sum_of_hashes", std::to_string(sum)}};
}

struct Sized {
  std::array<std::uint32_t, hops_max> edges;
  std::uint32_t hops;
  Sizing sizing;
};

// One pool has moved: the best input of each cycle through it that pays, or of the best `count`.
void paying_cycles(Market& market, std::uint32_t moved, std::size_t count,
                   std::vector<Sized>& out) {
  constexpr Threshold anything{.ether_per_gas = 0, .gas_overhead = 0, .net_ether_min = 0};
  market.apply(moved);
  out.clear();
  std::span<Candidate> found = market.screen.reprice({&moved, 1}, anything);
  if (count < found.size()) found = best_of(found, count);
  for (const Candidate& candidate : found) {
    Sized& one = out.emplace_back();
    one.hops = walk(market.index, candidate, one.edges);
    std::array<Leg, hops_max> legs;
    for (std::uint32_t i = 0; i < one.hops; ++i) {
      legs[i] = {market.hop(one.edges[i] >> 1, one.edges[i] & 1U), u256::max()};
    }
    if (best_input(std::span(legs).first(one.hops), any_size, one.sizing) != GANTRY_OK) {
      out.pop_back();
    }
  }
}

u256 most_profit(const std::vector<Sized>& found) {
  u256 most;
  for (const Sized& one : found) most = std::max(most, one.sizing.profit);
  return most;
}

// Each of the deepest pools with wrapped ether moves by a thousandth of its reserve at most.
void moved_pools(Market& market, Time time, json::array& out) {
  std::vector<std::uint32_t> deep;
  for (std::uint32_t pool = 0; pool < market.pools.size(); ++pool) {
    if (market.pools[pool].tokens[market.side_of_weth(pool)] == market.weth) deep.push_back(pool);
  }
  std::ranges::sort(deep, [&](std::uint32_t left, std::uint32_t right) {
    return market.pools[right].reserves[market.side_of_weth(right)] <
           market.pools[left].reserves[market.side_of_weth(left)];
  });
  deep.resize(pools_moved);
  std::mt19937_64 random(7);
  std::ranges::shuffle(deep, random);
  std::vector<Sized> found;
  json::array updates;
  for (const std::uint32_t pool : deep) {
    u256(&reserves)[2] = market.pools[pool].reserves;
    const std::size_t in = random() % 2;
    u256 amount;
    u256 paid;
    if (!mul_div_ceil(reserves[in], u256(1 + random() % 1'000), u256(1'000'000), amount) ||
        amount_out(market.hop(pool, in), amount, paid) != GANTRY_OK) {
      throw std::runtime_error("a pool does not move");
    }
    reserves[in] = wrapping_add(reserves[in], amount);
    reserves[in ^ 1U] = wrapping_sub(reserves[in ^ 1U], paid);
    paying_cycles(market, pool, best, found);
    const u256 most = most_profit(found);
    paying_cycles(market, pool, any_number, found);
    if (const u256 any = most_profit(found); most != any && any > dust) {
      throw std::runtime_error("the best is not among the best");
    }
    json::array paying;
    for (const Sized& one : found) {
      json::array pools;
      for (std::uint32_t i = 0; i < one.hops; ++i) pools.push_back(one.edges[i] >> 1);
      json::array answer{std::move(pools)};
      add_answer(answer, one.sizing);
      paying.push_back(std::move(answer));
    }
    updates.push_back(json::object{{"pool", pool},
                                   {"reserves", {text(reserves[0]), text(reserves[1])}},
                                   {"paying", std::move(paying)}});
  }
  const auto ns_of = [&](std::size_t count) {
    return time_ns(time, deep.size(), [&] {
      for (const std::uint32_t pool : deep) paying_cycles(market, pool, count, found);
    });
  };
  out.push_back(json::object{{"venue", "best_of_a_moved_pool"}, {"ours_ns", ns_of(best)}});
  out.push_back(json::object{{"venue", "cycles_of_a_moved_pool"},
                             {"ours_ns", ns_of(any_number)},
                             {"updates", std::move(updates)}});
}

}  // namespace

json::object two_hops(Time time) {
  const auto cycles = bench::random_cycles<2>();
  json::array asked;
  for (const auto& legs : cycles) {
    json::array one;
    for (const Leg& leg : legs) {
      one.push_back(text(leg.pool.reserve_in));
      one.push_back(text(leg.pool.reserve_out));
    }
    Sizing sizing;
    if (best_input(legs, any_size, sizing) != GANTRY_OK) sizing = {};
    add_answer(one, sizing);
    asked.push_back(std::move(one));
  }
  u256 sum;
  const double ns = time_ns(time, cycles.size(), [&] {
    for (const auto& legs : cycles) {
      Sizing sizing;
      if (best_input(legs, any_size, sizing) == GANTRY_OK) sum = wrapping_add(sum, sizing.profit);
    }
  });
  if (sum.is_zero()) throw std::runtime_error("nothing was sized");
  return {{"venue", "two_hops"}, {"ours_ns", ns}, {"cycles", std::move(asked)}};
}

void cycles_of_a_market(Time time, json::array& out) {
  Market market;
  out.push_back(found_cycles(market, time));
  moved_pools(market, time, out);
}

}  // namespace gantry::peers
