#include "plugins/triangular/exhaustive_cycles.hpp"

#include <algorithm>
#include <map>

namespace exhaustive {
namespace {

struct Step {
  std::uint32_t pool;
  std::uint32_t to;
};

struct Walker {
  std::map<std::uint32_t, std::vector<Step>> steps;
  std::uint32_t hops = 0;
  std::vector<std::uint32_t> tokens;  // walked so far, the start first
  std::vector<std::uint32_t> pools;
  std::vector<Cycle> found;

  void keep(std::uint32_t last_pool) {
    Cycle cycle;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::uint32_t from = tokens[i];
      const std::uint32_t to = tokens[(i + 1) % tokens.size()];
      const std::uint32_t pool = i < pools.size() ? pools[i] : last_pool;
      cycle.push_back({pool, std::min(from, to), std::max(from, to)});
    }
    std::sort(cycle.begin(), cycle.end());
    found.push_back(cycle);
  }

  void walk() {
    for (const Step& step : steps[tokens.back()]) {
      if (std::find(pools.begin(), pools.end(), step.pool) != pools.end()) continue;
      if (tokens.size() == hops) {
        if (step.to == tokens.front()) keep(step.pool);
        continue;
      }
      // Each cycle is walked from its smallest token.
      if (step.to <= tokens.front()) continue;
      if (std::find(tokens.begin(), tokens.end(), step.to) != tokens.end()) continue;
      tokens.push_back(step.to);
      pools.push_back(step.pool);
      walk();
      tokens.pop_back();
      pools.pop_back();
    }
  }
};

}  // namespace

std::vector<Cycle> simple_cycles(const Pools& pools, std::uint32_t hops) {
  Walker walker;
  walker.hops = hops;
  for (std::uint32_t pool = 0; pool < pools.size(); ++pool) {
    for (const std::uint32_t from : pools[pool]) {
      for (const std::uint32_t to : pools[pool]) {
        if (from != to) walker.steps[from].push_back({pool, to});
      }
    }
  }
  std::vector<std::uint32_t> starts;
  for (const auto& [token, steps] : walker.steps) starts.push_back(token);
  for (const std::uint32_t start : starts) {
    walker.tokens = {start};
    walker.walk();
  }
  // Both directions were walked.
  std::sort(walker.found.begin(), walker.found.end());
  walker.found.erase(std::unique(walker.found.begin(), walker.found.end()), walker.found.end());
  return walker.found;
}

}  // namespace exhaustive
