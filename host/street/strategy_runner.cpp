#include "host/street/strategy_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "host/config/capabilities.hpp"
#include "host/isolation/isolated_strategy.hpp"
#include "host/market/outside_prices.hpp"
#include "host/market/pending_swaps.hpp"
#include "host/risk/gate.hpp"
#include "host/street/opportunity_check.hpp"

namespace gantry::host {

namespace {

constexpr std::uint32_t balances_max = 64;

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

}  // namespace

struct StrategyRunner::Sink {
  static gantry_status emit(void* self, const gantry_opportunity* opportunity) {
    return static_cast<StrategyRunner*>(self)->take(*opportunity);
  }
};

StrategyRunner::StrategyRunner(std::shared_ptr<StrategyInstance> instance, const ChangeLog& changes,
                               History& history, RunnerOptions options)
    : instance_(std::move(instance)),
      changes_(changes),
      history_(history),
      options_(options),
      view_(&history),
      after_(&history) {
  if (!from_double_floor(options_.position_max_eth * 1e18, position_max_wei_)) {
    position_max_wei_ = u256::max();
  }
  found_.reserve(options_.opportunities_max);
  ranked_.reserve(options_.opportunities_max);
}

Batch StrategyRunner::run(const Delivery& delivery, std::optional<bool> late) {
  const Snapshot& snapshot = *delivery.snapshot;
  Batch batch{delivery.snapshot, options_.strategy, true};
  batch.results_seen = delivery.results_seen;
  Health& health = instance_->health();
  IsolatedStrategy* isolated = instance_->isolated;
  found_.clear();
  ranked_.clear();
  cut_ = 0;
  emitted_ = 0;
  const bool there =
      health.usable(snapshot.id) && (isolated == nullptr || isolated->wake(snapshot.id));
  // A process that had to be started again has cost its strike; the time that this takes is not the
  // strategy's.
  std::uint64_t start = now_ns();
  if (there) {
    tell(delivery.results, snapshot.id);
    bool cold = !changes_.since(last_, snapshot.id, changed_);
    cold = cold || topology_ != snapshot.topology->id;
    view_.bind(snapshot, changed_, cold);
    show_positions(delivery);
    bool ready = true;
    if (isolated != nullptr && isolated->started_for(snapshot.id)) {
      ready = isolated->catch_up(*view_.market());
      // What it refused is asked of it again, for the next snapshot.
      topology_ = ready ? snapshot.topology->id : ~std::uint64_t{0};
      start = now_ns();
    }
    if (ready && prepare(snapshot)) {
      tell_pending(snapshot);
      tell_prices(snapshot);
      const gantry_opportunity_sink sink{this, &Sink::emit};
      const auto status =
          instance_->call<&gantry_strategy_v1::find>(Phase::find, view_.market(), &sink);
      health.accept(Phase::find, status, snapshot.id);
    }
    for (std::uint32_t i = 0; i < found_.size() && health.usable(snapshot.id); ++i) {
      finish_one(found_[i], i, batch);
    }
    last_ = snapshot.id;
  }
  const bool lost = isolated != nullptr && isolated->lost(snapshot.id);
  if (lost) {
    // Its process ended on the way: what it had said of this snapshot is not built upon.
    ranked_.clear();
    emitted_ = cut_ = 0;
  }
  batch.spent_ns = now_ns() - start;
  batch.late = late ? *late : options_.deadline_ns != 0 && batch.spent_ns > options_.deadline_ns;
  batch.found = emitted_;
  batch.cut = cut_;
  if (batch.late && !lost) {
    health.strike_late(Phase::find, snapshot.id);
  } else if (!lost && health.usable(snapshot.id)) {
    batch.ranked.assign(ranked_.begin(), ranked_.end());
  }
  return batch;
}

void StrategyRunner::subscribe(const Snapshot& snapshot) {
  view_.bind(snapshot, {}, true);
  const gantry_subscription_sink sink{
      this,
      [](void* self, std::int32_t kind) -> gantry_status {
        if (kind == GANTRY_EVENT_OUTSIDE_PRICE) {
          static_cast<StrategyRunner*>(self)->wants_prices_ = true;
          return GANTRY_OK;
        }
        // No source of the others yet: who subscribed must not wait for what never comes.
        const bool known = kind >= GANTRY_EVENT_PENDING_SWAP && kind <= GANTRY_EVENT_OUTSIDE_PRICE;
        return known ? GANTRY_UNSUPPORTED : GANTRY_BAD_ARGUMENT;
      },
      [](void* self, const gantry_history_query* query, std::uint64_t lookback_s) -> gantry_status {
        auto& runner = *static_cast<StrategyRunner*>(self);
        if (lookback_s > runner.options_.history_s_max) return GANTRY_REFUSED;
        const auto tokens = runner.view_.snapshot().topology->tokens.size();
        if (query->token >= tokens || query->quote >= tokens) return GANTRY_BAD_ARGUMENT;
        bool kept = runner.keep_series({query->token, query->quote, lookback_s});
        if (query->what == GANTRY_HISTORY_CORRELATION) {
          if (query->other >= tokens) return GANTRY_BAD_ARGUMENT;
          kept = kept && runner.keep_series({query->other, query->quote, lookback_s});
        }
        return kept ? GANTRY_OK : GANTRY_REFUSED;
      }};
  const auto status =
      instance_->call<&gantry_strategy_v1::subscribe>(Phase::subscribe, view_.market(), &sink);
  instance_->health().accept(Phase::prepare, status, snapshot.id);
}

bool StrategyRunner::keep_series(const WantedSeries& wanted) {
  if (!joining_) return history_.subscribe(wanted.token, wanted.quote, wanted.lookback_s);
  if (history_.full()) return false;
  series_.push_back(wanted);
  return true;
}

Status StrategyRunner::get_ready(const Snapshot& snapshot) {
  joining_ = true;
  subscribe(snapshot);
  if (instance_->health().strikes() == 0) prepare(snapshot);
  joining_ = false;
  const auto faults = instance_->health().kept();
  if (faults.empty()) return {};
  return fail(ErrorKind::plugin,
              fmt::format("{}: {}", instance_->file().path.string(), faults.front().reason));
}

void StrategyRunner::join() {
  for (const WantedSeries& wanted : series_) {
    history_.subscribe(wanted.token, wanted.quote, wanted.lookback_s);
  }
  series_.clear();
}

void StrategyRunner::tell(const std::vector<gantry_result>& results, std::uint64_t snapshot) {
  for (const gantry_result& result : results) {
    const auto status = instance_->call<&gantry_strategy_v1::on_result>(Phase::result, &result);
    instance_->health().accept(Phase::result, status, snapshot);
  }
}

// By this snapshot's handles. What it holds of tokens that are not in the market is not shown.
void StrategyRunner::show_positions(const Delivery& delivery) {
  const Topology& topology = *delivery.snapshot->topology;
  if (delivery.positions != held_ || positions_topology_ != topology.id) {
    held_ = delivery.positions;
    positions_topology_ = topology.id;
    positions_.clear();
    for (const Position& each : held_ ? held_->all() : std::span<const Position>()) {
      const auto base = topology.token_by_address.find(each.base);
      const auto token = topology.token_by_address.find(each.token);
      if (each.strategy != instance_->name() || base == topology.token_by_address.end() ||
          token == topology.token_by_address.end()) {
        continue;
      }
      positions_.push_back(
          {base->second, token->second, each.quantity, each.cost, each.since_s, 0});
    }
  }
  view_.show_positions(held_ ? &positions_ : nullptr);
}

// What it was not told of yet, as far as the snapshot's window goes back.
void StrategyRunner::tell_pending(const Snapshot& snapshot) {
  if (instance_->pending == nullptr || snapshot.pending == nullptr) return;
  const PendingWindow& window = *snapshot.pending;
  const std::uint64_t before_window = window.last - window.events.size();
  // What was dropped before it came is nothing that it has missed.
  const std::uint64_t told = pending_told_.value_or(before_window);
  pending_told_ = window.last;
  if (told == window.last) return;
  const std::uint64_t first = std::max(told, before_window);
  const auto count = static_cast<std::uint32_t>(window.last - first);
  const gantry_pending_event* events = window.events.data() + (first - before_window);
  const auto status = [&] {
    const CallGuard guard(instance_->culprit(), Phase::pending);
    return instance_->pending->on_pending(instance_->object(), view_.market(), events, count,
                                          first - told);
  }();
  // That it wants none, or cannot use these, is no fault.
  if (status == GANTRY_PLUGIN_FAULT) {
    instance_->health().accept(Phase::pending, status, snapshot.id);
  }
}

// The same of prices from outside, one event for each. What the window has lost is a gap in the
// sequences.
void StrategyRunner::tell_prices(const Snapshot& snapshot) {
  if (!wants_prices_ || snapshot.prices == nullptr) return;
  const PriceWindow& window = *snapshot.prices;
  const std::uint64_t before_window = window.last - window.prices.size();
  const std::uint64_t first = std::max(prices_told_.value_or(before_window), before_window);
  prices_told_ = window.last;
  for (std::uint64_t at = first; at < window.last; ++at) {
    const gantry_outside_price& price = window.prices[at - before_window];
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&price);
    const gantry_event event{GANTRY_EVENT_OUTSIDE_PRICE,
                             no_handle,
                             at + 1,
                             snapshot.context.state_time_s,
                             {bytes, sizeof(price)}};
    const auto status = instance_->call<&gantry_strategy_v1::on_event>(Phase::event, &event);
    // What it does not know or cannot use is no fault.
    if (status == GANTRY_PLUGIN_FAULT) {
      instance_->health().accept(Phase::event, status, snapshot.id);
    }
  }
}

