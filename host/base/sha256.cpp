#include "host/base/sha256.hpp"

#include <botan/hash.h>
#include <botan/hex.h>

#include <array>
#include <fstream>

namespace gantry::host {

std::string sha256_of(std::span<const std::byte> bytes) {
  auto hash = Botan::HashFunction::create_or_throw("SHA-256");
  hash->update(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return Botan::hex_encode(hash->final(), false);
}

std::optional<std::string> sha256_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  auto hash = Botan::HashFunction::create_or_throw("SHA-256");
  std::array<char, 1U << 16U> block;
  while (file.read(block.data(), block.size()) || file.gcount() > 0) {
    hash->update(reinterpret_cast<const std::uint8_t*>(block.data()),
                 static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad()) return std::nullopt;
  return Botan::hex_encode(hash->final(), false);
}

}  // namespace gantry::host
