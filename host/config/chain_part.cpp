#include "host/config/chain_part.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace gantry::host {
namespace {

// Whether `path` is `table`, or a key in it.
bool is_in(std::string_view path, std::string_view table) {
  return path.starts_with(table) && (path.size() == table.size() || path[table.size()] == '.');
}

// Takes out the instances of other chains, and names the tables that their keys are in.
template <class Settings>
void keep(std::vector<Settings>& all, std::string_view chain, std::string_view table,
          std::vector<std::string>& gone) {
  std::erase_if(all, [&](const Settings& settings) {
    if (settings.chain == chain) return false;
    gone.push_back(std::string(table) + settings.name);
    return true;
  });
}

}  // namespace

Configuration chain_part(const Configuration& whole, std::string_view chain) {
  Configuration part = whole;
  std::vector<std::string> gone;
  std::erase_if(part.chains, [&](const ChainSettings& settings) {
    if (settings.id == chain) return false;
    gone.push_back("chain." + settings.id);
    return true;
  });
  keep(part.dexes, chain, "dex.", gone);
  keep(part.strategies, chain, "strategies.", gone);
  keep(part.paymasters, chain, "paymaster.", gone);
  // A name may have dots, so that one table's path begins as another's does.
  std::vector<std::string> stays;
  for (const DexSettings& dex : part.dexes) stays.push_back("dex." + dex.name);
  for (const StrategySettings& strategy : part.strategies) {
    stays.push_back("strategies." + strategy.name);
  }
  for (const PaymasterSettings& paymaster : part.paymasters) {
    stays.push_back("paymaster." + paymaster.name);
  }
  const auto longest = [](const std::vector<std::string>& tables, std::string_view path) {
    std::size_t size = 0;
    for (const std::string& table : tables) {
      if (is_in(path, table)) size = std::max(size, table.size());
    }
    return size;
  };
  std::erase_if(part.keys, [&](const EffectiveKey& key) {
    constexpr std::string_view priorities = "strategy_priorities.";
    if (key.path.starts_with(priorities)) {
      const std::string name = key.path.substr(priorities.size());
      return std::ranges::find(gone, "strategies." + name) != gone.end();
    }
    return longest(gone, key.path) > longest(stays, key.path);
  });
  return part;
}

}  // namespace gantry::host
