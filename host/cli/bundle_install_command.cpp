// gantry bundle install|rollback|remove: the commands that change the store.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "host/bundle/store.hpp"
#include "host/cli/bundle_command.hpp"
#include "host/cli/number.hpp"
#include "host/kit/verdicts.hpp"
#include "host/plugin/compatibility.hpp"
#include "host/ports/clock.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace fs = std::filesystem;

struct InstallOptions {
  std::string file;
  std::string signature;
  bool unsigned_too = false;
  bool unchecked_too = false;
  bool beside = false;
  bool downgrade = false;
  bool force = false;
};

bool is_same(const Diagnostic& a, const Diagnostic& b) {
  return a.file == b.file && a.line == b.line && a.column == b.column && a.message == b.message;
}

// What the configuration could not say to the plugins that would be in force, and can say to those
// that are. What is wrong with it anyway is not this change's doing.
// `staged`: a library that has not got its place yet; null: all have.
ConfigReport new_faults(const Session& session, const BundleSettings& before, const fs::path& store,
                        const bundle::LockFile& next, const PluginFile* staged) {
  const auto after = load_configuration(
      ConfigFiles::in_folder(config_folder(session)),
      [&](const PluginSettings& settings) {
        std::vector<PluginFile> plugins;
        for (const bundle::Pin& pin : next.pins) {
          if (staged != nullptr && pin.library == staged->sha256) {
            plugins.push_back(*staged);
            plugins.back().path = bundle::library_path(store, pin);
          } else if (auto file = inspect_plugin_file(bundle::library_path(store, pin))) {
            plugins.push_back(std::move(*file));
          }
        }
        // Then those of the folders, without what is installed now.
        const PluginScan installed = bundle::scan_store(store);
        for (PluginFile& file : find_plugins(session, settings).scan.plugins) {
          const auto same = [&](const PluginFile& other) { return other.path == file.path; };
          if (std::ranges::none_of(installed.plugins, same)) plugins.push_back(std::move(file));
        }
        return plugins;
      },
      session.environment);
  ConfigReport report;
  if (after) return report;
  for (const Diagnostic& error : after.error().errors) {
    const bool known = std::ranges::any_of(
        before.errors, [&](const Diagnostic& other) { return is_same(error, other); });
    if (!known) report.errors.push_back(error);
  }
  return report;
}

// Fails where the configuration is not understood by what would be in force, and prints why.
Status check_configuration(const Session& session, const BundleSettings& before,
                           const fs::path& store, const bundle::LockFile& next,
                           const PluginFile* staged, std::string_view what, bool force) {
  const ConfigReport faults = new_faults(session, before, store, next, staged);
  if (faults.errors.empty()) return {};
  std::fputs(render_text(faults, session.colour_err).c_str(), stderr);
  if (force) return {};
  return fail(ErrorKind::configuration,
              fmt::format("{} does not understand this configuration: correct it first, or have "
                          "it all the same with --force",
                          what));
}

// Before anything is written: whose bundle it is. Nothing for one that is not signed and need not
// be.
Result<std::optional<bundle::Signer>> signer_of(const InstallOptions& options,
                                                const PluginSettings& settings,
                                                const OpenedBundle& opened, std::string& text) {
  const auto ring = configured_keys(settings.keys);
  if (!ring) return std::unexpected(ring.error());
  auto live = bundle::check_revoked(*ring, options.file, opened.bundle, {});
  if (!live) return std::unexpected(std::move(live.error()));
  if (options.unsigned_too) {
    if (settings.trust != Trust::signed_) return std::nullopt;
    return fail(ErrorKind::plugin,
                fmt::format("{}: --unsigned, but trust = \"signed\" in [plugins]: it would not be "
                            "loaded. Have it signed",
                            options.file));
  }
  auto read = read_signature(options.file, options.signature);
  if (!read) {
    if (settings.trust != Trust::signed_ && read.error().kind == ErrorKind::plugin) {
      read.error().message += "; or install it by its hash alone with --unsigned";
    }
    return std::unexpected(std::move(read.error()));
  }
  const auto signature = minisign::parse_signature(*read, options.file + ".minisig");
  if (!signature) return std::unexpected(signature.error());
  auto signer =
      bundle::check_signature(*signature, opened.bytes, opened.bundle, *ring, wall_clock());
  if (!signer) return std::unexpected(std::move(signer.error()));
  text = std::move(*read);
  return std::move(*signer);
}

