// Reads config/{gantry,dex_config,strategies}.toml, checks all of it before any plugin code runs,
// and tells every fault at once with file, line and column.
//
// ERRORS   Never thrown. A DEX, strategy or paymaster whose plugin is not installed is a warning
//          and not an error: its own keys could not be checked, nothing else stops.
// THREADS  Start-up only.
#pragma once
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/config/secret.hpp"
#include "host/config/settings.hpp"
#include "host/plugin/manifest.hpp"

namespace gantry::host {

enum class Severity : std::int32_t { error = 1, warning = 2, note = 3 };
std::string_view to_string(Severity severity);

struct Diagnostic {
  Severity severity = Severity::error;
  std::string file;          // as it was given
  std::uint32_t line = 0;    // from 1; 0: the file as a whole
  std::uint32_t column = 0;  // from 1, in characters
  std::uint32_t length = 1;  // characters to underline
  std::string source;        // the line's text, keys masked
  std::string key;           // full path, as "strategies.triangular.max_hops"; may be empty
  std::string message;       // what is wrong
  std::string expected;      // type, range and unit; may be empty
  std::string suggestion;    // what was probably meant; may be empty
  std::string variable;      // of the environment, where that it is not set is all; else empty
};

struct ConfigReport {
  std::vector<Diagnostic> errors;    // by file, line, column
  std::vector<Diagnostic> warnings;  // will run, but not as written: a plugin or variable missing
  std::vector<Diagnostic> notes;     // the same of what is disabled anyway
};
// One block per diagnostic: place, message, the line with a caret, what was expected.
std::string render_text(const ConfigReport& report, bool colour);
std::string render_json(const ConfigReport& report);

struct ConfigFiles {
  std::filesystem::path gantry;
  std::filesystem::path dex;
  std::filesystem::path strategies;

  static ConfigFiles in_folder(const std::filesystem::path& folder);
};

// One effective value, for `config explain`.
struct EffectiveKey {
  std::string path;   // as "risk.min_profit_usd", "dex.uniswap_v2.priority"
  std::string value;  // as TOML writes it; templates unresolved
  std::string unit;
  std::string help;
  std::string file;        // empty: a default
  std::uint32_t line = 0;  // 0: a default
  bool of_plugin = false;  // declared by the plugin's manifest, not by the host
};

struct Configuration {
  ConfigFiles files;
  std::vector<ChainSettings> chains;  // at least one
  MarketSettings market;
  LiveSettings live;
  WalletSettings wallet;
  RiskSettings risk;
  PluginSettings plugin;
  StreetSettings street;
  LogSettings log;
  ApiSettings api;
  LedgerSettings ledger;
  // Each in the order of precedence, disabled ones included.
  std::vector<DexSettings> dexes;
  std::vector<StrategySettings> strategies;
  std::vector<PaymasterSettings> paymasters;
  std::vector<PluginFile> plugins;  // those that were found, used or not
  std::vector<EffectiveKey> keys;
  ConfigReport report;  // warnings and notes only

  // The settings of the chain that `recording` says it is of. Fails with `configuration` when there
  // are none: its gas price and wrapped coin are then not known.
  Result<const ChainSettings*> chain_of(const std::filesystem::path& recording,
                                        std::string_view id) const;
};

// One ${VARIABLE} of the environment and what names it.
struct NamedVariable {
  std::string name;
  std::string by;      // as "provider alchemy", "paymaster pimlico"
  bool in_use = true;  // false: that is disabled
  bool given = true;   // false: only the plugin's default names it
};
// In every text that may name one; what the host fills in itself is none.
std::vector<NamedVariable> variables_of(const Configuration& configuration);

// Given the folders of gantry.toml; see scan_plugin_folders.
using FindPlugins = std::function<std::vector<PluginFile>(const PluginSettings&)>;

// `set`: keys with other values than the files say, as "risk.min_profit_usd=1".
std::expected<Configuration, ConfigReport> load_configuration(
    const ConfigFiles& files, const FindPlugins& find_plugins, const Environment& environment,
    std::span<const std::string> set = {});
std::expected<Configuration, ConfigReport> load_configuration(
    const ConfigFiles& files, const std::vector<PluginFile>& plugins,
    const Environment& environment);

// Texts as if they stood in those files: nothing is read.
struct ConfigTexts {
  std::string_view gantry;
  std::string_view dex;
  std::string_view strategies;
};
std::expected<Configuration, ConfigReport> parse_configuration(
    const ConfigTexts& texts, const ConfigFiles& files, const std::vector<PluginFile>& plugins,
    const Environment& environment);

// Every effective key with its value, origin, unit and meaning; and what comes first, and why.
std::string explain_text(const Configuration& configuration);
std::string explain_json(const Configuration& configuration);

}  // namespace gantry::host
