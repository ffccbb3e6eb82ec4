// gantry backtest: the street on a recorded market, against a simulated chain; one run, or one for
// each of several settings beside each other.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>

#include "host/backtest/backtest_report.hpp"
#include "host/cli/backtest_sweep.hpp"
#include "host/cli/chain_run.hpp"
#include "host/cli/guarded.hpp"
#include "host/cli/number.hpp"
#include "host/cli/progress.hpp"
#include "host/config/chain_part.hpp"
#include "host/config/keys.hpp"
#include "host/feed/recording_feed.hpp"
#include "host/plugin/library.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

struct Options {
  std::string recording;
  std::string from;
  std::string to;
  std::vector<std::string> sweep;
  std::string html;
  std::string place = "last";
  std::int64_t threads = -1;
  std::uint64_t jobs = 0;
  bool as_json = false;
  SimulationSettings simulation;
};

// A block, or a time: a day, or a day and a time, UTC.
struct Moment {
  std::optional<std::uint64_t> block;
  std::optional<std::uint64_t> time_s;
};

Result<Moment> moment_of(const std::string& text, std::string_view option) {
  const auto wrong = [&] {
    return fail(ErrorKind::usage,
                fmt::format("{} {}: is no block and no time; write 19000000, 2024-05-01 or "
                            "2024-05-01T13:45:00",
                            option, printable(text)));
  };
  Moment moment;
  if (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    if (text.empty() || text.size() > 18) return wrong();
    moment.block = std::stoull(text);
    return moment;
  }
  auto time = parse_time(text);
  if (!time) time = parse_time(text + "Z");
  if (!time || *time < std::chrono::sys_seconds()) return wrong();
  moment.time_s = static_cast<std::uint64_t>(time->time_since_epoch().count());
  return moment;
}

// What one run of a sweep is started with, but for what it sweeps.
std::vector<std::string> child_words(const Session& session, const Options& options) {
  const SimulationSettings& simulation = options.simulation;
  std::vector<std::string> words;
  if (!session.config_folder.empty()) {
    words.insert(words.end(), {"--config", session.config_folder});
  }
  for (const std::string& folder : session.plugins) {
    words.insert(words.end(), {"--plugins", folder});
  }
  words.insert(words.end(), {"--log-level", "error", "backtest", options.recording, "--json"});
  const auto add = [&](std::string_view name, std::string value) {
    words.push_back(fmt::format("{}={}", name, value));
  };
  if (!options.from.empty()) add("--from", options.from);
  if (!options.to.empty()) add("--to", options.to);
  for (const std::string& one : session.overrides) add("--set", one);
  add("--threads", "1");
  add("--latency", std::to_string(simulation.latency_blocks));
  add("--place", options.place);
  if (simulation.impact_blocks != OwnSwaps::for_ever) {
    add("--impact", std::to_string(simulation.impact_blocks));
  }
  add("--competition", fmt::format("{}", simulation.competition));
  add("--missed", fmt::format("{}", simulation.missed));
  add("--loan-fee", std::to_string(simulation.loan_fee_ppm));
  add("--loan-gas", std::to_string(simulation.loan_gas));
  add("--seed", std::to_string(simulation.seed));
  return words;
}

// In the child of a strategy that is isolated nobody would see the backtest's own trades.
Status check_isolation(const Configuration& configuration) {
  for (const StrategySettings& strategy : configuration.strategies) {
    if (!strategy.runs() || strategy.isolation != Isolation::process) continue;
    return fail(ErrorKind::configuration,
                fmt::format("strategy {0} has isolation = \"process\", and a backtest runs in one "
                            "process; if you trust it, add --set "
                            "'strategies.{0}.isolation=\"inproc\"'",
                            strategy.name));
  }
  return {};
}

Status write_page(const std::string& path, const std::string& page) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << page;
  out.close();
  if (out) return {};
  return fail(ErrorKind::io, fmt::format("{}: cannot be written; name a file in a folder that is "
                                         "there and has room",
                                         path));
}

Result<StreetOptions> window_of(Options& options) {
  StreetOptions street;
  street.recording = options.recording;
  street.obey_decisions = false;
  street.pace = Pace::back_pressure;
  if (!options.from.empty()) {
    const auto from = moment_of(options.from, "--from");
    if (!from) return std::unexpected(from.error());
    options.simulation.first_block = from->block.value_or(0);
    options.simulation.first_time_s = from->time_s.value_or(0);
  }
  if (!options.to.empty()) {
    const auto to = moment_of(options.to, "--to");
    if (!to) return std::unexpected(to.error());
    street.last_block = to->block.value_or(UINT64_MAX);
    // A day is meant to its end.
    const std::uint64_t rest = options.to.size() == 10 ? 86'399 : 0;
    if (to->time_s) street.last_time_s = *to->time_s + rest;
  }
  return street;
}

