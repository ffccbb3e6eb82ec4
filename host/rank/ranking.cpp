#include "host/rank/ranking.hpp"

#include <algorithm>
#include <cmath>

#include "gantry/u256_convert.hpp"
#include "host/plugin/instances.hpp"
#include "host/risk/amounts.hpp"

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

// What the plan asks for: the quote less the most that one of its venues may slip.
u256 least_one_way(const Topology& topology, const gantry_opportunity& o) {
  std::int64_t slip_bps = 0;
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    const std::uint32_t pool = o.legs[i].hop.pool;
    if (pool >= topology.pools.size()) continue;
    const std::uint32_t venue = topology.pools[pool].venue;
    if (venue >= topology.venues.size() || topology.venues[venue] == nullptr) continue;
    slip_bps = std::max(slip_bps, topology.venues[venue]->settings.max_slippage_bps);
  }
  u256 out;
  const auto kept_bps =
      static_cast<std::uint64_t>(10'000 - std::min<std::int64_t>(slip_bps, 10'000));
  return mul_div_floor(u256(o.amount_out), u256(kept_bps), u256(10'000), out) ? out : u256();
}

// Into or out of a position: what it costs is known, what it will bring is the strategy's word.
void price_one_way(const MarketView& view, Ranked& ranked) {
  const gantry_opportunity& o = ranked.opportunity;
  ranked.one_way = true;
  ranked.gross_token = u256(o.amount_out);
  ranked.least_out = least_one_way(*view.snapshot().topology, o);
  if (view.value(o.token_in, o.amount_in, ranked.stake) != GANTRY_OK ||
      view.value(o.token_out, o.amount_out, ranked.gross) != GANTRY_OK) {
    ranked.stake.status = GANTRY_UNSUPPORTED;
    ranked.gross.status = GANTRY_UNSUPPORTED;
    return;
  }
  ranked.gross.confidence = std::min(ranked.gross.confidence, ranked.stake.confidence);
  const double stake = to_double(u256(ranked.stake.ether_wei));
  const double kept = to_double(u256(ranked.gross.ether_wei)) - to_double(ranked.gas_cost);
  ranked.crossing_bps = (stake - kept) / std::max(stake, 1.0) * 1e4;
  if (!ranked.data_fee_known) return;
  ranked.pays = o.expected_profit_bps > 0;
  if (!from_double_floor(std::abs(o.expected_profit_bps) / 1e4 * stake, ranked.net)) {
    ranked.net = u256::max();
  }
}

// The same money in dollars, and its place in the order.
void finish_price(const MarketView& view, Ranked& ranked) {
  ranked.net_usd_e6 = usd_e6_of_wei(ranked.net, view.snapshot().ether_usd_e6);
  // A gain beyond all numbers is none that a limit may trust; a loss beyond them is above every
  // limit.
  if (ranked.pays && ranked.net_usd_e6 == u256::max()) ranked.net_usd_e6 = u256();
  ranked.gas_usd_e6 = usd_e6_of_wei(ranked.gas_cost, view.snapshot().ether_usd_e6);
  const double net_ether = to_double(ranked.net) * 1e-18 * (ranked.pays ? 1.0 : -1.0);
  ranked.score = net_ether * ranked.opportunity.confidence;
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

  if (opportunity.token_in != opportunity.token_out) {
    if (opportunity.kind != GANTRY_OPPORTUNITY_POSITION) return ranked;
    price_one_way(view, ranked);
    if (ranked.gross.status == GANTRY_OK && ranked.data_fee_known) finish_price(view, ranked);
    return ranked;
  }
  if (!sub(u256(opportunity.amount_out), u256(opportunity.amount_in), ranked.gross_token)) {
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
  finish_price(view, ranked);
  // At the price that valued it; floor() keeps it below what is there.
  if (gross.is_zero() || !mul_div_floor(ranked.gross_token, ranked.net, gross, ranked.net_token)) {
    ranked.net_token = u256();
  }
  return ranked;
}

OneWayResult result_of_one_way(const MarketView& view, const Ranked& filled,
                               const std::optional<u256>& cost) {
  OneWayResult out;
  const u256 received(filled.opportunity.amount_out);
  const bool above = cost && received >= *cost;
  u256 value_wei;
  if (cost) {
    const u256 gap = above ? wrapping_sub(received, *cost) : wrapping_sub(*cost, received);
    gantry_value value{};
    if (view.value(filled.opportunity.token_out, gap, value) == GANTRY_OK) {
      value_wei = u256(value.ether_wei);
    }
  }
  out.gained = above && value_wei > filled.gas_cost;
  if (out.gained) {
    out.wei = wrapping_sub(value_wei, filled.gas_cost);
  } else if (above) {
    out.wei = wrapping_sub(filled.gas_cost, value_wei);
  } else if (!add(value_wei, filled.gas_cost, out.wei)) {
    out.wei = u256::max();
  }
  out.usd_e6 = usd_e6_of_wei(out.wei, view.snapshot().ether_usd_e6);
  return out;
}

u256 least_out(const Ranked& trade) {
  if (trade.one_way) return trade.least_out;
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
