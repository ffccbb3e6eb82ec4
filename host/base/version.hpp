// The host's own version; the project's one source of it is CMakeLists.txt.
#pragma once
#include <string_view>

namespace gantry::host {
inline constexpr std::string_view version_text = GANTRY_VERSION;
}
