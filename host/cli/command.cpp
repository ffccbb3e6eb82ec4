#include "host/cli/command.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "host/log/log.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace fs = std::filesystem;

int output_failure = 0;  // errno of the first print() that failed

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// What the configuration takes from the environment must not come out of the log.
void hide_secrets(const Session& session, const Configuration& configuration) {
  std::vector<std::string> values;
  const auto add_variable = [&](const std::string& name) {
    if (const auto value = session.environment(name)) values.push_back(*value);
  };
  const auto add_text = [&](const std::string& text) {
    const TemplatedText parsed = TemplatedText::parse(text).value_or(TemplatedText());
    for (const std::string& name : parsed.variables()) add_variable(name);
  };
  for (const ChainSettings& chain : configuration.chains) {
    for (const RpcProviderSettings& provider : chain.providers) add_text(provider.url.text());
  }
  const auto add_instances = [&](const auto& instances) {
    for (const InstanceSettings& instance : instances) {
      for (const ParameterSetting& parameter : instance.parameters) {
        if (const auto* text = std::get_if<std::string>(&parameter.value)) add_text(*text);
      }
    }
  };
  add_instances(configuration.dexes);
  add_instances(configuration.strategies);
  add_instances(configuration.paymasters);
  hide_from_logs(values);
}

std::vector<fs::path> plugin_folders(const Session& session, const PluginSettings& settings) {
  if (!session.plugins.empty()) return {session.plugins.begin(), session.plugins.end()};
  for (const fs::path& folder : settings.folders) {
    if (is_folder(folder)) return settings.folders;
  }
  // An installed configuration still names the build's folder.
  const fs::path installed = session.program.parent_path().parent_path() / "lib/gantry/plugins";
  if (is_folder(installed)) return {installed};
  return settings.folders;
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
  const fs::path beside = session.program.parent_path();
  for (const fs::path& folder : {fs::path("config"), beside.parent_path().parent_path() / "config",
                                 beside.parent_path() / "share/gantry/config"}) {
    if (is_folder(folder)) return folder;
  }
  return "config";
}

std::expected<Loaded, ConfigReport> read_configuration(const Session& session) {
  Loaded loaded;
  auto configuration = load_configuration(
      ConfigFiles::in_folder(config_folder(session)),
      [&](const PluginSettings& settings) {
        loaded.folders = plugin_folders(session, settings);
        PluginScan scan = scan_plugin_folders(loaded.folders);
        loaded.refused = std::move(scan.refused);
        return std::move(scan.plugins);
      },
      session.environment);
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
  for (const Diagnostic& warning : loaded->configuration.report.warnings) {
    spdlog::warn("{}:{}:{}: {}{}{}", warning.file, warning.line, warning.column, warning.message,
                 warning.suggestion.empty() ? "" : "; did you mean ", warning.suggestion);
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
