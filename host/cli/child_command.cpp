// gantry __plugin-child: the process of an isolated plugin. Only the host starts it.
#include "host/cli/command.hpp"
#include "host/isolation/child.hpp"

namespace gantry::host::cli {

void add_plugin_child(CLI::App& app, CommandLine& line) {
  CLI::App* command =
      app.add_subcommand("__plugin-child", "An isolated plugin's process, in a child of `run`");
  command->group("");  // not for people
  command->callback([&line] {
    line.chosen = [] { return run_plugin_child() == 0 ? ExitCode::done : ExitCode::failed; };
  });
}

}  // namespace gantry::host::cli
