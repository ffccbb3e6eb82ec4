#include "host/cli/guarded.hpp"

#include <spdlog/spdlog.h>

#include "host/ports/clock.hpp"

namespace gantry::host::cli {

std::int64_t unix_now_s() { return wall_clock().time_since_epoch().count(); }

Result<Guarded> guard_plugins(const Session& session, const PluginSettings& settings, Obey obey,
                              const std::string& running) {
  Guarded out;
  WatchOptions options{{}, settings.hang_s * 1000, running};
  if (const auto folder = quarantine_folder(settings.quarantine, session.environment)) {
    auto quarantine = Quarantine::open(*folder);
    if (!quarantine) return std::unexpected(quarantine.error());
    out.quarantine = std::make_unique<Quarantine>(std::move(*quarantine));
    out.record = plugin_record(*out.quarantine, obey, unix_now_s());
    options.folder = *folder;
  } else {
    spdlog::warn(
        "no quarantine is kept, for HOME and XDG_STATE_HOME are not set: a plugin that brings this "
        "host down is loaded again next time; set `quarantine` in [plugins]");
  }
  auto watch = PluginWatch::start(options);
  if (!watch) return std::unexpected(watch.error());
  out.watch = std::move(*watch);
  return out;
}

}  // namespace gantry::host::cli
