// gantry plugin list|inspect: what is known of a plugin without running any of its code.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>

#include "host/cli/command.hpp"
#include "host/plugin/admission.hpp"
#include "host/quarantine/run_record.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;

struct Use {
  std::vector<std::string> enabled;   // instances that run it
  std::vector<std::string> disabled;  // instances that would
  std::string refused;                // why it could not be loaded; empty: it can
};

// What a start would ask before it loads anything.
class Doorman {
 public:
  Doorman(const Session& session, const Configuration& configuration) {
    const auto folder = quarantine_folder(configuration.plugin.quarantine, session.environment);
    std::error_code error;
    if (folder && std::filesystem::exists(*folder, error)) {
      if (auto opened = Quarantine::open(*folder)) {
        quarantine_.emplace(std::move(*opened));
        record_ = plugin_record(*quarantine_, Obey::all, 0);
      }
    }
    admission_.emplace(configuration, record_, Moment::start);
  }
  // Empty: it may be loaded.
  std::string why_not(std::size_t plugin) {
    const auto admitted = admission_->check_library(plugin);
    return admitted ? std::string() : admitted.error().message;
  }

 private:
  std::optional<Quarantine> quarantine_;
  PluginRecord record_;                 // borrows the quarantine
  std::optional<Admission> admission_;  // borrows the record
};

Use use_of(const Configuration& configuration, std::size_t index, Doorman& doorman) {
  Use use;
  const auto collect = [&](const auto& instances) {
    for (const InstanceSettings& instance : instances) {
      if (instance.installed != index) continue;
      (instance.enabled ? use.enabled : use.disabled).push_back(instance.name);
    }
  };
  collect(configuration.dexes);
  collect(configuration.strategies);
  collect(configuration.paymasters);
  if (!configuration.plugins[index].exports_entry()) {
    use.refused =
        fmt::format("it does not export {}: build it with gantry_add_plugin", plugin_entry_symbol);
  } else {
    use.refused = doorman.why_not(index);
  }
  return use;
}

std::string state_of(const Use& use) {
  if (!use.refused.empty()) return "refused: " + use.refused;
  if (!use.enabled.empty()) return fmt::format("runs as {}", fmt::join(use.enabled, ", "));
  if (!use.disabled.empty()) return fmt::format("disabled: {}", fmt::join(use.disabled, ", "));
  return "not used";
}

json::array array_of(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(printable(text));
  return out;
}

json::value list_json(const Loaded& loaded, Doorman& doorman) {
  json::array plugins;
  for (std::size_t i = 0; i < loaded.configuration.plugins.size(); ++i) {
    const PluginFile& file = loaded.configuration.plugins[i];
    const Use use = use_of(loaded.configuration, i, doorman);
    plugins.push_back({{"name", printable(file.manifest.name)},
                       {"id", printable(file.manifest.id)},
                       {"kind", to_string(file.manifest.kind)},
                       {"version", printable(file.manifest.version)},
                       {"file", printable(file.path.string())},
                       {"sha256", file.sha256},
                       {"enabled", array_of(use.enabled)},
                       {"disabled", array_of(use.disabled)},
                       {"refused", printable(use.refused)}});
  }
  json::array refused;
  for (const Error& error : loaded.refused) refused.emplace_back(printable(error.message));
  json::array folders;
  for (const auto& folder : loaded.folders) folders.emplace_back(printable(folder.string()));
  return json::object{{"folders", std::move(folders)},
                      {"plugins", std::move(plugins)},
                      {"refused", std::move(refused)}};
}

