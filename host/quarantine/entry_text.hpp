// Quarantine entries as people read them.
#pragma once
#include <cstdint>
#include <string>

#include "host/quarantine/quarantine.hpp"

namespace gantry::host {

// As 2026-01-31 12:00:00 UTC.
std::string utc_text(std::int64_t unix_s);
// What its being there means for the next start, and what to do: a sentence.
std::string consequence_of(const QuarantineEntry& entry);

}  // namespace gantry::host
