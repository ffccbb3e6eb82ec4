// gantry plugin check: the conformance kit on one library, its verdict kept by the file's hash; and
// plugin check-one, which the kit starts in a child for each check.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

#include "host/cli/command.hpp"
#include "host/cli/number.hpp"
#include "host/kit/kit.hpp"
#include "host/kit/verdicts.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string file;
  std::uint64_t seed = 1;
  std::string only;
  std::string recording;
  bool in_process = false;
  bool as_json = false;
};

std::string again(const Options& options, const CheckResult& check) {
  std::string command = fmt::format("gantry plugin check {} --only {} --seed {}", options.file,
                                    check.name, options.seed);
  if (!options.recording.empty()) command += " --recording " + options.recording;
  return command;
}

Ink ink_of(CheckStatus status) {
  if (status == CheckStatus::passed) return Ink::good;
  return status == CheckStatus::failed ? Ink::bad : Ink::dim;
}

std::string text_of(const Options& options, const CheckResult& check, const Style& style) {
  constexpr std::size_t indent = 10;
  std::string out = "  " +
                    style(ink_of(check.status), fmt::format("{:<8}", to_string(check.status))) +
                    style(Ink::bold, check.name) + "\n";
  const auto note = [&](std::string_view label, const std::string& text) {
    const auto lines = wrap(printable(text), terminal_columns - indent - 7);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      out += std::string(indent, ' ') +
             style(Ink::dim, fmt::format("{:<7}", i == 0 ? label : std::string_view())) + lines[i] +
             "\n";
    }
  };
  if (check.status == CheckStatus::passed) return out;
  note("rule", check.title);
  note(check.status == CheckStatus::failed ? "wrong" : "not", check.what);
  if (check.status == CheckStatus::skipped) return out;
  note("why", check.why);
  // Not wrapped: it is to be copied.
  out += std::string(indent, ' ') + style(Ink::dim, "again  ") + printable(again(options, check)) +
         "\n";
  return out;
}

std::string summary(const KitReport& report) {
  const auto count = [&](CheckStatus status) {
    return std::ranges::count(report.checks, status, &CheckResult::status);
  };
  return fmt::format("{} passed, {} failed, {} skipped\n", count(CheckStatus::passed),
                     count(CheckStatus::failed), count(CheckStatus::skipped));
}

json::value json_of(const Options& options, const KitReport& report) {
  json::array checks;
  for (const CheckResult& check : report.checks) {
    json::object row{{"name", check.name},
                     {"status", to_string(check.status)},
                     {"rule", check.title},
                     {"fault", to_string(check.fault)},
                     {"what", printable(check.what)},
                     {"why", check.why}};
    if (check.status == CheckStatus::failed) row["again"] = printable(again(options, check));
    checks.emplace_back(std::move(row));
  }
  return {{"file", printable(options.file)},
          {"sha256", report.sha256},
          {"kit", kit_version},
          {"seed", report.seed},
          {"passed", report.passed()},
          {"checks", std::move(checks)}};
}

ExitCode check(const Session& session, const Options& options) {
  const auto file = inspect_plugin_file(options.file);
  if (!file) {
    report_error(file.error());
    return file.error().kind == ErrorKind::format ? ExitCode::found : ExitCode::failed;
  }
  const auto names = check_names();
  if (!options.only.empty() && std::ranges::find(names, options.only) == names.end()) {
    report_error({ErrorKind::usage, fmt::format("there is no check `{}`; there are {}",
                                                options.only, fmt::join(names, ", "))});
    return ExitCode::usage;
  }
  const Style style(session.colour_out);
  KitOptions kit;
  kit.program = session.program;
  kit.seed = options.seed;
  kit.only = options.only;
  kit.in_process = options.in_process;
  kit.recording = options.recording;
  if (!options.as_json) {
    print(style(Ink::bold, printable(file->manifest.name)) +
          printable(fmt::format(" {}  {}  seed {}", file->manifest.version,
                                to_string(file->manifest.kind), options.seed)) +
          "\n");
    kit.progress = [&](const CheckResult& result) { print(text_of(options, result, style)); };
  }
  const auto report = run_kit(*file, kit);
  if (!report) return report_error(report.error());
  print(options.as_json ? json_text(json_of(options, *report)) : summary(*report));
  // A part of the checks, or without a sandbox, is no verdict.
  if (options.only.empty() && !options.in_process) {
    if (const auto kept = keep_verdict(verdict_of(*report)); !kept) {
      return report_error(kept.error());
    }
  }
  return report->passed() ? ExitCode::done : ExitCode::found;
}

}  // namespace

void add_plugin_check(CLI::App& plugin, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(
      plugin, "check",
      "Does to a library what a host, a chain and bad luck will do to it, in a sandbox, and keeps "
      "the verdict",
      "plugin check build/release/plugins/uniswap_v2.so");
  command->add_option("file", options->file, "The library")->required()->type_name("FILE");
  add_whole_number(*command, "--seed", "Of all that is random: the same seed, the same result",
                   {0, std::numeric_limits<std::uint64_t>::max()}, options->seed)
      ->type_name("S")
      ->default_str("1");
  command->add_option("--only", options->only, "One check, by its name; no verdict is kept")
      ->type_name("NAME");
  command
      ->add_option("--recording", options->recording,
                   "Facts for the states of a venue's pools, where the kit can make none up")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  command->add_flag("--in-process", options->in_process,
                    "In this process and without a sandbox, for a debugger; no verdict is kept");
  command->add_flag("--json", options->as_json, "For a program to read");
  command->callback(
      [&line, options] { line.chosen = [&, options] { return check(line.session, *options); }; });

  auto order = std::make_shared<CheckOrder>();
  CLI::App* one = plugin.add_subcommand("check-one", "One check, in a child of `check`");
  one->group("");  // not for people
  one->add_option("--check", order->check)->required();
  one->add_option("--seed", order->seed)->required();
  one->add_option("--cpu", order->cpu_s_max);
  one->add_option("--recording", order->recording);
  one->callback([&line, order] {
    line.chosen = [order] {
      return run_check_in_child(*order) == 0 ? ExitCode::done : ExitCode::failed;
    };
  });
}

}  // namespace gantry::host::cli
