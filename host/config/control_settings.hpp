// What reaching a host that runs needs of the configuration, and no more.
#pragma once
#include <expected>
#include <filesystem>

#include "host/config/load.hpp"

namespace gantry::host {

struct ControlSettings {
  ApiSettings api;
  LogSettings log;
  RiskSettings risk;  // as far as it can be read, without the scopes below it
};

// [api] and [log] of gantry.toml, whatever else is wrong in it and in the other files. Fails when
// it is no TOML, or [api] is faulty.
std::expected<ControlSettings, ConfigReport> load_control_settings(
    const std::filesystem::path& gantry_file, const Environment& environment);

}  // namespace gantry::host
