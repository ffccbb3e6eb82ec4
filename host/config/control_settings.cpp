#include "host/config/control_settings.hpp"

#include <algorithm>

#include "host/config/document.hpp"
#include "host/config/sections.hpp"
#include "host/config/table_reader.hpp"

namespace gantry::host {

std::expected<ControlSettings, ConfigReport> load_control_settings(
    const std::filesystem::path& gantry_file, const Environment& environment,
    std::string_view section) {
  config::Loading loading;
  const config::Document document = config::read_document(gantry_file, loading.diagnostics);
  Configuration read;
  config::TableReader root(loading, document, document.root, "");
  if (document.parsed) config::read_gantry(root, environment, read);
  ConfigReport report = loading.diagnostics.take();
  const bool faulty = std::ranges::any_of(
      report.errors, [&](const Diagnostic& error) { return error.key.starts_with(section); });
  if (!document.parsed || faulty) return std::unexpected(std::move(report));
  return ControlSettings{std::move(read.api), read.log, std::move(read.ledger),
                         std::move(read.risk)};
}

}  // namespace gantry::host
