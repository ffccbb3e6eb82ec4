#include "host/street/risk_stage.hpp"

#include <algorithm>

#include "host/market/legs.hpp"
#include "host/plugin/plugin_set.hpp"
#include "host/risk/amounts.hpp"

namespace gantry::host {

namespace {

bool is_cycle(const gantry_opportunity& o) {
  return o.token_in == o.token_out && o.leg_count > 0 &&
         (o.kind == GANTRY_OPPORTUNITY_ARBITRAGE || o.kind == GANTRY_OPPORTUNITY_BACKRUN);
}

// Of what the host closes itself, so that no strategy's is like it.
constexpr std::uint64_t key_of_host = 0xffffffff00000000ULL;

// What could not be carried out is not tried again sooner, so that it holds up nothing else.
constexpr std::uint64_t closing_waits_blocks = 8;

}  // namespace

RiskStage::RiskStage(const Configuration& configuration, const ChangeLog& changes,
                     std::shared_ptr<RiskBook> book, Carries carries)
    : carries_(carries),
      counts_(carries == Carries::nothing &&
              configuration.risk.dry_run_fills == DryRunFills::next_block),
      unwinds_(configuration.risk.unwind),
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
  block_ = snapshot.context.state_block;
  std::erase_if(waiting_, [this](const Waiting& each) { return each.until_block <= block_; });
  if (counts_ && !open_.empty()) settle(view);
  mark(snapshot, view);
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
    lanes_.push_back({strategy.lane, scopes_of(RiskScopeKind::strategy, *strategy.instance),
                      strategy.instance->name()});
    book_->belongs_to(lanes_.back().name, lanes_.back().scopes.library);
  }
}

