// gantry quarantine list|explain|clear
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "host/cli/bundle_command.hpp"
#include "host/quarantine/entry_json.hpp"
#include "host/quarantine/entry_text.hpp"
#include "host/quarantine/quarantine.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t hash_letters_min = 6;

struct Options {
  std::vector<std::string> names;
  bool all = false;
  bool as_json = false;
};

Result<Quarantine> open(const Session& session) {
  const auto settings = bundle_settings(session);
  // What is in quarantine by default is told also where no configuration can be read.
  const auto folder = quarantine_folder(
      settings ? settings->plugins.quarantine : std::filesystem::path(), session.environment);
  if (!folder) {
    return fail(ErrorKind::configuration,
                "there is no quarantine, for HOME and XDG_STATE_HOME are not set: set one of them, "
                "or `quarantine` in [plugins] of gantry.toml");
  }
  return Quarantine::open(*folder);
}

// By the plugin's name, the instance's, the file's, or the first letters of the hash.
bool answers_to(const QuarantineEntry& entry, std::string_view name) {
  return entry.plugin == name || entry.instance == name || entry.file == name ||
         (name.size() >= hash_letters_min && entry.sha256.starts_with(name));
}

Result<std::vector<QuarantineEntry>> chosen(const Quarantine& quarantine,
                                            const std::vector<std::string>& names) {
  std::vector<QuarantineEntry> out;
  for (const std::string& name : names) {
    bool found = false;
    for (const QuarantineEntry& entry : quarantine.entries()) {
      if (!answers_to(entry, name)) continue;
      found = true;
      if (std::ranges::find(out, entry.sha256, &QuarantineEntry::sha256) == out.end()) {
        out.push_back(entry);
      }
    }
    if (!found) {
      return fail(ErrorKind::not_found,
                  fmt::format("{}: is not in quarantine; see: gantry quarantine list", name));
    }
  }
  return out;
}

json::object entry_json(const QuarantineEntry& entry) {
  json::object out = to_json(entry);
  for (auto& [key, value] : out) {
    if (value.is_string()) value = printable(value.as_string());
    if (!value.is_array()) continue;
    for (json::value& line : value.as_array()) line = printable(line.as_string());
  }
  out["means"] = consequence_of(entry);
  return out;
}

std::string entries_json(const Quarantine& quarantine,
                         const std::vector<QuarantineEntry>& entries) {
  json::array rows;
  for (const QuarantineEntry& entry : entries) rows.push_back(entry_json(entry));
  return json_text(json::object{{"folder", printable(quarantine.folder().string())},
                                {"plugins", std::move(rows)}});
}

ExitCode list(const Session& session, const Options& options) {
  const auto quarantine = open(session);
  if (!quarantine) return report_error(quarantine.error());
  if (options.as_json) {
    print(entries_json(*quarantine, quarantine->entries()));
    return ExitCode::done;
  }
  const Style style(session.colour_out);
  Table table({{"plugin"}, {"version"}, {"sha256"}, {"since"}, {"cause"}, {"next start"}});
  for (const QuarantineEntry& entry : quarantine->entries()) {
    table.add({{entry.plugin.empty() ? "?" : entry.plugin, Ink::bold},
               {entry.version},
               {entry.sha256.substr(0, 12)},
               {utc_text(entry.first_s).substr(0, 10)},
               {std::string(to_string(entry.cause))},
               {entry.blocks() ? "without" : "with", entry.blocks() ? Ink::bad : Ink::warning}});
    table.add_note(entry.reason);
  }
  print(table.empty() ? "No plugin is in quarantine.\n" : table.text(style));
  return ExitCode::done;
}

