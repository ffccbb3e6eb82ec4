// Installed plugins and whole configurations for the tests of host/config.
#pragma once
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "host/config/load.hpp"

namespace gantry::host::test {

inline PluginFile installed(std::string_view manifest_json) {
  auto manifest = parse_manifest_json(manifest_json, "fixture.so");
  REQUIRE(manifest.has_value());
  PluginFile file;
  file.path = "/plugins/" + manifest->name + ".so";
  file.manifest = std::move(*manifest);
  return file;
}

inline std::vector<PluginFile> installed_plugins() {
  return {installed(R"({"id": "org.gantry.uniswap_v2", "name": "uniswap_v2", "version": "0.1.0",
              "kind": "dex", "interfaces": ["gantry.dex/1"], "licence": "Apache-2.0",
              "parameters": [{"name": "fee_bps", "type": "integer", "default": 30, "unit": "bps",
                              "min": 0, "max": 500, "help": "what the pair keeps"}]})"),
          installed(R"({"id": "org.gantry.triangular", "name": "triangular", "version": "0.1.0",
              "kind": "strategy", "interfaces": ["gantry.strategy/1"], "licence": "Apache-2.0",
              "parameters": [
                {"name": "min_profit_bps", "type": "number", "default": 10, "unit": "bps", "min": 0,
                 "help": "least profit"},
                {"name": "max_hops", "type": "integer", "default": 3, "unit": "pools", "min": 2,
                 "max": 6, "help": "pools in a cycle"},
                {"name": "prefer_high_liquidity", "type": "boolean", "default": false,
                 "help": "deeper pools first"},
                {"name": "order", "type": "enum", "choices": ["profit", "depth"],
                 "default": "profit", "help": "what comes first"},
                {"name": "least_input", "type": "amount", "default": "1000000000000000000",
                 "unit": "wei", "min": 1, "help": "smaller trades are left out"}]})"),
          installed(R"({"id": "org.gantry.pimlico", "name": "pimlico", "version": "0.1.0",
              "kind": "paymaster", "interfaces": ["gantry.paymaster/1"], "licence": "Apache-2.0",
              "parameters": [
                {"name": "api_key", "type": "secret", "required": true, "help": "the account's"},
                {"name": "endpoint", "type": "string",
                 "default": "https://api.pimlico.io/v2/1/rpc", "help": "where requests go"}]})")};
}

inline Environment environment(std::map<std::string, std::string, std::less<>> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto at = variables.find(name);
    return at == variables.end() ? std::nullopt : std::optional(at->second);
  };
}

inline constexpr std::string_view good_gantry = "[[chain]]\nid = \"eip155:1\"\n";
inline constexpr std::string_view good_dex = "[[dex]]\nname = \"uniswap_v2\"\n";
inline constexpr std::string_view good_strategies = "[strategies.triangular]\nenabled = true\n";

// As the operator names them; nothing is read from there.
inline ConfigFiles files() { return ConfigFiles::in_folder("config"); }

inline std::expected<Configuration, ConfigReport> parse(ConfigTexts texts,
                                                        const Environment& variables) {
  if (texts.gantry.data() == nullptr) texts.gantry = good_gantry;
  // Without a sender there is a warning, which only its own test wants.
  std::string gantry(texts.gantry);
  if (gantry.find("wallet") == std::string::npos) {
    gantry += "\n[wallet]\nsender = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n";
  }
  texts.gantry = gantry;
  if (texts.dex.data() == nullptr) texts.dex = good_dex;
  if (texts.strategies.data() == nullptr) texts.strategies = good_strategies;
  return parse_configuration(texts, files(), installed_plugins(), variables);
}
inline std::expected<Configuration, ConfigReport> parse(const ConfigTexts& texts) {
  return parse(texts, environment({}));
}

inline ConfigReport errors_of(const ConfigTexts& texts) {
  auto loaded = parse(texts);
  if (loaded) return {};
  return std::move(loaded.error());
}

}  // namespace gantry::host::test