TradeRisk RiskStage::risk_of(const Snapshot& snapshot, const Ranked& ranked) {
  TradeRisk risk{turn_.get(), {}, {}, nullptr, {}, carries_};
  const ScopeCounts* record = &turn_->scopes[total_scope].counts;
  // One that was taken out since it found this counts in total alone.
  const auto lane = std::ranges::find(lanes_, ranked.strategy, &Lane::lane);
  if (lane != lanes_.end()) {
    risk.scopes.add(lane->scopes.own);
    risk.scopes.add(lane->scopes.library);
    record = &turn_->scopes[lane->scopes.own].counts;
  }
  const gantry_opportunity& o = ranked.opportunity;
  if (ranked.one_way && lane != lanes_.end()) {
    const auto& tokens = snapshot.topology->tokens;
    const gantry_address& in = tokens[o.token_in].address;
    const gantry_address& out = tokens[o.token_out].address;
    risk.closes = turn_->positions->closed_by(lane->name, in, out);
    const AddressEqual same;
    for (const OpenTrade& trade : open_) {
      if (risk.closes == nullptr || !trade.one_way || trade.one_way->strategy != lane->name ||
          !same(trade.one_way->token_in, in) || !same(trade.one_way->token_out, out)) {
        continue;
      }
      risk.closing = sum_of(risk.closing, trade.one_way->amount_in);
    }
  }
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
  const bool may_be_less = is_cycle(ranked.opportunity) || ranked.one_way;
  if (!may_be_less || ranked.before) return std::nullopt;
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
  const bool counts =
      counts_ && open_.size() < open_max && (is_cycle(ranked.opportunity) || ranked.one_way);
  if (carries_ == Carries::nothing && !counts) return {};
  const TradeRisk risk = risk_of(snapshot, ranked);
  // What closes a position puts nothing in that is not counted already.
  const u256 put_in = risk.closes != nullptr ? u256() : u256(ranked.stake.ether_wei);
  open_.push_back({ranked,
                   {risk.scopes, put_in, risk.forecast.value_at_risk_usd},
                   snapshot.context.execution_block,
                   group,
                   one_way_of(snapshot, ranked)});
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

std::optional<OneWayTrade> RiskStage::one_way_of(const Snapshot& snapshot,
                                                 const Ranked& ranked) const {
  const auto lane = std::ranges::find(lanes_, ranked.strategy, &Lane::lane);
  if (!ranked.one_way || lane == lanes_.end()) return std::nullopt;
  const gantry_opportunity& o = ranked.opportunity;
  const auto& tokens = snapshot.topology->tokens;
  return OneWayTrade{lane->name,
                     tokens[o.token_in].address,
                     tokens[o.token_out].address,
                     u256(o.amount_in),
                     u256(o.amount_out),
                     u256(ranked.stake.ether_wei),
                     snapshot.context.execution_time_s};
}

void RiskStage::mark(const Snapshot& snapshot, const MarketView& view) {
  const auto view_now = book_->view();
  const Positions& held = *view_now->positions;
  if (held.empty() && !marked_) return;
  std::vector<RiskBook::OpenLoss> losses;
  const auto& known = snapshot.topology->token_by_address;
  for (const Position& each : held.all()) {
    const auto base = known.find(each.base);
    const auto token = known.find(each.token);
    gantry_value cost{};
    gantry_value worth{};
    const bool is_valued = base != known.end() && token != known.end() &&
                           view.value(base->second, each.cost, cost) == GANTRY_OK &&
                           view.value(token->second, each.quantity, worth) == GANTRY_OK;
    // What nobody prices is worth nothing.
    u256 loss = each.cost_wei;
    if (is_valued && !sub(u256(cost.ether_wei), u256(worth.ether_wei), loss)) continue;
    losses.push_back({each.strategy, loss});
  }
  book_->mark(losses);
  marked_ = !losses.empty();
}

bool RiskStage::waits(const Snapshot& snapshot, const Ranked& ranked) const {
  if (waiting_.empty()) return false;
  const auto trade = one_way_of(snapshot, ranked);
  const AddressEqual same;
  return trade && std::ranges::any_of(waiting_, [&](const Waiting& each) {
           return each.trade.strategy == trade->strategy && block_ < each.until_block &&
                  same(each.trade.token_in, trade->token_in) &&
                  same(each.trade.token_out, trade->token_out);
         });
}

std::vector<Ranked> RiskStage::unwinding(const Snapshot& snapshot, const MarketView& view,
                                         const std::function<bool(const Ranked&)>& passes) const {
  std::vector<Ranked> out;
  if (!unwinds_ || turn_->positions->empty()) return out;
  for (const Position& position : turn_->positions->all()) {
    const auto lane = std::ranges::find(lanes_, position.strategy, &Lane::name);
    if (lane == lanes_.end()) continue;
    const auto mode_of = [this](ScopeId scope) { return turn_->scopes[scope].mode; };
    const TradingMode mode = std::max({mode_of(total_scope), mode_of(chain_scope),
                                       mode_of(lane->scopes.own), mode_of(lane->scopes.library)});
    if (mode != TradingMode::reducing) continue;
    const AddressEqual same;
    const bool under_way = std::ranges::any_of(open_, [&](const OpenTrade& trade) {
      return trade.one_way && trade.one_way->strategy == position.strategy &&
             (same(trade.one_way->token_in, position.token) ||
              same(trade.one_way->token_out, position.token));
    });
    if (under_way) continue;
    auto closing = closing_of(snapshot, view, position, lane->lane, passes);
    if (!closing || waits(snapshot, *closing)) continue;
    closing->index = static_cast<std::uint32_t>(UINT32_MAX - out.size());
    out.push_back(std::move(*closing));
  }
  return out;
}

std::optional<Ranked> RiskStage::closing_of(
    const Snapshot& snapshot, const MarketView& view, const Position& position, std::uint32_t lane,
    const std::function<bool(const Ranked&)>& passes) const {
  const Topology& topology = *snapshot.topology;
  const auto base = topology.token_by_address.find(position.base);
  const auto token = topology.token_by_address.find(position.token);
  if (base == topology.token_by_address.end() || token == topology.token_by_address.end()) {
    return std::nullopt;
  }
  const auto sale = [&](std::uint32_t pool, const u256& amount) -> std::optional<Ranked> {
    const PoolInfo& info = topology.pools[pool];
    const std::uint32_t in = info.index_of(token->second);
    const std::uint32_t out = info.index_of(base->second);
    gantry_quote quote{};
    if (in == no_handle || out == no_handle ||
        view.quote(pool, {amount, in, out, GANTRY_EXACT_IN, 0}, quote) != GANTRY_OK) {
      return std::nullopt;
    }
    gantry_opportunity o{};
    o.key = key_of_host | token->second;
    o.kind = GANTRY_OPPORTUNITY_POSITION;
    o.leg_count = 1;
    o.token_in = token->second;
    o.token_out = base->second;
    o.amount_in = amount;
    o.amount_out = quote.amount_out;
    o.gas = quote.gas;
    o.block = snapshot.context.state_block;
    o.valid_until_block = snapshot.context.execution_block;
    o.confidence = 1;
    o.legs[0] = {{pool, token->second, base->second, 0}, amount, quote.amount_out};
    TransactionCost cost{gas_overhead_, u256()};
    if (!data_fee_of(view, o, sender_, nullptr, *cost.data_fee)) cost.data_fee.reset();
    Ranked ranked = price_opportunity(view, o, lane, 0, cost);
    ranked.is_hosts = true;
    return ranked;
  };
  const auto pays_more = [](const std::optional<Ranked>& best, const Ranked& other) {
    return !best || u256(other.opportunity.amount_out) > u256(best->opportunity.amount_out);
  };
  constexpr int halvings_max = 16;
  std::optional<Ranked> whole;
  u256 amount = position.quantity;
  for (int i = 0; i <= halvings_max && !amount.is_zero(); ++i, amount = shift_right(amount, 1)) {
    std::optional<Ranked> best;
    for (const std::uint32_t pool : topology.pools_of(token->second)) {
      auto found = sale(pool, amount);
      if (!found) continue;
      if (i == 0 && pays_more(whole, *found)) whole = found;
      if (pays_more(best, *found) && passes(*found)) best = std::move(found);
    }
    if (best) return best;
  }
  return whole;
}

void RiskStage::filled(const Fill& fill, const PluginSet* plugins) {
  TradeClosed closed = closed_of(fill);
  if (fill.group == Fill::no_group) closed.opened.scopes = scopes_of(fill, plugins);
  const auto is_it = [&](const auto& trade) { return trade.group == fill.group; };
  if (fill.is_taken_back()) {
    if (const auto was = std::ranges::find_if(closed_, is_it); was != closed_.end()) {
      closed.opened = was->opened;
      open_.push_back({{}, was->opened, 0, was->group, {}});
      book_->taken_back(closed, &was->booked);
      closed_.erase(was);
      return;
    }
    if (fill.group != Fill::no_group) {
      open_.push_back({{}, {}, 0, fill.group, {}});
    }
    return book_->taken_back(closed);
  }
  if (const auto open = std::ranges::find_if(open_, is_it); open != open_.end()) {
    closed.opened = open->opened;
    if (fill.filled() && open->one_way) {
      closed.one_way = open->one_way;
      closed.one_way->amount_in = fill.amount_in;
      closed.one_way->amount_out = fill.amount_out;
    }
    if (!fill.executed() && open->one_way) {
      waiting_.push_back({*open->one_way, block_ + closing_waits_blocks});
    }
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
  TradeClosed closed{trade.opened,
                     false,
                     false,
                     planned.gas_cost,
                     usd_e6_of(planned.gas_usd_e6),
                     planned.gas_cost,
                     0,
                     true,
                     0,
                     {}};
  const auto now = with_amount_in(view, planned.opportunity, u256(planned.opportunity.amount_in));
  if (!now || u256(now->amount_out) < least_out(planned)) return closed;
  const Ranked filled = price_opportunity(view, *now, planned.strategy, planned.index,
                                          {gas_overhead_, planned.data_fee});
  closed.success = true;
  if (trade.one_way) {
    closed.one_way = trade.one_way;
    closed.one_way->amount_out = u256(now->amount_out);
    const auto held = book_->view()->positions;
    const Position* closes =
        held->closed_by(trade.one_way->strategy, trade.one_way->token_in, trade.one_way->token_out);
    std::optional<u256> cost;
    if (closes != nullptr) cost = cost_of(*closes, closed.one_way->amount_in).cost;
    const OneWayResult result = result_of_one_way(view, filled, cost);
    closed.gained = result.gained;
    closed.amount_wei = result.wei;
    closed.amount_usd_e6 = usd_e6_of(result.usd_e6);
  } else {
    closed.gained = filled.pays;
    closed.amount_wei = filled.net;
    closed.amount_usd_e6 = usd_e6_of(filled.net_usd_e6);
  }
  closed.gas_wei = filled.gas_cost;
  const double quoted = to_double(u256(planned.opportunity.amount_out));
  const double paid = to_double(u256(now->amount_out));
  closed.deviation_bps = std::max(0.0, (quoted - paid) / quoted * 1e4);
  return closed;
}

}  // namespace gantry::host
