// gantry plugin run: one plugin on recorded input, in this process and this thread.
#include <limits>

#include "host/cli/command.hpp"
#include "host/cli/number.hpp"
#include "host/cli/plugin_trial.hpp"

namespace gantry::host::cli {
namespace {

ExitCode run_plugin(const Session& session, TrialOptions options, const std::string& recording) {
  auto loaded = load(session, false);
  if (!loaded) return ExitCode::usage;
  Configuration& configuration = loaded->configuration;
  options.recording = recording.empty() ? configuration.market.recording.string() : recording;
  if (options.recording.empty()) {
    return report_error({ErrorKind::configuration,
                         "there is no recorded market: give --recording, or set `recording` in "
                         "[market] of gantry.toml"});
  }
  const auto strikes = run_trial(std::move(configuration), options,
                                 [](std::string_view line) { print(std::string(line) + "\n"); });
  if (!strikes) return report_error(strikes.error());
  return *strikes == 0 ? ExitCode::done : ExitCode::found;
}

}  // namespace

void add_plugin_run(CLI::App& plugin, CommandLine& line) {
  struct Options {
    std::string library;
    std::string recording;
    TrialOptions trial;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(
      plugin, "run",
      "Drive one plugin on recorded input, in one thread, and print what it answers; ends with 3 "
      "after a strike. For a debugger: gdb --args gantry plugin run FILE",
      "plugin run build/my_dex.so --blocks 5");
  command->add_option("file", options->library, "The library")->required()->type_name("FILE");
  command->add_option("--recording", options->recording, "Instead of the configured one")
      ->type_name("FILE");
  add_whole_number(*command, "--blocks", "How many of its first blocks; 10 by default",
                   {1, std::numeric_limits<std::uint64_t>::max()}, options->trial.blocks)
      ->type_name("N");
  add_whole_number(*command, "--answers", "How many answers of a block are shown; 8 by default",
                   {0, std::numeric_limits<std::uint64_t>::max()}, options->trial.answers_max)
      ->type_name("N");
  command->callback([&line, options] {
    options->trial.library = options->library;
    line.chosen = [&line, options] {
      return run_plugin(line.session, options->trial, options->recording);
    };
  });
}

}  // namespace gantry::host::cli