bool StrategyRunner::prepare(const Snapshot& snapshot) {
  if (topology_ == snapshot.topology->id) return true;
  gantry_error error{};
  const auto status =
      instance_->call<&gantry_strategy_v1::prepare>(Phase::prepare, view_.market(), &error);
  if (status == GANTRY_OK) {
    topology_ = snapshot.topology->id;
    return true;
  }
  const IsolatedStrategy* isolated = instance_->isolated;
  if (isolated != nullptr && isolated->lost(snapshot.id)) return false;
  error.message[sizeof(error.message) - 1] = '\0';
  // Without an index it can find nothing, whoever is to blame: that costs a strike each time.
  instance_->health().strike(
      Phase::prepare, fmt::format("prepare() answered {}: {}", status_name(status), error.message),
      snapshot.id);
  return false;
}

// Called by the plugin for each opportunity, during find().
gantry_status StrategyRunner::take(const gantry_opportunity& opportunity) {
  ++emitted_;
  if (found_.size() == options_.opportunities_max) {
    ++cut_;
    return GANTRY_REFUSED;
  }
  if (!fits_together(view_.snapshot(), opportunity)) {
    instance_->health().strike(
        Phase::find, "it emitted nonsense: a handle, an amount, or a number out of its range",
        view_.snapshot().id);
    return GANTRY_BAD_ARGUMENT;
  }
  found_.push_back(opportunity);
  return GANTRY_OK;
}

