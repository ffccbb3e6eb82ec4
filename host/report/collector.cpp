#include "host/report/collector.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/base/text.hpp"
#include "host/plugin/plugin_set.hpp"

namespace gantry::host {

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::apply:
      return "apply";
    case Stage::strategies:
      return "strategies";
    case Stage::rank:
      return "rank";
    case Stage::risk:
      return "risk";
    case Stage::plan:
      return "plan";
    case Stage::total:
      return "total";
  }
  return "unknown";
}

Collector::Collector(const Plugins& plugins, bool executes) {
  if (executes) executed_.emplace();
  for (const auto& strategy : plugins.strategies) {
    names_.push_back(strategy->name());
    strategies_.push_back({strategy->name()});
  }
}

void Collector::skipped(std::uint32_t strategy) { ++strategies_[strategy].skipped; }

// A strategy may join while the street runs: its row is made when it is first seen.
void Collector::name_strategies(const PluginSet& set) {
  for (const auto& [lane, since, instance, runner] : set.strategies) {
    if (lane < names_.size() && !names_[lane].empty()) continue;
    if (lane >= names_.size()) {
      names_.resize(lane + 1);
      strategies_.resize(lane + 1);
    }
    names_[lane] = instance->name();
    strategies_[lane].name = instance->name();
  }
}

void Collector::add(const Group& group) {
  for (const BatchPtr& batch : group.batches) name_strategies(*batch->snapshot->plugins);
  for (const BatchPtr& batch : group.batches) {
    StrategyReport& strategy = strategies_[batch->strategy];
    ++strategy.snapshots;
    strategy.opportunities += batch->ranked.size();
    strategy.cut += batch->cut;
    time(Stage::strategies, batch->spent_ns);
  }
  if (executed_) {
    for (const Fill& fill : group.fills) {
      std::uint64_t& count = fill.filled() ? executed_->filled
                                           : executed_->others[std::string(to_string(fill.reason))];
      // Of an earlier run's, this one has not counted it.
      count = fill.is_taken_back() ? count - std::min<std::uint64_t>(count, 1) : count + 1;
      const double sign = fill.gained != fill.is_taken_back() ? 1 : -1;
      executed_->net_eth += sign * to_double(fill.amount_wei) * 1e-18;
      if (fill.amount_usd_e6 == Fill::no_price) continue;
      executed_->net_usd += sign * static_cast<double>(fill.amount_usd_e6) * 1e-6;
    }
  }
  for (std::size_t i = 0; i < group.ranked.size(); ++i) see(group, i);
  opportunities_ += group.ranked.size();
  approved_ += group.approved.size();
  if (!group.ranked.empty()) {
    time(Stage::rank, group.rank_ns);
    time(Stage::risk, group.risk_ns);
  }
  if (!group.approved.empty()) time(Stage::plan, group.plan_ns);
  // The same reason for many is one.
  if (!group.plan_failure.empty() && plan_failures_.size() < plan_failures_max &&
      std::ranges::find(plan_failures_, group.plan_failure) == plan_failures_.end()) {
    plan_failures_.push_back(group.plan_failure);
  }
  if (group.plan) {
    ++plans_;
    if (!best_plan_ || group.plan->trade.score > best_plan_->trade.score) {
      best_plan_ = group.plan;
      plan_topology_ = group.snapshot->topology;
    }
  }
}

void Collector::see(const Group& group, std::size_t index) {
  const Ranked& ranked = group.ranked[index];
  const RiskRefusal& refusal = group.verdicts[index];
  const auto& topology = group.snapshot->topology;
  const RouteKey key{ranked.strategy, ranked.opportunity.key};
  auto found = routes_.find(key);
  if (found == routes_.end()) {
    if (routes_.size() == routes_max) drop_worst();
    routes_.emplace(key, Sighting{ranked, refusal, topology, 1});
  } else {
    Sighting& sighting = found->second;
    ++sighting.count;
    if (ranked.score > sighting.ranked.score) {
      sighting.ranked = ranked;
      sighting.refusal = refusal;
      sighting.topology = topology;
    }
  }
  if (refusal.reason == RefusalReason::none) return;
  Refused& refused = refused_[refusal.reason];
  if (++refused.count == 1 || ranked.score > refused.best.ranked.score) {
    refused.best = {ranked, refusal, topology, 1};
  }
}

// Makes room for half a table at once, so that the cost is spread over many sightings.
void Collector::drop_worst() {
  std::vector<std::tuple<double, std::uint32_t, std::uint64_t>> order;
  order.reserve(routes_.size());
  for (const auto& [key, sighting] : routes_) {
    order.emplace_back(sighting.ranked.score, key.strategy, key.key);
  }
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(order.size() / 2);
  std::ranges::nth_element(order, middle);
  for (auto it = order.begin(); it != middle; ++it) {
    routes_.erase({std::get<1>(*it), std::get<2>(*it)});
    ++routes_dropped_;
  }
}