// The run has perhaps seen only the beginning of it, so that it is read again.
Error no_window(const Options& options) {
  std::optional<recording::Block> first;
  std::optional<recording::Block> last;
  if (auto feed = RecordingFeed::open(options.recording)) {
    while (const auto input = feed->next()) {
      if (!first) first = input->block;
      last = input->block;
    }
  }
  const auto time_text = [](const recording::Block& block) {
    return fmt::format("{:%FT%T}", std::chrono::sys_seconds(std::chrono::seconds(block.time_s)));
  };
  return {
      ErrorKind::usage,
      fmt::format("no block of {} is in the time from --from to --to: it has {}", options.recording,
                  first ? fmt::format("blocks {} to {}, {} to {} UTC", first->number, last->number,
                                      time_text(*first), time_text(*last))
                        : "none")};
}

Result<BacktestResult> run_one(const Session& session, const Configuration& configuration,
                               Options& options) {
  auto street = window_of(options);
  if (!street) return std::unexpected(street.error());
  street->threads = options.threads < 0 ? configuration.street.threads : options.threads;
  auto feed = RecordingFeed::open(options.recording);
  if (!feed) return std::unexpected(feed.error());
  if (!options.to.empty()) {
    const auto begin = feed->next();
    if (begin &&
        (begin->block.number > street->last_block || begin->block.time_s > street->last_time_s)) {
      return std::unexpected(no_window(options));
    }
  }
  const auto chain = configuration.chain_of(options.recording, feed->header().chain);
  if (!chain) return std::unexpected(chain.error());
  const Configuration part = chain_part(configuration, (*chain)->id);
  if (auto inside = check_isolation(part); !inside) return std::unexpected(inside.error());
  const auto store = default_plugin_store();
  if (!store) return std::unexpected(store.error());
  auto guarded = guard_plugins(session, configuration.plugin, Obey::all,
                               "gantry backtest on " + options.recording);
  if (!guarded) return std::unexpected(guarded.error());

  SimulatedChain simulated(options.simulation, gas_overhead_of(part));
  street->backtest = &simulated;
  BacktestResult result;
  {
    ChainRun run(part, *street, false);
    RunGround ground;
    ground.store = *store;
    ground.record = guarded->record;
    ground.libraries = std::make_shared<LoadedLibraries>();
    if (auto prepared = run.prepare(ground); !prepared) return std::unexpected(prepared.error());
    const SteadyClock clock;
    const Progress progress({{std::string(), *run.street()}},
                            {session.terminal_err, options.recording, 0}, clock);
    run.run();
    if (!run.outcome()) return std::unexpected(run.outcome().error());
    result.run = std::move(*run.outcome());
  }
  if (!simulated.window()) return std::unexpected(no_window(options));
  const auto& window = *simulated.window();
  result.frame = {part.risk.capital_eth, window.first_block, window.last_block, window.first_time_s,
                  window.last_time_s};
  result.settings = options.simulation;
  result.set = session.overrides;
  result.trades = simulated.trades();
  result.under_way = simulated.under_way();
  result.open = simulated.open();
  return result;
}

// A damaged recording was used up to where it is whole.
ExitCode exit_code_of(const BacktestResult& result) {
  if (result.run.stopped) {
    return report_error({ErrorKind::io, fmt::format("it was stopped behind block {}: what it says "
                                                    "is of a part of what was asked for",
                                                    result.frame.last_block)});
  }
  if (!result.run.damage.empty()) {
    return report_error({ErrorKind::format, "the recording is damaged: " + result.run.damage});
  }
  const bool retired = std::ranges::any_of(result.run.plugins, &PluginReport::retired);
  return retired || !result.run.plugins_refused.empty() ? ExitCode::found : ExitCode::done;
}

// What would make every run of a sweep fail is said once, before any.
std::optional<ExitCode> refuse_sweep(const Session& session, const std::vector<SweptKey>& keys,
                                     Options& options) {
  if (auto window = window_of(options); !window) return report_error(window.error());
  if (auto feed = RecordingFeed::open(options.recording); !feed) return report_error(feed.error());
  for (const SweptKey& key : keys) {
    for (const std::string& value : key.values) {
      Session one = session;
      one.overrides.push_back(key.key + "=" + value);
      if (!load(one, options.as_json)) return ExitCode::usage;
    }
  }
  return std::nullopt;
}

