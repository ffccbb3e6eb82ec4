#include "host/cli/cli.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <sstream>

#include "host/base/version.hpp"
#include "host/cli/command.hpp"
#include "host/config/document.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host {
namespace {

using cli::CommandLine;
using cli::ExitCode;

bool wants_colour(int descriptor, const Environment& environment) {
  const auto no_colour = environment("NO_COLOR");
  const auto terminal = environment("TERM");
  return ::isatty(descriptor) == 1 && (!no_colour || no_colour->empty()) && terminal &&
         *terminal != "dumb";
}

void add_globals(CLI::App& app, cli::Session& session) {
  app.add_option("--config", session.config_folder,
                 "Folder of gantry.toml, dex_config.toml and strategies.toml. Without it the first "
                 "that is there: ./config, config of the source tree, share/gantry/config or "
                 "etc/gantry of the installation, /etc/gantry")
      ->type_name("FOLDER");
  app.add_option("--plugins", session.plugins,
                 "Folder that is searched for plugins, instead of those of gantry.toml; repeatable")
      ->type_name("FOLDER")
      ->take_all()
      ->expected(1);
  app.add_option("--log-level", session.log_level, "trace, debug, info, warning or error")
      ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error"}))
      ->type_name("LEVEL");
  app.add_option("--log-format", session.log_format,
                 "human, json or automatic: human on a terminal, JSON lines otherwise")
      ->check(CLI::IsMember({"human", "json", "automatic"}))
      ->type_name("FORMAT");
}

// The command that was reached before the line went wrong.
CLI::App* deepest(CLI::App& app) {
  CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().back();
  return at;
}

// All that could stand where `command` met a word it does not know.
std::vector<std::string> known_words(CLI::App& command) {
  std::vector<std::string> words;
  for (CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
    }
  }
  for (const CLI::App* sub : command.get_subcommands([](CLI::App*) { return true; })) {
    words.push_back(sub->get_name());
  }
  return words;
}

std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? "gantry" : full_name(*parent) + " " + command.get_name();
}

ExitCode refuse(CLI::App& app, const CLI::ParseError& error) {
  CLI::App& command = *deepest(app);
  std::string message = error.what();
  if (const auto unknown = app.remaining(true); !unknown.empty()) {
    const std::string word = unknown.front().substr(0, unknown.front().find('='));
    const bool option = word.starts_with('-');
    message = fmt::format("unknown {} `{}`", option ? "option" : "command or argument", word);
    const std::string meant = config::nearest(word, known_words(command));
    if (!meant.empty()) message += fmt::format(": did you mean `{}`?", meant);
  }
  const std::string text =
      fmt::format("gantry: {}\nSee: {} --help\n", printable(message), full_name(command));
  std::fputs(text.c_str(), stderr);
  return ExitCode::usage;
}

// A closed descriptor would be given to the next file that is opened, and what is printed would end
// up in it. Standard output becomes one that cannot be written to: what is lost is noticed.
void fill_standard_descriptors() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(number, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest that is free, which is this one.
    static_cast<void>(::open("/dev/null", number == STDERR_FILENO ? O_WRONLY : O_RDONLY));
  }
}

ExitCode run(int argc, const char* const* argv) {
  CommandLine line;
  cli::Session& session = line.session;
  session.environment = process_environment();
  session.colour_out = wants_colour(STDOUT_FILENO, session.environment);
  session.colour_err = wants_colour(STDERR_FILENO, session.environment);
  session.terminal_err = ::isatty(STDERR_FILENO) == 1;
  std::error_code no_path;
  session.program = std::filesystem::read_symlink("/proc/self/exe", no_path);

  CLI::App app("Gantry runs trading plugins on a task graph, as a dry run unless told otherwise.",
               "gantry");
  app.set_version_flag("--version", "gantry " + std::string(version_text));
  app.fallthrough();
  app.require_subcommand(1);
  app.footer(
      "Examples:\n  gantry run\n  gantry config check\n  gantry plugin list\n\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 a check found "
      "something.");
  add_globals(app, session);
  for (const auto add :
       {cli::add_run,    cli::add_replay,     cli::add_backtest, cli::add_record,
        cli::add_import, cli::add_quote,      cli::add_graph,    cli::add_plugin,
        cli::add_bundle, cli::add_quarantine, cli::add_key,      cli::add_executor,
        cli::add_audit,  cli::add_config,     cli::add_status,   cli::add_reload,
        cli::add_stop,   cli::add_resume,     cli::add_doctor,   cli::add_plugin_child}) {
    add(app, line);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      std::ostringstream text;
      const int code = app.exit(error, text, text);
      cli::print(text.str());
      return static_cast<ExitCode>(code);
    }
    return refuse(app, error);
  }
  // The log of what goes wrong before the configuration says how it is to be.
  cli::start_log(session, LogSettings{.level = LogLevel::warning});
  return line.chosen();
}

}  // namespace

int run_cli(int argc, const char* const* argv) {
  fill_standard_descriptors();
  try {
    return static_cast<int>(cli::settle_output(run(argc, argv)));
  } catch (const std::exception& error) {
    return static_cast<int>(
        cli::report_error({ErrorKind::internal, fmt::format("unexpected: {}", error.what())}));
  }
}

}  // namespace gantry::host
