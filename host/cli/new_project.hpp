// A plugin's project from a template of the SDK: files with the plugin's own names in them, a copy
// of the SDK beside them, so that it builds wherever it is taken.
//
// ERRORS   usage: a name or id against the rules, which the message says. io: the place is taken,
// or
//          cannot be written; nothing is left behind.
// THREADS  [main]
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "host/base/result.hpp"
#include "host/plugin/manifest.hpp"

namespace gantry::host::cli {

enum class Language : std::int32_t { cpp = 1, c = 2, rust = 3 };
inline constexpr Language languages[] = {Language::cpp, Language::c, Language::rust};
std::string_view to_string(Language language);  // as --lang takes it: c++, c, rust

struct NewProject {
  PluginKind kind = PluginKind::dex;
  Language language = Language::cpp;
  std::string name;              // snake_case
  std::string id;                // empty: org.example.<name>
  std::filesystem::path folder;  // to be made; empty: ./<name>
};

// The SDK that comes with the program at `program`: of its source tree, or of its installation.
Result<std::filesystem::path> find_sdk(const std::filesystem::path& program);

// Makes the project whole, or not at all; its folder.
Result<std::filesystem::path> make_project(const NewProject& project,
                                           const std::filesystem::path& sdk);

}  // namespace gantry::host::cli
