// gantry config check|explain
#include <fmt/format.h>

#include "host/cli/command.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

ExitCode check(const Session& session, bool as_json) {
  const auto loaded = read_configuration(session);
  const ConfigReport& report = loaded ? loaded->configuration.report : loaded.error();
  if (as_json) {
    print(render_json(report) + "\n");
  } else {
    print(render_text(report, session.colour_out));
    if (loaded) {
      // With warnings the line above has counted both.
      if (report.warnings.empty()) {
        print(fmt::format("{}: no errors\n", printable(config_folder(session).string())));
      }
      for (const Error& refused : loaded->refused)
        print("plugin folder: " + printable(refused.message) + "\n");
    }
  }
  if (!loaded) return ExitCode::usage;
  return loaded->refused.empty() ? ExitCode::done : ExitCode::found;
}

ExitCode explain(const Session& session, bool as_json) {
  const auto loaded = load(session, as_json);
  if (!loaded) return ExitCode::usage;
  print(as_json ? explain_json(loaded->configuration) + "\n" : explain_text(loaded->configuration));
  return ExitCode::done;
}

}  // namespace

void add_config(CLI::App& app, CommandLine& line) {
  CLI::App* config =
      add_command(app, "config", "Check or explain the configuration", "config check");
  config->require_subcommand(1);
  static constexpr auto json_help = "For a program to read";

  CLI::App* check_command =
      add_command(*config, "check", "Report every fault at once, with file, line and column",
                  "config check --config ./config --json");
  auto check_json = std::make_shared<bool>(false);
  check_command->add_flag("--json", *check_json, json_help);
  check_command->callback([&line, check_json] {
    line.chosen = [&, check_json] { return check(line.session, *check_json); };
  });

  CLI::App* explain_command = add_command(
      *config, "explain", "Show each value in force, where it comes from and its meaning",
      "config explain");
  auto explain_json_flag = std::make_shared<bool>(false);
  explain_command->add_flag("--json", *explain_json_flag, json_help);
  explain_command->callback([&line, explain_json_flag] {
    line.chosen = [&, explain_json_flag] { return explain(line.session, *explain_json_flag); };
  });
}

}  // namespace gantry::host::cli