// Lists the checks that the library failed on stderr.
Error failed_kit(const PluginFile& file, const KitReport& report) {
  std::size_t failures = 0;
  for (const CheckResult& check : report.checks) {
    if (check.status != CheckStatus::failed) continue;
    ++failures;
    fmt::print(stderr, "  {}: {}\n", check.name, printable(check.what));
  }
  return {ErrorKind::plugin,
          fmt::format("{} {}: fails {} of the conformance kit (seed {}). Use another version of "
                      "it; its author sees the same with: gantry plugin check. To install it all "
                      "the same: --unchecked",
                      file.manifest.id, file.manifest.version, counted(failures, "check"),
                      report.seed)};
}

// The conformance kit's verdict on the staged library: of now, unless it is known already that
// this kit passed the same bytes.
Status admit(const Session& session, const bundle::StagedLibrary& staged) {
  PluginFile file = staged.file;
  file.path = staged.path;
  if (!why_unchecked(file)) return {};
  KitOptions kit;
  kit.program = session.program;
  const auto report = run_kit(file, kit);
  if (!report) return std::unexpected(report.error());
  if (auto kept = keep_verdict(verdict_of(*report)); !kept) return kept;
  if (!report->passed()) return std::unexpected(failed_kit(file, *report));
  const auto count = [&](CheckStatus status) {
    return std::ranges::count(report->checks, status, &CheckResult::status);
  };
  print(fmt::format("conformance kit: {} passed, {} skipped\n", count(CheckStatus::passed),
                    count(CheckStatus::skipped)));
  return {};
}

ExitCode install(const Session& session, const InstallOptions& options) {
  const auto settings = bundle_settings(session);
  if (!settings) return report_error(settings.error());
  if (options.unchecked_too && settings->plugins.require_checked) {
    return report_refusal(
        {ErrorKind::plugin, fmt::format("{}: --unchecked, but require_checked = true in [plugins]: "
                                        "it would not be loaded. Install it without --unchecked",
                                        options.file)});
  }
  const auto store = configured_store(session, settings->plugins);
  if (!store) return report_error(store.error());
  const auto opened = open_bundle(options.file);
  if (!opened) return report_refusal(opened.error());
  std::string signature;
  auto signer = signer_of(options, settings->plugins, *opened, signature);
  if (!signer) return report_refusal(signer.error());

  auto change = bundle::Change::begin(*store);
  if (!change) return report_refusal(change.error());
  bundle::Admission admission;
  if (!options.unchecked_too) {
    admission = [&](const bundle::StagedLibrary& staged) { return admit(session, staged); };
  }
  const bundle::InstallRequest request{.bundle = opened->bundle,
                                       .bytes = opened->bytes,
                                       .signature = signature,
                                       .signer = *signer,
                                       .beside = options.beside,
                                       .downgrade = options.downgrade,
                                       .admission = std::move(admission)};
  const auto next = change->planned(request);
  if (!next) return report_refusal(next.error());
  const bundle::BundleFacts& facts = opened->bundle.facts;
  if (const auto understood = check_configuration(
          session, *settings, *store, *next, opened->bundle.library_for(this_host().machine),
          fmt::format("{} {}", facts.id, facts.version), options.force);
      !understood) {
    return report_error(understood.error());
  }
  if (auto installed = change->install(request); !installed) {
    return report_refusal(installed.error());
  }
  print(fmt::format(
      "{} {} installed, {}: generation {}\n", printable(facts.id), printable(facts.version),
      *signer ? "signed by " + printable((*signer)->name) : "unsigned", change->lock().generation));
  return ExitCode::done;
}

// The store that the configuration names, for one change: `plan` says what would be in force,
// `apply` puts it in force where the configuration is understood then.
template <class Plan, class Apply>
ExitCode change_store(const Session& session, bool force, std::string_view what, Plan&& plan,
                      Apply&& apply) {
  const auto settings = bundle_settings(session);
  if (!settings) return report_error(settings.error());
  const auto store = configured_store(session, settings->plugins);
  if (!store) return report_error(store.error());
  auto change = bundle::Change::begin(*store);
  if (!change) return report_refusal(change.error());
  const auto next = plan(*change, settings->plugins);
  if (!next) return report_refusal(next.error());
  if (const auto understood =
          check_configuration(session, *settings, *store, *next, nullptr, what, force);
      !understood) {
    return report_error(understood.error());
  }
  if (const Status done = apply(*change); !done) return report_refusal(done.error());
  print(fmt::format("generation {} is in force, {}\n", change->lock().generation,
                    counted(change->lock().pins.size(), "plugin")));
  return ExitCode::done;
}

