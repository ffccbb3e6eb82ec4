// gantry run, gantry replay, gantry record: the whole street over a recorded market or over a chain
// that is followed live, as a dry run.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <mutex>
#include <vector>

#include "host/api/control.hpp"
#include "host/bundle/trust.hpp"
#include "host/cli/command.hpp"
#include "host/cli/guarded.hpp"
#include "host/cli/live_session.hpp"
#include "host/cli/number.hpp"
#include "host/cli/progress.hpp"
#include "host/cli/reloader.hpp"
#include "host/log/log.hpp"
#include "host/plugin/library.hpp"
#include "host/recording/byte_stream.hpp"
#include "host/report/render.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string recording;  // of replay
  std::string chain;      // to follow
  bool live = false;      // follow a chain, whatever is recorded
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

bool has_providers(const Configuration& configuration) {
  return std::ranges::any_of(configuration.chains,
                             [](const ChainSettings& chain) { return !chain.providers.empty(); });
}

bool is_live(const Configuration& configuration, const Options& options) {
  if (!options.recording.empty()) return false;
  return options.live || !options.chain.empty() ||
         (configuration.market.recording.empty() && has_providers(configuration));
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

// A name in the configuration whose plugin is not there is a warning; one that is there and does
// not load is a fault.
bool is_installed(const Configuration& configuration, const Refusal& refusal) {
  const auto find = [&](const auto& instances) {
    return std::ranges::any_of(instances, [&](const InstanceSettings& instance) {
      return instance.name == refusal.instance && instance.installed.has_value();
    });
  };
  if (refusal.kind == "dex") return find(configuration.dexes);
  if (refusal.kind == "strategy") return find(configuration.strategies);
  return find(configuration.paymasters);
}

ExitCode exit_code(const Loaded& loaded, const RunReport& report) {
  if (!report.damage.empty()) return ExitCode::failed;
  const bool retired = std::ranges::any_of(report.plugins, &PluginReport::retired);
  const bool refused = std::ranges::any_of(report.plugins_refused, [&](const Refusal& refusal) {
    return is_installed(loaded.configuration, refusal);
  });
  return retired || refused || !loaded.refused.empty() ? ExitCode::found : ExitCode::done;
}

void tell_live(const LiveSession& live, json::object& told) {
  const LiveStatus status = live.feed->status();
  told["chain"] = printable(live.feed->header().chain);
  told["fetched_block"] = status.block;
  told["reorganizations"] = status.reorganizations;
  told["blocks_undone"] = status.blocks_undone;
  told["fresh_reads"] = status.fresh_reads;
  told["round_trips"] = status.round_trips;
  told["pools_audited"] = status.pools_audited;
  told["pools_quarantined"] = status.pools_quarantined;
  told["pending_told"] = status.pending.told;
  told["pending_taken"] = status.pending.taken;
  told["pending_dropped"] = status.pending.dropped;
  told["trouble"] = printable(cut_to(without_secrets(status.trouble), 4096));
}

// Serves `gantry status` and `gantry stop` while it lives; a run goes on without.
std::unique_ptr<ControlServer> serve(const Session& session, const Configuration& configuration,
                                     Street& street, const StreetOptions& options,
                                     const LiveSession* live, const Clock& clock,
                                     Reloader* reloader) {
  const auto started = clock.now();
  ControlHandlers handlers;
  if (reloader != nullptr) {
    handlers.reload = [reloader](std::string_view request) { return reloader->answer(request); };
  }
  handlers.status = [&street, &clock, started, reloader, live,
                     recording = options.recording.string()] {
    const StreetStatus status = street.status();
    const double uptime = std::chrono::duration<double>(clock.now() - started).count();
    json::object told{{"running", true},
                      {"pid", static_cast<std::uint64_t>(::getpid())},
                      {"mode", "dry run"},
                      {"uptime_s", static_cast<std::uint64_t>(uptime)},
                      {"block", status.block},
                      {"snapshots", status.snapshots},
                      {"skipped", status.skipped},
                      {"opportunities", status.opportunities},
                      {"approved", status.approved}};
    if (live == nullptr) {
      told["recording"] = printable(recording);
    } else {
      tell_live(*live, told);
    }
    if (reloader != nullptr) told["last_change"] = printable(cut_to(reloader->last(), 4096));
    return json::serialize(told);
  };
  handlers.stop = [&street] {
    street.request_stop();
    return json::serialize(json::object{{"stopping", true}});
  };
  const auto socket = control_socket(configuration.api, session.environment);
  auto server = ControlServer::start(socket, std::move(handlers));
  if (server) return std::move(*server);
  spdlog::warn("status and stop cannot reach this run: {}", server.error().message);
  return nullptr;
}

// Before anything is cut or broken into lines: half a secret would not be recognized.
void hide_secrets(RunReport& report) {
  const auto hide = [](std::string& text) { text = without_secrets(std::move(text)); };
  for (std::string* text :
       {&report.chain_name, &report.provenance, &report.recording, &report.damage}) {
    hide(*text);
  }
  for (PluginReport& plugin : report.plugins) {
    hide(plugin.library);
    hide(plugin.file);
    std::ranges::for_each(plugin.faults, hide);
  }
  for (Refusal& refusal : report.plugins_refused) {
    hide(refusal.instance);
    hide(refusal.reason);
  }
  std::ranges::for_each(report.plan_failures, hide);
  if (!report.plan) return;
  std::ranges::for_each(report.plan->passed, hide);
  for (PlanReport::Call& call : report.plan->calls) hide(call.purpose);
  for (PlannedRequest& request : report.plan->sponsorship) {
    hide(request.url);
    hide(request.body);
    for (auto& [name, value] : request.headers) hide(value);
  }
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

ExitCode run(const Session& session, const Options& options) {
  const auto loaded = load(session, options.as_json, Warnings::logged);
  if (!loaded) return ExitCode::usage;
  auto street_settings = street_options(loaded->configuration, options);
  if (!street_settings) return report_error(street_settings.error());
  if (!street_settings->record_to.empty()) {
    const auto free =
        recording::check_target(street_settings->record_to, street_settings->recording);
    if (!free) return report_error(free.error());
  }

  const auto store = default_plugin_store();
  if (!store) return report_error(store.error());

  const SteadyClock clock;
  const bool replay = !options.recording.empty();
  const ChainSettings* chain = nullptr;
  std::unique_ptr<LiveSession> live;
  if (is_live(loaded->configuration, options)) {
    const auto wanted = live_chain(loaded->configuration, options.chain);
    if (!wanted) return report_error(wanted.error());
    chain = *wanted;
    auto asked = ask_chain(session, *chain);
    if (!asked) return report_error(asked.error());
    live = std::move(*asked);
  }
  const std::string running =
      fmt::format("gantry {} on {}", replay ? "replay" : "run",
                  chain != nullptr ? chain->id : street_settings->recording.string());
  auto guarded = guard_plugins(session, loaded->configuration.plugin,
                               replay ? Obey::crashes : Obey::all, running);
  if (!guarded) return report_error(guarded.error());
  // Told by strategies' threads, written down by this one.
  std::mutex lost_mutex;
  std::vector<PutAway> lost;
  const auto note_lost = [&](const PutAway& which) {
    const std::lock_guard lock(lost_mutex);
    lost.push_back(which);
  };
  const auto put_away_all_lost = [&] {
    const std::lock_guard lock(lost_mutex);
    for (const PutAway& which : lost) {
      if (replay || !guarded->quarantine) break;
      const auto kept = put_away_lost(*guarded->quarantine, which, running, unix_now_s());
      if (!kept) spdlog::error("{}", kept.error().message);
    }
    lost.clear();
  };
  Plugins plugins = make_plugins(loaded->configuration, *store, guarded->record, {{}, note_lost});
  put_away_all_lost();
  if (live) {
    if (auto followed = follow(*live, loaded->configuration, *chain, plugins); !followed) {
      return report_error(followed.error());
    }
    street_settings->live = live->feed;
    spdlog::info("{}: following {} live, as a dry run", chain->name, chain->id);
  }
  Street street(loaded->configuration, std::move(plugins), *street_settings);
  Result<RunReport> report = [&] {
    // A replay obeys what its recording says was changed.
    std::optional<Reloader> reloader;
    if (!options.obey) {
      const bool watch = options.watch || street_settings->pace == Pace::live;
      const auto read = [&session]() -> std::expected<Configuration, ConfigReport> {
        auto again = read_configuration(session);
        if (!again) return std::unexpected(std::move(again.error()));
        return std::move(again->configuration);
      };
      reloader.emplace(street, read,
                       watch ? watched_files(session, loaded->configuration.plugin)
                             : std::vector<std::filesystem::path>());
    }
    const auto server = serve(session, loaded->configuration, street, *street_settings, live.get(),
                              clock, reloader ? &*reloader : nullptr);
    const Progress progress(
        street, {session.terminal_err, street_settings->recording, options.blocks}, clock);
    return street.run();
  }();
  if (!report) return report_error(report.error());
  // What a replay finds was found by the run, and is in its record.
  if (!replay && guarded->quarantine) {
    const auto kept = put_away_retired(*guarded->quarantine, *report, running, unix_now_s());
    if (!kept) spdlog::error("{}", kept.error().message);
  }
  put_away_all_lost();
  for (const Error& refused : loaded->refused) {
    const std::string file = refused.message.substr(0, refused.message.find(": "));
    report->plugins_refused.push_back({file, "file", refused.message});
  }
  hide_secrets(*report);
  const RenderOptions render{session.colour_out, !options.no_timings, options.top};
  print(options.as_json ? render_json(*report, render) : render_text(*report, render));
  if (!report->damage.empty()) {
    report_error({ErrorKind::format, (live ? "" : "the recording is damaged: ") + report->damage});
  }
  return exit_code(*loaded, *report);
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
      .add_option("--record", options.record_to,
                  "Record what came in and what was decided; a recording that is there is "
                  "replaced when the run is done, no other file is")
      ->type_name("FILE");
}

void add_chain(CLI::App& command, Options& options) {
  command
      .add_option("--chain", options.chain,
                  "The chain to follow live: its id, name or number; by default the first that "
                  "has providers")
      ->type_name("CHAIN");
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
      "is none, live on a chain that has providers",
      "run --top 5 --record /var/tmp/run.gantry");
  add_record_to(*command, *options);
  add_options(*command, *options);
  add_chain(*command, *options);
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
      app, "record", "Follow a chain live with the configured plugins, and record it for replay",
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
