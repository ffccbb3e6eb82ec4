#include "host/street/risk_stage.hpp"

#include <algorithm>

#include "host/market/legs.hpp"
#include "host/plugin/plugin_set.hpp"

namespace gantry::host {

namespace {

bool is_cycle(const gantry_opportunity& o) {
  return o.token_in == o.token_out && o.leg_count > 0 &&
         (o.kind == GANTRY_OPPORTUNITY_ARBITRAGE || o.kind == GANTRY_OPPORTUNITY_BACKRUN);
}

std::uint64_t usd_e6_of(const u256& value) {
  return value > u256(UINT64_MAX) ? UINT64_MAX : value.limb(0);
}

}  // namespace

RiskStage::RiskStage(const Configuration& configuration, const ChangeLog& changes,
                     std::shared_ptr<RiskBook> book, bool executes)
    : executes_(executes),
      counts_(!executes && configuration.risk.dry_run_fills == DryRunFills::next_block),
      gas_overhead_(gas_overhead_of(configuration)),
      sender_(sender_of(configuration)),
      changes_(changes),
      book_(std::move(book)),
      turn_(book_->view()) {}

std::vector<RiskFact> RiskStage::begin(const Snapshot& snapshot, const MarketView& view) {
  look_at_prices(snapshot);
  const bool same_plugins =
      !plugins_.owner_before(snapshot.plugins) && !snapshot.plugins.owner_before(plugins_);
  if (!same_plugins || topology_ != snapshot.topology->id) name_scopes(snapshot);
  if (counts_ && !open_.empty()) settle(view);
  auto turn = book_->begin_group(snapshot.context.state_time_s);
  turn_ = std::move(turn.view);
  return std::move(turn.outside);
}

void RiskStage::look_at_prices(const Snapshot& snapshot) {
  if (snapshot.id <= newest_) return;
  if (snapshot.id == newest_ + 1) {
    volatility_.update(snapshot, snapshot.changed, snapshot.cold);
  } else {
    const bool known = newest_ != 0 && changes_.since(newest_, snapshot.id, changed_);
    volatility_.update(snapshot, changed_, !known);
  }
  newest_ = snapshot.id;
}

void RiskStage::name_scopes(const Snapshot& snapshot) {
  topology_ = snapshot.topology->id;
  plugins_ = snapshot.plugins;
  const auto scopes_of = [this](RiskScopeKind kind, const auto& instance) {
    return PluginScopes{book_->scope(kind, instance.name()),
                        book_->scope(RiskScopeKind::plugin, instance.file().manifest.name)};
  };
  venues_.clear();
  for (const VenueInstance* venue : snapshot.topology->venues) {
    venues_.push_back(venue == nullptr ? PluginScopes() : scopes_of(RiskScopeKind::venue, *venue));
  }
  lanes_.clear();
  for (const auto& strategy : snapshot.plugins->strategies) {
    lanes_.push_back({strategy.lane, scopes_of(RiskScopeKind::strategy, *strategy.instance)});
  }
}

TradeRisk RiskStage::risk_of(const Snapshot& snapshot, const Ranked& ranked) {
  TradeRisk risk{turn_.get(), {}, {}, executes_};
  const ScopeCounts* record = &turn_->scopes[total_scope].counts;
  // One that was taken out since it found this counts in total alone.
  const auto lane = std::ranges::find(lanes_, ranked.strategy, &Lane::lane);
  if (lane != lanes_.end()) {
    risk.scopes.add(lane->scopes.own);
    risk.scopes.add(lane->scopes.library);
    record = &turn_->scopes[lane->scopes.own].counts;
  }
  const gantry_opportunity& o = ranked.opportunity;
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    const std::uint32_t pool = o.legs[i].hop.pool;
    if (pool >= snapshot.topology->pools.size()) continue;
    const std::uint32_t venue = snapshot.topology->pools[pool].venue;
    if (venue >= venues_.size()) continue;
    risk.scopes.add(venues_[venue].own);
    risk.scopes.add(venues_[venue].library);
  }
  risk.forecast = forecast(volatility_, snapshot.context, ranked, *record);
  return risk;
}

// The strategy's own calls are made for its own amount, so a trade with some is not cut.
std::optional<Ranked> RiskStage::cut(const MarketView& view, const Ranked& ranked,
                                     const TradeRisk& risk) const {
  const SizeBound bound = size_bound(*risk.book, risk.scopes);
  if (!is_cycle(ranked.opportunity) || ranked.before) return std::nullopt;
  u256 amount_in;
  // Values are rounded down: less a millionth, so that what is left is surely within.
  if (!mul_div_floor(u256(ranked.opportunity.amount_in), bound.wei, u256(ranked.stake.ether_wei),
                     amount_in)) {
    return std::nullopt;
  }
  u256 margin;
  if (!mul_div_floor(amount_in, u256(1), u256(1'000'000), margin)) return std::nullopt;
  amount_in = wrapping_sub(amount_in, margin);
  if (amount_in.is_zero()) return std::nullopt;
  const auto smaller = with_amount_in(view, ranked.opportunity, amount_in);
  if (!smaller) return std::nullopt;
  TransactionCost cost{gas_overhead_, u256()};
  if (!data_fee_of(view, *smaller, sender_, nullptr, *cost.data_fee)) cost.data_fee.reset();
  return price_opportunity(view, *smaller, ranked.strategy, ranked.index, cost);
}