OpportunityReport Collector::describe(const Sighting& sighting) const {
  const Ranked& r = sighting.ranked;
  const gantry_opportunity& o = r.opportunity;
  const Topology& topology = *sighting.topology;
  const TokenInfo& token = topology.tokens[o.token_in];
  OpportunityReport out;
  out.strategy = names_[r.strategy];
  out.key = o.key;
  out.block = o.block;
  out.sightings = sighting.count;
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    const gantry_leg& leg = o.legs[i];
    const TokenInfo& in = topology.tokens[leg.hop.token_in];
    const TokenInfo& paid = topology.tokens[leg.hop.token_out];
    const PoolInfo& pool = topology.pools[leg.hop.pool];
    out.legs.push_back({topology.venue_names[pool.venue], address_text(pool.address), in.symbol,
                        paid.symbol, decimal_text(u256(leg.amount_in), in.decimals),
                        decimal_text(u256(leg.amount_out), paid.decimals),
                        decimal_text(u256(leg.amount_in), 0),
                        decimal_text(u256(leg.amount_out), 0)});
  }
  const char* sign = r.pays ? "" : "-";
  const double direction = r.pays ? 1 : -1;
  out.token = token.symbol;
  out.size = decimal_text(u256(o.amount_in), token.decimals);
  out.size_units = decimal_text(u256(o.amount_in), 0);
  out.profit = sign + decimal_text(r.net_token, token.decimals);
  out.profit_units = sign + decimal_text(r.net_token, 0);
  out.profit_eth = direction * to_double(r.net) * 1e-18;
  out.profit_usd = direction * to_double(r.net_usd_e6) * 1e-6;
  out.gas_cost_eth = to_double(r.gas_cost) * 1e-18;
  out.data_fee_eth = to_double(r.data_fee) * 1e-18;
  out.gross_eth = to_double(u256(r.gross.ether_wei)) * 1e-18;
  out.expected_profit_bps = o.expected_profit_bps;
  out.confidence = o.confidence;
  out.valuation_confidence = r.gross.confidence;
  out.risk_score = o.risk_score;
  out.score = r.score;
  out.refusal = sighting.refusal;
  return out;
}

PlanReport Collector::describe_plan() const {
  const Plan& plan = *best_plan_;
  const TokenInfo& token = plan_topology_->tokens[plan.trade.opportunity.token_out];
  PlanReport out;
  out.trade = describe({plan.trade, {}, plan_topology_, 1});
  out.execution_block = plan.execution_block;
  out.min_out = decimal_text(plan.min_out, token.decimals) + " " + token.symbol;
  out.min_out_units = decimal_text(plan.min_out, 0);
  out.payer = plan.payer;
  if (!plan.data_fee.is_zero()) {
    out.published_bytes = plan.published_bytes;
    out.data_fee = decimal_text(plan.data_fee, 18);
  }
  out.passed = plan.passed;
  for (const PlannedCall& call : plan.calls) {
    out.calls.push_back({call.purpose, address_text(call.target), decimal_text(call.value, 0),
                         hex_text(call.data), decimal_text(call.min_out, 0)});
  }
  out.sponsorship = plan.sponsorship;
  return out;
}

void Collector::finish(const Plugins& plugins, RunReport& report) const {
  std::vector<const Sighting*> order;
  for (const auto& [key, sighting] : routes_) order.push_back(&sighting);
  std::ranges::sort(order, [](const Sighting* a, const Sighting* b) {
    if (a->ranked.score != b->ranked.score) return a->ranked.score > b->ranked.score;
    if (a->ranked.strategy != b->ranked.strategy) return a->ranked.strategy < b->ranked.strategy;
    return a->ranked.opportunity.key < b->ranked.opportunity.key;
  });
  if (order.size() > report.best_max) order.resize(report.best_max);
  for (const Sighting* sighting : order) report.best.push_back(describe(*sighting));
  for (const auto& [reason, refused] : refused_) {
    report.refusals[reason] = {refused.count, describe(refused.best)};
  }
  if (best_plan_) report.plan = describe_plan();
  report.plan_failures = plan_failures_;
  report.executed = executed_;
  report.opportunities = opportunities_;
  report.routes = routes_.size() + routes_dropped_;
  report.routes_dropped = routes_dropped_;
  report.approved = approved_;
  report.plans = plans_;
  report.strategies = strategies_;
  report.stages = stages_;

  report.plugins = describe_plugins(plugins);
  report.plugins_refused = plugins.refused;
}

std::vector<PluginReport> describe_plugins(const Plugins& plugins) {
  std::vector<PluginReport> rows;
  const auto describe = [&](const char* kind, const auto& instances) {
    for (const auto& instance : instances) {
      const PluginFile& file = instance->file();
      PluginReport row{kind,
                       instance->name(),
                       file.manifest.name + " " + file.manifest.version,
                       file.path.string(),
                       file.sha256,
                       instance->settings.priority,
                       instance->health().strikes(),
                       instance->health().retired(),
                       {},
                       instance->services().counters()};
      row.broke_contract = row.retired && instance->health().broke_contract();
      row.unproven = instance->health().unproven() > 0;
      row.first_strikes = instance->health().kept();
      for (const Strike& strike : row.first_strikes) {
        row.faults.push_back(fmt::format("{}: {}", to_string(strike.phase), strike.reason));
      }
      rows.push_back(std::move(row));
    }
  };
  describe("dex", plugins.venues);
  describe("strategy", plugins.strategies);
  describe("paymaster", plugins.paymasters);
  return rows;
}

}  // namespace gantry::host
