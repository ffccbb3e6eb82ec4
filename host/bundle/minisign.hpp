// Signatures and keys in the format of minisign: what its stock program signs is verified here, and
// what is signed here it verifies. Prehashed signatures ("ED") alone, which are its default.
//
// ERRORS   ErrorKind::format: bytes that are no key or signature. ErrorKind::usage: a passphrase
//          that does not fit.
// THREADS  Any thread.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "host/base/result.hpp"

namespace gantry::host::minisign {

using KeyId = std::array<std::uint8_t, 8>;
using Ed25519Signature = std::array<std::uint8_t, 64>;

inline constexpr std::size_t text_bytes_max = 16u << 10;  // of a key or signature file

struct PublicKey {
  KeyId id{};
  std::array<std::uint8_t, 32> point{};

  friend bool operator==(const PublicKey&, const PublicKey&) = default;
};
// The second line of minisign.pub, as "RWQf6LRC...".
std::string to_text(const PublicKey& key);
std::string to_text(const KeyId& id);  // as minisign prints it: 16 hexadecimal digits
// That line, or the whole file. `name` is what the errors call it.
Result<PublicKey> parse_public_key(std::string_view text, std::string_view name);

struct Signature {
  KeyId key{};                  // which key it claims to be by
  Ed25519Signature content{};   // over BLAKE2b-512 of the file
  Ed25519Signature whole{};     // over `content` and the trusted comment
  std::string trusted_comment;  // one line, as it was signed
};
Result<Signature> parse_signature(std::string_view text, std::string_view name);
std::string to_text(const Signature& signature);

// Both signatures hold. The caller has chosen the key: its id is compared too.
bool verifies(const PublicKey& key, const Signature& signature, std::span<const std::byte> content);

// The private half, wiped when it goes.
class SecretKey {
 public:
  // Asked only for a key that is encrypted; nullopt: there is none to be had.
  using Passphrase = std::function<std::optional<std::string>()>;
  // A secret key file. An encrypted one takes as much memory as its maker chose, up to 1 GiB.
  static Result<SecretKey> parse(std::string_view text, std::string_view name,
                                 const Passphrase& passphrase);
  SecretKey(SecretKey&&) = default;
  SecretKey& operator=(SecretKey&&) = default;
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;
  ~SecretKey();

  PublicKey public_key() const;
  // `trusted_comment` is one line of at most 8,000 bytes: usage.
  Result<Signature> sign(std::span<const std::byte> content, std::string trusted_comment) const;

 private:
  SecretKey() = default;
  KeyId id_{};
  std::array<std::uint8_t, 64> seed_and_point_{};
};

}  // namespace gantry::host::minisign
