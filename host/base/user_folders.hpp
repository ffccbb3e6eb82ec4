// Where a user's files are by default, as the XDG Base Directory Specification has it.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::host {

// Whatever reads the environment; nullopt: not set.
using ReadVariable = std::function<std::optional<std::string>(std::string_view name)>;

// `gantry` in $XDG_STATE_HOME, which by default is ~/.local/state: what a run leaves behind.
// nullopt: neither variable is an absolute path.
std::optional<std::filesystem::path> user_state_folder(const ReadVariable& environment);
// `gantry` in $XDG_DATA_HOME, which by default is ~/.local/share: what the user keeps.
std::optional<std::filesystem::path> user_data_folder(const ReadVariable& environment);

}  // namespace gantry::host
