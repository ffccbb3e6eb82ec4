#include "host/market/compiled_by.hpp"

#include <fmt/format.h>

#include <optional>
#include <string_view>

namespace gantry::host {

namespace {

// The line that begins with these words and a space.
std::optional<std::string_view> line_of(std::string_view text, const std::string& words) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with(words + " ")) return line;
  }
  return std::nullopt;
}

Status check_line(std::string_view recorded, const std::string& now) {
  if (recorded == now) return {};
  return fail(
      ErrorKind::configuration,
      fmt::format("the recording was compiled with other settings or plugins than run now, whose "
                  "states may be others: compile its source again with gantry import "
                  "recording; then: {}; now: {}",
                  recorded, now));
}

}  // namespace

std::string compiled_line(const VenueInstance& venue) {
  const PluginFile& file = venue.file();
  std::string line = fmt::format("venue {} {} {} {}", venue.name(), file.manifest.id,
                                 file.manifest.version, file.sha256);
  std::string_view separator = " ";
  for (const ParameterSetting& parameter : venue.settings.parameters) {
    line += fmt::format("{}{} = {}", separator, parameter.name, to_string(parameter.value));
    separator = ", ";
  }
  return line;
}

std::string compiled_line(const ChainSettings& chain) {
  return fmt::format("chain block_time_s = {}", chain.block_time_s);
}

bool compiled_with(const recording::Compiled& compiled, std::string_view venue) {
  return line_of(compiled.venues, fmt::format("venue {}", venue)).has_value();
}

Status check_compiled(const recording::Compiled& compiled, const ChainSettings& chain,
                      std::span<const std::shared_ptr<VenueInstance>> venues) {
  const auto told = line_of(compiled.venues, "chain");
  if (!told) {
    return fail(ErrorKind::format, "a compiled recording does not say for which chain's settings");
  }
  if (auto same = check_line(*told, compiled_line(chain)); !same) return same;
  for (const auto& venue : venues) {
    const auto line = line_of(compiled.venues, "venue " + venue->name());
    if (!line) continue;
    if (auto same = check_line(*line, compiled_line(*venue)); !same) return same;
  }
  return {};
}

}  // namespace gantry::host
