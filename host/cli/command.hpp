// What the commands share: options of the whole program, exit codes, loading the configuration.
//
// THREADS  [main] throughout.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"
#include "host/config/load.hpp"

namespace gantry::host::cli {

enum class ExitCode : std::int32_t {
  done = 0,
  failed = 1,
  usage = 2,  // or a wrong configuration
  found = 3,  // a check found something
};

// The files, variables and terminal that the program was started with, and its global options.
struct Session {
  Environment environment;
  std::filesystem::path program;  // its own file
  bool colour_out = false;
  bool colour_err = false;
  bool terminal_err = false;

  std::string config_folder;         // as given; empty: see config_files()
  std::vector<std::string> plugins;  // folders as given; empty: those of gantry.toml
  std::string log_level;
  std::string log_format;
  std::vector<std::string> overrides;  // "key=value" in the place of what the files say
};

// A command registers itself and leaves what is to be done in `chosen`, which runs after the whole
// line was read.
struct CommandLine {
  Session session;
  std::function<ExitCode()> chosen;
};
void add_run(CLI::App& app, CommandLine& line);
void add_replay(CLI::App& app, CommandLine& line);
void add_backtest(CLI::App& app, CommandLine& line);
void add_record(CLI::App& app, CommandLine& line);
void add_import(CLI::App& app, CommandLine& line);
void add_quote(CLI::App& app, CommandLine& line);
void add_graph(CLI::App& app, CommandLine& line);
void add_plugin(CLI::App& app, CommandLine& line);
void add_bundle(CLI::App& app, CommandLine& line);
void add_audit(CLI::App& app, CommandLine& line);
void add_quarantine(CLI::App& app, CommandLine& line);
void add_key(CLI::App& app, CommandLine& line);
void add_executor(CLI::App& app, CommandLine& line);
// __plugin-child, which is not for people.
void add_plugin_child(CLI::App& app, CommandLine& line);
void add_plugin_new(CLI::App& plugin, CommandLine& line);
void add_plugin_run(CLI::App& plugin, CommandLine& line);
// check and check-one, under `plugin`.
void add_plugin_check(CLI::App& plugin, CommandLine& line);
void add_config(CLI::App& app, CommandLine& line);
void add_status(CLI::App& app, CommandLine& line);
void add_stop(CLI::App& app, CommandLine& line);
void add_resume(CLI::App& app, CommandLine& line);
void add_reload(CLI::App& app, CommandLine& line);
void add_doctor(CLI::App& app, CommandLine& line);

// A subcommand whose --help ends with an example, given without the program's name.
CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& summary,
                      const std::string& example);

// --config, else the first that is there: ./config, config of the source tree whose build/ this is
// in, share/gantry/config and etc/gantry of this installation (whose etc is /etc when it is in
// /usr), /etc/gantry.
std::filesystem::path config_folder(const Session& session);

// The libraries of the plugin folders and, without --plugins, of installed bundles, which come
// first. Each library once: a folder may hold a copy of an installed one.
struct FoundPlugins {
  PluginScan scan;
  std::vector<std::filesystem::path> folders;
};
FoundPlugins find_plugins(const Session& session, const PluginSettings& settings);

struct Loaded {
  Configuration configuration;
  std::vector<std::filesystem::path> folders;  // that were searched for plugins
  std::vector<Error> refused;                  // files and folders that gave no plugin
};
// Reads and checks; no code of a plugin runs.
std::expected<Loaded, ConfigReport> read_configuration(const Session& session);
// Whether a command says what will run otherwise than as written.
enum class Warnings : std::int32_t { silent = 0, logged = 1 };
// The same for a command that only needs it: renders every error to stderr, where a program reads
// the answer also to stdout as `config check --json` does, and sets the log up. Nothing: the exit
// code is `usage`.
std::optional<Loaded> load(const Session& session, bool as_json,
                           Warnings warnings = Warnings::silent);
// The log as the configuration, the command line and the terminal want it.
void start_log(const Session& session, const LogSettings& settings);

// To stdout. What could not be written is told by settle_output().
void print(std::string_view text);
// The exit code of a command that ended with `code`: failed, with the reason on stderr, when some
// of its output is lost. A reader that went away (`| head`) wanted no more: that is no loss.
ExitCode settle_output(ExitCode code);
// To stderr, made printable and without secrets.
ExitCode report_error(const Error& error);

}  // namespace gantry::host::cli
