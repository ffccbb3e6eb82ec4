#include "host/risk/gate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "host/risk/amounts.hpp"

namespace gantry::host {

std::string_view to_string(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::none:
      return "none";
    case RefusalReason::simulate_only:
      return "simulate_only";
    case RefusalReason::stale_snapshot:
      return "stale_snapshot";
    case RefusalReason::pool_unusable:
      return "pool_unusable";
    case RefusalReason::unvalued:
      return "unvalued";
    case RefusalReason::low_confidence:
      return "low_confidence";
    case RefusalReason::high_risk:
      return "high_risk";
    case RefusalReason::pool_concentration:
      return "pool_concentration";
    case RefusalReason::max_position:
      return "max_position";
    case RefusalReason::max_position_usd:
      return "max_position_usd";
    case RefusalReason::min_profit:
      return "min_profit";
    case RefusalReason::min_profit_bps:
      return "min_profit_bps";
    case RefusalReason::pool_used_already:
      return "pool_used_already";
    case RefusalReason::approximate:
      return "approximate";
    case RefusalReason::data_fee_unknown:
      return "data_fee_unknown";
    case RefusalReason::halted:
      return "halted";
    case RefusalReason::reducing:
      return "reducing";
    case RefusalReason::reduced_size:
      return "reduced_size";
    case RefusalReason::ramp:
      return "ramp";
    case RefusalReason::max_concurrent:
      return "max_concurrent";
    case RefusalReason::reserve:
      return "reserve";
    case RefusalReason::min_profit_gas:
      return "min_profit_gas";
    case RefusalReason::success:
      return "success";
    case RefusalReason::volatility:
      return "volatility";
    case RefusalReason::slippage:
      return "slippage";
    case RefusalReason::value_at_risk:
      return "value_at_risk";
    case RefusalReason::loss_per_trade:
      return "loss_per_trade";
    case RefusalReason::loss_per_trade_share:
      return "loss_per_trade_share";
    case RefusalReason::gas_budget:
      return "gas_budget";
    case RefusalReason::composite:
      return "composite";
    case RefusalReason::crossing:
      return "crossing";
    case RefusalReason::not_held:
      return "not_held";
    case RefusalReason::backrun_not_sent:
      return "backrun_not_sent";
  }
  return "unknown";
}

bool is_of_size(RefusalReason reason) {
  // Not max_position: that was shown to the strategy, which sized by it.
  switch (reason) {
    case RefusalReason::reduced_size:
    case RefusalReason::ramp:
    case RefusalReason::max_concurrent:
    case RefusalReason::reserve:
      return true;
    default:
      return false;
  }
}

std::string_view unit_of(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::stale_snapshot:
      return "blocks";
    case RefusalReason::pool_concentration:
    case RefusalReason::min_profit_bps:
    case RefusalReason::volatility:
    case RefusalReason::slippage:
    case RefusalReason::loss_per_trade_share:
    case RefusalReason::crossing:
      return "bps";
    case RefusalReason::max_position:
    case RefusalReason::reduced_size:
    case RefusalReason::ramp:
    case RefusalReason::max_concurrent:
    case RefusalReason::reserve:
    case RefusalReason::gas_budget:
      return "ETH";
    case RefusalReason::max_position_usd:
    case RefusalReason::min_profit:
    case RefusalReason::value_at_risk:
    case RefusalReason::loss_per_trade:
      return "USD";
    case RefusalReason::min_profit_gas:
      return "x gas";
    default:
      return "";
  }
}

u256 amount_into_pool(const gantry_opportunity& opportunity, std::uint32_t leg) noexcept {
  const gantry_hop& at = opportunity.legs[leg].hop;
  u256 sum;
  for (std::uint32_t i = 0; i <= leg; ++i) {
    const gantry_leg& one = opportunity.legs[i];
    if (one.hop.pool != at.pool || one.hop.token_in != at.token_in) continue;
    if (!add(sum, u256(one.amount_in), sum)) return u256::max();
  }
  return sum;
}

bool above_share(const u256& amount, const u256& balance, std::uint64_t share_max_bps) noexcept {
  u256 share;
  u256 allowed;
  return !mul(amount, u256(10000), share) || !mul(balance, u256(share_max_bps), allowed) ||
         share > allowed;
}

