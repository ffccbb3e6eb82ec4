// gantry audit verify|report|resolve: whether the ledger is what was written, and what the trades
// brought.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>

#include "host/base/text.hpp"
#include "host/cli/audit_resolve.hpp"
#include "host/cli/command.hpp"
#include "host/config/control_settings.hpp"
#include "host/execute/held.hpp"
#include "host/ledger/ledger.hpp"
#include "host/ledger/signing_key.hpp"
#include "host/ledger/verify.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::uint32_t coin_decimals = 18;

struct Options {
  std::string ledger;
  std::string public_key;
  std::string expected;
  std::string from;
  std::string to;
  ledger::By by = ledger::By::strategy;
  bool as_json = false;
};

struct LedgerFiles {
  fs::path ledger;
  fs::path public_key;
};

// Those given, or else those of gantry.toml, whatever else is wrong there.
std::expected<LedgerFiles, ExitCode> find_files(const Session& session, const Options& options) {
  LedgerFiles out{options.ledger, options.public_key};
  fs::path key;
  if (options.ledger.empty()) {
    const auto read = load_control_settings(ConfigFiles::in_folder(config_folder(session)).gantry,
                                            session.environment, "ledger");
    if (!read) {
      std::fputs(render_text(read.error(), session.colour_err).c_str(), stderr);
      if (options.as_json) print(render_json(read.error()) + "\n");
      return std::unexpected(ExitCode::usage);
    }
    out.ledger = read->ledger.path;
    key = read->ledger.key;
    if (out.ledger.empty()) {
      out.ledger = ledger::default_ledger(session.environment).value_or(fs::path());
    }
    if (out.ledger.empty()) {
      return std::unexpected(report_error({ErrorKind::configuration,
                                           "there is no ledger, for HOME and XDG_STATE_HOME are "
                                           "not set: set one of them, or `path` "
                                           "in [ledger] of gantry.toml"}));
    }
  }
  if (key.empty()) key = ledger::default_key_file(out.ledger);
  if (out.public_key.empty()) out.public_key = ledger::public_key_file(key);
  return out;
}

std::string row_text(const ledger::Finding& finding) {
  return finding.row == 0 ? finding.what : fmt::format("row {} {}", finding.row, finding.what);
}

std::string verification_json(const LedgerFiles& files, const ledger::Verification& found) {
  json::array findings;
  for (const ledger::Finding& each : found.findings) {
    findings.push_back(json::object{{"row", each.row}, {"what", printable(each.what)}});
  }
  json::array notes;
  for (const std::string& each : found.notes) notes.push_back(json::string(printable(each)));
  return json_text(json::object{{"ledger", printable(files.ledger.string())},
                                {"whole", found.findings.empty()},
                                {"rows", found.rows},
                                {"proven", found.proven},
                                {"intents", found.intents},
                                {"head", to_string(found.head)},
                                {"findings", std::move(findings)},
                                {"more", found.more},
                                {"notes", std::move(notes)}});
}

std::string verification_text(const LedgerFiles& files, const ledger::Verification& found,
                              const Style& style) {
  const bool whole = found.findings.empty();
  std::string out = fmt::format("{}  {}: {} of the trail, {}\n",
                                whole ? style(Ink::good, "whole") : style(Ink::bad, "not whole"),
                                printable(files.ledger.string()),
                                counted(static_cast<std::uint64_t>(found.rows), "row"),
                                counted(static_cast<std::uint64_t>(found.intents), "intent"));
  for (const ledger::Finding& each : found.findings) {
    out += "  " + style(Ink::bad, printable(row_text(each))) + "\n";
  }
  if (found.more > 0) out += fmt::format("  and {} more\n", grouped(found.more));
  if (!whole) {
    out += found.proven > 0
               ? fmt::format("  rows 1 to {} of the trail are chained and signed\n", found.proven)
               : std::string("  no row of the trail is proven\n");
  }
  for (const std::string& each : found.notes) {
    out += "  " + style(Ink::warning, "note: ") + printable(each) + "\n";
  }
  return out + "head   " + to_string(found.head) + "\n";
}

ExitCode verify(const Session& session, const Options& options) {
  ledger::VerifyOptions wanted;
  if (!options.expected.empty()) {
    wanted.expected = ledger::parse_noted_head(options.expected);
    if (!wanted.expected) {
      return report_error(
          {ErrorKind::usage, fmt::format("--expect {}: is no head as this command prints it: a "
                                         "number, a colon and 64 hexadecimal digits",
                                         options.expected)});
    }
  }
  const auto files = find_files(session, options);
  if (!files) return files.error();
  wanted.public_key = files->public_key;
  if (session.terminal_err) {
    wanted.progress = [](std::int64_t done, std::int64_t all) {
      const std::string line = fmt::format("\r{} of {} rows\x1b[K", done, all);
      std::fputs(line.c_str(), stderr);
    };
  }
  const auto found = ledger::verify(files->ledger, wanted);
  if (session.terminal_err) std::fputs("\r\x1b[K", stderr);
  if (!found) return report_error(found.error());
  print(options.as_json ? verification_json(*files, *found)
                        : verification_text(*files, *found, Style(session.colour_out)));
  return found->findings.empty() ? ExitCode::done : ExitCode::found;
}

