#include "host/base/keccak.hpp"

#include <botan/hash.h>

#include "host/base/text.hpp"

namespace gantry::host {

struct Keccak::Hash {
  std::unique_ptr<Botan::HashFunction> botan =
      Botan::HashFunction::create_or_throw("Keccak-1600(256)");
};

Keccak::Keccak() : hash_(std::make_unique<Hash>()) {}
Keccak::Keccak(Keccak&&) noexcept = default;
Keccak& Keccak::operator=(Keccak&&) noexcept = default;
Keccak::~Keccak() = default;

void Keccak::add(std::span<const std::uint8_t> bytes) {
  hash_->botan->update(bytes.data(), bytes.size());
}

Hash32 Keccak::finish() {
  Hash32 out;
  hash_->botan->final(out.data());
  return out;
}

Hash32 keccak_of(std::span<const std::uint8_t> bytes) { return Keccak().of(bytes); }

Hash32 keccak_of(std::string_view text) {
  return keccak_of({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

std::array<std::uint8_t, 4> selector_of(std::string_view signature) {
  const Hash32 hash = keccak_of(signature);
  return {hash[0], hash[1], hash[2], hash[3]};
}

std::string checksummed_address(std::span<const std::uint8_t, 20> address) {
  std::string text = hex_text(address);
  const Hash32 hash = keccak_of(std::string_view(text).substr(2));
  for (std::size_t i = 0; i < 40; ++i) {
    const unsigned digit = i % 2 == 0 ? hash[i / 2] >> 4U : hash[i / 2] & 15U;
    char& c = text[2 + i];
    if (digit >= 8 && c >= 'a') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

}  // namespace gantry::host
