// gantry run, gantry replay, gantry record: the whole street over a recorded market, or over each
// chain that is followed live: as a dry run, or with --live for good.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "host/bundle/trust.hpp"
#include "host/cli/chain_run.hpp"
#include "host/cli/followed_chains.hpp"
#include "host/cli/guarded.hpp"
#include "host/cli/history_keeper.hpp"
#include "host/cli/live_trading.hpp"
#include "host/cli/number.hpp"
#include "host/cli/progress.hpp"
#include "host/cli/reloader.hpp"
#include "host/cli/risk_keeper.hpp"
#include "host/cli/run_control.hpp"
#include "host/cli/run_output.hpp"
#include "host/config/chain_part.hpp"
#include "host/feed/recording_feed.hpp"
#include "host/plugin/library.hpp"
#include "host/recording/byte_stream.hpp"

namespace gantry::host::cli {
namespace {

struct Options {
  std::string recording;            // of replay
  std::vector<std::string> chains;  // to follow; none: all that can be
  bool live = false;                // follow chains, whatever is recorded
  bool trade = false;               // and carry out what is planned
  std::string record_to;
  std::string pace;
  double speed = 1;
  std::int64_t threads = -1;  // -1: as configured
  std::uint64_t blocks = 0;
  std::size_t top = 10;
  bool as_json = false;
  bool no_timings = false;
  bool obey = false;
  bool watch = false;
};

bool is_live(const Configuration& configuration, const Options& options) {
  if (!options.recording.empty()) return false;
  return options.live || options.trade || !options.chains.empty() ||
         (configuration.market.recording.empty() && has_live_chain(configuration));
}

Result<StreetOptions> street_options(const Configuration& configuration, const Options& options) {
  StreetOptions street;
  const bool live = is_live(configuration, options);
  if (!live) {
    street.recording = options.recording.empty() ? configuration.market.recording
                                                 : std::filesystem::path(options.recording);
  }
  if (!live && street.recording.empty()) {
    return fail(ErrorKind::configuration,
                "there is nothing to run on: set `recording` in [market] of gantry.toml, use "
                "gantry replay FILE, or add a [[chain.provider]] to follow a chain live");
  }
  street.record_to = options.record_to;
  street.pace = live ? Pace::live : configuration.street.pace;
  if (options.pace == "live") street.pace = Pace::live;
  if (options.pace == "back-pressure") street.pace = Pace::back_pressure;
  street.speed = options.speed;
  if (options.speed != 1 && live) {
    return fail(ErrorKind::usage, "--speed is for recordings: a chain has its own");
  }
  if (options.speed != 1 && street.pace != Pace::live) {
    return fail(ErrorKind::usage, "--speed is for the live pace: add --pace live");
  }
  street.threads = options.threads < 0 ? configuration.street.threads : options.threads;
  street.blocks_max = options.blocks;
  street.best_max = std::max(street.best_max, options.top);
  street.obey_decisions = options.obey;
  return street;
}

// The configuration, and what says whether a plugin may run.
std::vector<std::filesystem::path> watched_files(const Session& session,
                                                 const PluginSettings& settings) {
  const auto files = ConfigFiles::in_folder(config_folder(session));
  std::vector<std::filesystem::path> all{files.gantry, files.dex, files.strategies, settings.keys};
  const auto store = bundle::store_of(settings, session.environment);
  if (!store.empty()) all.push_back(store / "plugins.lock");
  return all;
}

using Runs = std::vector<std::unique_ptr<ChainRun>>;

// A run for each chain that is followed, or the one on a recording.
Result<Runs> make_runs(const Session& session, const Configuration& configuration,
                       const Options& options, const StreetOptions& street) {
  Runs runs;
  if (!is_live(configuration, options)) {
    // What works on other chains has no part in it.
    const auto feed = RecordingFeed::open(street.recording);
    const std::string chain = feed ? feed->header().chain : std::string();
    const bool known = configuration.chain_of(street.recording, chain).has_value();
    runs.push_back(std::make_unique<ChainRun>(
        known ? chain_part(configuration, chain) : configuration, street, false));
    return runs;
  }
  const auto followed = followed_chains(configuration, session.environment, options.chains);
  if (!followed) return std::unexpected(followed.error());
  for (const std::string& line : followed->left_out) spdlog::warn("{}", line);
  for (const ChainSettings* chain : followed->chains) {
    StreetOptions own = street;
    if (!own.record_to.empty()) {
      own.record_to = recording_of(own.record_to, *chain, followed->chains);
    }
    runs.push_back(std::make_unique<ChainRun>(chain_part(configuration, chain->id), std::move(own),
                                              followed->chains.size() > 1));
  }
  return runs;
}

Status check_targets(const Runs& runs) {
  for (const auto& run : runs) {
    const StreetOptions& street = run->options();
    if (street.record_to.empty()) continue;
    if (auto free = recording::check_target(street.record_to, street.recording); !free) return free;
  }
  return {};
}

// Asks the chains that are followed. One of several that cannot be is left behind with its reason.
Status ask_chains(const Session& session, const Runs& runs) {
  if (runs.front()->chain().empty()) return {};
  HttpPoolOptions settings;
  settings.requests_max *= runs.size();
  auto made = make_curl_http_pool(settings);
  if (!made) return std::unexpected(made.error());
  const std::shared_ptr<HttpPool> http = std::move(*made);
  for (const auto& run : runs) {
    auto asked = run->ask(session, http);
    if (asked) continue;
    if (runs.size() == 1) return asked;
    run->give_up(asked.error());
  }
  return {};
}

std::string input_of(const Runs& runs) {
  std::string chains;
  for (const auto& run : runs) {
    const std::string input =
        run->chain().empty() ? run->options().recording.string() : run->chain();
    chains += (chains.empty() ? "" : ", ") + input;
  }
  return chains;
}

// What was told of plugins that lost their processes, by strategies' threads; written down by
// [main].
class LostPlugins {
 public:
  void note(const PutAway& which) {
    const std::lock_guard lock(mutex_);
    lost_.push_back(which);
  }
  void put_away(Quarantine* quarantine, const std::string& running) {
    const std::lock_guard lock(mutex_);
    for (const PutAway& which : lost_) {
      if (quarantine == nullptr) break;
      const auto kept = put_away_lost(*quarantine, which, running, unix_now_s());
      if (!kept) spdlog::error("{}", kept.error().message);
    }
    lost_.clear();
  }