ExitCode backtest(const Session& session, Options options) {
  if (!options.sweep.empty()) {
    if (!options.html.empty()) {
      return report_error({ErrorKind::usage,
                           "--html: a sweep writes no page; run the settings that you choose "
                           "again, with --set and --html"});
    }
    const auto table = sweep_of(options.sweep);
    if (!table) return report_error(table.error());
    if (const auto refused = refuse_sweep(session, *table, options)) return *refused;
    return sweep(session, *table, {child_words(session, options), options.jobs, options.as_json});
  }
  const auto loaded = load(session, options.as_json, Warnings::logged);
  if (!loaded) return ExitCode::usage;
  const auto result = run_one(session, loaded->configuration, options);
  if (!result) return report_error(result.error());
  const auto as_json = backtest_json(*result);
  if (!options.html.empty()) {
    if (auto written = write_page(options.html, backtest_page(as_json)); !written) {
      return report_error(written.error());
    }
  }
  if (options.as_json) {
    print(json_text(as_json));
  } else {
    print(backtest_text(*result, session.colour_out));
    if (!options.html.empty()) print(fmt::format("\nPage      {}\n", printable(options.html)));
  }
  return exit_code_of(*result);
}

}  // namespace

void add_backtest(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  SimulationSettings& simulation = options->simulation;
  CLI::App* command = add_command(
      app, "backtest",
      "Run the configured strategies on a recording as if they had traded: the live street against "
      "a simulated chain, with their own impact, gas, latency and failures",
      "backtest data/univ2_2020.gantry --html /var/tmp/backtest.html --set "
      "risk.min_profit_usd=1 --set strategies.triangular.min_profit_bps=5");
  command->add_option("file", options->recording, "The recording")->required()->type_name("FILE");
  command
      ->add_option("--from", options->from,
                   "First block or time that is traded on (UTC); what comes before warms up")
      ->type_name("WHEN");
  command->add_option("--to", options->to, "Last block or time")->type_name("WHEN");
  command
      ->add_option("--set", line.session.overrides,
                   "A key of the configuration with another value, as config explain names it; "
                   "repeatable")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->expected(1);
  command
      ->add_option("--sweep", options->sweep,
                   "One run for each of these values, and for each combination where it is given "
                   "more than once")
      ->type_name("KEY=V1,V2,...")
      ->take_all()
      ->expected(1);
  add_whole_number(*command, "--jobs", "Runs of a sweep beside each other; 0: one a core",
                   {0, 1024}, options->jobs)
      ->type_name("N");
  command->add_option("--html", options->html, "Write one page that needs nothing beside itself")
      ->type_name("FILE");
  command->add_flag("--json", options->as_json, "For a program to read");
  add_whole_number(*command, "--threads", "Workers; 0: one a core", {0, 1024}, options->threads)
      ->type_name("N");
  add_whole_number(*command, "--latency",
                   "Blocks from the state that a trade was found in to the block that it is in [1]",
                   {1, 1'000'000}, simulation.latency_blocks)
      ->type_name("BLOCKS");
  command
      ->add_option("--place", options->place,
                   "last: behind all that is recorded of its block; first: before it")
      ->check(CLI::IsMember({"last", "first"}))
      ->type_name("PLACE")
      ->capture_default_str();
  add_whole_number(*command, "--impact",
                   "Blocks for which own swaps stay on their pools [for ever]", {0, 1'000'000'000},
                   simulation.impact_blocks)
      ->type_name("BLOCKS");
  add_real_number(*command, "--competition", "Chance that another one takes a trade first [0]",
                  {0, 1}, simulation.competition)
      ->type_name("P");
  add_real_number(*command, "--missed", "Chance that a trade is in no block [0]", {0, 1},
                  simulation.missed)
      ->type_name("P");
  add_whole_number(*command, "--loan-fee", "Of what goes in, in parts of a million [500]",
                   {0, 1'000'000}, simulation.loan_fee_ppm)
      ->type_name("PPM");
  add_whole_number(*command, "--loan-gas", "Gas that a loan takes besides the trade's [157000]",
                   {0, 100'000'000}, simulation.loan_gas)
      ->type_name("GAS");
  add_whole_number(*command, "--seed", "Of both chances [1]",
                   {0, std::numeric_limits<std::uint64_t>::max()}, simulation.seed)
      ->type_name("S");
  command->callback([&line, options] {
    options->simulation.place = options->place == "first" ? BlockPlace::first : BlockPlace::last;
    line.chosen = [&line, options] { return backtest(line.session, *options); };
  });
}

}  // namespace gantry::host::cli
