// What the venues' plugins quote and build, carried out by the executor on the venues' own
// bytecode.
#include <array>
#include <catch2/catch.hpp>

#include "evm/plugin_market.hpp"

using namespace gantry;
using namespace gantry::test;

TEST_CASE("a trade that splits over several venues is carried out to the unit") {
  PluginMarket market;
  ExecutorContract& executor = market.executor();
  MarketVenue pair = market.uniswap_v2();
  MarketVenue pool = market.uniswap_v3(false);
  MarketVenue vault = market.balancer_v2();
  MarketVenue other = market.pancake_v3();
  const Integer amount = Integer("1234567890123456789");
  market.send(market.token(0), "transfer(address,uint256)",
              address_word(executor.address()) + word(amount));
  // Two buy and two sell, each another kind of input, in amounts that divide into nothing.
  const auto trade = [&](std::array<MarketVenue*, 2> buyers, std::array<MarketVenue*, 2> sellers) {
    const ChainMoment moment(market.chain().chain());
    const Integer part = amount * 41 / 100;
    auto [first_out, first_gas, steps] = market.swap(*buyers[0], 0, part);
    auto [second_out, second_gas, second] = market.swap(*buyers[1], 0, amount - part);
    const Integer bought = first_out + second_out, sold = bought * 57 / 100;
    auto [third_out, third_gas, third] = market.swap(*sellers[0], 1, sold);
    auto [fourth_out, fourth_gas, fourth] = market.swap(*sellers[1], 1, bought - sold);
    for (auto* more : {&second, &third, &fourth}) {
      for (auto& step : *more) steps.push_back(std::move(step));
    }
    const Integer gain = third_out + fourth_out - amount;
    const auto settled = [&](const Integer& more) {
      return std::vector<ex::Settlement>{at_least(market.token(0), gain + more),
                                         at_least(market.token(1), 0)};
    };
    CHECK(executor.attempt(steps, settled(1)).error == "Short");
    const Outcome outcome = executor.mine(steps, settled(0));
    INFO(outcome.error);
    REQUIRE(outcome.accepted);
    CHECK(executor.balance(market.token(0), executor.address()) ==
          amount + (gain < 0 ? gain : Integer(0)));
    CHECK(executor.balance(market.token(1), executor.address()) == 0);
  };
  trade({&pair, &pool}, {&vault, &other});
  trade({&pool, &vault}, {&other, &pair});
  trade({&vault, &other}, {&pair, &pool});
}

TEST_CASE("what the plugins quote and build is what the executor gets, on every kind of input") {
  PluginMarket market;
  ExecutorContract& executor = market.executor();
  std::map<std::string, MarketVenue> venues;
  venues["uniswap_v2, paid before"] = market.uniswap_v2();
  venues["uniswap_v3, called back"] = market.uniswap_v3(false);
  venues["pancake_v3, called back"] = market.pancake_v3();
  venues["uniswap_v3, by its router"] = market.uniswap_v3(true);
  venues["balancer_v2, allowed"] = market.balancer_v2();
  const Integer amount = Integer("1234567890123456789");
  market.send(market.token(0), "transfer(address,uint256)",
              address_word(executor.address()) + word(amount));
  int routes = 0;
  for (auto& [first_name, first] : venues) {
    for (auto& [second_name, second] : venues) {
      if (first_name == second_name) continue;
      const ChainMoment moment(market.chain().chain());
      INFO(first_name << ", then " << second_name);
      auto [between, first_gas, steps] = market.swap(first, 0, amount);
      auto [back, second_gas, rest] = market.swap(second, 1, between);
      for (auto& step : rest) steps.push_back(std::move(step));
      const auto settled = [&](const Integer& more) {
        return std::vector<ex::Settlement>{at_least(market.token(0), back - amount + more),
                                           at_least(market.token(1), 0)};
      };
      CHECK(executor.attempt(steps, settled(1)).error == "Short");
      const Outcome outcome = executor.mine(steps, settled(0));
      INFO(outcome.error);
      REQUIRE(outcome.accepted);
      // A gain is the owner's, a loss what stays less.
      const Integer gain = back - amount;
      CHECK(executor.balance(market.token(0), executor.address()) ==
            amount + (gain < 0 ? gain : Integer(0)));
      CHECK(executor.balance(market.token(1), executor.address()) == 0);
      ++routes;
    }
  }
  CHECK(routes == 20);
}
