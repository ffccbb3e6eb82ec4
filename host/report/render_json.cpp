#include <boost/json.hpp>

#include "host/base/version.hpp"
#include "host/report/json_text.hpp"
#include "host/report/render.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host {
namespace {

namespace json = boost::json;

json::array texts(const std::vector<std::string>& all) {
  json::array out;
  for (const std::string& text : all) out.emplace_back(printable(text));
  return out;
}

json::object counts(const std::map<std::string, std::uint64_t>& all) {
  json::object out;
  for (const auto& [name, count] : all) out[printable(name)] = count;
  return out;
}

json::object risk_of(const RiskRefusal& refusal) {
  const bool approved = refusal.reason == RefusalReason::none;
  json::object out{{"approved", approved}};
  if (approved) return out;
  out["reason"] = to_string(refusal.reason);
  out["measured"] = refusal.measured;
  out["limit"] = refusal.limit;
  out["unit"] = unit_of(refusal.reason);
  return out;
}

json::object leg_of(const LegReport& leg) {
  return {{"venue", printable(leg.venue)},
          {"pool", printable(leg.pool)},
          {"token_in", short_symbol(leg.token_in)},
          {"token_out", short_symbol(leg.token_out)},
          {"amount_in", printable(leg.amount_in)},
          {"amount_out", printable(leg.amount_out)},
          {"amount_in_units", printable(leg.amount_in_units)},
          {"amount_out_units", printable(leg.amount_out_units)}};
}

json::object opportunity_of(const OpportunityReport& found) {
  json::array legs;
  for (const LegReport& leg : found.legs) legs.push_back(leg_of(leg));
  json::object out{{"strategy", printable(found.strategy)},
                   {"key", std::to_string(found.key)},
                   {"block", found.block},
                   {"sightings", found.sightings},
                   {"token", short_symbol(found.token)},
                   {"size", printable(found.size)},
                   {"size_units", printable(found.size_units)},
                   {"profit", printable(found.profit)},
                   {"profit_units", printable(found.profit_units)},
                   {"profit_eth", found.profit_eth},
                   {"profit_usd", found.profit_usd},
                   {"gross_eth", found.gross_eth},
                   {"gas_cost_eth", found.gas_cost_eth},
                   {"expected_profit_bps", found.expected_profit_bps},
                   {"confidence", found.confidence},
                   {"valuation_confidence", found.valuation_confidence},
                   {"risk_score", found.risk_score},
                   {"score", found.score},
                   {"risk_gate", risk_of(found.refusal)},
                   {"legs", std::move(legs)}};
  if (found.data_fee_eth > 0) out["data_fee_eth"] = found.data_fee_eth;
  return out;
}

json::object market_of(const RunReport& report) {
  json::object out{{"chain", printable(report.chain)},
                   {"chain_name", printable(report.chain_name)},
                   {"provenance", printable(report.provenance)},
                   {"first_block", report.first_block},
                   {"last_block", report.last_block},
                   {"snapshots", report.snapshots},
                   {"facts", report.facts},
                   {"tokens", report.tokens},
                   {"pools", report.pools},
                   {"pools_left_out", counts(report.pools_left_out)},
                   {"gas_price_gwei", report.gas_price_gwei},
                   {"block_time_s", report.block_time_s},
                   {"ether_usd", report.ether_usd},
                   {"state_hash", printable(report.state_hash)},
                   {"stopped", report.stopped},
                   {"damage", printable(report.damage)}};
  if (report.data_fee != DataFeeKind::none) out["data_fee"] = to_string(report.data_fee);
  return out;
}

json::array plugins_of(const RunReport& report) {
  json::array out;
  for (const PluginReport& plugin : report.plugins) {
    json::object row{{"kind", printable(plugin.kind)},
                     {"instance", printable(plugin.instance)},
                     {"library", printable(plugin.library)},
                     {"file", printable(plugin.file)},
                     {"sha256", printable(plugin.sha256)},
                     {"priority", plugin.priority},
                     {"strikes", plugin.strikes},
                     {"retired", plugin.retired},
                     {"faults", texts(plugin.faults)},
                     {"counters", counts(plugin.counters)}};
    if (plugin.taken_out != 0) row["taken_out_from_snapshot"] = plugin.taken_out;
    out.push_back(std::move(row));
  }
  return out;
}

json::array refused_plugins_of(const RunReport& report) {
  json::array out;
  for (const Refusal& refusal : report.plugins_refused) {
    out.push_back({{"kind", printable(refusal.kind)},
                   {"instance", printable(refusal.instance)},
                   {"reason", printable(refusal.reason)}});
  }
  return out;
}

// Only there when something was changed while it ran.
json::object changes_of(const RunReport& report) {
  json::array first;
  for (const ChangeReport& change : report.changes) {
    first.push_back(json::object{{"from_snapshot", change.from}, {"done", texts(change.done)}});
  }
  return {{"count", report.changes_count}, {"first", std::move(first)}};
}

json::array strategies_of(const RunReport& report) {
  json::array out;
  for (const StrategyReport& strategy : report.strategies) {
    out.push_back({{"name", printable(strategy.name)},
                   {"snapshots", strategy.snapshots},
                   {"skipped", strategy.skipped},
                   {"opportunities", strategy.opportunities},
                   {"cut", strategy.cut}});
  }
  return out;
}

json::object opportunities_of(const RunReport& report) {
  json::array best;
  for (const OpportunityReport& found : report.best) best.push_back(opportunity_of(found));
  return {{"sightings", report.opportunities},
          {"routes", report.routes},
          {"routes_dropped", report.routes_dropped},
          {"approved", report.approved},
          {"best", std::move(best)}};
}

json::array refusals_of(const RunReport& report) {
  json::array out;
  for (const auto& [reason, refused] : report.refusals) {
    json::object row{{"reason", to_string(reason)}, {"count", refused.count}};
    row["best"] = refused.example ? json::value(opportunity_of(*refused.example)) : json::value();
    out.push_back(std::move(row));
  }
  return out;
}

json::value request_of(const PlannedRequest& request) {
  json::object headers;
  for (const auto& [name, value] : request.headers) headers[printable(name)] = printable(value);
  json::error_code error;
  json::value body = json::parse(request.body, error);
  if (error) body = printable(request.body);
  return {{"method", printable(request.method)},
          {"url", printable(request.url)},
          {"headers", std::move(headers)},
          {"body", std::move(body)}};
}

json::value plan_of(const RunReport& report) {
  if (!report.plan) return nullptr;
  const PlanReport& plan = *report.plan;
  json::array calls;
  for (const PlanReport::Call& call : plan.calls) {
    calls.push_back({{"purpose", printable(call.purpose)},
                     {"target", printable(call.target)},
                     {"value", printable(call.value)},
                     {"data", printable(call.data)},
                     {"min_out_units", printable(call.min_out_units)}});
  }
  json::array sponsorship;
  for (const PlannedRequest& request : plan.sponsorship) sponsorship.push_back(request_of(request));
  json::object out{
      {"trade", opportunity_of(plan.trade)}, {"execution_block", plan.execution_block},
      {"min_out", printable(plan.min_out)},  {"min_out_units", printable(plan.min_out_units)},
      {"payer", printable(plan.payer)},      {"passed", texts(plan.passed)},
      {"calls", std::move(calls)},           {"sponsorship", std::move(sponsorship)}};
  if (plan.published_bytes != 0) {
    out["published_bytes"] = plan.published_bytes;
    out["data_fee"] = printable(plan.data_fee);
  }
  return out;
}

// What depends on the machine and on where the recording lies, and not on what is in it.
json::object timings_of(const RunReport& report) {
  json::object stages;
  for (std::size_t i = 0; i < stage_count; ++i) {
    const Histogram& stage = report.stages[i];
    stages[to_string(static_cast<Stage>(i))] = {{"count", stage.count()},
                                                {"p50_ns", stage.quantile_ns(0.50)},
                                                {"p99_ns", stage.quantile_ns(0.99)},
                                                {"max_ns", stage.max_ns()},
                                                {"sum_ns", stage.sum_ns()}};
  }
  return {{"recording", printable(report.recording)},
          {"threads", report.threads},
          {"load_s", report.load_s},
          {"stream_s", report.stream_s},
          {"resident_bytes_max", report.resident_bytes_max},
          {"stages", std::move(stages)}};
}

json::object report_of(const RunReport& report, const RenderOptions& options) {
  json::object out{{"schema", "gantry.run/1"},
                   {"gantry", version_text},
                   {"dry_run", !report.executed},
                   {"market", market_of(report)},
                   {"plugins", plugins_of(report)},
                   {"plugins_refused", refused_plugins_of(report)},
                   {"strategies", strategies_of(report)},
                   {"opportunities", opportunities_of(report)},
                   {"refusals", refusals_of(report)},
                   {"plans", report.plans},
                   {"plan", plan_of(report)},
                   {"plan_failures", texts(report.plan_failures)}};
  if (report.executed) {
    json::object others;
    for (const auto& [reason, count] : report.executed->others) others[reason] = count;
    out["executed"] = {{"filled", report.executed->filled},
                       {"others", std::move(others)},
                       {"net_eth", report.executed->net_eth},
                       {"net_usd", report.executed->net_usd}};
  }
  if (report.changes_count > 0) out["changes"] = changes_of(report);
  if (options.timings) out["timings"] = timings_of(report);
  return out;
}

}  // namespace

std::string render_json(const RunReport& report, const RenderOptions& options) {
  return json_text(report_of(report, options));
}

std::string render_json(const std::vector<ChainOutcome>& chains, const RenderOptions& options) {
  json::array all;
  for (const ChainOutcome& chain : chains) {
    json::object row{{"chain", printable(chain.chain)}, {"name", printable(chain.name)}};
    row["error"] = chain.report ? json::value() : json::value(printable(chain.error));
    row["report"] = chain.report ? json::value(report_of(*chain.report, options)) : json::value();
    all.push_back(std::move(row));
  }
  return json_text(json::object{
      {"schema", "gantry.runs/1"},
      {"gantry", version_text},
      {"dry_run",
       std::ranges::none_of(
           chains, [](const auto& chain) { return chain.report && chain.report->executed; })},
      {"chains", std::move(all)}});
}

}  // namespace gantry::host
