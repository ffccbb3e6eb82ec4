// A market out of line, plans for cycles through it, and their calldata word by word.
#pragma once
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <vector>

#include "host/plan/plan.hpp"
#include "support/applied_market.hpp"

namespace gantry::test {

using namespace gantry::host;

using Bytes = std::vector<std::uint8_t>;
inline constexpr std::array<std::uint8_t, 4> transfer_selector{0xa9, 0x05, 0x9c, 0xbb};
inline constexpr std::array<std::uint8_t, 4> approve_selector{0x09, 0x5e, 0xa7, 0xb3};
inline constexpr std::array<std::uint8_t, 4> swap_selector{0x02, 0x2c, 0x0d, 0x9f};
inline constexpr std::array<std::uint8_t, 4> batch_selector{0x47, 0xe1, 0xda, 0x2a};

// Calldata, read by selector and words.
struct Decoded {
  explicit Decoded(const Bytes& data) : bytes(data) { REQUIRE(bytes.size() >= 4); }

  bool calls(const std::array<std::uint8_t, 4>& selector) const {
    return std::equal(selector.begin(), selector.end(), bytes.begin());
  }
  std::size_t words() const {
    REQUIRE((bytes.size() - 4) % 32 == 0);
    return (bytes.size() - 4) / 32;
  }
  Integer word_at(std::size_t offset) const {
    REQUIRE(4 + offset + 32 <= bytes.size());
    Integer value = 0;
    for (std::size_t i = 0; i < 32; ++i) value = (value << 8) | bytes[4 + offset + i];
    return value;
  }
  Integer word(std::size_t index) const { return word_at(32 * index); }

  Bytes bytes;
};

inline Integer number(const gantry_address& address) {
  REQUIRE(address.kind == GANTRY_ADDRESS_EVM);
  REQUIRE(address.length == 20);
  Integer value = 0;
  for (std::size_t i = 0; i < 20; ++i) value = (value << 8) | address.bytes[i];
  return value;
}

inline gantry_address made_up(std::uint8_t last) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  address.bytes[0] = 0x77;
  address.bytes[19] = last;
  return address;
}

// The amount less 100 bps, as the default venue has it, rounded down.
inline Integer least(const Integer& amount, unsigned bps = 100) {
  return amount * (10000 - bps) / 10000;
}

// A market out of line, a cycle through it, and what it takes to have it approved.
struct Case {
  explicit Case(const ConfigurationTexts& texts = {})
      : Case(market_inputs(3,
                           {{0, 1, 100'000, 40'000'000},
                            {2, 1, 80'000'000, 40'000'000},
                            {0, 2, 110'000, 80'000'000},
                            {0, 1, 100'000, 30'000'000}},
                           {}),
             texts) {}
  explicit Case(std::vector<BlockInput> inputs, const ConfigurationTexts& texts = {})
      : market(std::move(inputs), texts) {
    risk.min_confidence = 0;
    risk.min_profit_usd = 0;
    risk.min_profit_gas = 0;
    risk.min_success = 0;
    risk.max_composite = 1;
    risk.pool_concentration_bps = 10000;
  }

  const gantry_address& pool(std::uint32_t handle) const {
    return market.inputs[0].pools[handle].address;
  }
  const gantry_address& token(std::uint32_t handle) const {
    return market.inputs[0].tokens[handle].address;
  }
  const gantry_address& sender() const { return market.configuration.wallet.sender; }

  Ranked priced(const std::vector<gantry_hop>& hops, const Integer& in) const {
    gantry_route_quote route{};
    REQUIRE(market.view.quote_route(hops, amount(in), GANTRY_EXACT_IN, route) == GANTRY_OK);
    gantry_opportunity o{};
    o.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
    o.leg_count = static_cast<std::uint32_t>(hops.size());
    o.token_in = hops.front().token_in;
    o.token_out = hops.back().token_out;
    o.amount_in = route.amount_in;
    o.amount_out = route.amount_out;
    o.gas = route.gas;
    o.block = market.snapshot->context.state_block;
    o.valid_until_block = o.block + 5;
    o.confidence = 1;
    for (std::uint32_t i = 0; i < o.leg_count; ++i) {
      o.legs[i] = {hops[i], route.amounts[i], route.amounts[i + 1]};
    }
    return price_opportunity(market.view, o, 0, 0);
  }
  Ranked three_legs(const Integer& in = thousandths(1237)) const {
    return priced({{0, 0, 1, 0}, {1, 1, 2, 0}, {2, 2, 0, 0}}, in);
  }

  Result<Plan> plan(const Ranked& ranked) const { return plan(ranked, market.view); }
  Result<Plan> plan(const Ranked& ranked, const MarketView& view) const {
    const auto verdict =
        RiskGate(risk).check(view, ranked, StrategySettings(), ranked.opportunity.block);
    REQUIRE(verdict);
    return Planner(market.configuration, market.plugins).plan(view, *verdict);
  }

  AppliedMarket market;
  RiskSettings risk;
};

// What the oracle of Arbitrum answers, in wei for a unit.
inline recording::Fact price_fact(std::uint64_t unit_price) {
  const PoolRequest request = data_fee_requests(DataFeeKind::arbitrum).at(0);
  recording::Fact fact;
  fact.pool = request.pool;
  fact.tag = request.tag;
  fact.source = request.target;
  fact.data.resize(32);
  for (std::size_t i = 0; i < 8; ++i) {
    fact.data[31 - i] = static_cast<std::uint8_t>(unit_price >> (8 * i));
  }
  return fact;
}

// swap(amount0Out, amount1Out, to, "") of a pair, which pays exactly that or reverts.
inline void check_swap(const PlannedCall& call, const gantry_address& pair, std::uint32_t out_index,
                       const Integer& out, const gantry_address& to) {
  const Decoded data(call.data);
  CHECK(number(call.target) == number(pair));
  CHECK(call.value.is_zero());
  REQUIRE(data.calls(swap_selector));
  REQUIRE(data.words() == 5);
  CHECK(data.word(0) == (out_index == 0 ? out : Integer(0)));
  CHECK(data.word(1) == (out_index == 1 ? out : Integer(0)));
  CHECK(data.word(2) == number(to));
  CHECK(data.word(3) == 0x80);
  CHECK(data.word(4) == 0);
  CHECK(big(call.min_out) == out);
}

}  // namespace gantry::test