std::string coin_text(const ledger::SignedAmount& wei) {
  return (wei.is_negative() ? "-" : "") + decimal_text(wei.magnitude(), coin_decimals);
}
std::string usd_text(std::int64_t usd_e6) {
  return short_number(static_cast<double>(usd_e6) / 1e6, 2);
}

struct Totals {
  std::map<std::string, ledger::ProfitRow> by_coin;
  std::int64_t usd_e6 = 0;
};

// By venue a trade counts at each venue: the trades of all venues are more than there were.
Result<Totals> totals_of(const std::vector<ledger::ProfitRow>& rows) {
  Totals out;
  for (const ledger::ProfitRow& row : rows) {
    ledger::ProfitRow& sum = out.by_coin[row.coin];
    sum.coin = row.coin;
    sum.included += row.included;
    sum.reverted += row.reverted;
    sum.unreckoned += row.unreckoned;
    sum.unvalued += row.unvalued;
    if (!add(sum.wei, row.wei, sum.wei) ||
        __builtin_add_overflow(sum.usd_e6, row.usd_e6, &sum.usd_e6) ||
        __builtin_add_overflow(out.usd_e6, row.usd_e6, &out.usd_e6)) {
      return fail(ErrorKind::limit, "the total is out of range: ask for fewer days");
    }
  }
  return out;
}

json::object row_json(const ledger::ProfitRow& row, std::string_view group_name) {
  json::object out;
  if (!group_name.empty()) out[group_name] = printable(row.group);
  out["coin"] = printable(row.coin);
  out["included"] = row.included;
  out["reverted"] = row.reverted;
  out["unreckoned"] = row.unreckoned;
  out["unvalued"] = row.unvalued;
  out["wei"] = to_string(row.wei);
  out["usd_e6"] = row.usd_e6;
  return out;
}

// What is held at the newest trade, whatever the days that are asked for.
struct HeldOn {
  std::string chain;
  Positions positions;
};
Result<std::vector<HeldOn>> held_on_all(ledger::Reader& reader) {
  const auto lanes = reader.lanes();
  if (!lanes) return std::unexpected(lanes.error());
  std::vector<HeldOn> out;
  for (const ledger::Lane& lane : *lanes) {
    if (std::ranges::find(out, lane.chain, &HeldOn::chain) != out.end()) continue;
    const auto trades = reader.exchanges(lane.chain);
    if (!trades) return std::unexpected(trades.error());
    auto held = positions_of(*trades);
    if (!held) return std::unexpected(held.error());
    out.push_back({lane.chain, std::move(*held)});
  }
  return out;
}

std::string report_json(const LedgerFiles& files, const Options& options,
                        const std::vector<ledger::ProfitRow>& rows, const Totals& totals,
                        const std::vector<HeldOn>& held) {
  json::array positions;
  for (const HeldOn& chain : held) {
    for (const Position& each : chain.positions.all()) {
      positions.push_back(json::object{{"chain", chain.chain},
                                       {"strategy", printable(each.strategy)},
                                       {"token", address_text(each.token)},
                                       {"quantity", to_string(each.quantity)},
                                       {"base", address_text(each.base)},
                                       {"cost", to_string(each.cost)},
                                       {"cost_wei", to_string(each.cost_wei)},
                                       {"since_s", each.since_s}});
    }
  }
  json::array all;
  for (const ledger::ProfitRow& row : rows) all.push_back(row_json(row, to_string(options.by)));
  json::array sums;
  for (const auto& [coin, row] : totals.by_coin) sums.push_back(row_json(row, ""));
  return json_text(json::object{{"ledger", printable(files.ledger.string())},
                                {"by", to_string(options.by)},
                                {"from", options.from},
                                {"to", options.to},
                                {"rows", std::move(all)},
                                {"totals", std::move(sums)},
                                {"positions", std::move(positions)},
                                {"usd_e6", totals.usd_e6}});
}

