// Values of single keys that stand in the place of what the files say. Internal to host/config.
#pragma once
#include <span>
#include <string>

#include "host/config/document.hpp"

namespace gantry::host::config {

// Each is "path=value": the path as `config explain` names it ("risk.min_profit_usd",
// "dex.uniswap_v2.priority"), the value as TOML writes it. What they set is checked with all else.
void override_keys(std::span<const std::string> settings, Document& gantry, Document& dex,
                   Document& strategies, Diagnostics& diagnostics);

}  // namespace gantry::host::config
