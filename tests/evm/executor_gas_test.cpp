// The gas that the plugins of Uniswap V2, Balancer and Uniswap V3 quote, against what a swap adds
// to the receipt of a run of the executor: that with the swap less that without, in a block of its
// own, each token being there already and of plain code.
#include <catch2/catch.hpp>
#include <iostream>

#include "evm/balancer_v3_contracts.hpp"
#include "evm/executor_venues.hpp"
#include "evm/integer_words.hpp"
#include "evm/plugin_market.hpp"
#include "evm/v2_fork_makes.hpp"

using namespace gantry;
using namespace gantry::test;

namespace {

const Integer one = Integer("1000000000000000000");
const Integer amount_in = one / 3;

constexpr std::uint64_t least_room = 12'000;
constexpr std::uint64_t most_room = 36'000;

struct Gas {
  std::uint64_t quoted = 0;
  std::uint64_t used = 0;  // the dearer of the two directions
};

// What the steps add to a run that only looks at both tokens. It is mined and undone.
std::uint64_t gas_of(ExecutorContract& executor, const std::vector<std::string>& tokens,
                     const std::vector<ex::Step>& steps) {
  std::vector<ex::Settlement> settlements;
  for (const std::string& token : tokens) {
    settlements.push_back(at_least(token, -amount_in, ex::Settle::keep));
  }
  const auto used = [&](const std::vector<ex::Step>& program) {
    const ChainMoment moment(executor.chain().chain());
    const Outcome outcome = executor.mine(program, settlements);
    INFO(outcome.error);
    REQUIRE(outcome.accepted);
    return outcome.gas;
  };
  return used(steps) - used({});
}

void check(const std::string& name, const Gas& gas) {
  std::cout << "  " << name << ": " << gas.quoted << " quoted, " << gas.used << " used\n";
  INFO(name);
  CHECK(gas.quoted >= gas.used + least_room);
  CHECK(gas.quoted <= gas.used + most_room);
}

}  // namespace

TEST_CASE("quotes name the gas that a swap adds to an executor's run, pair by pair") {
  PluginMarket market;
  Deployer& chain = market.chain();
  ExecutorContract& executor = market.executor();
  for (const int i : {0, 1}) {
    market.send(market.token(i), "transfer(address,uint256)",
                address_word(executor.address()) + word(100 * one));
  }
  // A pool's first swap of a block writes more than those after it.
  chain.chain().call("anvil_setBlockTimestampInterval", {12});
  const auto measure = [&](const std::string& name, MarketVenue venue) {
    // Its first swaps of all write what is zero before.
    for (const int in : {0, 1}) {
      REQUIRE(executor.mine(market.swap(venue, in, amount_in).steps, {}).accepted);
      REQUIRE(venue.plugin->refresh(chain) == GANTRY_OK);
    }
    Gas gas;
    for (const int in : {0, 1}) {
      const BuiltSwap built = market.swap(venue, in, amount_in);
      gas.quoted = built.gas;
      gas.used =
          std::max(gas.used, gas_of(executor, {market.token(0), market.token(1)}, built.steps));
    }
    check(name, gas);
  };
  measure("Uniswap V2", market.uniswap_v2());
  measure("SushiSwap", market.uniswap_v2(sushiswap_make()));
  measure("the first PancakeSwap", market.uniswap_v2(pancakeswap_v1_make()));
  measure("PancakeSwap V2", market.uniswap_v2(pancakeswap_v2_make()));
  measure("Uniswap V3", market.uniswap_v3(false));
  measure("Uniswap V3 by its router", market.uniswap_v3(true));
  measure("PancakeSwap V3", market.pancake_v3());
  for (const std::string deployment :
       {"20210418-weighted-pool", "20220908-weighted-pool-v2", "20230206-weighted-pool-v3",
        "20210624-stable-pool", "20210727-meta-stable-pool", "20211208-stable-phantom-pool",
        "20220609-stable-pool-v2", "20220906-composable-stable-pool",
        "20221122-composable-stable-pool-v2", "20230206-composable-stable-pool-v3"}) {
    const bool weighted = deployment.find("weighted") != deployment.npos;
    const bool may_be_rated = deployment.find("-stable-pool") != 8 && !weighted;
    const bool is_meta = deployment.find("meta") != deployment.npos;
    for (const std::size_t others : {0U, 1U, 2U}) {
      if (is_meta && others != 0) break;
      for (const bool rated : {false, true}) {
        if (rated && !may_be_rated) continue;
        measure(deployment + ", " + std::to_string(2 + others) +
                    (rated ? " tokens with rates" : " tokens"),
                market.balancer_v2(deployment, others, rated));
      }
    }
  }
}

TEST_CASE("quotes of the V3 Vault's pools name the gas that a swap adds to an executor's run") {
  Anvil anvil({"--disable-code-size-limit"});
  BalancerV3 balancer(anvil);
  Deployer& chain = balancer.deployer();
  ExecutorContract executor(chain);
  anvil.call("anvil_setBlockTimestampInterval", {12});
  const auto measure = [&](const std::string& name, const V3PoolOrder& order) {
    const V3Pool pool = balancer.create(order);
    balancer.fund(pool, std::vector<Integer>(pool.tokens.size(), 1000 * one));
    for (const VenueToken& token : pool.tokens) {
      balancer.give(token.address, executor.address(), 100 * one);
    }
    PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer", {{"vault_v3", balancer.vault()}});
    REQUIRE(venue.open_pool(pool.address, pool.tokens) == GANTRY_OK);
    const auto steps = [&](std::size_t in) {
      return std::vector<ex::Step>{
          vault_swap(executor, {balancer.vault(), pool.address, pool.tokens[in].address,
                                pool.tokens[1 - in].address, amount_in})};
    };
    for (const std::size_t in : {0U, 1U}) REQUIRE(executor.mine(steps(in), {}).accepted);
    venue.context().execution_time_s = balancer.time();
    venue.context().state_time_s = balancer.time();
    REQUIRE(venue.refresh(chain) == GANTRY_OK);
    Gas gas;
    for (const std::uint32_t in : {0U, 1U}) {
      gantry_swap swap{};
      swap.amount = to_amount(amount_in);
      swap.token_in = in;
      swap.token_out = 1 - in;
      gantry_quote quote{};
      REQUIRE(venue.quote(swap, quote) == GANTRY_OK);
      gas.quoted = quote.gas;
      gas.used = std::max(
          gas.used, gas_of(executor, {pool.tokens[0].address, pool.tokens[1].address}, steps(in)));
    }
    check(name, gas);
  };
  for (const std::size_t count : {2U, 3U, 4U}) {
    for (const bool rated : {false, true}) {
      V3PoolOrder order;
      order.decimals.assign(count, 18);
      order.rates.assign(count, rated ? Integer(one * 11 / 10) : Integer(0));
      order.fee = one / 1000;
      const std::string of = std::to_string(count) + (rated ? " tokens with rates" : " tokens");
      order.amp = 200;
      order.deployment = "20260116-v3-stable-pool-v3";
      measure("V3 stable, " + of, order);
      order.weights.assign(count, one / count);
      order.weights[0] += one - order.weights[0] * count;
      order.deployment = "20260115-v3-weighted-pool-v2";
      measure("V3 weighted, " + of, order);
    }
  }
}
