#include "host/plugin/admission.hpp"

#include <fmt/format.h>

#include "host/kit/verdicts.hpp"

namespace gantry::host {

Admission::Admission(const Configuration& configuration, const PluginRecord& record, Moment moment)
    : configuration_(configuration),
      record_(record),
      moment_(moment),
      trust_(configuration.plugin, process_environment()) {}

Status Admission::check(PluginKind of, const InstanceSettings& settings) {
  const bool isolated = settings.isolation == Isolation::process;
  if (isolated && of != PluginKind::strategy) {
    return fail(ErrorKind::configuration,
                fmt::format("isolation = \"process\" is for strategies; this host runs a {} in its "
                            "own process only",
                            to_string(of)));
  }
  if (!settings.installed) {
    return fail(ErrorKind::not_found,
                fmt::format("named but not installed: no plugin '{}' in the plugin folders; "
                            "install it, or set enabled = false",
                            settings.plugin));
  }
  if (isolated && moment_ == Moment::change) {
    return fail(ErrorKind::configuration,
                "what has isolation = \"process\" is started with the host only; restart it");
  }
  return check_library(*settings.installed);
}

Status Admission::check_library(std::size_t plugin) {
  const auto known = libraries_.find(plugin);
  if (known != libraries_.end()) return known->second;
  return libraries_.emplace(plugin, ask(configuration_.plugins[plugin])).first->second;
}

Status Admission::ask(const PluginFile& file) {
  if (auto trusted = trust_.check(file); !trusted) return trusted;
  if (record_.why_not) {
    if (auto reason = record_.why_not(file)) return fail(ErrorKind::plugin, *reason);
  }
  if (!configuration_.plugin.require_checked) return {};
  if (auto reason = why_unchecked(file)) return fail(ErrorKind::plugin, *reason);
  return {};
}

}  // namespace gantry::host
