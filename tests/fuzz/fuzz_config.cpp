// The three configuration files, apart where a zero byte stands, against plugins whose schema has
// every type; then all that is printed of them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "host/config/load.hpp"

namespace {

using namespace gantry::host;

std::vector<PluginFile> plugins() {
  std::vector<PluginFile> files;
  for (const std::string_view kind : {"dex", "strategy", "paymaster"}) {
    std::string json = R"({"id": "org.example.p", "name": "p", "version": "1.0.0", "kind": ")";
    json += kind;
    json += R"(", "interfaces": ["gantry.x/1"], "licence": "MIT", "parameters": [
      {"name": "flag", "type": "boolean", "default": true},
      {"name": "fee_bps", "type": "integer", "default": 3, "min": 1, "max": 9},
      {"name": "ratio", "type": "number", "default": 1, "min": 0.5},
      {"name": "note", "type": "string", "default": ""},
      {"name": "mode", "type": "enum", "choices": ["x", "y"], "default": "y"},
      {"name": "key", "type": "secret"},
      {"name": "least", "type": "amount", "default": "1"}]})";
    auto manifest = parse_manifest_json(json, "p.so");
    if (!manifest) __builtin_trap();
    files.emplace_back().manifest = std::move(*manifest);
  }
  return files;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<PluginFile> installed = plugins();
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  ConfigTexts texts;
  for (std::string_view* text : {&texts.gantry, &texts.dex, &texts.strategies}) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    *text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const Environment environment = [](std::string_view) { return std::nullopt; };
  const auto loaded =
      parse_configuration(texts, ConfigFiles::in_folder("config"), installed, environment);
  const ConfigReport& report = loaded ? loaded->report : loaded.error();
  if (!loaded && report.errors.empty()) __builtin_trap();
  const std::string text = render_text(report, false);
  // Whatever the files hold, a terminal is sent none of it that it would obey.
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n') __builtin_trap();
  }
  static_cast<void>(render_json(report));
  if (loaded) {
    static_cast<void>(explain_text(*loaded));
    static_cast<void>(explain_json(*loaded));
  }
  return 0;
}