std::string explanation(const QuarantineEntry& entry, const Style& style) {
  const std::string name = entry.plugin.empty() ? entry.sha256.substr(0, 12) : entry.plugin;
  std::string out = style(Ink::bold, printable(name)) + " " + printable(entry.version) + "\n";
  constexpr std::size_t indent = 12;
  const auto line = [&](std::string_view key, const std::string& value) {
    if (value.empty()) return;
    out += style(Ink::dim, fmt::format("  {:<{}}", key, indent)) + printable(value) + "\n";
  };
  line("sha256", entry.sha256);
  line("file", entry.file);
  line("instance", entry.instance);
  line("cause", std::string(to_string(entry.cause)));
  line("phase", entry.phase);
  line("reason", entry.reason);
  if (entry.first_s != 0) {
    line("first", utc_text(entry.first_s));
    line("last", fmt::format("{}, {}", utc_text(entry.last_s), counted(entry.count, "time")));
  }
  line("means", consequence_of(entry));
  for (std::size_t i = 0; i < entry.log.size(); ++i) line(i == 0 ? "shown by" : "", entry.log[i]);
  if (!entry.file.empty() && entry.blocks()) {
    line("try it", fmt::format("gantry plugin run {}", entry.file));
  }
  line("let it in", fmt::format("gantry quarantine clear {}", name));
  return out;
}

ExitCode explain(const Session& session, const Options& options) {
  const auto quarantine = open(session);
  if (!quarantine) return report_error(quarantine.error());
  const auto entries =
      options.names.empty() ? quarantine->entries() : chosen(*quarantine, options.names);
  if (!entries) return report_error(entries.error());
  if (options.as_json) {
    print(entries_json(*quarantine, *entries));
    return ExitCode::done;
  }
  const Style style(session.colour_out);
  std::string out;
  for (const QuarantineEntry& entry : *entries) {
    out += (out.empty() ? "" : "\n") + explanation(entry, style);
  }
  print(out.empty() ? "No plugin is in quarantine.\n" : out);
  return ExitCode::done;
}

ExitCode clear(const Session& session, const Options& options) {
  if (options.all != options.names.empty()) {
    return report_error({ErrorKind::usage, "say which plugin: by name or hash, or --all"});
  }
  auto quarantine = open(session);
  if (!quarantine) return report_error(quarantine.error());
  const auto entries = options.all ? quarantine->entries() : chosen(*quarantine, options.names);
  if (!entries) return report_error(entries.error());
  for (const QuarantineEntry& entry : *entries) {
    if (auto done = quarantine->clear(entry.sha256); !done) return report_error(done.error());
  }
  if (options.as_json) {
    print(entries_json(*quarantine, *entries));
    return ExitCode::done;
  }
  std::string out;
  for (const QuarantineEntry& entry : *entries) {
    out += fmt::format("{} {} ({}): is let in again\n", printable(entry.plugin),
                       printable(entry.version), entry.sha256.substr(0, 12));
  }
  print(out.empty() ? "No plugin is in quarantine.\n" : out);
  return ExitCode::done;
}

using Action = ExitCode (*)(const Session&, const Options&);

CLI::App* add(CLI::App& group, CommandLine& line, const std::string& name,
              const std::string& summary, const std::string& example, Action action,
              const std::shared_ptr<Options>& options) {
  CLI::App* command = add_command(group, name, summary, example);
  command->add_flag("--json", options->as_json, "For a program to read");
  command->callback([&line, options, action] {
    line.chosen = [&line, options, action] { return action(line.session, *options); };
  });
  return command;
}

}  // namespace

void add_quarantine(CLI::App& app, CommandLine& line) {
  CLI::App* group =
      add_command(app, "quarantine",
                  "Plugins that were put away: they brought a host down, or broke the contract",
                  "quarantine list");
  group->require_subcommand(1);
  add(*group, line, "list", "Which plugins were put away, when and by what", "quarantine list",
      &list, std::make_shared<Options>());
  const auto names = [](CLI::App& command, Options& options) {
    command
        .add_option("plugin", options.names,
                    "Its name, its file, or the first 6 letters of its hash or more")
        ->type_name("PLUGIN");
  };
  auto explained = std::make_shared<Options>();
  names(*add(*group, line, "explain",
             "What is known of one: phase, reason, what shows it, and what to do; without a name, "
             "of all",
             "quarantine explain my_dex", &explain, explained),
        *explained);
  auto cleared = std::make_shared<Options>();
  CLI::App* command = add(*group, line, "clear", "Let a plugin in again at the next start",
                          "quarantine clear my_dex", &clear, cleared);
  names(*command, *cleared);
  command->add_flag("--all", cleared->all, "Every one");
}

}  // namespace gantry::host::cli