ExitCode roll_back(const Session& session, std::optional<std::int64_t> generation, bool force) {
  return change_store(
      session, force, "the generation to go back to",
      [&](const bundle::Change& change,
          const PluginSettings& settings) -> Result<bundle::LockFile> {
        if (force) return change.planned_rollback(generation);
        const auto ring = configured_keys(settings.keys);
        if (!ring) return std::unexpected(ring.error());
        return change.planned_rollback(generation, [&](const bundle::Pin& pin) {
          return bundle::check_revoked(*ring, fmt::format("{} {}", pin.id, pin.version),
                                       {pin.id, pin.version, pin.bundle, pin.library, pin.key});
        });
      },
      [&](bundle::Change& change) { return change.rollback(generation); });
}

ExitCode remove(const Session& session, const std::string& plugin, bool force) {
  const std::size_t at = plugin.find('@');
  const std::string id = plugin.substr(0, at);
  const std::string version = at == std::string::npos ? "" : plugin.substr(at + 1);
  return change_store(
      session, force, "what stays in force",
      [&](const bundle::Change& change, const PluginSettings&) {
        return change.planned_removal(id, version);
      },
      [&](bundle::Change& change) { return change.remove(id, version); });
}

}  // namespace

void add_bundle_install(CLI::App& bundle, CommandLine& line) {
  auto options = std::make_shared<InstallOptions>();
  CLI::App* command = add_command(bundle, "install", "Verify a bundle, then put it in force",
                                  "bundle install triangular-0.2.0.tar.zst");
  command->add_option("file", options->file, "The bundle")->required()->type_name("FILE");
  command->add_option("--signature", options->signature, "By default FILE.minisig")
      ->type_name("FILE");
  command->add_flag("--unsigned", options->unsigned_too,
                    "Install it by its hash alone; not with trust = \"signed\"");
  command->add_flag("--unchecked", options->unchecked_too,
                    "Without the conformance kit; not with require_checked = true");
  command->add_flag("--beside", options->beside,
                    "Keep other versions of the plugin in force too: plugin = \"ID@VERSION\" "
                    "chooses one");
  command->add_flag("--downgrade", options->downgrade,
                    "An older version than the one in force is wanted");
  command->add_flag("--force", options->force,
                    "Also where the configuration is no longer understood");
  command->callback(
      [&line, options] { line.chosen = [&, options] { return install(line.session, *options); }; });
}

void add_bundle_rollback(CLI::App& bundle, CommandLine& line) {
  auto generation = std::make_shared<std::optional<std::int64_t>>();
  auto force = std::make_shared<bool>(false);
  CLI::App* command =
      add_command(bundle, "rollback", "Go back to the generation before", "bundle rollback");
  add_whole_number(*command, "--to", "That generation instead; see: bundle list --generations",
                   {0, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())},
                   std::function<void(std::uint64_t)>([generation](std::uint64_t number) {
                     *generation = static_cast<std::int64_t>(number);
                   }))
      ->type_name("N");
  command->add_flag("--force", *force,
                    "Also to what is revoked since, which no start loads, and to what does not "
                    "understand the configuration");
  command->callback([&line, generation, force] {
    line.chosen = [&, generation, force] { return roll_back(line.session, *generation, *force); };
  });
}

void add_bundle_remove(CLI::App& bundle, CommandLine& line) {
  auto plugin = std::make_shared<std::string>();
  CLI::App* command =
      add_command(bundle, "remove", "Take a plugin out of force; rollback brings it back",
                  "bundle remove org.gantry.triangular@0.1.0");
  command->add_option("plugin", *plugin, "Its name or id, with @ and a version for one of several")
      ->required()
      ->type_name("PLUGIN");
  auto force = std::make_shared<bool>(false);
  command->add_flag("--force", *force,
                    "Also where what stays does not understand the configuration");
  command->callback([&line, plugin, force] {
    line.chosen = [&, plugin, force] { return remove(line.session, *plugin, *force); };
  });
}

}  // namespace gantry::host::cli