// A venue that was retired since the route was found is not the strategy's fault.
bool StrategyRunner::meets_retired_venue(const gantry_opportunity& o) const {
  const Topology& topology = *view_.snapshot().topology;
  return std::any_of(o.legs, o.legs + o.leg_count, [&](const gantry_leg& leg) {
    const PoolInfo& pool = topology.pools[leg.hop.pool];
    return pool.venue != no_handle && !topology.venue_of(pool).health().usable(view_.snapshot().id);
  });
}

// Its legs as the venues quote them: behind what waits, those that are there.
gantry_status StrategyRunner::quote_legs(const gantry_opportunity& o, std::span<gantry_leg> legs) {
  std::uint64_t gas = 0;
  at_ = &view_;
  if (o.kind != GANTRY_OPPORTUNITY_BACKRUN) return view_.quote_legs(legs, gas);
  const gantry_backrun backrun = backrun_of(o);
  const auto before = legs.first(backrun.legs_before);
  if (!before.empty()) {
    if (const auto status = view_.quote_legs(before, gas); status != GANTRY_OK) return status;
  }
  if (const auto status = after_.bind(view_.snapshot(), backrun.pending, before);
      status != GANTRY_OK) {
    return status;
  }
  // What is in front of others is only measured: it is valued in the market as it is.
  if (before.empty()) at_ = &after_.view();
  return after_.view().quote_legs(legs.subspan(before.size()), gas);
}

// What it says its legs pay is what the venues say, to the unit.
bool StrategyRunner::check_route(const gantry_opportunity& o, Phase phase) {
  std::array<gantry_leg, GANTRY_LEGS_MAX> legs;
  std::copy_n(o.legs, o.leg_count, legs.begin());
  const auto status = quote_legs(o, {legs.data(), o.leg_count});
  bool same = status == GANTRY_OK;
  for (std::uint32_t i = 0; same && i < o.leg_count; ++i) {
    same = u256(legs[i].amount_out) == u256(o.legs[i].amount_out);
  }
  if (status != GANTRY_OK && meets_retired_venue(o)) return false;
  if (!same) {
    instance_->health().strike(
        phase,
        fmt::format("its amounts are not what the venues quote for its route ({})",
                    status == GANTRY_OK ? "they differ" : status_name(status)),
        view_.snapshot().id);
  }
  return same;
}

// A venue that promises more than its pool holds costs itself a strike, not the strategy.
bool StrategyRunner::check_reserves(const gantry_opportunity& o) const {
  const Topology& topology = *view_.snapshot().topology;
  std::array<gantry_amount, balances_max> balances;
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    const gantry_hop& hop = o.legs[i].hop;
    // On a later visit the pool also has what the earlier one brought.
    const bool again = std::any_of(o.legs, o.legs + i, [&](const gantry_leg& earlier) {
      return earlier.hop.pool == hop.pool;
    });
    gantry_pool_view pool{0, balances_max, balances.data()};
    if (again || at_->view(hop.pool, pool) != GANTRY_OK) continue;
    const PoolInfo& info = topology.pools[hop.pool];
    const auto out = info.index_of(hop.token_out);
    if (out >= pool.token_count || u256(o.legs[i].amount_out) <= u256(balances[out])) continue;
    topology.venue_of(info).health().strike(Phase::quote, "it pays more than the pool has",
                                            view_.snapshot().id);
    return false;
  }
  return true;
}

