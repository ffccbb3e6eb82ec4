// Signatures, keys and keys.toml, as they come from outside. The first byte chooses which.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "host/bundle/minisign.hpp"
#include "host/config/keys.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gantry::host;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 4) {
    case 0: {
      const auto signature = minisign::parse_signature(text, "fuzz");
      if (!signature) return 0;
      const auto again = minisign::parse_signature(minisign::to_text(*signature), "again");
      if (!again || again->content != signature->content || again->whole != signature->whole ||
          again->trusted_comment != signature->trusted_comment) {
        __builtin_trap();
      }
      minisign::PublicKey key{.id = signature->key};
      key.point[0] = 9;
      static_cast<void>(minisign::verifies(key, *signature, std::as_bytes(std::span(data, size))));
      return 0;
    }
    case 1: {
      const auto key = minisign::parse_public_key(text, "fuzz");
      if (key && minisign::parse_public_key(minisign::to_text(*key), "again").value() != *key) {
        __builtin_trap();
      }
      return 0;
    }
    case 2: {
      const auto key = minisign::SecretKey::parse(text, "fuzz", [] { return std::nullopt; });
      static_cast<void>(key);
      return 0;
    }
    default:
      static_cast<void>(parse_keys(text, "fuzz/keys.toml"));
      return 0;
  }
}
