#include "host/sign/secret.hpp"

#include <botan/mem_ops.h>

namespace gantry::host::sign {

void* take_secret_memory(std::size_t bytes) { return Botan::allocate_memory(bytes, 1); }

void wipe_and_give_back(void* memory, std::size_t bytes) noexcept {
  Botan::deallocate_memory(memory, bytes, 1);  // which wipes it first
}

SecretBytes secret_of(std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  return {bytes, bytes + text.size()};
}

std::string_view text_of(const SecretBytes& secret) {
  return {reinterpret_cast<const char*>(secret.data()), secret.size()};
}

void wipe(void* memory, std::size_t bytes) noexcept { Botan::secure_scrub_memory(memory, bytes); }

}  // namespace gantry::host::sign
