// The Ed25519 key that the audit trail is signed with.
//
// The key file (0600) is made at the first use: one line "gantry-ledger-key 1 " and the seed's 64
// hexadecimal digits. Beside it, in FILE.pub, is the public key, with which anybody can verify.
//
// ERRORS   io: a file cannot be read or made; format: it is no such file, or others may read it.
// THREADS  Any thread; sign() one at a time.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "host/base/result.hpp"

namespace gantry::host::ledger {

using Signature = std::array<std::uint8_t, 64>;

class PublicKey {
 public:
  using Bytes = std::array<std::uint8_t, 32>;
  explicit PublicKey(const Bytes& bytes) : bytes_(bytes) {}
  static Result<PublicKey> read(const std::filesystem::path& path);

  const Bytes& bytes() const { return bytes_; }
  bool verifies(std::span<const std::uint8_t> message, const Signature& signature) const;

 private:
  Bytes bytes_;
};

// Whether a missing key is made: not for a trail that was begun with another.
enum class KeyFile : std::int32_t { may_be_made = 1, is_there = 2 };

class SigningKey {
 public:
  // A public key file that is missing is made; one that is not the private one's is an error.
  static Result<SigningKey> open(const std::filesystem::path& path, KeyFile file);
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();

  PublicKey public_key() const;
  Signature sign(std::span<const std::uint8_t> message) const;

 private:
  struct Keys;
  explicit SigningKey(std::unique_ptr<Keys> keys);
  std::unique_ptr<Keys> keys_;
};

// FILE.pub
std::filesystem::path public_key_file(const std::filesystem::path& key_file);

}  // namespace gantry::host::ledger