namespace {

// part * bps / 10,000, rounded down.
u256 share_of(const u256& whole, std::int64_t bps) {
  u256 part;
  return mul_div_floor(whole, u256(static_cast<std::uint64_t>(bps)), u256(10000), part)
             ? part
             : u256::max();
}

template <class Limit>
void at_most(Limit& limit, const Limit& own) {
  limit = std::min(limit, own);
}
template <class Limit>
void at_least(Limit& limit, const Limit& own) {
  limit = std::max(limit, own);
}

// Of the limits that look at one trade alone.
RiskLimits strictest(const RiskView& book, const TradeScopes& scopes) {
  RiskLimits limits = book.scopes[total_scope].limits;
  for (const ScopeId id : scopes.all()) {
    if (!book.scopes[id].own_limits) continue;
    const RiskLimits& own = book.scopes[id].limits;
    at_most(limits.pool_concentration_bps, own.pool_concentration_bps);
    at_most(limits.max_position_usd, own.max_position_usd);
    at_most(limits.max_risk_score, own.max_risk_score);
    at_most(limits.max_snapshot_age_blocks, own.max_snapshot_age_blocks);
    at_most(limits.max_loss_usd, own.max_loss_usd);
    at_most(limits.max_loss_bps, own.max_loss_bps);
    at_most(limits.max_slippage_bps, own.max_slippage_bps);
    at_most(limits.max_crossing_bps, own.max_crossing_bps);
    at_most(limits.max_volatility_bps, own.max_volatility_bps);
    at_most(limits.max_value_at_risk_usd, own.max_value_at_risk_usd);
    at_most(limits.max_composite, own.max_composite);
    at_least(limits.min_profit_usd, own.min_profit_usd);
    at_least(limits.min_profit_gas, own.min_profit_gas);
    at_least(limits.min_confidence, own.min_confidence);
    at_least(limits.min_success, own.min_success);
  }
  return limits;
}

// One check of one trade.
struct Judging {
  const MarketView& view;
  const Ranked& ranked;
  const StrategySettings& strategy;
  std::uint64_t newest_block;
  const TradeRisk& risk;
  RiskLimits limits;
  double pool_share_bps = 0;  // the largest of its legs, once check_pools() has passed

