#include "evm/plugin_market.hpp"

#include <algorithm>
#include <stdexcept>

#include "evm/integer_words.hpp"
#include "evm/v2_factory_contract.hpp"

namespace gantry::test {
namespace {

const Integer one = Integer("1000000000000000000");

void must(gantry_status status, const std::string& what) {
  if (status != GANTRY_OK) throw std::runtime_error(what + ": status " + std::to_string(status));
}

host::Instruction instruction_of(const EmittedInstruction& emitted) {
  host::Instruction instruction;
  instruction.head = emitted.fields;
  instruction.data = to_bytes(emitted.data);
  return instruction;
}

}  // namespace

PluginMarket::PluginMarket() : v3_(anvil_), balancer_(anvil_), executor_(v3_.deployer()) {
  for (const int i : {0, 1}) {
    send(token(i), "approve(address,uint256)", address_word(balancer_.vault()) + word(one << 64));
  }
}

MarketVenue PluginMarket::uniswap_v2(const PairMake& make) {
  const std::string pair = V2FactoryContract(chain(), make).create_pair(token(0), token(1));
  send(token(0), "transfer(address,uint256)", address_word(pair) + word(900 * one));
  send(token(1), "transfer(address,uint256)", address_word(pair) + word(1000 * one));
  send(pair, "mint(address)", address_word(chain().account()));
  return made(GANTRY_UNISWAP_V2_PLUGIN, "uniswap_v2", {{"fee_bps", make.fee_bps()}}, pair);
}

MarketVenue PluginMarket::uniswap_v3(bool routed) {
  const std::string pool = v3_.create_pool(routed ? 500 : 3000, routed ? 10 : 60, Integer(1) << 96);
  v3_.mint(pool, -6000, 6000, 10'000 * one);
  return made(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3",
              {{"factory", v3_.factory()}, {"router", routed ? v3_.router() : std::string()}},
              pool);
}

MarketVenue PluginMarket::pancake_v3() {
  const std::string pool = v3_.create_pancake_pool(2500, 50, Integer(1) << 96);
  v3_.mint(pool, -6000, 6000, 10'000 * one);
  MarketVenue venue = made(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3",
                           {{"factory", std::string()}, {"router", std::string()}}, pool);
  venue.callback = &ex::pancake_v3_callback;
  return venue;
}

MarketVenue PluginMarket::balancer_v2(const std::string& deployment, std::size_t others,
                                      bool rated) {
  BalancerPoolOrder order;
  order.deployment = deployment;
  order.tokens = {{token(0)}, {token(1)}};
  for (std::size_t i = 0; i < others; ++i) order.tokens.push_back(balancer_.make_token(18));
  std::ranges::sort(order.tokens, {}, [](const VenueToken& t) { return to_integer(t.address); });
  order.weights.assign(order.tokens.size(), one / order.tokens.size());
  order.weights[0] += one - order.weights[0] * order.tokens.size();
  order.amp = 200;
  order.fee = one / 1000;
  for (std::size_t i = 0; rated && i < order.tokens.size(); ++i) {
    order.providers.push_back(balancer_.make_provider(one * 11 / 10));
  }
  const BalancerPool pool = balancer_.create(order);
  balancer_.fund(pool, std::vector<Integer>(order.tokens.size(), 900 * one));
  MarketVenue venue = made(GANTRY_BALANCER_PLUGIN, "balancer", {{"vault", balancer_.vault()}},
                           pool.address, pool.tokens, BalancerV2::metadata(pool));
  for (const int i : {0, 1}) {
    venue.place[i] = 0;
    while (pool.tokens[venue.place[i]].address != token(i)) ++venue.place[i];
  }
  return venue;
}

BuiltSwap PluginMarket::swap(MarketVenue& venue, int in, const Integer& amount) {
  gantry_swap_order order{};
  order.swap.amount = to_amount(amount);
  order.swap.token_in = venue.place[in];
  order.swap.token_out = venue.place[1 - in];
  gantry_quote quote{};
  must(venue.plugin->quote(order.swap, quote), "the quote");
  order.out = quote.amount_out;
  order.min_out = quote.amount_out;
  order.sender = to_address(executor_.address());
  order.recipient = order.sender;
  std::vector<EmittedInstruction> emitted;
  must(venue.plugin->build_swap(order, emitted), "what is built");
  std::vector<host::Instruction> calls;
  for (const EmittedInstruction& each : emitted) calls.push_back(instruction_of(each));
  const ex::SwapInput input{to_address(token(in)), to_u256(amount)};
  auto steps = ex::venue_steps(calls, input, venue.callback);
  if (!steps) throw std::runtime_error(steps.error().message);
  return {to_integer(quote.amount_out), quote.gas, std::move(*steps)};
}

void PluginMarket::send(const std::string& to, const std::string& signature,
                        const std::string& digits) {
  chain().send(to, chain().selector(signature) + digits);
}

MarketVenue PluginMarket::made(const std::string& library, const std::string& name,
                               const VenueParameters& parameters, const std::string& pool,
                               const std::vector<VenueToken>& tokens,
                               const std::vector<std::uint8_t>& metadata) {
  MarketVenue venue{std::make_unique<PluginVenue>(library, name, parameters),
                    &ex::uniswap_v3_callback};
  const std::vector<VenueToken> pair = {{token(0)}, {token(1)}};
  if (venue.plugin->open_pool(pool, tokens.empty() ? pair : tokens, metadata) != GANTRY_OK) {
    throw std::runtime_error(name + ": " + venue.plugin->refusal());
  }
  must(venue.plugin->refresh(chain()), name);
  return venue;
}

}  // namespace gantry::test