 private:
  std::mutex mutex_;  // guards lost_
  std::vector<PutAway> lost_;
};

// One alone in this thread, as it always was; each of several in one of its own.
void run_all(const Runs& runs) {
  const auto begin = [](ChainRun& run) {
    if (run.street() != nullptr) run.run();
  };
  if (runs.size() == 1) return begin(*runs.front());
  std::vector<std::thread> threads;
  for (const auto& run : runs) threads.emplace_back([&begin, &run] { begin(*run); });
  for (std::thread& thread : threads) thread.join();
}

// With all that reaches it from outside: reload, the control socket, signals.
void run_reachable(const Session& session, const Configuration& configuration,
                   const Options& options, const Runs& runs, RiskKeeper* keeper) {
  const SteadyClock clock;
  std::vector<ReloadedStreet> reloaded;
  std::vector<WatchedStreet> watched;
  const bool several = runs.size() > 1;
  bool watch = options.watch;
  for (const auto& run : runs) {
    if (run->street() == nullptr) continue;
    const bool whole = run->part().chains.size() == configuration.chains.size();
    reloaded.push_back({*run->street(), whole ? std::string() : run->part().chains.front().id,
                        several ? run->name() : std::string()});
    watched.push_back({several ? run->name() : std::string(), *run->street()});
    watch = watch || run->options().pace == Pace::live;
  }
  // A replay obeys what its recording says was changed.
  std::optional<Reloader> reloader;
  if (!options.obey) {
    const auto read = [&session]() -> std::expected<Configuration, ConfigReport> {
      auto again = read_configuration(session);
      if (!again) return std::unexpected(std::move(again.error()));
      return std::move(again->configuration);
    };
    reloader.emplace(std::move(reloaded), configuration, read,
                     watch ? watched_files(session, configuration.plugin)
                           : std::vector<std::filesystem::path>());
  }
  const auto server =
      serve_runs(session, configuration.api, runs, reloader ? &*reloader : nullptr, keeper);
  const Progress progress(std::move(watched),
                          {session.terminal_err, runs.front()->options().recording, options.blocks},
                          clock);
  run_all(runs);
}

ExitCode run(const Session& session, const Options& options) {
  const auto loaded = load(session, options.as_json, Warnings::logged);
  if (!loaded) return ExitCode::usage;
  const Configuration& configuration = loaded->configuration;
  const auto street = street_options(configuration, options);
  if (!street) return report_error(street.error());
  RunGround ground;
  // Before all that takes long, and outliving all that trades.
  std::unique_ptr<LiveTrading> trading;
  if (options.trade) {
    auto opened = LiveTrading::open(session, configuration);
    if (!opened) return report_error(opened.error());
    trading = std::move(*opened);
  }
  LostPlugins lost;
  std::optional<Guarded> guarded;
  auto made = make_runs(session, configuration, options, *street);
  if (!made) return report_error(made.error());
  Runs& runs = *made;
  if (auto free = check_targets(runs); !free) return report_error(free.error());
  const auto store = default_plugin_store();
  if (!store) return report_error(store.error());
  if (auto asked = ask_chains(session, runs); !asked) return report_error(asked.error());

  const bool replay = !options.recording.empty();
  const std::string running =
      fmt::format("gantry {} on {}", replay ? "replay" : "run", input_of(runs));
  auto guard =
      guard_plugins(session, configuration.plugin, replay ? Obey::crashes : Obey::all, running);
  if (!guard) return report_error(guard.error());
  guarded.emplace(std::move(*guard));
  Quarantine* quarantine = replay ? nullptr : guarded->quarantine.get();
  ground = {*store, guarded->record, [&lost](const PutAway& which) { lost.note(which); },
            std::make_shared<LoadedLibraries>(), trading.get()};
  // What a replay's book is told is in the recording. Of one that trades, it is known what it was
  // told before anything more becomes known.
  std::unique_ptr<RiskKeeper> keeper;
  if (!replay) {
    std::optional<std::int64_t> row;
    if (trading) {
      row = trading->last_row();
      for (const auto& one : runs) one->book().count_results();
    }
    auto started = RiskKeeper::start(session, configuration.risk, runs, row);
    if (!started) return report_error(started.error());
    keeper = std::move(*started);
  }
  for (const auto& one : runs) {
    if (one->state() == RunState::failed) continue;
    const auto prepared = one->prepare(ground);
    lost.put_away(quarantine, running);
    if (prepared) continue;
    if (runs.size() == 1) return report_error(prepared.error());
    one->give_up(prepared.error());
  }
  if (std::ranges::any_of(runs, [](const auto& one) { return one->street() != nullptr; })) {
    const HistoryKeeper history(session, configuration.risk, runs);
    run_reachable(session, configuration, options, runs, keeper.get());
  }
  keeper.reset();  // what was told last is on the disk
  // What a replay finds was found by the run, and is in its record.
  for (const auto& one : runs) {
    if (quarantine == nullptr || !one->outcome()) continue;
    const auto kept = put_away_retired(*quarantine, *one->outcome(), running, unix_now_s());
    if (!kept) spdlog::error("{}", kept.error().message);
  }
  lost.put_away(quarantine, running);
  return print_runs(runs, loaded->refused,
                    {options.as_json, {session.colour_out, !options.no_timings, options.top}});
}

void add_options(CLI::App& command, Options& options) {
  add_whole_number(command, "--threads", "Workers; 0: one a core", {0, 1024}, options.threads)
      ->type_name("N");
  add_whole_number(command, "--blocks", "End after so many blocks; 0: all",
                   {0, std::numeric_limits<std::uint64_t>::max()}, options.blocks)
      ->type_name("N");
  add_whole_number(command, "--top", "Opportunities to show", {0, 4096}, options.top)
      ->type_name("N");
  command.add_flag("--json", options.as_json, "For a program to read");
  command.add_flag("--no-timings", options.no_timings,
                   "Leave out what two runs of one recording may differ in");
}

void add_record_to(CLI::App& command, Options& options) {
  command
      .add_option(
          "--record", options.record_to,
          "Record what came in and what was decided; a recording that is there is "
          "replaced when the run is done, no other file is. Of several live chains each has "
          "a file, with its name before the extension")
      ->type_name("FILE");
}

void add_chain(CLI::App& command, Options& options) {
  command
      .add_option("--chain", options.chains,
                  "A chain to follow live: its id, name or number; repeatable. By default all that "
                  "are enabled and have a provider whose keys are set")
      ->type_name("CHAIN")
      ->take_all()
      ->expected(1);
}

void set_callback(CLI::App& command, CommandLine& line, const std::shared_ptr<Options>& options) {
  command.callback(
      [&line, options] { line.chosen = [&, options] { return run(line.session, *options); }; });
}

}  // namespace

void add_run(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(
      app, "run",
      "Run the configured plugins as a dry run: on the recorded market of [market], or where there "
      "is none, live on the chains that have providers",
      "run --top 5 --record /var/tmp/run.gantry");
  add_record_to(*command, *options);
  add_options(*command, *options);
  add_chain(*command, *options);
  command->add_flag("--live", options->trade,
                    "Trade: lend, simulate, sign, write down and send what is planned, on the "
                    "chains that have a [chain.execution]. Without it nothing leaves");
  command
      ->add_option("--pace", options->pace,
                   "back-pressure: every snapshot to every strategy; "
                   "live: newest wins, skips are counted")
      ->check(CLI::IsMember({"live", "back-pressure"}))
      ->type_name("PACE");
  command->add_flag("--watch", options->watch,
                    "Change what runs when a configuration file does, or keys.toml, or what is "
                    "installed; the live pace always does");
  add_real_number(*command, "--speed",
                  "At live pace: how much faster than the chain's clock; 0: no wait", {0, 1e9},
                  options->speed)
      ->type_name("X");
  set_callback(*command, line, options);
}

void add_replay(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  options->obey = true;
  CLI::App* command =
      add_command(app, "replay", "Run on a recording, obeying the decisions that it holds",
                  "replay /var/tmp/run.gantry --json --no-timings");
  command->add_option("file", options->recording, "The recording")->required()->type_name("FILE");
  command->add_flag_callback(
      "--ignore-decisions", [options] { options->obey = false; },
      "Deliver every snapshot to every strategy, whatever was decided then");
  add_record_to(*command, *options);
  add_options(*command, *options);
  set_callback(*command, line, options);
}

void add_record(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  options->live = true;
  CLI::App* command = add_command(
      app, "record", "Follow chains live with the configured plugins, and record each for replay",
      "record --out /var/tmp/chain.gantry --blocks 100");
  command
      ->add_option("--out", options->record_to,
                   "The recording; one that is there is replaced when the run is done, no other "
                   "file is")
      ->required()
      ->type_name("FILE");
  add_options(*command, *options);
  add_chain(*command, *options);
  set_callback(*command, line, options);
}

}  // namespace gantry::host::cli
