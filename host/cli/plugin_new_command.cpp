// gantry plugin new: a plugin's project that builds, tests and runs at once.
#include <fmt/format.h>

#include "host/cli/command.hpp"
#include "host/cli/new_project.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

std::string next_steps(const NewProject& project, const std::filesystem::path& folder) {
  const std::string place = printable(folder.string());
  const std::string library = project.language == Language::rust
                                  ? fmt::format("target/release/lib{}.so", project.name)
                                  : fmt::format("build/{}.so", project.name);
  const std::string_view build =
      project.language == Language::rust
          ? "  cargo test && cargo build --release\n"
          : "  cmake -S . -B build -DCMAKE_BUILD_TYPE=Release && cmake --build build\n"
            "  ctest --test-dir build --output-on-failure\n";
  return fmt::format(
      "A {} in {}, {}: {}\n\nNext:\n  cd {}\n{}  gantry plugin inspect {}\n  gantry plugin run "
      "{}\n  gantry plugin check {}\n",
      to_string(project.kind), to_string(project.language), project.name, place, place, build,
      library, library, library);
}

ExitCode make(const Session& session, const NewProject& project) {
  const auto sdk = find_sdk(session.program);
  if (!sdk) return report_error(sdk.error());
  const auto folder = make_project(project, *sdk);
  if (!folder) return report_error(folder.error());
  print(next_steps(project, *folder));
  return ExitCode::done;
}

}  // namespace

void add_plugin_new(CLI::App& plugin, CommandLine& line) {
  struct Options {
    std::string kind;
    std::string language = "c++";
    NewProject project;
    std::string folder;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(plugin, "new",
                  "Make a plugin's project that builds, tests and runs: every kind, in C++, C or "
                  "Rust",
                  "plugin new strategy my_arbitrage --lang rust --into ./my_arbitrage");
  command->add_option("kind", options->kind, "dex, strategy or paymaster")
      ->required()
      ->check(CLI::IsMember({"dex", "strategy", "paymaster"}))
      ->type_name("KIND");
  command->add_option("name", options->project.name, "snake_case: of the library and its instance")
      ->required()
      ->type_name("NAME");
  command->add_option("--lang", options->language, "c++, c or rust")
      ->check(CLI::IsMember({"c++", "c", "rust"}))
      ->type_name("LANGUAGE")
      ->capture_default_str();
  command
      ->add_option("--id", options->project.id,
                   "A reverse domain name that is yours; org.example.NAME by default")
      ->type_name("ID");
  command
      ->add_option("--into", options->folder, "The project's folder, to be made; ./NAME by default")
      ->type_name("DIR");
  command->callback([&line, options] {
    NewProject& project = options->project;
    for (const PluginKind kind : {PluginKind::dex, PluginKind::strategy, PluginKind::paymaster}) {
      if (to_string(kind) == options->kind) project.kind = kind;
    }
    for (const Language language : languages) {
      if (to_string(language) == options->language) project.language = language;
    }
    project.folder = options->folder;
    line.chosen = [&line, options] { return make(line.session, options->project); };
  });
}

}  // namespace gantry::host::cli
