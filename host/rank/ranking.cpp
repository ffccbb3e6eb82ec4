#include "host/rank/ranking.hpp"

#include <algorithm>

namespace gantry::host {

std::uint64_t gas_overhead_of(const Configuration& configuration) {
  const bool sponsored = std::ranges::any_of(configuration.paymasters, &InstanceSettings::runs);
  return gas_overhead + (sponsored ? verification_gas + pre_verification_gas : 0);
}

namespace {

// What its pools' venues say that a swap takes: a strategy that says less is not believed.
std::uint64_t least_gas(const MarketView& view, const gantry_opportunity& opportunity) {
  const Topology& topology = *view.snapshot().topology;
  std::uint64_t gas = 0;
  for (std::uint32_t i = 0; i < opportunity.leg_count; ++i) {
    const std::uint32_t pool = opportunity.legs[i].hop.pool;
    if (pool < topology.pools.size()) gas += topology.pools[pool].traits.swap_gas;
  }
  return gas;
}

}  // namespace

Ranked price_opportunity(const MarketView& view, const gantry_opportunity& opportunity,
                         std::uint32_t strategy, std::uint32_t index, const TransactionCost& cost) {
  Ranked ranked{};
  ranked.opportunity = opportunity;
  ranked.strategy = strategy;
  ranked.index = index;
  ranked.stake.status = GANTRY_UNSUPPORTED;
  ranked.gross.status = GANTRY_UNSUPPORTED;

  const gantry_context& context = view.snapshot().context;
  ranked.opportunity.gas = std::max(opportunity.gas, least_gas(view, opportunity));
  const u256 gas = wrapping_add(u256(ranked.opportunity.gas), u256(cost.gas));
  if (!mul(gas, u256(context.gas_price), ranked.gas_cost)) ranked.gas_cost = u256::max();
  ranked.data_fee_known = cost.data_fee.has_value();
  ranked.data_fee = cost.data_fee.value_or(u256());
  if (!add(ranked.gas_cost, ranked.data_fee, ranked.gas_cost)) ranked.gas_cost = u256::max();

  if (opportunity.token_in != opportunity.token_out ||
      !sub(u256(opportunity.amount_out), u256(opportunity.amount_in), ranked.gross_token)) {
    return ranked;
  }
  if (view.value(opportunity.token_in, opportunity.amount_in, ranked.stake) != GANTRY_OK ||
      view.sale_value({opportunity.legs, opportunity.leg_count}, opportunity.token_in,
                      ranked.gross_token, ranked.gross) != GANTRY_OK) {
    ranked.stake.status = GANTRY_UNSUPPORTED;
    ranked.gross.status = GANTRY_UNSUPPORTED;
    return ranked;
  }
  if (!ranked.data_fee_known) return ranked;
  const u256 gross(ranked.gross.ether_wei);
  ranked.pays = gross > ranked.gas_cost;
  ranked.net =
      ranked.pays ? wrapping_sub(gross, ranked.gas_cost) : wrapping_sub(ranked.gas_cost, gross);
  const u256 ether(1'000'000'000'000'000'000ULL);
  if (!mul_div_floor(ranked.net, u256(view.snapshot().ether_usd_e6), ether, ranked.net_usd_e6)) {
    ranked.net_usd_e6 = u256();
  }
  if (!mul_div_floor(ranked.gas_cost, u256(view.snapshot().ether_usd_e6), ether,
                     ranked.gas_usd_e6)) {
    ranked.gas_usd_e6 = u256::max();
  }
  // At the price that valued it; floor() keeps it below what is there.
  if (gross.is_zero() || !mul_div_floor(ranked.gross_token, ranked.net, gross, ranked.net_token)) {
    ranked.net_token = u256();
  }
  const double net_ether = to_double(ranked.net) * 1e-18 * (ranked.pays ? 1.0 : -1.0);
  ranked.score = net_ether * opportunity.confidence;
  return ranked;
}

u256 least_out(const Ranked& trade) {
  u256 amount;
  const u256 costs = wrapping_sub(trade.gross_token, trade.net_token);
  return add(u256(trade.opportunity.amount_in), costs, amount) ? amount : u256::max();
}

void rank(std::vector<Ranked>& all) {
  std::ranges::sort(all, [](const Ranked& a, const Ranked& b) {
    if (a.score != b.score) return a.score > b.score;
    if (a.strategy != b.strategy) return a.strategy < b.strategy;
    return a.index < b.index;
  });
}

}  // namespace gantry::host
