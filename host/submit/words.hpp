// What a node or a relay said, for a log. Internal to host/submit.
#pragma once
#include <algorithm>
#include <string_view>

namespace gantry::host {

// Whether `text` has `part`, which is in lower case, in any case.
inline bool says(std::string_view text, std::string_view part) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return !std::ranges::search(text, part, {}, lower).empty();
}

}  // namespace gantry::host
