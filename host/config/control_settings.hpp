// What reaching a host that runs, or what it left, needs of the configuration, and no more.
#pragma once
#include <expected>
#include <filesystem>
#include <string_view>

#include "host/config/load.hpp"

namespace gantry::host {

struct ControlSettings {
  ApiSettings api;
  LogSettings log;
  LedgerSettings ledger;
  RiskSettings risk;  // as far as it can be read, without the scopes below it
};

// [api], [log] and [ledger] of gantry.toml, whatever else is wrong in it and in the other files.
// Fails when it is no TOML, or `section`, which is what is needed, is faulty.
std::expected<ControlSettings, ConfigReport> load_control_settings(
    const std::filesystem::path& gantry_file, const Environment& environment,
    std::string_view section = "api");

}  // namespace gantry::host
