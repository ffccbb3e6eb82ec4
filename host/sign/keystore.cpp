#include "host/sign/keystore.hpp"

#include <botan/mem_ops.h>
#include <botan/pwdhash.h>
#include <botan/stream_cipher.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <exception>

#include "host/base/text.hpp"
#include "host/base/user_folders.hpp"
#include "host/bundle/disk.hpp"

namespace gantry::host::sign {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::int64_t keystore_version = 3;
constexpr std::string_view cipher_name = "aes-128-ctr";
constexpr std::size_t secret_key_bytes = 32;
constexpr std::size_t nonce_bytes = 16;
constexpr std::size_t cipher_key_bytes =
    16;  // the first of what is derived; the next 16 go into the MAC
constexpr std::size_t derived_bytes_min = 32;
constexpr std::size_t derived_bytes_max = 64;
constexpr std::size_t salt_bytes_max = 1024;
// Wallets use 256 MiB and less. What asks for more would take this machine's memory or time.
constexpr std::uint64_t scrypt_bytes_max = std::uint64_t{1} << 30U;
constexpr std::uint64_t scrypt_work_max = std::uint64_t{1} << 25U;  // n r p; wallets use 2^21
constexpr std::uint64_t pbkdf2_rounds_max = 10'000'000;             // wallets use 262,144

struct ScryptParameters {
  std::uint64_t n;
  std::uint64_t r;
  std::uint64_t p;
};
constexpr ScryptParameters standard_scrypt{262144, 8, 1};
constexpr ScryptParameters light_scrypt{4096, 8, 6};

std::string plain_hex(std::span<const std::uint8_t> bytes) { return hex_text(bytes).substr(2); }

std::optional<std::vector<std::uint8_t>> bytes_of_member(const json::object& object,
                                                         std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  std::string text(value->get_string());
  if (!text.starts_with("0x")) text.insert(0, "0x");
  return bytes_of_hex(text);
}

std::string_view text_of_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return value->get_string();
}

std::optional<std::uint64_t> count_of_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  json::error_code error;
  const auto count = value->to_number<std::uint64_t>(error);
  if (error) return std::nullopt;
  return count;
}

// geth once wrote it with a capital letter.
const json::object* object_of_member(const json::object& object, std::string_view name,
                                     std::string_view other = {}) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr && !other.empty()) value = object.if_contains(other);
  return value == nullptr ? nullptr : value->if_object();
}

Hash32 mac_of(const SecretBytes& derived, std::span<const std::uint8_t> ciphertext) {
  Keccak keccak;
  keccak.add(std::span(derived).subspan(cipher_key_bytes, cipher_key_bytes));
  keccak.add(ciphertext);
  return keccak.finish();
}

// The same for both directions.
void apply_cipher(const SecretBytes& derived, std::span<const std::uint8_t> nonce,
                  std::span<const std::uint8_t> in, std::uint8_t* out) {
  const auto cipher = Botan::StreamCipher::create_or_throw("CTR-BE(AES-128)");
  cipher->set_key(derived.data(), cipher_key_bytes);
  cipher->set_iv(nonce.data(), nonce.size());
  cipher->cipher(in.data(), out, in.size());
}

Status run_derivation(const Botan::PasswordHash& hash, const SecretBytes& password,
                      std::span<const std::uint8_t> salt, SecretBytes& out) {
  const std::string_view text = text_of(password);
  try {
    hash.derive_key(out.data(), out.size(), text.data(), text.size(), salt.data(), salt.size());
  } catch (const std::exception& error) {
    return fail(ErrorKind::io, fmt::format("the password could not be used: {}", error.what()));
  }
  return {};
}

std::string new_id(std::array<std::uint8_t, 16> bytes) {
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0fU) | 0x40U);  // a random UUID's version
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3fU) | 0x80U);  // and variant
  std::string text = plain_hex(bytes);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, "-");
  return text;
}

}  // namespace

