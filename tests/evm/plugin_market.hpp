// Plugins beside their venues' own bytecode on one chain, and the executor that carries out what
// they quote and build.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "evm/balancer_v2_contracts.hpp"
#include "evm/executor_contract.hpp"
#include "evm/pair_make.hpp"
#include "evm/plugin_venue.hpp"
#include "evm/uniswap_v3_contract.hpp"
#include "host/plan/venue_steps.hpp"

namespace gantry::test {

// One plugin with one pool, and how it is traded on.
struct MarketVenue {
  std::unique_ptr<PluginVenue> plugin;
  const ex::CallbackShape* callback = nullptr;
  std::uint32_t place[2] = {0, 1};  // of the market's tokens among the pool's
};

// What a plugin says of a swap, and the steps of what it builds.
struct BuiltSwap {
  Integer out;
  std::uint64_t gas = 0;
  std::vector<ex::Step> steps;
};

class PluginMarket {
 public:
  PluginMarket();

  Deployer& chain() { return v3_.deployer(); }
  ExecutorContract& executor() { return executor_; }
  const std::string& token(int index) const { return v3_.token(index); }

  // Each with about a thousand of either token, of 18 decimals.
  MarketVenue uniswap_v2(const PairMake& make = uniswap_make());
  MarketVenue uniswap_v3(bool routed);
  MarketVenue pancake_v3();
  // Of the V2 Vault. `others`: how many tokens besides; `rated`: both have rates from a provider.
  MarketVenue balancer_v2(const std::string& deployment = "20210418-weighted-pool",
                          std::size_t others = 0, bool rated = false);

  // The plugin's quote of a swap from token `in` to the other, and its steps, to the executor.
  BuiltSwap swap(MarketVenue& venue, int in, const Integer& amount);

  void send(const std::string& to, const std::string& signature, const std::string& digits);

 private:
  MarketVenue made(const std::string& library, const std::string& name,
                   const VenueParameters& parameters, const std::string& pool,
                   const std::vector<VenueToken>& tokens = {},
                   const std::vector<std::uint8_t>& metadata = {});

  Anvil anvil_{{"--code-size-limit", "60000"}};
  V3Chain v3_;
  BalancerV2 balancer_;
  ExecutorContract executor_;
};

}  // namespace gantry::test
