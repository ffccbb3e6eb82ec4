#include "host/cli/command.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <set>

#include "host/bundle/store.hpp"
#include "host/bundle/trust.hpp"
#include "host/log/log.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::ptrdiff_t unset_told_max = 3;  // variables that are not set, a line each

int output_failure = 0;  // errno of the first print() that failed

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// What the configuration takes from the environment must not come out of the log.
void hide_secrets(const Session& session, const Configuration& configuration) {
  std::vector<std::string> values;
  const auto add_variable = [&](const std::string& name) {
    const auto value = session.environment(name);
    if (!value) return;
    values.push_back(*value);
    // A whole URL may turn up in pieces.
    for (std::string_view rest = *value; !rest.empty();) {
      const std::string_view piece = rest.substr(0, rest.find_first_of("/?&=@:#."));
      if (looks_like_key(piece)) values.emplace_back(piece);
      rest.remove_prefix(std::min(piece.size() + 1, rest.size()));
    }
  };
  for (const NamedVariable& variable : variables_of(configuration)) add_variable(variable.name);
  hide_from_logs(values);
}

std::vector<fs::path> plugin_folders(const Session& session, const PluginSettings& settings) {
  if (!session.plugins.empty()) return {session.plugins.begin(), session.plugins.end()};
  // A configuration that came from the source still names the build's folder: the installed one
  // stands in for the first that is not there. What else is missing is told.
  const fs::path installed = session.program.parent_path().parent_path() / "lib/gantry/plugins";
  std::vector<fs::path> folders = settings.folders;
  const auto missing =
      std::ranges::find_if(folders, [](const fs::path& folder) { return !is_folder(folder); });
  if (missing != folders.end() && is_folder(installed) &&
      std::ranges::find(folders, installed) == folders.end()) {
    *missing = installed;
  }
  return folders;
}

}  // namespace

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& summary,
                      const std::string& example) {
  CLI::App* command = app.add_subcommand(name, summary);
  if (!example.empty()) {
    command->footer("Example:\n  gantry " + example +
                    "\n\nOptions of every command (--config and others): gantry --help");
  }
  return command;
}

fs::path config_folder(const Session& session) {
  if (!session.config_folder.empty()) return session.config_folder;
  const fs::path prefix = session.program.parent_path().parent_path();
  const fs::path etc = prefix.filename() == "usr" ? prefix.parent_path() : prefix;
  std::vector<fs::path> folders{"config"};
  if (prefix.filename() == "build") folders.push_back(prefix.parent_path() / "config");
  folders.insert(folders.end(),
                 {prefix / "share/gantry/config", etc / "etc/gantry", fs::path("/etc/gantry")});
  const auto found = std::ranges::find_if(folders, is_folder);
  if (found != folders.end()) return *found;
  return "config";
}

FoundPlugins find_plugins(const Session& session, const PluginSettings& settings) {
  FoundPlugins found{.scan = {}, .folders = plugin_folders(session, settings)};
  if (!session.plugins.empty()) {
    found.scan = scan_plugin_folders(found.folders, "Correct --plugins.");
    return found;
  }
  const fs::path store = bundle::store_of(settings, session.environment);
  if (!store.empty()) found.scan = bundle::scan_store(store);
  PluginScan loose = scan_plugin_folders(found.folders);
  for (PluginFile& file : loose.plugins) {
    if (std::ranges::find(found.scan.plugins, file.sha256, &PluginFile::sha256) ==
        found.scan.plugins.end()) {
      found.scan.plugins.push_back(std::move(file));
    }
  }
  std::ranges::move(loose.refused, std::back_inserter(found.scan.refused));
  return found;
}

std::expected<Loaded, ConfigReport> read_configuration(const Session& session) {
  Loaded loaded;
  auto configuration = load_configuration(
      ConfigFiles::in_folder(config_folder(session)),
      [&](const PluginSettings& settings) {
        FoundPlugins found = find_plugins(session, settings);
        loaded.folders = std::move(found.folders);
        loaded.refused = std::move(found.scan.refused);
        return std::move(found.scan.plugins);
      },
      session.environment, session.overrides);
  if (!configuration) return std::unexpected(std::move(configuration.error()));
  loaded.configuration = std::move(*configuration);
  hide_secrets(session, loaded.configuration);
  return loaded;
}

void start_log(const Session& session, const LogSettings& settings) {
  LogSettings effective = settings;
  for (const LogLevel level :
       {LogLevel::trace, LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    if (session.log_level == to_string(level)) effective.level = level;
  }
  for (const LogFormat format : {LogFormat::automatic, LogFormat::human, LogFormat::json}) {
    if (session.log_format == to_string(format)) effective.format = format;
  }
  set_up_log(effective, session.terminal_err, session.colour_err);
}

std::optional<Loaded> load(const Session& session, bool as_json, Warnings warnings) {
  auto loaded = read_configuration(session);
  if (!loaded) {
    std::fputs(render_text(loaded.error(), session.colour_err).c_str(), stderr);
    if (as_json) print(render_json(loaded.error()) + "\n");
    return std::nullopt;
  }
  start_log(session, loaded->configuration.log);
  if (warnings == Warnings::silent) return std::move(*loaded);
  const std::vector<Diagnostic>& found = loaded->configuration.report.warnings;
  // Whoever has the keys of one provider is not told of all others one by one.
  const auto unset =
      std::ranges::count_if(found, [](const Diagnostic& d) { return !d.variable.empty(); });
  std::set<std::string> variables;
  for (const Diagnostic& warning : found) {
    if (unset > unset_told_max && !warning.variable.empty()) {
      variables.insert(warning.variable);
      continue;
    }
    spdlog::warn("{}:{}:{}: {}{}{}", warning.file, warning.line, warning.column, warning.message,
                 warning.suggestion.empty() ? "" : "; did you mean ", warning.suggestion);
  }
  if (!variables.empty()) {
    spdlog::warn(
        "not set in the environment, so that {} places of the configuration are not used: "
        "{}; `gantry config check` says which",
        unset, fmt::join(variables, ", "));
  }
  for (const Error& refused : loaded->refused) spdlog::warn("{}", refused.message);
  return std::move(*loaded);
}

void print(std::string_view text) {
  errno = 0;
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written && output_failure == 0) output_failure = errno != 0 ? errno : EIO;
}

ExitCode settle_output(ExitCode code) {
  if (output_failure == 0 || output_failure == EPIPE) return code;
  return report_error(
      {ErrorKind::io, fmt::format("standard output: cannot be written: {}. What was to be printed "
                                  "is lost; send it to where there is room, and start again",
                                  std::strerror(output_failure))});
}

ExitCode report_error(const Error& error) {
  const std::string line = "gantry: " + printable(without_secrets(error.message)) + "\n";
  std::fputs(line.c_str(), stderr);
  const bool usage = error.kind == ErrorKind::usage || error.kind == ErrorKind::configuration;
  return usage ? ExitCode::usage : ExitCode::failed;
}

}  // namespace gantry::host::cli
