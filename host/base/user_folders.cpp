#include "host/base/user_folders.hpp"

namespace gantry::host {

namespace {

namespace fs = std::filesystem;

std::optional<fs::path> user_folder(const ReadVariable& environment, std::string_view variable,
                                    std::string_view below_home) {
  const auto folder = environment(variable);
  if (folder && folder->starts_with('/')) return fs::path(*folder) / "gantry";
  const auto home = environment("HOME");
  if (!home || !home->starts_with('/')) return std::nullopt;
  return fs::path(*home) / below_home / "gantry";
}

}  // namespace

std::optional<fs::path> user_state_folder(const ReadVariable& environment) {
  return user_folder(environment, "XDG_STATE_HOME", ".local/state");
}

std::optional<fs::path> user_data_folder(const ReadVariable& environment) {
  return user_folder(environment, "XDG_DATA_HOME", ".local/share");
}

}  // namespace gantry::host