struct Keystore::Parameters {
  const json::object& object;
};

std::unexpected<Error> Keystore::damaged(std::string_view what) const {
  return fail(ErrorKind::format,
              fmt::format("{}: is damaged: {}. Take it from a backup, or make it anew: gantry key "
                          "import",
                          name_, what));
}

Status Keystore::read_scrypt(const Parameters& parameters) {
  const auto n = count_of_member(parameters.object, "n");
  const auto r = count_of_member(parameters.object, "r");
  const auto p = count_of_member(parameters.object, "p");
  const bool power = n && *n > 1 && (*n & (*n - 1)) == 0;
  if (!power || !r || *r == 0 || !p || *p == 0) {
    return damaged("scrypt's n is no power of two, or r or p is no number above 0");
  }
  // Each by itself first: a product of what is not bounded could wrap.
  if (*n > scrypt_bytes_max || *r > scrypt_bytes_max || *p > scrypt_work_max ||
      *n * *r > scrypt_bytes_max / 128 || *n * *r * *p > scrypt_work_max) {
    return fail(ErrorKind::limit,
                fmt::format("{}: asks for more memory or work than any wallet does (scrypt with n "
                            "{}, r {}, p {}): at most 1 GiB and n r p of {} are used. Make it anew "
                            "with the usual n 262144, r 8, p 1",
                            name_, *n, *r, *p, scrypt_work_max));
  }
  scrypt_ = true;
  work_ = *n;
  block_ = *r;
  parallel_ = *p;
  return {};
}

Status Keystore::read_pbkdf2(const Parameters& parameters) {
  if (text_of_member(parameters.object, "prf") != "hmac-sha256") {
    return damaged("its pbkdf2 is not of hmac-sha256");
  }
  const auto rounds = count_of_member(parameters.object, "c");
  if (!rounds || *rounds == 0) return damaged("pbkdf2's c is no number above 0");
  if (*rounds > pbkdf2_rounds_max) {
    return fail(ErrorKind::limit,
                fmt::format("{}: asks for more work than any wallet does (pbkdf2 with c {}): at "
                            "most {} rounds are made. Make it anew with the usual 262144",
                            name_, *rounds, pbkdf2_rounds_max));
  }
  scrypt_ = false;
  work_ = *rounds;
  return {};
}