  RiskRefusal first_refusal();
  RiskRefusal check_modes() const;
  RiskRefusal check_pools();
  RiskRefusal check_money() const;
  RiskRefusal check_held() const;
  RiskRefusal check_crossing() const;
  RiskRefusal check_size() const;
  RiskRefusal check_profit() const;
  RiskRefusal check_forecast() const;
  RiskRefusal check_loss() const;
  RiskRefusal check_gas_budget() const;
  RiskRefusal check_composite() const;
};

RiskRefusal Judging::first_refusal() {
  const gantry_opportunity& opportunity = ranked.opportunity;
  if ((opportunity.flags & GANTRY_OPPORTUNITY_SIMULATE_ONLY) != 0) {
    return {RefusalReason::simulate_only, 0, 0};
  }
  if (risk.carries == Carries::trades && opportunity.kind == GANTRY_OPPORTUNITY_BACKRUN) {
    return {RefusalReason::backrun_not_sent, 0, 0};
  }
  if (const auto refusal = check_modes(); refusal.reason != RefusalReason::none) return refusal;
  const std::uint64_t age = newest_block > opportunity.block ? newest_block - opportunity.block : 0;
  const auto age_max = static_cast<std::uint64_t>(limits.max_snapshot_age_blocks);
  if (age > age_max || newest_block > opportunity.valid_until_block) {
    return {RefusalReason::stale_snapshot, static_cast<double>(age), static_cast<double>(age_max)};
  }
  RiskRefusal refusal = check_pools();
  using Check = RiskRefusal (Judging::*)() const;
  static constexpr std::array<Check, 8> all{&Judging::check_money,      &Judging::check_crossing,
                                            &Judging::check_size,       &Judging::check_profit,
                                            &Judging::check_forecast,   &Judging::check_loss,
                                            &Judging::check_gas_budget, &Judging::check_composite};
  static constexpr std::array<Check, 4> closing{&Judging::check_money, &Judging::check_held,
                                                &Judging::check_crossing,
                                                &Judging::check_gas_budget};
  for (const Check check : risk.closes != nullptr ? std::span<const Check>(closing) : all) {
    if (refusal.reason != RefusalReason::none) return refusal;
    refusal = (this->*check)();
  }
  return refusal;
}

RiskRefusal Judging::check_modes() const {
  const bool leaves_open =
      ranked.opportunity.token_in != ranked.opportunity.token_out && risk.closes == nullptr;
  RiskRefusal refusal;
  for (const ScopeId id : risk.scopes.all()) {
    const TradingMode mode = risk.book->scopes[id].mode;
    if (mode == TradingMode::halted) return {RefusalReason::halted, 0, 0};
    if (mode == TradingMode::reducing && leaves_open) refusal.reason = RefusalReason::reducing;
  }
  return refusal;
}

RiskRefusal Judging::check_pools() {
  const gantry_opportunity& opportunity = ranked.opportunity;
  constexpr std::uint32_t tokens_max = 64;
  std::array<gantry_amount, tokens_max> balances;
  for (std::uint32_t i = 0; i < opportunity.leg_count; ++i) {
    const gantry_leg& leg = opportunity.legs[i];
    gantry_pool_view pool{0, tokens_max, balances.data()};
    if (view.view(leg.hop.pool, pool) != GANTRY_OK) return {RefusalReason::pool_unusable, 0, 0};
    const PoolInfo& info = view.snapshot().topology->pools[leg.hop.pool];
    if ((info.traits.flags & GANTRY_POOL_APPROXIMATE) != 0) {
      return {RefusalReason::approximate, 0, 0};
    }
    const std::uint32_t in = info.index_of(leg.hop.token_in);
    if (in >= pool.token_count) return {RefusalReason::pool_unusable, 0, 0};
    const u256 balance(balances[in]);
    const u256 amount = amount_into_pool(opportunity, i);
    const double share_bps = bps_of(amount, balance);
    if (above_share(amount, balance, static_cast<std::uint64_t>(limits.pool_concentration_bps))) {
      return {RefusalReason::pool_concentration, share_bps,
              static_cast<double>(limits.pool_concentration_bps)};
    }
    pool_share_bps = std::max(pool_share_bps, share_bps);
  }
  return {};
}

RiskRefusal Judging::check_money() const {
  if (!ranked.data_fee_known) return {RefusalReason::data_fee_unknown, 0, 0};
  if (ranked.gross.status != GANTRY_OK || u256(ranked.gross.usd_e6).is_zero()) {
    return {RefusalReason::unvalued, 0, 0};
  }
  const double confidence = std::min(ranked.opportunity.confidence, ranked.gross.confidence);
  // Written so that what is no number is refused.
  if (!(confidence >= limits.min_confidence)) {
    return {RefusalReason::low_confidence, confidence, limits.min_confidence};
  }
  if (!(ranked.opportunity.risk_score <= limits.max_risk_score)) {
    return {RefusalReason::high_risk, ranked.opportunity.risk_score, limits.max_risk_score};
  }
  return {};
}

RiskRefusal Judging::check_held() const {
  const u256 amount = sum_of(u256(ranked.opportunity.amount_in), risk.closing);
  if (amount <= risk.closes->quantity) return {};
  return {RefusalReason::not_held, to_double(amount), to_double(risk.closes->quantity)};
}

RiskRefusal Judging::check_crossing() const {
  if (!ranked.one_way) return {};
  const auto limit = static_cast<double>(limits.max_crossing_bps);
  if (ranked.crossing_bps <= limit) return {};
  return {RefusalReason::crossing, ranked.crossing_bps, limit};
}

RiskRefusal Judging::check_size() const {
  const u256 position(ranked.stake.ether_wei);
  const SizeBound bound = size_bound(*risk.book, risk.scopes);
  if (position > bound.wei) {
    return {bound.reason, ether_of(sum_of(position, bound.under_way_wei)),
            ether_of(sum_of(bound.wei, bound.under_way_wei))};
  }
  // Divided, not times 1e-6: a limit with cents is met by exactly as many.
  const double position_usd = to_double(u256(ranked.stake.usd_e6)) / 1e6;
  if (position_usd > limits.max_position_usd) {
    return {RefusalReason::max_position_usd, position_usd, limits.max_position_usd};
  }
  return {};
}

RiskRefusal Judging::check_profit() const {
  const double position_usd = to_double(u256(ranked.stake.usd_e6)) / 1e6;
  const double profit_usd = to_double(ranked.net_usd_e6) / 1e6 * (ranked.pays ? 1 : -1);
  // A loss may be too small for a millionth of a dollar.
  const bool loses = !ranked.pays && !ranked.net.is_zero();
  if (loses || profit_usd < limits.min_profit_usd) {
    return {RefusalReason::min_profit, profit_usd, limits.min_profit_usd};
  }
  const double profit_bps = profit_usd / position_usd * 1e4;
  if (profit_bps < static_cast<double>(strategy.min_profit_bps)) {
    return {RefusalReason::min_profit_bps, profit_bps,
            static_cast<double>(strategy.min_profit_bps)};
  }
  // In thousandths of the gas, exact.
  u256 profit;
  u256 wanted;
  const auto times = static_cast<std::uint64_t>(std::llround(limits.min_profit_gas * 1000));
  if (mul(ranked.net, u256(1000), profit) &&
      (!mul(ranked.gas_cost, u256(times), wanted) || profit < wanted)) {
    return {RefusalReason::min_profit_gas,
            to_double(ranked.net) / std::max(to_double(ranked.gas_cost), 1.0),
            limits.min_profit_gas};
  }
  return {};
}

RiskRefusal Judging::check_forecast() const {
  const Forecast& forecast = risk.forecast;
  const auto above = [](RefusalReason reason, double fraction, std::int64_t limit_bps) {
    const double bps = fraction * 1e4;
    const auto limit = static_cast<double>(limit_bps);
    return !(bps <= limit) ? RiskRefusal{reason, bps, limit} : RiskRefusal{};
  };
  if (!(forecast.success >= limits.min_success)) {
    return {RefusalReason::success, forecast.success, limits.min_success};
  }
  if (const auto refusal =
          above(RefusalReason::volatility, forecast.volatility, limits.max_volatility_bps);
      refusal.reason != RefusalReason::none) {
    return refusal;
  }
  if (const auto refusal =
          above(RefusalReason::slippage, forecast.slippage, limits.max_slippage_bps);
      refusal.reason != RefusalReason::none) {
    return refusal;
  }
  for (const ScopeId id : risk.scopes.all()) {
    const ScopeView& scope = risk.book->scopes[id];
    const double var_usd = scope.counts.under_way_var_usd + forecast.value_at_risk_usd;
    if (!(var_usd <= scope.limits.max_value_at_risk_usd)) {
      return {RefusalReason::value_at_risk, var_usd, scope.limits.max_value_at_risk_usd};
    }
  }
  return {};
}

// A cycle that would end with less than it began reverts: then its gas is lost. Of another trade,
// all that goes in may be.
RiskRefusal Judging::check_loss() const {
  const bool cycle = ranked.opportunity.token_in == ranked.opportunity.token_out;
  const u256 loss_wei =
      cycle ? ranked.gas_cost : sum_of(ranked.gas_cost, u256(ranked.stake.ether_wei));
  const u256 loss_usd_e6 =
      cycle ? ranked.gas_usd_e6 : sum_of(ranked.gas_usd_e6, u256(ranked.stake.usd_e6));
  if (const double usd = to_double(loss_usd_e6) / 1e6; usd > limits.max_loss_usd) {
    return {RefusalReason::loss_per_trade, usd, limits.max_loss_usd};
  }
  const u256& capital = risk.book->capital_wei;
  if (above_share(loss_wei, capital, static_cast<std::uint64_t>(limits.max_loss_bps))) {
    return {RefusalReason::loss_per_trade_share, bps_of(loss_wei, capital),
            static_cast<double>(limits.max_loss_bps)};
  }
  return {};
}

RiskRefusal Judging::check_gas_budget() const {
  for (const ScopeId id : risk.scopes.all()) {
    const ScopeView& scope = risk.book->scopes[id];
    const u256 spent = sum_of(scope.counts.gas_wei, ranked.gas_cost);
    if (spent > scope.limits.gas_day_max_wei) {
      return {RefusalReason::gas_budget, ether_of(spent), scope.limits.max_gas_eth_day};
    }
  }
  return {};
}

// The mean of how much of five limits is used up.
RiskRefusal Judging::check_composite() const {
  const auto used = [](double measured, double limit) {
    return measured <= 0 ? 0.0 : limit <= 0 ? 1.0 : std::min(1.0, measured / limit);
  };
  const Forecast& forecast = risk.forecast;
  const double score =
      (ranked.opportunity.risk_score + (1 - forecast.success) +
       used(forecast.slippage * 1e4, static_cast<double>(limits.max_slippage_bps)) +
       used(forecast.value_at_risk_usd, limits.max_value_at_risk_usd) +
       used(pool_share_bps, static_cast<double>(limits.pool_concentration_bps))) /
      5;
  if (!(score <= limits.max_composite)) {
    return {RefusalReason::composite, score, limits.max_composite};
  }
  return {};
}

}  // namespace