std::string report_text(const Options& options, const std::vector<ledger::ProfitRow>& rows,
                        const Totals& totals, const std::vector<HeldOn>& held, const Style& style) {
  std::string open;
  for (const HeldOn& chain : held) {
    for (const Position& each : chain.positions.all()) {
      open +=
          fmt::format("{} holds {} of {} on {}, bought for {} of {}.\n", printable(each.strategy),
                      to_string(each.quantity), address_text(each.token), chain.chain,
                      to_string(each.cost), address_text(each.base));
    }
  }
  if (rows.empty()) return "No trade was included in that time.\n" + open;
  Table table({{std::string(to_string(options.by)), Align::left, true},
               {"included", Align::right},
               {"reverted", Align::right},
               {"profit", Align::right},
               {"coin"},
               {"USD", Align::right}});
  const auto add_row = [&](const std::string& name, const ledger::ProfitRow& row, Ink ink) {
    const Ink sign = row.wei.is_negative() ? Ink::bad : ink;
    table.add({{name, ink},
               {grouped(row.included), ink},
               {grouped(row.reverted), ink},
               {short_decimal(coin_text(row.wei), 9), sign},
               {row.coin, ink},
               {usd_text(row.usd_e6), row.usd_e6 < 0 ? Ink::bad : ink}});
  };
  for (const ledger::ProfitRow& row : rows) add_row(row.group, row, Ink::plain);
  std::uint64_t unreckoned = 0;
  std::uint64_t unvalued = 0;
  for (const auto& [coin, row] : totals.by_coin) {
    add_row("total", row, Ink::bold);
    unreckoned += row.unreckoned;
    unvalued += row.unvalued;
  }
  std::string out = table.text(style);
  if (totals.by_coin.size() > 1) {
    out += fmt::format("All coins together: {} USD\n", usd_text(totals.usd_e6));
  }
  if (unreckoned > 0) {
    out += fmt::format("The profit of {} is not reckoned yet and not in it.\n",
                       counted(unreckoned, "trade"));
  }
  if (unvalued > unreckoned) {
    out += fmt::format("{} had no price in dollars: in the coin alone.\n",
                       counted(unvalued - unreckoned, "trade"));
  }
  if (options.by == ledger::By::venue) {
    out += "A trade counts at each venue of its route; its profit is split evenly over the legs.\n";
  }
  return out + open;
}

ExitCode report(const Session& session, const Options& options) {
  ledger::ProfitQuery query{.by = options.by};
  for (const auto& [name, text, day] : {std::tuple{"--from", &options.from, &query.from_day},
                                        std::tuple{"--to", &options.to, &query.to_day}}) {
    if (text->empty()) continue;
    *day = ledger::parse_day(*text);
    if (!*day) {
      return report_error(
          {ErrorKind::usage, fmt::format("{} {}: is no day, as 2026-01-31", name, *text)});
    }
  }
  if (query.from_day && query.to_day && *query.from_day > *query.to_day) {
    return report_error({ErrorKind::usage,
                         fmt::format("--from {} is later than --to {}", options.from, options.to)});
  }
  const auto files = find_files(session, options);
  if (!files) return files.error();
  const auto reader = ledger::Reader::open(files->ledger);
  if (!reader) return report_error(reader.error());
  const auto rows = (*reader)->profit(query);
  if (!rows) return report_error(rows.error());
  const auto totals = totals_of(*rows);
  if (!totals) return report_error(totals.error());
  const auto held = held_on_all(**reader);
  if (!held) return report_error(held.error());
  print(options.as_json ? report_json(*files, options, *rows, *totals, *held)
                        : report_text(options, *rows, *totals, *held, Style(session.colour_out)));
  return ExitCode::done;
}

using Action = ExitCode (*)(const Session&, const Options&);

CLI::App* add_one(CLI::App& group, CommandLine& line, const std::string& name,
                  const std::string& summary, const std::string& example, Action action,
                  const std::shared_ptr<Options>& options) {
  CLI::App* command = add_command(group, name, summary, example);
  command->add_option("--ledger", options->ledger, "The file; without it that of [ledger]")
      ->type_name("FILE");
  command->add_flag("--json", options->as_json, "For a program to read");
  command->callback([&line, options, action] {
    line.chosen = [&line, options, action] { return action(line.session, *options); };
  });
  return command;
}

}  // namespace

void add_audit(CLI::App& app, CommandLine& line) {
  CLI::App* group =
      add_command(app, "audit", "The ledger: what was sent, what became of it, what it brought",
                  "audit report --by day");
  group->require_subcommand(1);
  auto verified = std::make_shared<Options>();
  CLI::App* command =
      add_one(*group, line, "verify",
              "Whether the audit trail and all that follows from it is as it was written; 3: not",
              "audit verify", &verify, verified);
  command
      ->add_option("--public-key", verified->public_key,
                   "Whose signatures count; without it the file beside the ledger's key")
      ->type_name("FILE");
  command
      ->add_option("--expect", verified->expected,
                   "A head that was noted elsewhere: finds an earlier copy put in place")
      ->type_name("ROW:HASH");
  add_audit_resolve(*group, line);
  auto reported = std::make_shared<Options>();
  command =
      add_one(*group, line, "report", "What the trades brought, in the chain's coin and in dollars",
              "audit report --by venue --from 2026-01-01 --to 2026-01-31", &report, reported);
  command->add_option("--from", reported->from, "The first day, UTC, by the block's time")
      ->type_name("DAY");
  command->add_option("--to", reported->to, "The last day, inclusive")->type_name("DAY");
  command
      ->add_option_function<std::string>(
          "--by",
          [reported](const std::string& text) {
            for (const ledger::By by :
                 {ledger::By::strategy, ledger::By::venue, ledger::By::day, ledger::By::chain}) {
              if (text == to_string(by)) reported->by = by;
            }
          },
          "strategy, venue, day or chain; without it by strategy")
      ->check(CLI::IsMember({"strategy", "venue", "day", "chain"}))
      ->type_name("WHAT");
}

}  // namespace gantry::host::cli
