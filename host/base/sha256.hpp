// SHA-256 of bytes and files, in lower-case hexadecimal.
#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace gantry::host {

std::string sha256_of(std::span<const std::byte> bytes);
// Nothing when the file cannot be read.
std::optional<std::string> sha256_of_file(const std::filesystem::path& path);

}  // namespace gantry::host