std::string list_text(const Loaded& loaded, Doorman& doorman, const Style& style) {
  Table table({{"name"}, {"kind"}, {"version"}, {"file"}, {"state", Align::left, true}});
  for (std::size_t i = 0; i < loaded.configuration.plugins.size(); ++i) {
    const PluginFile& file = loaded.configuration.plugins[i];
    const Use use = use_of(loaded.configuration, i, doorman);
    const Ink ink = !use.refused.empty() ? Ink::bad : !use.enabled.empty() ? Ink::good : Ink::dim;
    // Only where it is another than one expects: states need the room.
    std::string name = file.path.filename().string();
    if (name == file.manifest.name + ".so") name.clear();
    table.add({{file.manifest.name, Ink::bold},
               {std::string(to_string(file.manifest.kind))},
               {file.manifest.version},
               {std::move(name)},
               {state_of(use), ink}});
  }
  std::string out = table.empty() ? "No plugin was found.\n" : table.text(style);
  for (const auto& folder : loaded.folders) {
    out += style(Ink::dim, "  in " + printable(folder.string())) + "\n";
  }
  for (const Error& error : loaded.refused) {
    for (const std::string& line : wrap(printable("refused: " + error.message), 98)) {
      out += "  " + style(Ink::bad, line) + "\n";
    }
  }
  return out;
}

ExitCode list(const Session& session, bool as_json) {
  auto loaded = read_configuration(session);
  if (!loaded) {
    report_error(
        {ErrorKind::configuration, "the configuration has errors: see gantry config check"});
    if (as_json) print(render_json(loaded.error()) + "\n");
    return ExitCode::usage;
  }
  bool found = !loaded->refused.empty();
  Doorman doorman(session, loaded->configuration);
  for (std::size_t i = 0; i < loaded->configuration.plugins.size(); ++i) {
    found = found || !use_of(loaded->configuration, i, doorman).refused.empty();
  }
  print(as_json ? json_text(list_json(*loaded, doorman))
                : list_text(*loaded, doorman, Style(session.colour_out)));
  return found ? ExitCode::found : ExitCode::done;
}

json::value inspect_json(const PluginFile& file) {
  json::error_code error;
  json::value manifest = json::parse(manifest_to_json(file.manifest), error);
  json::object elf{{"machine", file.elf.machine},
                   {"soname", printable(file.elf.soname)},
                   {"needed", array_of(file.elf.needed)},
                   {"glibc", printable(file.elf.glibc)},
                   {"glibcxx", printable(file.elf.glibcxx)},
                   {"exports", array_of(file.elf.exports)},
                   {"unique_symbols", file.elf.unique_symbols},
                   {"constructors_bytes", file.elf.constructors_bytes}};
  return json::object{{"file", printable(file.path.string())}, {"sha256", file.sha256},
                      {"size_bytes", file.size_bytes},         {"loads", file.exports_entry()},
                      {"manifest", std::move(manifest)},       {"elf", std::move(elf)}};
}

std::string range_of(const ParameterSchema& schema) {
  if (!schema.choices.empty()) return fmt::format("{}", fmt::join(schema.choices, " | "));
  if (schema.min && schema.max) return fmt::format("{} to {}", *schema.min, *schema.max);
  if (schema.min) return fmt::format("from {}", *schema.min);
  if (schema.max) return fmt::format("up to {}", *schema.max);
  return "";
}

std::string parameters_text(const Manifest& manifest, const Style& style) {
  if (manifest.parameters.empty()) return "  none\n";
  Table table({{"name"}, {"type"}, {"default"}, {"unit"}, {"range", Align::left, true}});
  std::size_t indent = 4;  // a note stands under the second column
  for (const ParameterSchema& schema : manifest.parameters) {
    indent = std::max(indent, width_of(schema.name));
  }
  indent += 4;
  for (const ParameterSchema& schema : manifest.parameters) {
    table.add({{schema.name, Ink::bold},
               {std::string(to_string(schema.type))},
               {schema.default_value ? to_string(*schema.default_value)
                                     : std::string(schema.required ? "(required)" : "-")},
               {schema.unit},
               {range_of(schema)}});
    for (const std::string& part : wrap(printable(schema.help), terminal_columns - indent)) {
      table.add_note(part);
    }
  }
  return table.text(style);
}

