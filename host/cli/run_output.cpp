#include "host/cli/run_output.hpp"

#include <algorithm>

#include "host/log/log.hpp"

namespace gantry::host::cli {
namespace {

// A name in the configuration whose plugin is not there is a warning; one that is there and does
// not load is a fault.
bool is_installed(const Configuration& configuration, const Refusal& refusal) {
  const auto find = [&](const auto& instances) {
    return std::ranges::any_of(instances, [&](const InstanceSettings& instance) {
      return instance.name == refusal.instance && instance.installed.has_value();
    });
  };
  if (refusal.kind == "dex") return find(configuration.dexes);
  if (refusal.kind == "strategy") return find(configuration.strategies);
  return find(configuration.paymasters);
}

ExitCode exit_code(const Configuration& configuration, bool files_refused,
                   const RunReport& report) {
  if (!report.damage.empty()) return ExitCode::failed;
  const bool retired = std::ranges::any_of(report.plugins, &PluginReport::retired);
  const bool refused = std::ranges::any_of(report.plugins_refused, [&](const Refusal& refusal) {
    return is_installed(configuration, refusal);
  });
  return retired || refused || files_refused ? ExitCode::found : ExitCode::done;
}

int badness(ExitCode code) {
  switch (code) {
    case ExitCode::done:
      return 0;
    case ExitCode::found:
      return 1;
    case ExitCode::usage:
      return 2;
    case ExitCode::failed:
      return 3;
  }
  return 3;
}

// Before anything is cut or broken into lines: half a secret would not be recognized.
void hide_secrets(RunReport& report) {
  const auto hide = [](std::string& text) { text = without_secrets(std::move(text)); };
  for (std::string* text :
       {&report.chain_name, &report.provenance, &report.recording, &report.damage}) {
    hide(*text);
  }
  for (PluginReport& plugin : report.plugins) {
    hide(plugin.library);
    hide(plugin.file);
    std::ranges::for_each(plugin.faults, hide);
  }
  for (Refusal& refusal : report.plugins_refused) {
    hide(refusal.instance);
    hide(refusal.reason);
  }
  std::ranges::for_each(report.plan_failures, hide);
  if (!report.plan) return;
  std::ranges::for_each(report.plan->passed, hide);
  for (PlanReport::Call& call : report.plan->calls) hide(call.purpose);
  for (PlannedRequest& request : report.plan->sponsorship) {
    hide(request.url);
    hide(request.body);
    for (auto& [name, value] : request.headers) hide(value);
  }
}

ExitCode tell_damage(const ChainRun& run, const RunReport& report, bool several) {
  const std::string_view what = run.live() ? "" : "the recording is damaged: ";
  return report_error({ErrorKind::format, (several ? run.name() + ": " : std::string()) +
                                              std::string(what) + report.damage});
}

}  // namespace

ExitCode print_runs(const std::vector<std::unique_ptr<ChainRun>>& runs,
                    const std::vector<Error>& refused, const RunOutput& output) {
  const bool several = runs.size() > 1;
  ExitCode worst = ExitCode::done;
  const auto note = [&](ExitCode code) {
    if (badness(code) > badness(worst)) worst = code;
  };
  std::vector<ChainOutcome> outcomes;
  for (const auto& run : runs) {
    ChainOutcome outcome{run->chain(), run->name(), {}, {}};
    if (auto& ended = run->outcome(); ended) {
      for (const Error& error : refused) {
        const std::string file = error.message.substr(0, error.message.find(": "));
        ended->plugins_refused.push_back({file, "file", error.message});
      }
      hide_secrets(*ended);
      note(exit_code(run->part(), !refused.empty(), *ended));
      outcome.report = std::move(*ended);
    } else {
      outcome.error = without_secrets(ended.error().message);
      const std::string before = several ? run->name() + ": " : std::string();
      note(report_error({ended.error().kind, before + ended.error().message}));
    }
    outcomes.push_back(std::move(outcome));
  }
  if (several) {
    print(output.as_json ? render_json(outcomes, output.render)
                         : render_text(outcomes, output.render));
  } else if (const auto& report = outcomes.front().report) {
    print(output.as_json ? render_json(*report, output.render)
                         : render_text(*report, output.render));
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& report = outcomes[i].report;
    if (report && !report->damage.empty()) note(tell_damage(*runs[i], *report, several));
  }
  return worst;
}

}  // namespace gantry::host::cli
