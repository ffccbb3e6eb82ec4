// `gantry import recording`: a recording is compiled. Its facts are applied by the venues once, and
// what they did to pools' states is written in their place; all else is as it was. A run on it
// makes the same snapshots without asking the venues for them.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "host/base/result.hpp"
#include "host/config/settings.hpp"
#include "host/plugin/instances.hpp"

namespace gantry::host {

struct CompileOptions {
  std::filesystem::path input;   // a recording, whole and not compiled
  std::filesystem::path output;  // a recording
  // Told of blocks that are done; may be empty.
  std::function<void(std::uint64_t done, std::uint64_t of)> progress{};
};

struct CompileReport {
  std::uint64_t tokens = 0;
  std::uint64_t pools = 0;
  std::uint64_t blocks = 0;
  std::uint64_t facts = 0;  // of the source
  std::uint64_t source_bytes = 0;
  std::uint64_t bytes = 0;
  std::uint64_t digest = 0;         // of the contents that were written
  std::vector<std::string> venues;  // a line each, as the recording has them
};

// Which venues a recording's pools are of, whole as it is. Errors: io, not_found, format.
struct RecordingSurvey {
  std::vector<std::string> venues;  // ascending, each once
  std::uint64_t blocks = 0;
  std::uint64_t facts = 0;
};
Result<RecordingSurvey> survey_recording(const std::filesystem::path& path);

// Errors: io, not_found, format (the recording is damaged), usage (it is compiled already, no venue
// of its pools runs), plugin (a venue is at fault: what it costs it then must cost
// it in each run).
Result<CompileReport> compile_recording(const ChainSettings& chain,
                                        std::vector<std::shared_ptr<VenueInstance>> venues,
                                        const CompileOptions& options);

}  // namespace gantry::host
