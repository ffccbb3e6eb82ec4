// What the kit's parent and its children agree on: the numbers of descriptors, and how a result is
// written.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "host/kit/kit.hpp"

namespace gantry::host::kit {

inline constexpr int report_descriptor = 3;   // the child writes its result
inline constexpr int library_descriptor = 4;  // the library's bytes, sealed
inline constexpr int board_descriptor = 5;    // shared memory: the phase
inline constexpr std::size_t board_bytes = 4096;

// A result as one line of JSON; what ends with the newline is whole.
std::string result_line(const CheckResult& result, std::string_view note);
struct ReadResult {
  CheckResult result;
  std::string note;
};
std::optional<ReadResult> read_result(std::string_view report);

// A crash as the child's signal handler writes it: "!crash TEXT\n".
inline constexpr std::string_view crash_mark = "!crash ";
// The child could not do its part: "!kit TEXT\n".
inline constexpr std::string_view kit_mark = "!kit ";

}  // namespace gantry::host::kit