Result<Keystore> Keystore::parse(std::string_view text, std::string name) {
  Keystore out;
  out.name_ = std::move(name);
  json::error_code error;
  const json::value value = json::parse(text, error);
  const json::object* whole = error ? nullptr : value.if_object();
  const json::value* version = whole == nullptr ? nullptr : whole->if_contains("version");
  if (version == nullptr) {
    return fail(ErrorKind::format,
                fmt::format("{}: is no keystore: {}. Make one: gantry key import", out.name_,
                            error ? "it is no JSON" : "it has no version"));
  }
  if (*version != keystore_version) {
    return fail(ErrorKind::format,
                fmt::format("{}: is a keystore of another version than 3, which alone is read. "
                            "Have its wallet write the key anew, or import the key: gantry key "
                            "import",
                            out.name_));
  }
  const json::object* crypto = object_of_member(*whole, "crypto", "Crypto");
  if (crypto == nullptr) return out.damaged("it has no `crypto`");
  if (text_of_member(*crypto, "cipher") != cipher_name) {
    return out.damaged("its cipher is not aes-128-ctr");
  }
  const json::object* cipher = object_of_member(*crypto, "cipherparams");
  const json::object* parameters = object_of_member(*crypto, "kdfparams");
  if (cipher == nullptr || parameters == nullptr) {
    return out.damaged("it has no `cipherparams`, or no `kdfparams`");
  }
  auto nonce = bytes_of_member(*cipher, "iv");
  auto ciphertext = bytes_of_member(*crypto, "ciphertext");
  auto mac = bytes_of_member(*crypto, "mac");
  auto salt = bytes_of_member(*parameters, "salt");
  if (!nonce || nonce->size() != nonce_bytes) return out.damaged("its iv is not 16 bytes");
  if (!ciphertext || ciphertext->size() != secret_key_bytes) {
    return out.damaged("its ciphertext is not 32 bytes");
  }
  if (!mac || mac->size() != secret_key_bytes) return out.damaged("its mac is not 32 bytes");
  if (!salt || salt->size() > salt_bytes_max) return out.damaged("its salt is no hexadecimal text");
  const auto derived = count_of_member(*parameters, "dklen");
  if (!derived || *derived < derived_bytes_min || *derived > derived_bytes_max) {
    return out.damaged("its dklen is not 32 to 64");
  }
  const std::string_view kdf = text_of_member(*crypto, "kdf");
  if (kdf != "scrypt" && kdf != "pbkdf2") {
    return out.damaged("its kdf is neither scrypt nor pbkdf2");
  }
  const auto read =
      kdf == "scrypt" ? out.read_scrypt({*parameters}) : out.read_pbkdf2({*parameters});
  if (!read) return std::unexpected(read.error());
  if (whole->contains("address")) {
    const auto address = bytes_of_member(*whole, "address");
    if (!address || address->size() != EvmAddress().size()) {
      return out.damaged("its address is not 20 bytes");
    }
    std::ranges::copy(*address, out.address_.emplace().begin());
  }
  out.derived_bytes_ = *derived;
  out.nonce_ = std::move(*nonce);
  out.ciphertext_ = std::move(*ciphertext);
  out.mac_ = std::move(*mac);
  out.salt_ = std::move(*salt);
  return out;
}

Result<Keystore> Keystore::read(const fs::path& path) {
  const auto text = bundle::read_text_file(path, keystore_bytes_max);
  if (text) return parse(*text, path.string());
  if (text.error().kind != ErrorKind::not_found) return std::unexpected(text.error());
  return fail(ErrorKind::not_found,
              fmt::format("{}: there is no such keystore. Correct the path, or make it: gantry key "
                          "import",
                          path.string()));
}

Result<SecretBytes> Keystore::derive(const SecretBytes& password) const {
  SecretBytes out(derived_bytes_);
  std::unique_ptr<Botan::PasswordHash> hash;
  if (scrypt_) {
    hash =
        Botan::PasswordHashFamily::create_or_throw("Scrypt")->from_params(work_, block_, parallel_);
  } else {
    hash = Botan::PasswordHashFamily::create_or_throw("PBKDF2(SHA-256)")->from_params(work_);
  }
  if (auto done = run_derivation(*hash, password, salt_, out); !done) {
    return fail(done.error().kind, fmt::format("{}: {}", name_, done.error().message));
  }
  return out;
}

Result<SecretBytes> Keystore::decrypt(const SecretBytes& password, const Curve& curve) const {
  const auto derived = derive(password);
  if (!derived) return std::unexpected(derived.error());
  const Hash32 mac = mac_of(*derived, ciphertext_);
  if (!Botan::constant_time_compare(mac.data(), mac_.data(), mac.size())) {
    return fail(ErrorKind::usage,
                fmt::format("{}: the password is not this keystore's, or its bytes were changed. "
                            "Try the password again; if it is right, take the file from a backup",
                            name_));
  }
  SecretBytes key(ciphertext_.size());
  apply_cipher(*derived, nonce_, ciphertext_, key.data());
  if (!curve.is_key(key)) return damaged("what it holds is no key");
  if (address_ && curve.address_of(key) != *address_) {
    return damaged(fmt::format("it says that it is of {}, and its key is of {}",
                               checksummed_address(*address_),
                               checksummed_address(curve.address_of(key))));
  }
  return key;
}

