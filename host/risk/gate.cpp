#include "host/risk/gate.hpp"

#include <algorithm>
#include <array>

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
  }
  return "unknown";
}

std::string_view unit_of(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::stale_snapshot:
      return "blocks";
    case RefusalReason::pool_concentration:
    case RefusalReason::min_profit_bps:
      return "bps";
    case RefusalReason::max_position:
      return "ETH";
    case RefusalReason::max_position_usd:
    case RefusalReason::min_profit:
      return "USD";
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

std::expected<Approved<Ranked>, RiskRefusal> RiskGate::check(const MarketView& view,
                                                             const Ranked& ranked,
                                                             const StrategySettings& strategy,
                                                             std::uint64_t newest_block) const {
  const RiskRefusal refusal = first_refusal(view, ranked, strategy, newest_block);
  if (refusal.reason != RefusalReason::none) return std::unexpected(refusal);
  return Approved<Ranked>(ranked);
}

RiskRefusal RiskGate::first_refusal(const MarketView& view, const Ranked& ranked,
                                    const StrategySettings& strategy,
                                    std::uint64_t newest_block) const {
  const gantry_opportunity& opportunity = ranked.opportunity;
  if ((opportunity.flags & GANTRY_OPPORTUNITY_SIMULATE_ONLY) != 0) {
    return {RefusalReason::simulate_only, 0, 0};
  }
  const std::uint64_t age = newest_block > opportunity.block ? newest_block - opportunity.block : 0;
  const auto age_max = static_cast<std::uint64_t>(settings_.max_snapshot_age_blocks);
  if (age > age_max || newest_block > opportunity.valid_until_block) {
    return {RefusalReason::stale_snapshot, static_cast<double>(age), static_cast<double>(age_max)};
  }
  if (const auto refusal = check_pools(view, opportunity); refusal.reason != RefusalReason::none) {
    return refusal;
  }
  return check_money(ranked, strategy);
}

RiskRefusal RiskGate::check_pools(const MarketView& view,
                                  const gantry_opportunity& opportunity) const {
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
    if (above_share(amount, balance,
                    static_cast<std::uint64_t>(settings_.pool_concentration_bps))) {
      const double measured = to_double(amount) / std::max(to_double(balance), 1.0) * 1e4;
      return {RefusalReason::pool_concentration, measured,
              static_cast<double>(settings_.pool_concentration_bps)};
    }
  }
  return {};
}

RiskRefusal RiskGate::check_money(const Ranked& ranked, const StrategySettings& strategy) const {
  if (!ranked.data_fee_known) return {RefusalReason::data_fee_unknown, 0, 0};
  if (ranked.gross.status != GANTRY_OK || u256(ranked.gross.usd_e6).is_zero()) {
    return {RefusalReason::unvalued, 0, 0};
  }
  const double confidence = std::min(ranked.opportunity.confidence, ranked.gross.confidence);
  // Written so that what is no number is refused.
  if (!(confidence >= settings_.min_confidence)) {
    return {RefusalReason::low_confidence, confidence, settings_.min_confidence};
  }
  if (!(ranked.opportunity.risk_score <= settings_.max_risk_score)) {
    return {RefusalReason::high_risk, ranked.opportunity.risk_score, settings_.max_risk_score};
  }
  const double position_eth = to_double(u256(ranked.stake.ether_wei)) * 1e-18;
  u256 position_max;
  if (!from_double_floor(settings_.max_position_eth * 1e18, position_max)) {
    position_max = u256::max();
  }
  if (u256(ranked.stake.ether_wei) > position_max) {
    return {RefusalReason::max_position, position_eth, settings_.max_position_eth};
  }
  // Divided, not times 1e-6: a limit with cents is met by exactly as many.
  const double position_usd = to_double(u256(ranked.stake.usd_e6)) / 1e6;
  if (position_usd > settings_.max_position_usd) {
    return {RefusalReason::max_position_usd, position_usd, settings_.max_position_usd};
  }
  const double profit_usd = to_double(ranked.net_usd_e6) / 1e6 * (ranked.pays ? 1 : -1);
  // A loss may be too small for a millionth of a dollar.
  const bool loses = !ranked.pays && !ranked.net.is_zero();
  if (loses || profit_usd < settings_.min_profit_usd) {
    return {RefusalReason::min_profit, profit_usd, settings_.min_profit_usd};
  }
  const double profit_bps = profit_usd / position_usd * 1e4;
  if (profit_bps < static_cast<double>(strategy.min_profit_bps)) {
    return {RefusalReason::min_profit_bps, profit_bps,
            static_cast<double>(strategy.min_profit_bps)};
  }
  return {};
}

}  // namespace gantry::host
