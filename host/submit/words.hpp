// What a node or a relay said, for a log. Internal to host/submit.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>

#include "host/log/log.hpp"

namespace gantry::host {

inline constexpr std::size_t submit_words_max = 200;

// One printable line, cut after what secrets were in it.
inline std::string said_line(std::string_view said) {
  std::string line = without_secrets(std::string(said.substr(0, 16 * submit_words_max)));
  line.resize(std::min(line.size(), submit_words_max));
  std::ranges::replace_if(line, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return line;
}

// Whether `text` has `part`, which is in lower case, in any case.
inline bool says(std::string_view text, std::string_view part) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return !std::ranges::search(text, part, {}, lower).empty();
}

}  // namespace gantry::host