Result<std::string> make_keystore(const SecretBytes& key, const SecretBytes& password,
                                  const Curve& curve, const Random& random, KeystoreCost cost) {
  std::array<std::uint8_t, 32> salt;
  std::array<std::uint8_t, nonce_bytes> nonce;
  std::array<std::uint8_t, 16> id;
  for (const std::span<std::uint8_t> out : {std::span<std::uint8_t>(salt), {nonce}, {id}}) {
    if (auto drawn = random(out); !drawn) return std::unexpected(std::move(drawn.error()));
  }
  const ScryptParameters& scrypt = cost == KeystoreCost::light ? light_scrypt : standard_scrypt;
  const auto hash = Botan::PasswordHashFamily::create_or_throw("Scrypt")->from_params(
      scrypt.n, scrypt.r, scrypt.p);
  SecretBytes derived(derived_bytes_min);
  if (auto done = run_derivation(*hash, password, salt, derived); !done) {
    return std::unexpected(std::move(done.error()));
  }
  std::array<std::uint8_t, secret_key_bytes> ciphertext;
  apply_cipher(derived, nonce, key, ciphertext.data());
  const json::object text{{"address", plain_hex(curve.address_of(key))},
                          {"crypto",
                           {{"cipher", cipher_name},
                            {"cipherparams", {{"iv", plain_hex(nonce)}}},
                            {"ciphertext", plain_hex(ciphertext)},
                            {"kdf", "scrypt"},
                            {"kdfparams",
                             {{"dklen", derived_bytes_min},
                              {"n", scrypt.n},
                              {"p", scrypt.p},
                              {"r", scrypt.r},
                              {"salt", plain_hex(salt)}}},
                            {"mac", plain_hex(mac_of(derived, ciphertext))}}},
                          {"id", new_id(id)},
                          {"version", keystore_version}};
  return json::serialize(text) + "\n";
}

Status write_keystore(const fs::path& path, std::string_view text) {
  // Linked into place, and not renamed: what is there already is some other key.
  const fs::path draft = fmt::format("{}.{}.tmp", path.string(), ::getpid());
  std::error_code ignored;
  fs::remove(draft, ignored);
  auto written = bundle::write_new_file(draft, bundle::bytes_of(text), 0600);
  if (written && ::link(draft.c_str(), path.c_str()) != 0) {
    written = fail(ErrorKind::io,
                   errno == EEXIST
                       ? fmt::format("{}: a file is there already, and no key is replaced. Name "
                                     "another with --out, or move that one away",
                                     path.string())
                       : fmt::format("{}: cannot be made: {}. Name another with --out",
                                     path.string(), std::strerror(errno)));
  }
  fs::remove(draft, ignored);
  return written ? bundle::sync_folder(path.parent_path()) : written;
}

Result<SecretBytes> parse_key(const SecretBytes& text, std::string_view name) {
  std::string_view digits = text_of(text);
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = digits.find_first_not_of(blanks);
  digits.remove_prefix(std::min(begin, digits.size()));
  digits = digits.substr(0, digits.find_last_not_of(blanks) + 1);
  if (digits.starts_with("0x") || digits.starts_with("0X")) digits.remove_prefix(2);
  const auto refuse = [&] {
    return fail(ErrorKind::format,
                fmt::format("{}: holds no key: 64 hexadecimal digits, with 0x or without, of a "
                            "number that is not 0 and below the order of secp256k1",
                            name));
  };
  if (digits.size() != 2 * secret_key_bytes) return refuse();
  SecretBytes key(secret_key_bytes);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const char c = digits[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return refuse();
    key[i / 2] = static_cast<std::uint8_t>(key[i / 2] * 16 + digit);
  }
  return key;
}

Result<fs::path> default_keystore_folder(const Environment& environment) {
  if (const auto data = user_data_folder(environment)) return *data / "keystore";
  return fail(ErrorKind::io,
              "there is no folder for keystores: neither XDG_DATA_HOME nor HOME is set. Set one, "
              "or name a folder with --folder");
}

}  // namespace gantry::host::sign
