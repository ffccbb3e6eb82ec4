// Keys in files, encrypted with a password: Keystore V3, the Web3 Secret Storage definition, as
// geth, clef and ethers write it.
//
// ERRORS   Begin with the file's name. `format`: it is damaged, or of another version. `limit`: it
//          asks for more memory or work than any wallet does. `usage`: the password is another's.
// THREADS  [any thread]
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"
#include "host/config/secret.hpp"
#include "host/ports/random.hpp"
#include "host/sign/curve.hpp"
#include "host/sign/secret.hpp"

namespace gantry::host::sign {

inline constexpr std::size_t keystore_bytes_max = std::size_t{1} << 16U;
inline constexpr std::size_t password_bytes_max = 1024;

// How dear each guess of the password is.
enum class KeystoreCost : std::int32_t {
  standard = 1,  // 256 MiB, about a second
  light = 2,     // 4 MiB, as geth's --lightkdf: for passwords that cannot be guessed
};

// A keystore that was read, its key still encrypted.
class Keystore {
 public:
  static Result<Keystore> parse(std::string_view text, std::string name);
  static Result<Keystore> read(const std::filesystem::path& path);

  // What the file says it is of; its key proves it.
  const std::optional<EvmAddress>& address() const { return address_; }
  std::string_view derivation() const { return scrypt_ ? "scrypt" : "pbkdf2"; }
  const std::string& name() const { return name_; }

  Result<SecretBytes> decrypt(const SecretBytes& password, const Curve& curve) const;

 private:
  Keystore() = default;
  struct Parameters;  // of JSON
  Status read_scrypt(const Parameters& parameters);
  Status read_pbkdf2(const Parameters& parameters);
  std::unexpected<Error> damaged(std::string_view what) const;
  Result<SecretBytes> derive(const SecretBytes& password) const;

  std::string name_;
  std::optional<EvmAddress> address_;
  bool scrypt_ = true;
  std::uint64_t work_ = 0;  // scrypt's n, or how often PBKDF2 hashes
  std::uint64_t block_ = 0;
  std::uint64_t parallel_ = 0;
  std::size_t derived_bytes_ = 0;
  std::vector<std::uint8_t> salt_;
  std::vector<std::uint8_t> nonce_;
  std::vector<std::uint8_t> ciphertext_;
  std::vector<std::uint8_t> mac_;
};

// The text of a keystore with that key.
Result<std::string> make_keystore(const SecretBytes& key, const SecretBytes& password,
                                  const Curve& curve, const Random& random, KeystoreCost cost);
// For the owner's eyes only (mode 0600), whole or not at all. Fails with `io` when a file is there.
Status write_keystore(const std::filesystem::path& path, std::string_view text);

// 64 hexadecimal digits, with 0x or without, and blanks around them; nothing of it is in an error.
Result<SecretBytes> parse_key(const SecretBytes& text, std::string_view name);

// gantry/keystore in $XDG_DATA_HOME or ~/.local/share. Fails with `io` when there is neither.
Result<std::filesystem::path> default_keystore_folder(const Environment& environment);

}  // namespace gantry::host::sign