TradeScopes RiskStage::planned(const Snapshot& snapshot, const Approved<Ranked>& trade,
                               std::uint64_t group) {
  const Ranked& ranked = trade.value();
  if (!executes_ && (!counts_ || open_.size() == open_max || !is_cycle(ranked.opportunity))) {
    return {};
  }
  const TradeRisk risk = risk_of(snapshot, ranked);
  open_.push_back({ranked,
                   {risk.scopes, u256(ranked.stake.ether_wei), risk.forecast.value_at_risk_usd},
                   snapshot.context.execution_block,
                   group});
  book_->opened(open_.back().opened);
  return risk.scopes;
}

TradeScopes RiskStage::scopes_of(const Fill& fill, const PluginSet* plugins) const {
  TradeScopes scopes;
  const auto held = plugins_.lock();
  if (plugins == nullptr) plugins = held.get();
  const auto add = [&](RiskScopeKind kind, const std::string& name, const auto* instance) {
    scopes.add(book_->scope(kind, name));
    if (instance == nullptr) return;
    scopes.add(book_->scope(RiskScopeKind::plugin, instance->file().manifest.name));
  };
  if (!fill.of_strategy.empty()) {
    const StrategyInstance* found = nullptr;
    for (const auto& each : plugins != nullptr ? std::span(plugins->strategies)
                                               : std::span<const PluginSet::Strategy>()) {
      if (each.instance->name() == fill.of_strategy) found = each.instance.get();
    }
    add(RiskScopeKind::strategy, fill.of_strategy, found);
  }
  for (const std::string& venue : fill.of_venues) {
    const VenueInstance* found = nullptr;
    for (const auto& each : plugins != nullptr
                                ? std::span(plugins->venues)
                                : std::span<const std::shared_ptr<VenueInstance>>()) {
      if (each->name() == venue) found = each.get();
    }
    add(RiskScopeKind::venue, venue, found);
  }
  return scopes;
}

void RiskStage::filled(const Fill& fill, const PluginSet* plugins) {
  TradeClosed closed = closed_of(fill);
  if (fill.group == Fill::no_group) closed.opened.scopes = scopes_of(fill, plugins);
  const auto is_it = [&](const auto& trade) { return trade.group == fill.group; };
  if (fill.is_taken_back()) {
    if (const auto was = std::ranges::find_if(closed_, is_it); was != closed_.end()) {
      closed.opened = was->opened;
      open_.push_back({{}, was->opened, 0, was->group});
      book_->taken_back(closed, &was->booked);
      closed_.erase(was);
      return;
    }
    if (fill.group != Fill::no_group) {
      open_.push_back({{}, {}, 0, fill.group});
    }
    return book_->taken_back(closed);
  }
  if (const auto open = std::ranges::find_if(open_, is_it); open != open_.end()) {
    closed.opened = open->opened;
    open_.erase(open);
    if (closed_.size() == closed_max) closed_.erase(closed_.begin());
    closed_.push_back({closed.opened, fill.group, book_->closed(closed)});
    return;
  }
  if (!fill.executed()) return;
  if (const auto was = std::ranges::find_if(closed_, is_it); was != closed_.end()) {
    closed.opened.scopes = was->opened.scopes;  // it was under way no more, and is in a block
    was->booked = book_->closed(closed);
    return;
  }
  (void)book_->closed(closed);
}

void RiskStage::settle(const MarketView& view) {
  const std::uint64_t block = view.snapshot().context.state_block;
  for (const OpenTrade& trade : open_) {
    if (trade.execution_block <= block) (void)book_->closed(result_of(view, trade));
  }
  std::erase_if(open_, [block](const OpenTrade& trade) { return trade.execution_block <= block; });
}

// What its route pays now. Below the plan's least it reverts, and its gas is lost.
TradeClosed RiskStage::result_of(const MarketView& view, const OpenTrade& trade) const {
  const Ranked& planned = trade.ranked;
  TradeClosed closed{
      trade.opened,     false, false, planned.gas_cost, usd_e6_of(planned.gas_usd_e6),
      planned.gas_cost, 0};
  const auto now = with_amount_in(view, planned.opportunity, u256(planned.opportunity.amount_in));
  if (!now || u256(now->amount_out) < least_out(planned)) return closed;
  const Ranked filled = price_opportunity(view, *now, planned.strategy, planned.index,
                                          {gas_overhead_, planned.data_fee});
  closed.success = true;
  closed.gained = filled.pays;
  closed.amount_wei = filled.net;
  closed.amount_usd_e6 = usd_e6_of(filled.net_usd_e6);
  closed.gas_wei = filled.gas_cost;
  const double quoted = to_double(u256(planned.opportunity.amount_out));
  const double paid = to_double(u256(now->amount_out));
  closed.deviation_bps = std::max(0.0, (quoted - paid) / quoted * 1e4);
  return closed;
}

}  // namespace gantry::host
