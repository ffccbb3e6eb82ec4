// Characters of a file, before and after it is parsed. Internal to host/config.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/config/document.hpp"

namespace gantry::host::config {

struct CharacterFault {
  Position at;
  std::string_view message;
};
// The first byte that is not UTF-8, or character above ASCII that is neither in quotes nor in a
// comment. Rationale: TOML allows neither, and toml++ 3.3 is undefined on some of them.
std::optional<CharacterFault> find_wrong_character(const std::vector<std::string>& lines);

// One column for each character: what a terminal must not be shown (see host/report/terminal.hpp)
// becomes one '?', a tab a blank.
std::string printable(std::string_view text, std::size_t characters_max);

}  // namespace gantry::host::config
