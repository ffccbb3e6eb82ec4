// The strategy against a brute force that shares no code with it, on random markets of constant
// products, of pools with a second range, as ticks make them, deeper or shallower than the first,
// and of stable pools, in balance and far out of it.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <set>
#include <vector>

#include "gantry/u256_convert.hpp"
#include "plugins/triangular/pair_market.hpp"

namespace {

using gantry::u256;
using pair_market::Pair;
using pair_market::PairMarket;
using pair_market::Strategy;

constexpr std::uint32_t tokens = 4;
constexpr std::uint32_t hops_max = 4;

u256 wei_of(double ether) {
  u256 out;
  REQUIRE(gantry::from_double_floor(ether * 1e18, out));
  return out;
}

struct Step {
  std::uint32_t pool;
  std::uint32_t side;  // of the token that goes in
  bool operator<(const Step& other) const {
    return std::pair(pool, side) < std::pair(other.pool, other.side);
  }
};
using Cycle = std::vector<Step>;

// All directed cycles of two to four pools, from each of their tokens.
void walk(const std::vector<Pair>& pairs, std::uint32_t start, std::uint32_t at, Cycle& path,
          std::set<std::uint32_t>& visited, std::vector<Cycle>& out) {
  if (path.size() == hops_max) return;
  for (std::uint32_t pool = 0; pool < pairs.size(); ++pool) {
    for (const std::uint32_t side : {0U, 1U}) {
      if (pairs[pool].tokens[side] != at) continue;
      bool used = false;
      for (const Step& step : path) used = used || step.pool == pool;
      if (used) continue;
      const std::uint32_t next = pairs[pool].tokens[side ^ 1U];
      path.push_back({pool, side});
      if (next == start) {
        out.push_back(path);
      } else if (visited.insert(next).second) {
        walk(pairs, start, next, path, visited, out);
        visited.erase(next);
      }
      path.pop_back();
    }
  }
}

double best_profit(const std::vector<Pair>& pairs, const Cycle& cycle) {
  double best = 0;
  for (double in = 0.001; in < 3'000; in *= 1.03) {
    u256 at = wei_of(in);
    bool paid = true;
    for (const Step& step : cycle) {
      paid = paid && pair_market::paid_by(pairs[step.pool], step.side, at, at) == GANTRY_OK;
    }
    if (paid) best = std::max(best, gantry::to_double(at) * 1e-18 - in);
  }
  return best;
}

std::vector<Pair> random_pairs(std::mt19937_64& random) {
  std::uniform_real_distribution<double> real(0, 1);
  std::vector<Pair> pairs;
  for (std::uint32_t a = 0; a < tokens; ++a) {
    for (std::uint32_t b = a + 1; b < tokens; ++b) {
      for (std::uint64_t left = 1 + random() % 2; left > 0; --left) {
        const double depth = std::pow(10, 1.5 + 2 * real(random));
        Pair pair{{a, b}, {wei_of(depth), wei_of(depth * (0.96 + 0.08 * real(random)))}};
        if (random() % 4 == 0) {
          pair.amplification = std::pow(10, 1.3 + 2 * real(random));
          pair.reserves[1] = wei_of(depth * std::pow(10, real(random) - 0.5));
        } else if (random() % 2 == 0) {
          pair.range = wei_of(depth * std::pow(10, -3 + 2 * real(random)));
          pair.deepens = random() % 2 == 0;
        }
        pairs.push_back(pair);
      }
    }
  }
  return pairs;
}

}  // namespace

TEST_CASE("no cycle that pays is lost among pools of all kinds") {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> exponent(1, 2.5);
  int paying = 0;
  for (int round = 0; round < 60; ++round) {
    PairMarket market(tokens, random_pairs(random));
    const auto gwei = static_cast<std::uint64_t>(std::pow(10, exponent(random)));
    market.context.gas_price = u256(gwei * 1'000'000'000);
    Strategy strategy({.max_hops = hops_max, .max_opportunities = 1024});
    REQUIRE(strategy.prepare(market.snapshot({}, true)) == GANTRY_OK);
    REQUIRE(strategy.find(market.snapshot({}, true)) == GANTRY_OK);
    std::set<std::set<Step>> found;
    for (const gantry_opportunity& one : strategy.found) {
      std::set<Step> steps;
      for (std::uint32_t i = 0; i < one.leg_count; ++i) {
        const gantry_hop& hop = one.legs[i].hop;
        steps.insert({hop.pool, market.pairs[hop.pool].tokens[0] == hop.token_in ? 0U : 1U});
      }
      found.insert(steps);
    }
    for (std::uint32_t start = 0; start < tokens; ++start) {
      std::vector<Cycle> cycles;
      Cycle path;
      std::set<std::uint32_t> visited{start};
      walk(market.pairs, start, start, path, visited, cycles);
      for (const Cycle& cycle : cycles) {
        const double gas = (100'000.0 * static_cast<double>(cycle.size()) + 60'000) *
                           static_cast<double>(gwei) * 1e-9;
        const double net = best_profit(market.pairs, cycle) - gas;
        if (net <= 1e-9) continue;
        ++paying;
        CAPTURE(round, start, net, gas);
        CHECK(found.contains({cycle.begin(), cycle.end()}));
      }
    }
  }
  CHECK(paying > 2'500);
}