// In wei, so that they are integers once the price that the gate judged at is gone.
ProfitLimits profit_limits(const Ranked& ranked, const StrategySettings& strategy,
                           const TradeRisk& risk, std::uint64_t ether_usd_e6) {
  constexpr std::uint64_t wei_of_one = 1'000'000'000'000'000'000U;
  const RiskLimits limits = strictest(*risk.book, risk.scopes);
  ProfitLimits out;
  out.gas_thousandths = static_cast<std::uint64_t>(std::llround(limits.min_profit_gas * 1000));
  const u256 usd_e6(
      static_cast<std::uint64_t>(std::llround(std::max(limits.min_profit_usd, 0.0) * 1e6)));
  if (ether_usd_e6 != 0 && !mul_div_ceil(usd_e6, u256(wei_of_one), u256(ether_usd_e6), out.least)) {
    out.least = u256::max();
  }
  const auto bps = std::max<std::int64_t>(strategy.min_profit_bps, 0);
  out.least = std::max(out.least, share_of(u256(ranked.stake.ether_wei), bps));
  return out;
}

SizeBound size_bound(const RiskView& book, const TradeScopes& scopes) noexcept {
  SizeBound bound;
  const auto at_most_wei = [&](const u256& most, const u256& under_way, RefusalReason reason) {
    u256 room;
    if (!sub(most, under_way, room)) room = u256();
    if (room < bound.wei) bound = {room, reason, under_way};
  };
  for (const ScopeId id : scopes.all()) {
    const ScopeView& scope = book.scopes[id];
    const u256 under_way = sum_of(scope.counts.under_way_wei, scope.counts.held_wei);
    at_most_wei(scope.limits.position_max_wei, u256(), RefusalReason::max_position);
    at_most_wei(scope.limits.concurrent_max_wei, under_way, RefusalReason::max_concurrent);
    if (scope.in_ramp) {
      at_most_wei(scope.limits.ramp_position_wei, u256(), RefusalReason::ramp);
    }
    if (scope.mode == TradingMode::reducing) {
      at_most_wei(share_of(scope.limits.position_max_wei, book.reduced_bps), u256(),
                  RefusalReason::reduced_size);
      at_most_wei(share_of(scope.limits.concurrent_max_wei, book.reduced_bps), under_way,
                  RefusalReason::reduced_size);
    }
    at_most_wei(share_of(book.capital_wei, 10000 - scope.limits.reserve_bps), under_way,
                RefusalReason::reserve);
  }
  return bound;
}

std::expected<Approved<Ranked>, RiskRefusal> RiskGate::check(const MarketView& view,
                                                             const Ranked& ranked,
                                                             const StrategySettings& strategy,
                                                             std::uint64_t newest_block,
                                                             const TradeRisk& risk) const {
  Judging judging{view, ranked, strategy, newest_block, risk, strictest(*risk.book, risk.scopes)};
  const RiskRefusal refusal = judging.first_refusal();
  if (refusal.reason != RefusalReason::none) return std::unexpected(refusal);
  return Approved<Ranked>(ranked);
}

std::expected<Approved<Ranked>, RiskRefusal> RiskGate::check(const MarketView& view,
                                                             const Ranked& ranked,
                                                             const StrategySettings& strategy,
                                                             std::uint64_t newest_block) const {
  const TradeRisk risk{
      alone_.get(), {}, forecast(PoolVolatility(), view.snapshot().context, ranked, {})};
  return check(view, ranked, strategy, newest_block, risk);
}

}  // namespace gantry::host