std::string inspect_text(const PluginFile& file, const Style& style) {
  const Manifest& manifest = file.manifest;
  std::string out = style(Ink::bold, printable(manifest.name)) +
                    printable(fmt::format(" {}  {}  {}", manifest.version, to_string(manifest.kind),
                                          manifest.summary)) +
                    "\n";
  const auto line = [&](std::string_view name, const std::string& value) {
    const std::vector<std::string> lines = wrap(printable(value), terminal_columns - 14);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string label = fmt::format("  {:<12}", i == 0 ? name : std::string_view());
      out += style(Ink::dim, label) + lines[i] + "\n";
    }
  };
  line("id", manifest.id);
  line("licence", manifest.licence);
  line("interfaces", fmt::format("{}", fmt::join(manifest.interfaces, ", ")));
  line("built with", fmt::format("{}, {}, SDK {}", manifest.toolchain.compiler,
                                 manifest.toolchain.stdlib, manifest.toolchain.sdk));
  line("needs", fmt::format("{}, {}{}{}", file.elf.machine, fmt::join(file.elf.needed, ", "),
                            file.elf.glibc.empty() ? "" : "; GLIBC_" + file.elf.glibc,
                            file.elf.glibcxx.empty() ? "" : "; GLIBCXX_" + file.elf.glibcxx));
  line("exports", file.elf.exports.empty() ? std::string("nothing")
                                           : fmt::format("{}", fmt::join(file.elf.exports, ", ")));
  line("file", fmt::format("{}, {} bytes", file.path.string(), file.size_bytes));
  line("sha256", file.sha256);
  out += style(Ink::bold, "Parameters") + "\n" + parameters_text(manifest, style);
  if (!file.exports_entry()) {
    out += style(Ink::bad,
                 fmt::format("A host refuses it: it does not export {}.", plugin_entry_symbol)) +
           "\n";
  }
  if (file.elf.unique_symbols > 0) {
    out += style(Ink::warning, fmt::format("{}: it cannot be unloaded. Build with -fno-gnu-unique.",
                                           counted(file.elf.unique_symbols, "unique symbol"))) +
           "\n";
  }
  return out;
}

ExitCode inspect(const Session& session, const std::string& path, bool as_json) {
  const auto file = inspect_plugin_file(path);
  if (!file) {
    report_error(file.error());
    return file.error().kind == ErrorKind::format ? ExitCode::found : ExitCode::failed;
  }
  print(as_json ? json_text(inspect_json(*file)) : inspect_text(*file, Style(session.colour_out)));
  return file->exports_entry() ? ExitCode::done : ExitCode::found;
}

}  // namespace

void add_plugin(CLI::App& app, CommandLine& line) {
  CLI::App* plugin = add_command(app, "plugin", "List, inspect or check plugins", "plugin list");
  plugin->require_subcommand(1);
  add_plugin_new(*plugin, line);
  add_plugin_run(*plugin, line);

  CLI::App* list_command = add_command(*plugin, "list", "Every library in the plugin folders",
                                       "plugin list --plugins ./my_plugins");
  auto list_as_json = std::make_shared<bool>(false);
  list_command->add_flag("--json", *list_as_json, "For a program to read");
  list_command->callback([&line, list_as_json] {
    line.chosen = [&, list_as_json] { return list(line.session, *list_as_json); };
  });

  struct Options {
    std::string file;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* inspect_command = add_command(
      *plugin, "inspect", "Manifest, parameters and needs of a file; nothing of it runs",
      "plugin inspect build/release/plugins/uniswap_v2.so");
  inspect_command->add_option("file", options->file, "The library")->required()->type_name("FILE");
  inspect_command->add_flag("--json", options->as_json, "For a program to read");
  inspect_command->callback([&line, options] {
    line.chosen = [&, options] { return inspect(line.session, options->file, options->as_json); };
  });
  add_plugin_check(*plugin, line);
}

}  // namespace gantry::host::cli
