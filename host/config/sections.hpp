// The parts of a load: gantry.toml's sections, and the instances of plugins. Internal.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "host/config/document.hpp"
#include "host/config/load.hpp"
#include "host/config/table_reader.hpp"

namespace gantry::host::config {

// Everything of gantry.toml but its [[paymaster]]s, which need the plugins.
void read_gantry(TableReader& root, const Environment& environment, Configuration& out);

// Of one [[chain]]: its execution, lenders, relays and bundler.
void read_execution(TableReader& chain, const Environment& environment, ChainSettings& out);

// [risk] alone, without the scopes below it.
void read_risk(TableReader& root, RiskSettings& out);
// [risk.KIND.NAME]s, when all that they may name is known.
void read_risk_scopes(TableReader& root, Configuration& out);

// What an instance is checked against.
struct Surroundings {
  const std::vector<ChainSettings>& chains;  // empty: gantry.toml could not be read
  const std::vector<PluginFile>& plugins;
  const Environment& environment;
  bool plugins_known = true;  // false: the plugin folders could not be read from gantry.toml
};
void read_dexes(TableReader& root, const Surroundings& around, std::vector<DexSettings>& out);
void read_strategies(TableReader& root, const Surroundings& around,
                     std::vector<StrategySettings>& out);
void read_paymasters(TableReader& root, const Surroundings& around,
                     std::vector<PaymasterSettings>& out);

}  // namespace gantry::host::config
