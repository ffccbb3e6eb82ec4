// [risk] of gantry.toml, and the tables below it: [risk.chain."eip155:1"], [risk.venue.NAME],
// [risk.strategy.NAME] and [risk.plugin.NAME].
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <variant>

#include "host/config/sections.hpp"

namespace gantry::host {

std::string_view to_string(RiskScopeKind kind) {
  switch (kind) {
    case RiskScopeKind::total:
      return "total";
    case RiskScopeKind::chain:
      return "chain";
    case RiskScopeKind::venue:
      return "venue";
    case RiskScopeKind::strategy:
      return "strategy";
    case RiskScopeKind::plugin:
      return "plugin";
  }
  return "?";
}

std::string_view to_string(Recovery recovery) {
  return recovery == Recovery::by_hand ? "by_hand" : "automatic";
}

std::string_view to_string(DryRunFills fills) {
  return fills == DryRunFills::next_block ? "next_block" : "none";
}

namespace config {
namespace {

struct LimitField {
  Field field;
  std::variant<double RiskLimits::*, std::int64_t RiskLimits::*> member;
  bool least = false;  // a larger one is stricter
};

const auto& limit_fields() {
  using L = RiskLimits;
  static const std::array fields{
      LimitField{{"pool_concentration_bps", "most of a pool's reserve that one trade may put in",
                  "bps", 1, 10000},
                 &L::pool_concentration_bps},
      LimitField{{"min_profit_usd", "least profit after fees and gas", "USD", 0, 1e9},
                 &L::min_profit_usd,
                 true},
      LimitField{
          {"min_profit_gas", "least profit after gas, as a multiple of the gas", "times", 0, 1e6},
          &L::min_profit_gas,
          true},
      LimitField{{"max_position_eth", "most that one trade may put in, in the chain's coin",
                  "ether", 0, 1e9},
                 &L::max_position_eth},
      LimitField{{"max_position_usd", "most that one trade may put in, in dollars", "USD", 0, 1e12},
                 &L::max_position_usd},
      LimitField{{"min_confidence", "least confidence, as the strategy states it", {}, 0, 1},
                 &L::min_confidence,
                 true},
      LimitField{{"max_risk_score", "highest risk score, as the strategy states it", {}, 0, 1},
                 &L::max_risk_score},
      LimitField{
          {"max_snapshot_age_blocks", "a quote from an older block is refused", "blocks", 0, 10000},
          &L::max_snapshot_age_blocks},
      LimitField{{"max_loss_usd", "most that one trade may lose, before it and when it is known",
                  "USD", 0, 1e9},
                 &L::max_loss_usd},
      LimitField{{"max_loss_bps", "the same, of the capital", "bps", 0, 10000}, &L::max_loss_bps},
      LimitField{{"min_success", "least probability of success, as it is forecast", {}, 0, 1},
                 &L::min_success,
                 true},
      LimitField{{"max_slippage_bps", "how far prices are expected to move until it executes",
                  "bps", 0, 10000},
                 &L::max_slippage_bps},
      LimitField{
          {"max_crossing_bps", "most that it costs to open or close a position", "bps", 0, 10000},
          &L::max_crossing_bps},
      LimitField{{"max_volatility_bps", "standard deviation of prices until it executes", "bps", 0,
                  100000},
                 &L::max_volatility_bps},
      LimitField{{"max_value_at_risk_usd", "99 % value at risk, with all that is under way", "USD",
                  0, 1e12},
                 &L::max_value_at_risk_usd},
      LimitField{{"max_composite", "highest composite score", {}, 0, 1}, &L::max_composite},
      LimitField{{"max_concurrent_eth", "most that may be under way at once, in the chain's coin",
                  "ether", 0, 1e9},
                 &L::max_concurrent_eth},
      LimitField{{"reserve_bps", "of the capital, that is never put in", "bps", 0, 10000},
                 &L::reserve_bps,
                 true},
      LimitField{
          {"max_gas_eth_day", "most that may be spent on gas in a day (UTC)", "ether", 0, 1e9},
          &L::max_gas_eth_day},
      LimitField{{"max_daily_loss_eth", "a breaker: more lost in a day (UTC) than gained", "ether",
                  0, 1e9},
                 &L::max_daily_loss_eth},
      LimitField{{"max_daily_loss_usd", "a breaker: the same in dollars", "USD", 0, 1e12},
                 &L::max_daily_loss_usd},
      LimitField{{"max_drawdown_bps", "a breaker: equity below its highest", "bps", 0, 10000},
                 &L::max_drawdown_bps},
      LimitField{{"max_failures", "a breaker: more failures than these, one after the other",
                  "failures", 0, 1'000'000},
                 &L::max_failures},
      LimitField{{"max_quote_deviation_bps", "a breaker: a fill this far below what was quoted",
                  "bps", 0, 10000},
                 &L::max_quote_deviation_bps},
      LimitField{{"ramp_successes", "trades are small until so many have succeeded", "trades", 0,
                  1'000'000},
                 &L::ramp_successes,
                 true},
      LimitField{{"ramp_hours", "and until so long after the first", "hours", 0, 8760},
                 &L::ramp_hours,
                 true},
      LimitField{{"ramp_position_eth", "most that one of them may put in", "ether", 0, 1e9},
                 &L::ramp_position_eth},
  };
  return fields;
}

void read_limits(TableReader& reader, RiskLimits& limits) {
  for (const LimitField& each : limit_fields()) {
    if (const auto* number = std::get_if<double RiskLimits::*>(&each.member)) {
      reader.number(each.field, limits.**number);
    } else {
      reader.integer(each.field, limits.*std::get<std::int64_t RiskLimits::*>(each.member));
    }
  }
}

double limit_of(const RiskLimits& limits, const LimitField& field) {
  if (const auto* number = std::get_if<double RiskLimits::*>(&field.member)) {
    return limits.**number;
  }
  return static_cast<double>(limits.*std::get<std::int64_t RiskLimits::*>(field.member));
}

// A trade has to meet the limits of all: one that is looser than the total's would do nothing.
void refuse_looser(TableReader& reader, const RiskLimits& total, const RiskLimits& limits) {
  for (const LimitField& each : limit_fields()) {
    const double whole = limit_of(total, each);
    const double own = limit_of(limits, each);
    if (each.least ? own >= whole : own <= whole) continue;
    const Member* member = reader.node().find(each.field.key);
    if (member == nullptr) continue;
    reader.fault(Severity::error, member->value.place, each.field.key,
                 {fmt::format("is {}: it does nothing, for [risk] has {}, and a trade has to meet "
                              "both",
                              own, whole),
                  fmt::format("{} {}, or a looser one in [risk]",
                              each.least ? "at least" : "at most", whole),
                  {}});
  }
}

std::vector<std::string> scope_names_of(RiskScopeKind kind, const Configuration& out) {
  std::vector<std::string> names;
  if (kind == RiskScopeKind::chain) {
    for (const ChainSettings& chain : out.chains) names.push_back(chain.id);
  } else if (kind == RiskScopeKind::venue) {
    for (const DexSettings& dex : out.dexes) names.push_back(dex.name);
  } else if (kind == RiskScopeKind::strategy) {
    for (const StrategySettings& strategy : out.strategies) names.push_back(strategy.name);
  } else {
    const auto library_of = [&](const InstanceSettings& settings) {
      return settings.installed ? out.plugins[*settings.installed].manifest.name : settings.plugin;
    };
    for (const DexSettings& dex : out.dexes) names.push_back(library_of(dex));
    for (const StrategySettings& strategy : out.strategies) names.push_back(library_of(strategy));
    std::ranges::sort(names);
    names.erase(std::ranges::unique(names).begin(), names.end());
  }
  return names;
}

constexpr std::array scope_kinds{RiskScopeKind::chain, RiskScopeKind::venue,
                                 RiskScopeKind::strategy, RiskScopeKind::plugin};

void read_scopes(TableReader& risk, RiskScopeKind kind, Configuration& out) {
  const std::string word(to_string(kind));
  const Node& table = risk.table(word);
  const auto names = scope_names_of(kind, out);
  TableReader parent(risk.loading(), risk.document(), table, "risk." + word);
  for (const Member& member : table.members) {
    const bool known = std::ranges::find(names, member.key) != names.end();
    if (member.value.kind != Node::Kind::table || !known) {
      parent.fault(Severity::error, member.key_place, member.key,
                   {member.value.kind == Node::Kind::table
                        ? fmt::format("names no {} of the configuration", word)
                        : fmt::format("is {}, and not a table", describe(member.value)),
                    fmt::format("one of {}", fmt::join(names, ", ")), nearest(member.key, names)});
      continue;
    }
    RiskScope scope{kind, member.key, out.risk};
    TableReader reader(risk.loading(), risk.document(), member.value,
                       fmt::format("risk.{}.{}", word, member.key));
    read_limits(reader, scope.limits);
    refuse_looser(reader, out.risk, scope.limits);
    reader.refuse_unknown();
    out.risk.scopes.push_back(std::move(scope));
  }
}

}  // namespace

void read_risk(TableReader& root, RiskSettings& risk) {
  TableReader reader(root.loading(), root.document(), root.table("risk"), "risk");
  read_limits(reader, risk);
  reader.number({.key = "capital_eth",
                 .help = "what there is to trade with, which results change; balances are not "
                         "read; shares of the capital are of this",
                 .unit = "ether",
                 .min = 0,
                 .max = 1e9},
                risk.capital_eth);
  reader.choice({.key = "recovery",
                 .help = "after a breaker of losses, failures or deviations: automatic, at "
                         "reduced size first; by_hand: with `gantry resume`"},
                std::array{Recovery::automatic, Recovery::by_hand}, risk.recovery);
  reader.integer({.key = "cool_down_s",
                  .help = "how long such a breaker halts",
                  .unit = "seconds",
                  .min = 1,
                  .max = 31'536'000},
                 risk.cool_down_s);
  reader.integer({.key = "reduced_s",
                  .help = "how long trades are reduced after that",
                  .unit = "seconds",
                  .min = 0,
                  .max = 31'536'000},
                 risk.reduced_s);
  reader.integer({.key = "reduced_bps",
                  .help = "of every limit of size, that holds while trades are reduced",
                  .unit = "bps",
                  .min = 0,
                  .max = 10000},
                 risk.reduced_bps);
  reader.boolean(
      {.key = "unwind",
       .help = "while trades are reduced, positions that were left open are closed by the "
               "host itself"},
      risk.unwind);
  reader.integer({.key = "stale_s",
                  .help = "a chain that is followed and brings no block for so long is halted "
                          "until it does; 0: never",
                  .unit = "seconds",
                  .min = 0,
                  .max = 86'400},
                 risk.stale_s);
  reader.choice({.key = "dry_run_fills",
                 .help = "what a dry run counts of a trade that it planned: none; next_block: what "
                         "its route pays in the block in which it would have been executed"},
                std::array{DryRunFills::none, DryRunFills::next_block}, risk.dry_run_fills);
  reader.path({.key = "state",
               .help = "where breakers, and prices of a chain, are kept for the next start; empty: "
                       "gantry/risk in $XDG_STATE_HOME"},
              risk.state);
  std::vector<std::string> below;
  for (const RiskScopeKind kind : scope_kinds) below.emplace_back(to_string(kind));
  reader.refuse_unknown(below);
}

void read_risk_scopes(TableReader& root, Configuration& out) {
  const Member* risk = root.node().find("risk");
  if (risk == nullptr || risk->value.kind != Node::Kind::table) return;
  TableReader reader(root.loading(), root.document(), risk->value, "risk");
  for (const RiskScopeKind kind : scope_kinds) read_scopes(reader, kind, out);
}

}  // namespace config
}  // namespace gantry::host
