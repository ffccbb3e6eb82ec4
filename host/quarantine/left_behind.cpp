#include "host/quarantine/left_behind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace gantry::host {

Result<QuarantineEntry> parse_left_behind(std::string_view text, std::int64_t time_s) {
  std::map<std::string_view, std::string> values;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos) values[line.substr(0, space)] = line.substr(space + 1);
  }
  QuarantineEntry entry;
  entry.sha256 = values["sha256"];
  const bool is_hash = entry.sha256.size() == 64 &&
                       entry.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_hash) return fail(ErrorKind::format, "it names no library");
  entry.plugin = values["plugin"];
  entry.version = values["version"];
  entry.file = values["file"];
  entry.instance = values["instance"];
  entry.phase = values["phase"];
  entry.first_s = entry.last_s = time_s;
  const std::string where = entry.phase.empty() ? "" : fmt::format(" in {}", entry.phase);
  if (values.contains("running")) entry.log.push_back("it happened in: " + values["running"]);
  if (values.contains("signal")) {
    entry.cause = QuarantineCause::signal;
    entry.reason = fmt::format("{}{}", values["signal"], where);
    if (values.contains("address")) entry.log.push_back("of address " + values["address"]);
    if (values.contains("instruction")) {
      entry.log.push_back("by the instruction at " + values["instruction"]);
    }
    if (values.contains("offset")) {
      entry.log.push_back(fmt::format("which is in the library: addr2line -Cfe {} {}", entry.file,
                                      values["offset"]));
    }
  } else if (values.contains("hang_ms")) {
    entry.cause = QuarantineCause::hang;
    entry.reason = fmt::format("it did not come back within {} ms{}", values["hang_ms"], where);
  } else {
    entry.cause = QuarantineCause::exit;
    entry.reason = fmt::format("it ended the host{}", where);
  }
  return entry;
}

}  // namespace gantry::host
