#include "host/bundle/minisign.hpp"

#include <botan/base64.h>
#include <botan/ed25519.h>
#include <botan/hash.h>
#include <botan/mem_ops.h>
#include <botan/pubkey.h>
#include <botan/rng.h>
#include <botan/scrypt.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <vector>

namespace gantry::host::minisign {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::string_view untrusted_prefix = "untrusted comment: ";
constexpr std::string_view trusted_prefix = "trusted comment: ";
constexpr std::size_t trusted_bytes_max = 8000;
constexpr std::size_t public_bytes = 2 + 8 + 32;
constexpr std::size_t signature_bytes = 2 + 8 + 64;
// Where the parts of a secret key lie: algorithm, key derivation, checksum, salt, limits, key.
constexpr std::size_t salt_at = 6, salt_bytes = 32, operations_at = 38, memory_at = 46, id_at = 54,
                      secret_at = 62, checksum_at = 126, secret_file_bytes = 158;
constexpr std::uint64_t scrypt_memory_max = 1u << 30;

std::unexpected<Error> bad(std::string_view name, std::string_view reason) {
  return fail(ErrorKind::format, fmt::format("{}: {}", name, reason));
}

// Lines without their ends; at most `count`, the rest is one more.
std::vector<std::string_view> lines_of(std::string_view text, std::size_t count) {
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() <= count) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

// Exactly `size` bytes, written the one way that there is.
std::optional<Bytes> decode(std::string_view text, std::size_t size) {
  if (text.size() != (size + 2) / 3 * 4) return std::nullopt;
  try {
    const auto secure = Botan::base64_decode(text.data(), text.size(), false);
    if (secure.size() != size) return std::nullopt;
    if (Botan::base64_encode(secure.data(), secure.size()) != text) return std::nullopt;
    return Bytes(secure.begin(), secure.end());
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::string encode(const Bytes& bytes) { return Botan::base64_encode(bytes.data(), bytes.size()); }

template <std::size_t size>
void copy(std::span<const std::uint8_t> from, std::array<std::uint8_t, size>& to) {
  std::copy_n(from.begin(), size, to.begin());
}

Bytes prehash(std::span<const std::byte> content) {
  auto hash = Botan::HashFunction::create_or_throw("BLAKE2b(512)");
  hash->update(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
  const auto digest = hash->final();
  return {digest.begin(), digest.end()};
}

Bytes with_comment(const Ed25519Signature& content, std::string_view comment) {
  Bytes both(content.begin(), content.end());
  both.insert(both.end(), comment.begin(), comment.end());
  return both;
}

// The second half of a signature is a number below the group's order; others are the same number
// written otherwise, which libsodium refuses and Botan does not.
bool is_canonical(const Ed25519Signature& signature) {
  static constexpr std::array<std::uint8_t, 32> order = {
      0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
      0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
      0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
  const auto number = std::span(signature).last(32);
  return std::lexicographical_compare(number.rbegin(), number.rend(), order.rbegin(), order.rend());
}

bool verifies(const PublicKey& key, const Ed25519Signature& signature, const Bytes& message) {
  if (!is_canonical(signature)) return false;
  const Botan::Ed25519_PublicKey point(key.point.data(), key.point.size());
  Botan::PK_Verifier verifier(point, "Pure");
  return verifier.verify_message(message.data(), message.size(), signature.data(),
                                 signature.size());
}

// A seed and the point that belongs to it; the seed alone makes the key.
constexpr std::size_t seed_bytes = 32;
Botan::Ed25519_PrivateKey private_key(std::span<const std::uint8_t> seed_and_point) {
  return Botan::Ed25519_PrivateKey(Botan::secure_vector<std::uint8_t>(
      seed_and_point.begin(), seed_and_point.begin() + seed_bytes));
}

void sign_with(const Botan::Ed25519_PrivateKey& key, const Bytes& message,
               Ed25519Signature& signature) {
  Botan::Null_RNG no_randomness;  // Ed25519 needs none
  Botan::PK_Signer signer(key, no_randomness, "Pure");
  copy(signer.sign_message(message, no_randomness), signature);
}

bool is_one_line(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

std::uint64_t little_endian(std::span<const std::uint8_t> bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number |= std::uint64_t{bytes[i]} << (8 * i);
  return number;
}

struct ScryptCost {
  unsigned log2_n;
  std::uint64_t p;
};
// As libsodium turns its two limits into scrypt's N and p, with r = 8.
ScryptCost cost_of(std::uint64_t operations, std::uint64_t memory) {
  operations = std::max<std::uint64_t>(operations, 32768);
  const bool by_operations = operations < memory / 32;
  const std::uint64_t n_max = by_operations ? operations / 32 : memory / 1024;
  unsigned log2_n = 1;
  while (log2_n < 63 && (std::uint64_t{1} << log2_n) <= n_max / 2) ++log2_n;
  if (by_operations) return {log2_n, 1};
  const std::uint64_t rp = std::min<std::uint64_t>((operations / 4) >> log2_n, 0x3fffffff);
  return {log2_n, std::max<std::uint64_t>(rp / 8, 1)};
}

// Takes the passphrase's stream off the key's last part, in place.
Status decrypt(Bytes& file, std::string_view name, const SecretKey::Passphrase& passphrase) {
  const std::span<const std::uint8_t> bytes(file);
  const std::uint64_t operations = little_endian(bytes.subspan(operations_at));
  const std::uint64_t memory = little_endian(bytes.subspan(memory_at));
  const ScryptCost cost = cost_of(operations, memory);
  if (memory > scrypt_memory_max || operations > scrypt_memory_max || cost.p > 64) {
    return bad(name, "asks for more memory or work than a minisign key does. Make another key.");
  }
  auto secret = passphrase();
  if (!secret) {
    return fail(ErrorKind::usage,
                fmt::format("{}: is encrypted, and no passphrase was given. Name the environment "
                            "variable that holds it with --passphrase-env, or sign at a terminal.",
                            name));
  }
  Botan::secure_vector<std::uint8_t> stream(secret_file_bytes - id_at);
  try {
    Botan::scrypt(stream.data(), stream.size(), secret->data(), secret->size(),
                  file.data() + salt_at, salt_bytes, std::size_t{1} << cost.log2_n, 8,
                  static_cast<std::size_t>(cost.p));
  } catch (const std::exception& error) {
    return fail(ErrorKind::io,
                fmt::format("{}: its passphrase could not be used: {}", name, error.what()));
  }
  Botan::secure_scrub_memory(secret->data(), secret->size());
  for (std::size_t i = 0; i < stream.size(); ++i) file[id_at + i] ^= stream[i];

  // The checksum covers the algorithm, the id and the key.
  auto hash = Botan::HashFunction::create_or_throw("BLAKE2b(256)");
  hash->update(file.data(), 2);
  hash->update(file.data() + id_at, checksum_at - id_at);
  const auto digest = hash->final();
  if (!std::equal(digest.begin(), digest.end(), file.begin() + checksum_at)) {
    return fail(ErrorKind::usage, fmt::format("{}: the passphrase is not this key's.", name));
  }
  return {};
}

}  // namespace

std::string to_text(const KeyId& id) { return fmt::format("{:016X}", little_endian(id)); }

std::string to_text(const PublicKey& key) {
  Bytes bytes{'E', 'd'};
  bytes.insert(bytes.end(), key.id.begin(), key.id.end());
  bytes.insert(bytes.end(), key.point.begin(), key.point.end());
  return encode(bytes);
}

Result<PublicKey> parse_public_key(std::string_view text, std::string_view name) {
  auto lines = lines_of(text.substr(0, text_bytes_max), 2);
  if (!lines.empty() && lines.front().starts_with(untrusted_prefix)) lines.erase(lines.begin());
  const auto bytes = lines.size() == 1 ? decode(lines.front(), public_bytes) : std::nullopt;
  if (!bytes || (*bytes)[0] != 'E' || (*bytes)[1] != 'd') {
    return bad(name, "is no minisign public key: 56 characters that begin with RW.");
  }
  PublicKey key;
  copy(std::span(*bytes).subspan(2), key.id);
  copy(std::span(*bytes).subspan(10), key.point);
  return key;
}

Result<Signature> parse_signature(std::string_view text, std::string_view name) {
  if (text.size() > text_bytes_max) return bad(name, "is too long for a signature.");
  const auto lines = lines_of(text, 4);
  if (lines.size() != 4 || !lines[0].starts_with(untrusted_prefix) ||
      !lines[2].starts_with(trusted_prefix)) {
    return bad(name,
               "is no minisign signature: four lines, a comment and a signature twice. It may be "
               "cut short; fetch it again.");
  }
  const auto first = decode(lines[1], signature_bytes);
  const auto second = decode(lines[3], 64);
  if (!first || !second) return bad(name, "holds a line that is no signature. Fetch it again.");
  if ((*first)[0] != 'E' || (*first)[1] != 'D') {
    return bad(name,
               "is a legacy signature, which needs the file twice. Sign without minisign's -l.");
  }
  Signature signature;
  copy(std::span(*first).subspan(2), signature.key);
  copy(std::span(*first).subspan(10), signature.content);
  copy(*second, signature.whole);
  signature.trusted_comment = lines[2].substr(trusted_prefix.size());
  if (signature.trusted_comment.size() > trusted_bytes_max ||
      !is_one_line(signature.trusted_comment)) {
    return bad(name, "has a trusted comment that is not one line of text.");
  }
  return signature;
}

std::string to_text(const Signature& signature) {
  Bytes first{'E', 'D'};
  first.insert(first.end(), signature.key.begin(), signature.key.end());
  first.insert(first.end(), signature.content.begin(), signature.content.end());
  const Bytes second(signature.whole.begin(), signature.whole.end());
  return fmt::format("{}signature of a Gantry bundle\n{}\n{}{}\n{}\n", untrusted_prefix,
                     encode(first), trusted_prefix, signature.trusted_comment, encode(second));
}

bool verifies(const PublicKey& key, const Signature& signature,
              std::span<const std::byte> content) {
  return key.id == signature.key && verifies(key, signature.content, prehash(content)) &&
         verifies(key, signature.whole, with_comment(signature.content, signature.trusted_comment));
}

Result<SecretKey> SecretKey::parse(std::string_view text, std::string_view name,
                                   const Passphrase& passphrase) {
  const auto lines = lines_of(text.substr(0, text_bytes_max), 2);
  auto file = lines.size() == 2 && lines[0].starts_with(untrusted_prefix)
                  ? decode(lines[1], secret_file_bytes)
                  : std::nullopt;
  const auto begins = [&](std::size_t at, std::string_view word) {
    return std::memcmp(file->data() + at, word.data(), word.size()) == 0;
  };
  if (!file || !begins(0, "Ed") || !begins(4, "B2")) {
    return bad(name, "is no minisign secret key. Make a pair with: minisign -G");
  }
  const bool plain = (*file)[2] == 0 && (*file)[3] == 0;
  if (!plain && !begins(2, "Sc")) {
    return bad(name, "is encrypted in a way that minisign 0.11 does not know.");
  }
  if (!plain) {
    if (auto decrypted = decrypt(*file, name, passphrase); !decrypted) {
      return std::unexpected(std::move(decrypted.error()));
    }
  }
  SecretKey key;
  copy(std::span(*file).subspan(id_at), key.id_);
  copy(std::span(*file).subspan(secret_at), key.seed_and_point_);
  Botan::secure_scrub_memory(file->data(), file->size());
  // A key whose halves do not belong together would sign what nobody can verify.
  const auto derived = private_key(key.seed_and_point_).get_public_key();
  if (!std::ranges::equal(derived, std::span(key.seed_and_point_).subspan(seed_bytes))) {
    return bad(name, "is damaged: its halves do not belong together.");
  }
  return key;
}

SecretKey::~SecretKey() {
  Botan::secure_scrub_memory(seed_and_point_.data(), seed_and_point_.size());
}

PublicKey SecretKey::public_key() const {
  PublicKey key{.id = id_};
  copy(std::span(seed_and_point_).subspan(seed_bytes), key.point);
  return key;
}

Result<Signature> SecretKey::sign(std::span<const std::byte> content,
                                  std::string trusted_comment) const {
  if (trusted_comment.size() > trusted_bytes_max || !is_one_line(trusted_comment)) {
    return fail(ErrorKind::usage, fmt::format("the trusted comment has to be one line of at most "
                                              "{} bytes",
                                              trusted_bytes_max));
  }
  Signature signature{.key = id_, .trusted_comment = std::move(trusted_comment)};
  const Botan::Ed25519_PrivateKey key = private_key(seed_and_point_);
  sign_with(key, prehash(content), signature.content);
  sign_with(key, with_comment(signature.content, signature.trusted_comment), signature.whole);
  return signature;
}

}  // namespace gantry::host::minisign