// Whether it is above what may be traded; fills in the limits for size().
bool StrategyRunner::exceeds(const gantry_opportunity& o, gantry_sizing_limits& limits) const {
  bool above = false;
  limits.amount_in_max = u256::max();
  limits.pool_share_max_bps = static_cast<std::uint32_t>(options_.pool_share_max_bps);
  limits.gas_cost_wei = view_.snapshot().context.gas_price;
  limits.gas_overhead = options_.gas_overhead;
  gantry_value stake{};
  if (at_->value(o.token_in, o.amount_in, stake) == GANTRY_OK) {
    u256 most;
    if (mul_div_floor(u256(o.amount_in), position_max_wei_, u256(stake.ether_wei), most)) {
      // The price rounds down, so the last units may still be worth a wei too much.
      gantry_value worth{};
      while (!most.is_zero() && at_->value(o.token_in, most, worth) == GANTRY_OK &&
             u256(worth.ether_wei) > position_max_wei_) {
        most = wrapping_sub(most, wrapping_add(shift_right(most, 40), u256(1)));
      }
      limits.amount_in_max = most;
      above = u256(o.amount_in) > most;
    }
  }
  std::array<gantry_amount, balances_max> balances;
  for (std::uint32_t i = 0; i < o.leg_count && !above; ++i) {
    gantry_pool_view pool{0, balances_max, balances.data()};
    if (at_->view(o.legs[i].hop.pool, pool) != GANTRY_OK) continue;
    const auto in =
        view_.snapshot().topology->pools[o.legs[i].hop.pool].index_of(o.legs[i].hop.token_in);
    above = in >= pool.token_count ||
            above_share(amount_into_pool(o, i), u256(balances[in]), options_.pool_share_max_bps);
  }
  return above;
}

void StrategyRunner::finish_one(const gantry_opportunity& found, std::uint32_t index,
                                Batch& batch) {
  const std::uint64_t snapshot = view_.snapshot().id;
  at_ = &view_;
  const bool swaps_only = found.kind == GANTRY_OPPORTUNITY_ARBITRAGE ||
                          found.kind == GANTRY_OPPORTUNITY_BACKRUN ||
                          found.kind == GANTRY_OPPORTUNITY_POSITION;
  if (swaps_only && (!check_route(found, Phase::find) || !check_reserves(found))) return;
  const auto valid =
      instance_->call<&gantry_strategy_v1::validate>(Phase::validate, view_.market(), &found);
  if (valid != GANTRY_OK) {
    instance_->health().accept(Phase::validate, valid, snapshot);
    return;
  }
  gantry_opportunity sized = found;
  gantry_sizing_limits limits{};
  // What is measured alone is told as it is: limits are for what is traded.
  const bool is_measure = (found.flags & GANTRY_OPPORTUNITY_SIMULATE_ONLY) != 0;
  if (!is_measure && exceeds(found, limits)) {
    const auto status = instance_->call<&gantry_strategy_v1::size>(Phase::size, view_.market(),
                                                                   &found, &limits, &sized);
    if (status != GANTRY_OK) {
      // As found: the risk gate says what it exceeds.
      instance_->health().accept(Phase::size, status, snapshot);
      sized = found;
    } else if (!fits_together(view_.snapshot(), sized) ||
               (swaps_only && !check_route(sized, Phase::size))) {
      instance_->health().strike(Phase::size, "size() answered nonsense", snapshot);
      return;
    }
  }
  InstructionList before;
  const gantry_instruction_sink sink = before.sink();
  const auto planned =
      instance_->call<&gantry_strategy_v1::plan>(Phase::plan, view_.market(), &sized, &sink);
  instance_->health().accept(Phase::plan, planned, snapshot);
  // Without its calls it would be another trade than the strategy meant.
  if (!before.all().empty() && !may_add_calls(instance_->settings)) {
    instance_->health().strike(Phase::plan,
                               "it wants calls of its own before the swaps, which it may not: add "
                               "\"calls\" to its `capabilities`",
                               snapshot);
    return;
  }
  std::shared_ptr<const std::vector<Instruction>> calls;
  if (planned == GANTRY_OK && !before.all().empty()) {
    calls = std::make_shared<const std::vector<Instruction>>(std::move(before.all()));
  }
  TransactionCost cost{options_.gas_overhead, u256()};
  if (!data_fee_of(*at_, sized, options_.sender, calls.get(), *cost.data_fee)) {
    cost.data_fee.reset();
  }
  ranked_.push_back(price_opportunity(*at_, sized, batch.strategy, index, cost));
  ranked_.back().before = std::move(calls);
}

}  // namespace gantry::host
