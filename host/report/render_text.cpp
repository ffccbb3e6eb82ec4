#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "host/base/text.hpp"
#include "host/report/json_text.hpp"
#include "host/report/render.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host {
namespace {

using Cell = Table::Cell;

std::string heading(const Style& style, std::string_view title, std::string_view detail) {
  std::string out = "\n" + style(Ink::bold, title);
  if (!detail.empty())
    out += "  " + style(Ink::dim, cut_to(detail, terminal_columns - 2 - width_of(title)));
  return out + "\n";
}

// Lines of running text, indented by two.
std::string paragraph(const Style& style, std::string_view text, Ink ink = Ink::plain,
                      std::string_view indent = "  ") {
  std::string out;
  for (const std::string& line : wrap(printable(text), terminal_columns - indent.size())) {
    out += std::string(indent) + style(ink, line) + "\n";
  }
  return out;
}

std::string amount(std::string_view decimal, std::string_view symbol) {
  return short_decimal(decimal) + " " + short_symbol(symbol);
}

// Of "12.950000 WETH".
std::string short_amount(std::string_view text) {
  const std::size_t space = std::min(text.find(' '), text.size());
  return short_decimal(text.substr(0, space)) + printable(text.substr(space));
}

// "uniswap_v2×3", "uniswap_v2, sushi, uniswap_v2".
std::string venues_of(const std::vector<LegReport>& legs) {
  const bool same = std::ranges::all_of(
      legs, [&](const LegReport& leg) { return leg.venue == legs.front().venue; });
  if (same) return fmt::format("{}×{}", printable(legs.front().venue), legs.size());
  std::vector<std::string> names;
  for (const LegReport& leg : legs) names.push_back(printable(leg.venue));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string route_of(const OpportunityReport& opportunity) {
  if (opportunity.legs.empty()) return short_symbol(opportunity.token);
  std::string out = short_symbol(opportunity.legs.front().token_in);
  for (const LegReport& leg : opportunity.legs) out += " → " + short_symbol(leg.token_out);
  return out + "  " + venues_of(opportunity.legs);
}

std::string quantity(double value, std::string_view unit) {
  return with_unit(short_number(value, unit == "blocks" || unit == "bps" ? 0 : 2), unit);
}

// With as many digits as it takes to tell it from the limit.
std::string measured_text(const RiskRefusal& refusal, std::string_view unit) {
  const std::string text = quantity(refusal.measured, unit);
  if (text != quantity(refusal.limit, unit)) return text;
  return with_unit(short_number(refusal.measured, 6), unit);
}

std::string verdict_of(const RiskRefusal& refusal) {
  return refusal.reason == RefusalReason::none ? "approved"
                                               : std::string(to_string(refusal.reason));
}

std::string header(const RunReport& report, const Style& style) {
  std::uint64_t left_out = 0;
  std::vector<std::string> reasons;
  for (const auto& [reason, count] : report.pools_left_out) {
    left_out += count;
    reasons.push_back(fmt::format("{} {}", grouped(count), printable(reason)));
  }
  const std::uint64_t usable = report.pools - std::min(report.pools, left_out);
  std::string out = style(Ink::bold, "Market") + "  ";
  out += cut_to(fmt::format("{} ({}), blocks {} to {}, {}", printable(report.chain_name),
                            printable(report.chain), report.first_block, report.last_block,
                            counted(report.snapshots, "snapshot")),
                terminal_columns - 8) +
         "\n";
  out += paragraph(
      style, fmt::format(
                 "{}, {} of {} usable{}", counted(report.tokens, "token"), grouped(usable),
                 counted(report.pools, "pool"),
                 reasons.empty() ? std::string() : fmt::format(" ({})", fmt::join(reasons, ", "))));
  const std::string dollar =
      report.ether_usd > 0
          ? fmt::format("; 1 ETH = {} USD at the last block", short_number(report.ether_usd, 2))
          : "; no dollar price";
  const std::string data_fee =
      report.data_fee == DataFeeKind::none
          ? std::string()
          : fmt::format("; a trade's bytes are paid for besides ({})", to_string(report.data_fee));
  out += paragraph(style, fmt::format("gas {} gwei, a block every {} s (both from the "
                                      "configuration){}{}",
                                      short_number(report.gas_price_gwei, 1),
                                      short_number(report.block_time_s, 1), data_fee, dollar));
  out += paragraph(style, report.provenance, Ink::dim);
  if (!report.damage.empty()) {
    out += paragraph(style, "damaged recording: " + report.damage, Ink::bad);
  }
  if (report.stopped) out += paragraph(style, "stopped before the recording's end", Ink::warning);
  return out;
}

std::string loaded(const RunReport& report, const Style& style) {
  std::string out = heading(style, "Loaded", "");
  Table table({{"kind"},
               {"instance"},
               {"library", Align::left, true},
               {"priority", Align::right},
               {"strikes", Align::right},
               {"state"}});
  for (const PluginReport& plugin : report.plugins) {
    const Ink ink = plugin.retired ? Ink::bad : plugin.strikes > 0 ? Ink::warning : Ink::plain;
    table.add({{plugin.kind},
               {plugin.instance, Ink::bold},
               {plugin.library},
               {std::to_string(plugin.priority)},
               {grouped(plugin.strikes), ink},
               {plugin.taken_out != 0 ? "retired, taken out"
                : plugin.retired      ? "retired"
                                      : "runs",
                plugin.retired ? Ink::bad : Ink::good}});
    for (const std::string& fault : plugin.faults) table.add_note(fault, Ink::warning);
  }
  if (table.empty()) {
    out += "  nothing\n";
  } else {
    out += table.text(style);
  }
  for (const Refusal& refusal : report.plugins_refused) {
    out += paragraph(
        style,
        fmt::format("{} {} was not loaded: {}", refusal.kind, refusal.instance, refusal.reason),
        Ink::warning);
  }
  for (const ChangeReport& change : report.changes) {
    for (const std::string& done : change.done) {
      out += paragraph(style, fmt::format("from snapshot {}: {}", grouped(change.from), done));
    }
  }
  for (const StrategyReport& strategy : report.strategies) {
    std::string line =
        fmt::format("{}: given {}", strategy.name, counted(strategy.snapshots, "snapshot"));
    if (strategy.skipped > 0) line += fmt::format(", skipped {}", grouped(strategy.skipped));
    line += fmt::format(", found {}", counted(strategy.opportunities, "sighting"));
    if (strategy.cut > 0)
      line += fmt::format(", {} over its bound were cut", grouped(strategy.cut));
    out += paragraph(style, line);
  }
  return out;
}

// Money at a glance: four digits are enough.
std::string glance(double value) {
  const double size = std::abs(value);
  return short_number(value, size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 4);
}

void add_opportunity(Table& table, const std::string& number, const OpportunityReport& found) {
  const bool approved = found.refusal.reason == RefusalReason::none;
  const Ink gain = found.profit_eth >= 0 ? Ink::plain : Ink::bad;
  table.add({{number},
             {short_decimal(found.size, 5)},
             {short_decimal(found.profit, 5) + " " + short_symbol(found.token), gain},
             {glance(found.profit_eth), gain},
             {short_number(found.profit_usd, std::abs(found.profit_usd) >= 1000 ? 0 : 2), gain},
             {short_number(found.confidence, 2)},
             {short_number(found.risk_score, 2)},
             {verdict_of(found.refusal), approved ? Ink::good : Ink::warning}});
  table.add_note(fmt::format("{}  {}, block {}", route_of(found), found.strategy, found.block));
}

std::string opportunities(const RunReport& report, const RenderOptions& options,
                          const Style& style) {
  const std::size_t shown = std::min(options.top, report.best.size());
  std::string detail =
      fmt::format("{} of {}, {} approved", counted(report.opportunities, "sighting"),
                  counted(report.routes, "route"), grouped(report.approved));
  if (shown == 1 && report.routes > 1) detail += "; the best route";
  if (shown > 1 && shown < report.routes) detail += fmt::format("; the best {}", shown);
  if (report.routes_dropped > 0) {
    detail += fmt::format("; {} over the bound were not kept", grouped(report.routes_dropped));
  }
  std::string out = heading(style, "Opportunities", detail);
  if (shown == 0) return out + "  none\n";
  Table table({{"#", Align::right},
               {"size", Align::right},
               {"profit", Align::right, true},
               {"ETH", Align::right},
               {"USD", Align::right},
               {"conf", Align::right},
               {"risk", Align::right},
               {"verdict"}});
  for (std::size_t i = 0; i < shown; ++i) {
    add_opportunity(table, std::to_string(i + 1), report.best[i]);
  }
  out += table.text(style);
  return out + paragraph(style,
                         "profit is after fees and gas, in ETH and USD as it would sell; ranked by "
                         "expected profit × confidence",
                         Ink::dim);
}

std::string refusals(const RunReport& report, const Style& style) {
  std::uint64_t total = 0;
  for (const auto& [reason, refused] : report.refusals) total += refused.count;
  std::string out = heading(style, "Refused by the risk gate",
                            total == 0 ? "nothing" : counted(total, "sighting"));
  if (total == 0) return out;
  Table table({{"count", Align::right},
               {"reason"},
               {"measured", Align::right},
               {"limit", Align::right},
               {"profit", Align::right, true}});
  for (const auto& [reason, refused] : report.refusals) {
    if (!refused.example) {
      table.add({{grouped(refused.count)}, {std::string(to_string(reason)), Ink::warning}});
      continue;
    }
    const OpportunityReport& best = *refused.example;
    const bool has_limit = best.refusal.measured != 0 || best.refusal.limit != 0;
    const std::string_view unit = unit_of(reason);
    table.add({{grouped(refused.count)},
               {std::string(to_string(reason)), Ink::warning},
               {has_limit ? measured_text(best.refusal, unit) : "-"},
               {has_limit ? quantity(best.refusal.limit, unit) : "-"},
               {short_number(best.profit_usd, 2) + " USD"}});
    table.add_note(route_of(best));
  }
  out += table.text(style);
  return out + paragraph(style, "each with the best one that was refused for it", Ink::dim);
}

// The body as JSON with long values cut, at most `lines_max` lines: the whole is in --json.
std::string shortened_body(std::string_view body, const Style& style) {
  constexpr std::size_t lines_max = 24;
  constexpr std::size_t columns = terminal_columns - 6;
  boost::json::error_code error;
  const auto parsed = boost::json::parse(boost::json::string_view(body.data(), body.size()), error);
  std::string text = error ? std::string(body) : json_text(parsed);
  std::string out;
  std::size_t lines = 0;
  for (std::string_view rest = text; !rest.empty() && lines <= lines_max; ++lines) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string line =
        lines == lines_max ? std::string("…") : cut_middle(printable(rest.substr(0, end)), columns);
    out += "    " + style(Ink::dim, line) + "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

std::string request(const PlannedRequest& planned, const Style& style) {
  std::string out = "  " + style(Ink::bold, "would send") + "  " +
                    cut_to(printable(planned.method + " " + planned.url), terminal_columns - 14) +
                    "\n";
  for (const auto& [name, value] : planned.headers) {
    const std::string line = fmt::format("{}: {}", name, value);
    out += fmt::format("    {}\n", cut_to(printable(line), terminal_columns - 4));
  }
  return out + shortened_body(planned.body, style);
}

// "12 trades filled, 1 reverted, 2 not sent ...; +0.5 ETH ($900.00) after costs"
std::string executed(const ExecutedReport& done) {
  std::string out = counted(done.filled, "trade") + " filled";
  for (const auto& [reason, count] : done.others) {
    out += fmt::format(", {} {}", grouped(count), reason);
  }
  return out + fmt::format("; {:+.6f} in the chain's coin ({:+.2f} USD) after all costs.",
                           done.net_eth, done.net_usd);
}

std::string plan(const RunReport& report, const Style& style) {
  if (!report.plan) {
    std::string out = heading(
        style, report.executed ? "Plan" : "Dry-run plan",
        report.approved == 0
            ? "none: nothing was approved"
            : fmt::format("none: {} approved, none could be planned", grouped(report.approved)));
    for (const std::string& failure : report.plan_failures) {
      out += paragraph(style, failure, Ink::warning);
    }
    return out;
  }
  const PlanReport& plan = *report.plan;
  std::string out = heading(
      style, report.executed ? "Plan of the best" : "Dry-run plan of the best",
      fmt::format("{} for block {}", counted(plan.calls.size(), "call"), plan.execution_block));
  out += "  " + cut_to(route_of(plan.trade), terminal_columns - 2) + "\n";
  out += paragraph(style, fmt::format("in {}, at least {} out, gas paid by {}",
                                      amount(plan.trade.size, plan.trade.token),
                                      short_amount(plan.min_out), plan.payer));
  if (plan.published_bytes != 0) {
    out += paragraph(style, fmt::format("{} of the gas are for the {} that are published",
                                        plan.data_fee, counted(plan.published_bytes, "byte")));
  }
  Table table({{"#", Align::right}, {"purpose", Align::left, true}, {"target"}, {"calldata"}});
  std::size_t number = 0;
  for (const PlanReport::Call& call : plan.calls) {
    const std::size_t bytes = call.data.size() >= 2 ? (call.data.size() - 2) / 2 : 0;
    table.add(
        {{std::to_string(++number)},
         {call.purpose},
         {cut_middle(printable(call.target), 15)},
         {bytes > 4 ? fmt::format("{}… {} bytes", call.data.substr(0, 10), bytes) : call.data}});
    const bool pays = !call.value.empty() && call.value != "0";
    if (pays) table.add_note("value " + call.value + " wei");
    if (!call.min_out_units.empty() && call.min_out_units != "0") {
      table.add_note("minimum out " + call.min_out_units + " (smallest units)");
    }
  }
  out += table.text(style);
  for (const std::string& reason : plan.passed) {
    out += paragraph(style, "passed over: " + reason, Ink::warning);
  }
  for (const PlannedRequest& planned : plan.sponsorship) out += request(planned, style);
  return out;
}

std::string micros(std::uint64_t nanoseconds) {
  return short_number(static_cast<double>(nanoseconds) / 1000.0, 1);
}

std::string timings(const RunReport& report, const Style& style) {
  std::string out = heading(
      style, "Time per stage",
      fmt::format("µs, {}; loaded in {} s, run in {} s, {} MB resident",
                  counted(report.threads, "thread"), short_number(report.load_s, 2),
                  short_number(report.stream_s, 2), grouped(report.resident_bytes_max >> 20U)));
  Table table({{"stage"},
               {"p50", Align::right},
               {"p99", Align::right},
               {"max", Align::right},
               {"times", Align::right}});
  for (std::size_t i = 0; i < stage_count; ++i) {
    const Histogram& stage = report.stages[i];
    if (stage.count() == 0) continue;
    table.add({{std::string(to_string(static_cast<Stage>(i)))},
               {micros(stage.quantile_ns(0.50))},
               {micros(stage.quantile_ns(0.99))},
               {micros(stage.max_ns())},
               {grouped(stage.count())}});
  }
  if (table.empty()) return out + "  nothing was measured\n";
  return out + table.text(style) +
         paragraph(style,
                   "total is from a block's arrival to the end of its plan, waiting included",
                   Ink::dim);
}

}  // namespace

std::string render_text(const RunReport& report, const RenderOptions& options) {
  const Style style(options.colour);
  std::string out = header(report, style);
  out += loaded(report, style);
  out += opportunities(report, options, style);
  out += refusals(report, style);
  out += plan(report, style);
  if (options.timings) out += timings(report, style);
  out += "\n" +
         style(Ink::bold, report.executed ? executed(*report.executed)
                                          : "Nothing was signed and nothing was sent: "
                                            "this was a dry run.") +
         "\n";
  return out;
}

std::string render_text(const std::vector<ChainOutcome>& chains, const RenderOptions& options) {
  const Style style(options.colour);
  std::string out;
  for (const ChainOutcome& chain : chains) {
    if (!out.empty()) out += "\n";
    out += style(Ink::bold,
                 cut_to(fmt::format("== {} ({}) ==", printable(chain.name), printable(chain.chain)),
                        terminal_columns)) +
           "\n\n";
    out += chain.report ? render_text(*chain.report, options)
                        : paragraph(style, "there is no report: " + chain.error, Ink::bad);
  }
  return out;
}

}  // namespace gantry::host
