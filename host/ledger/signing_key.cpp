#include "host/ledger/signing_key.hpp"

#include <botan/auto_rng.h>
#include <botan/ed25519.h>
#include <botan/hex.h>
#include <botan/mem_ops.h>
#include <botan/pubkey.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <string_view>

#include "host/bundle/disk.hpp"

namespace gantry::host::ledger {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view secret_word = "gantry-ledger-key 1 ";
constexpr std::string_view public_word = "gantry-ledger-public-key 1 ";
constexpr std::size_t key_file_bytes_max = 4096;
constexpr std::size_t key_bytes = 32;

// The 32 bytes of a line that begins with that word.
Result<Botan::secure_vector<std::uint8_t>> read_line(const fs::path& path, std::string_view word) {
  auto text = bundle::read_text_file(path, key_file_bytes_max);
  if (!text) return std::unexpected(std::move(text.error()));
  std::string_view digits = *text;
  if (digits.ends_with('\n')) digits.remove_suffix(1);
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!digits.starts_with(word) || digits.size() != word.size() + 2 * key_bytes ||
      !std::ranges::all_of(digits.substr(word.size()), is_digit)) {
    return fail(ErrorKind::format,
                fmt::format("{}: is no key of a ledger. Restore it from a copy: what was signed "
                            "with another key does not verify",
                            path.string()));
  }
  auto bytes = Botan::hex_decode_locked(std::string(digits.substr(word.size())));
  Botan::secure_scrub_memory(text->data(), text->size());
  return bytes;
}

Status write_line(const fs::path& path, std::string_view word, std::span<const std::uint8_t> bytes,
                  unsigned mode) {
  std::string line(word);
  line += Botan::hex_encode(bytes.data(), bytes.size(), false) + "\n";
  // Whole or not there: half a key would keep the ledger from being opened.
  auto done = bundle::replace_file(path, bundle::bytes_of(line), mode);
  Botan::secure_scrub_memory(line.data(), line.size());
  return done;
}

Status check_rights(const fs::path& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) == 0 && (facts.st_mode & 077U) == 0) return {};
  return fail(ErrorKind::format,
              fmt::format("{}: others than its user may read the ledger's key, so it proves "
                          "nothing. If nobody has: chmod 600 {}",
                          path.string(), path.string()));
}

}  // namespace

struct SigningKey::Keys {
  explicit Keys(const Botan::secure_vector<std::uint8_t>& seed)
      : key(seed), signer(key, no_randomness, "Pure") {}
  Botan::Null_RNG no_randomness;  // Ed25519 needs none to sign
  Botan::Ed25519_PrivateKey key;
  Botan::PK_Signer signer;
};

fs::path public_key_file(const fs::path& key_file) { return key_file.string() + ".pub"; }

Result<PublicKey> PublicKey::read(const fs::path& path) {
  const auto bytes = read_line(path, public_word);
  if (!bytes) return std::unexpected(bytes.error());
  Bytes point{};
  std::ranges::copy(*bytes, point.begin());
  return PublicKey(point);
}

bool PublicKey::verifies(std::span<const std::uint8_t> message, const Signature& signature) const {
  const Botan::Ed25519_PublicKey point(bytes_.data(), bytes_.size());
  Botan::PK_Verifier verifier(point, "Pure");
  return verifier.verify_message(message.data(), message.size(), signature.data(),
                                 signature.size());
}

SigningKey::SigningKey(std::unique_ptr<Keys> keys) : keys_(std::move(keys)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

Result<SigningKey> SigningKey::open(const fs::path& path, KeyFile file) {
  auto seed = read_line(path, secret_word);
  if (!seed && seed.error().kind == ErrorKind::not_found) {
    if (file == KeyFile::is_there) {
      return fail(
          ErrorKind::not_found,
          fmt::format("{}: the key that this ledger is signed with is not there. Restore it "
                      "from a copy, or begin a new ledger",
                      path.string()));
    }
    Botan::AutoSeeded_RNG random;
    const auto made = random.random_vec(key_bytes);
    if (auto done = write_line(path, secret_word, made, 0600); !done) {
      return std::unexpected(std::move(done.error()));
    }
    seed = made;
  }
  if (!seed) return std::unexpected(std::move(seed.error()));
  if (auto safe = check_rights(path); !safe) return std::unexpected(std::move(safe.error()));
  SigningKey key(std::make_unique<Keys>(*seed));
  const fs::path public_file = public_key_file(path);
  const auto known = PublicKey::read(public_file);
  if (known && known->bytes() != key.public_key().bytes()) {
    return fail(ErrorKind::format,
                fmt::format("{}: is not the public key of {}. Restore the pair from one copy",
                            public_file.string(), path.string()));
  }
  if (!known) {
    if (known.error().kind != ErrorKind::not_found) return std::unexpected(known.error());
    if (auto done = write_line(public_file, public_word, key.public_key().bytes(), 0644); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  return key;
}

PublicKey SigningKey::public_key() const {
  const auto& point = keys_->key.get_public_key();
  PublicKey::Bytes bytes{};
  std::ranges::copy(point, bytes.begin());
  return PublicKey(bytes);
}

Signature SigningKey::sign(std::span<const std::uint8_t> message) const {
  const auto bytes =
      keys_->signer.sign_message(message.data(), message.size(), keys_->no_randomness);
  Signature signature{};
  std::ranges::copy(bytes, signature.begin());
  return signature;
}

}  // namespace gantry::host::ledger
