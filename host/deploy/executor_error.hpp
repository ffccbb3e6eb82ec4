// What the executor's contract, or a token or a pool that it called, says when it refuses.
//
// THREADS  Pure functions: any.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gantry::host::deploy {

// Whether those data are that error's, as "Expired()".
bool is_error(std::span<const std::uint8_t> data, std::string_view signature);

// For people, as "Short: 0x... gained 5 of 7"; of Error(string) its text. nullopt: it is neither of
// the executor's nor that one.
std::optional<std::string> known_error_text(std::span<const std::uint8_t> data);
// The same; of an error that is not known its first bytes, and "" for none.
std::string error_text(std::span<const std::uint8_t> data);

}  // namespace gantry::host::deploy
