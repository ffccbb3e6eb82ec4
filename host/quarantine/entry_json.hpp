// A quarantine entry as the text of its file, and as `quarantine list --json` prints it.
#pragma once
#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "host/quarantine/quarantine.hpp"

namespace gantry::host {

boost::json::object to_json(const QuarantineEntry& entry);
// Fails with format. `sha256` is what the file's name says.
Result<QuarantineEntry> entry_from_json(std::string_view text, std::string_view sha256);

}  // namespace gantry::host
