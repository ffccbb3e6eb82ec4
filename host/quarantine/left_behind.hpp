// What a host leaves in the quarantine's folder when a plugin brings it down: one short file,
// written by a signal handler, so nothing but lines `key value`. The host that made it holds a lock
// on it while it lives.
//
// ERRORS  format: it names no library. A file that was cut short gives what is there.
#pragma once
#include <string>
#include <string_view>

#include "host/quarantine/quarantine.hpp"

namespace gantry::host {

inline constexpr std::string_view left_behind_suffix = ".host";

// `time_s` is when it was written, as Unix time.
Result<QuarantineEntry> parse_left_behind(std::string_view text, std::int64_t time_s);

}  // namespace gantry::host
