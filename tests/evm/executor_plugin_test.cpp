// What the venues' plugins quote and build, carried out by the executor on the venues' own
// bytecode.
#include <catch2/catch.hpp>

#include "evm/balancer_v2_contracts.hpp"
#include "evm/executor_contract.hpp"
#include "evm/integer_words.hpp"
#include "evm/plugin_venue.hpp"
#include "evm/uniswap_v3_contract.hpp"
#include "evm/v2_factory_contract.hpp"
#include "host/plan/venue_steps.hpp"

using namespace gantry;
using namespace gantry::test;

namespace {

const Integer one = Integer("1000000000000000000");

host::Instruction instruction_of(const EmittedInstruction& emitted) {
  host::Instruction instruction;
  instruction.head = emitted.fields;
  instruction.data = to_bytes(emitted.data);
  return instruction;
}

// One plugin with one pool, and how it is traded on.
struct Venue {
  std::unique_ptr<PluginVenue> plugin;
  const ex::CallbackShape* callback = nullptr;
};

class Market {
 public:
  Market() : v3_(anvil_), balancer_(anvil_), executor_(v3_.deployer()) {}

  Deployer& chain() { return v3_.deployer(); }
  ExecutorContract& executor() { return executor_; }
  const std::string& token(int index) const { return v3_.token(index); }

  Venue uniswap_v2() {
    const std::string pair = V2FactoryContract(chain()).create_pair(token(0), token(1));
    send(token(0), "transfer(address,uint256)", address_word(pair) + word(900 * one));
    send(token(1), "transfer(address,uint256)", address_word(pair) + word(1000 * one));
    send(pair, "mint(address)", address_word(chain().account()));
    return made(GANTRY_UNISWAP_V2_PLUGIN, "uniswap_v2", {}, pair, {});
  }
  Venue uniswap_v3(bool routed) {
    const std::string pool =
        v3_.create_pool(routed ? 500 : 3000, routed ? 10 : 60, Integer(1) << 96);
    v3_.mint(pool, -6000, 6000, 10'000 * one);
    return made(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3",
                {{"factory", v3_.factory()}, {"router", routed ? v3_.router() : std::string()}},
                pool, {});
  }
  Venue pancake_v3() {
    const std::string pool = v3_.create_pancake_pool(2500, 50, Integer(1) << 96);
    v3_.mint(pool, -6000, 6000, 10'000 * one);
    Venue venue = made(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3",
                       {{"factory", std::string()}, {"router", std::string()}}, pool, {});
    venue.callback = &ex::pancake_v3_callback;
    return venue;
  }
  Venue balancer_v2() {
    BalancerPoolOrder order;
    order.deployment = "20210418-weighted-pool";
    order.tokens = {{token(0)}, {token(1)}};
    order.weights = {one / 2, one / 2};
    order.fee = one / 1000;
    const BalancerPool pool = balancer_.create(order);
    for (const int i : {0, 1}) {
      send(token(i), "approve(address,uint256)",
           address_word(balancer_.vault()) + word(10'000 * one));
    }
    balancer_.fund(pool, {1000 * one, 900 * one});
    return made(GANTRY_BALANCER_PLUGIN, "balancer", {{"vault", balancer_.vault()}}, pool.address,
                BalancerV2::metadata(pool));
  }

  // The plugin's quote of a swap and the steps of what it builds, to the executor itself.
  std::vector<ex::Step> swap(Venue& venue, std::uint32_t in, const Integer& amount, Integer& out) {
    gantry_swap_order order{};
    order.swap.amount = to_amount(amount);
    order.swap.token_in = in;
    order.swap.token_out = 1 - in;
    gantry_quote quote{};
    REQUIRE(venue.plugin->quote(order.swap, quote) == GANTRY_OK);
    out = to_integer(quote.amount_out);
    order.out = quote.amount_out;
    order.min_out = quote.amount_out;
    order.sender = to_address(executor_.address());
    order.recipient = order.sender;
    std::vector<EmittedInstruction> emitted;
    REQUIRE(venue.plugin->build_swap(order, emitted) == GANTRY_OK);
    std::vector<host::Instruction> calls;
    for (const EmittedInstruction& each : emitted) calls.push_back(instruction_of(each));
    const ex::SwapInput input{to_address(token(static_cast<int>(in))), to_u256(amount)};
    const auto steps = ex::venue_steps(calls, input, venue.callback);
    REQUIRE(steps);
    return *steps;
  }

  void send(const std::string& to, const std::string& signature, const std::string& digits) {
    chain().send(to, chain().selector(signature) + digits);
  }

 private:
  Venue made(const std::string& library, const std::string& name, const VenueParameters& parameters,
             const std::string& pool, const std::vector<std::uint8_t>& metadata) {
    Venue venue{std::make_unique<PluginVenue>(library, name, parameters), &ex::uniswap_v3_callback};
    const gantry_status opened = venue.plugin->open_pool(pool, {{token(0)}, {token(1)}}, metadata);
    INFO(name << ": " << venue.plugin->refusal());
    REQUIRE(opened == GANTRY_OK);
    REQUIRE(venue.plugin->refresh(chain()) == GANTRY_OK);
    return venue;
  }

  Anvil anvil_{{"--code-size-limit", "60000"}};
  V3Chain v3_;
  BalancerV2 balancer_;
  ExecutorContract executor_;
};

}  // namespace

TEST_CASE("what the plugins quote and build is what the executor gets, on every kind of input") {
  Market market;
  ExecutorContract& executor = market.executor();
  std::map<std::string, Venue> venues;
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
      Integer between;
      Integer back;
      auto steps = market.swap(first, 0, amount, between);
      for (auto& step : market.swap(second, 1, between, back)) steps.push_back(std::move(step));
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
