// A plugin's parameter schema, and an operator's TOML for it. Up to the first zero byte the
// manifest's JSON, after it strategies.toml.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "host/config/load.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gantry::host;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(all.find('\0'), all.size());
  auto manifest = parse_manifest_json(all.substr(0, end), "p.so");
  if (!manifest) return 0;
  std::vector<PluginFile> installed(1);
  installed[0].manifest = std::move(*manifest);
  ConfigTexts texts;
  texts.strategies = all.substr(std::min(end + 1, all.size()));
  const Environment environment = [](std::string_view) { return std::nullopt; };
  const auto loaded =
      parse_configuration(texts, ConfigFiles::in_folder("config"), installed, environment);
  static_cast<void>(render_text(loaded ? loaded->report : loaded.error(), false));
  if (!loaded) return 0;
  static_cast<void>(explain_text(*loaded));
  static_cast<void>(explain_json(*loaded));
  // A strategy that would run has a value, of the declared type, for all that is declared.
  for (const StrategySettings& strategy : loaded->strategies) {
    if (!strategy.runs()) continue;
    const auto& declared = installed[0].manifest.parameters;
    for (const ParameterSetting& parameter : strategy.parameters) {
      const auto found = std::ranges::find(declared, parameter.name, &ParameterSchema::name);
      if (found == declared.end() || found->type != parameter.type) __builtin_trap();
    }
  }
  return 0;
}
