// The vectors are those of the Web3 Secret Storage definition.
#include <sys/stat.h>

#include "host/sign/open_signer.hpp"
#include "sign_fixture.hpp"
#include "support/temporary_folder.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::host::sign;
using namespace gantry::host::test;
using gantry::test::TemporaryFolder;

namespace {

constexpr std::string_view published_password = "testpassword";
constexpr std::string_view published_key =
    "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";

std::string pbkdf2_keystore() {
  return R"({"crypto": {"cipher": "aes-128-ctr",
    "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
    "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
    "kdf": "pbkdf2", "kdfparams": {"c": 262144, "dklen": 32, "prf": "hmac-sha256",
      "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
    "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6", "version": 3})";
}
std::string scrypt_keystore() {
  return R"({"crypto": {"cipher": "aes-128-ctr",
    "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
    "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
    "kdf": "scrypt", "kdfparams": {"dklen": 32, "n": 262144, "r": 1, "p": 8,
      "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
    "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6", "version": 3})";
}

std::string with(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

Result<SecretBytes> opened(const std::string& text, std::string_view password) {
  const auto keystore = Keystore::parse(text, "key.json");
  if (!keystore) return std::unexpected(keystore.error());
  return keystore->decrypt(secret_of(password), curve());
}

// Random bytes that are the same every time.
Random counted_random() {
  return [next = std::uint8_t{0}](std::span<std::uint8_t> out) mutable -> Status {
    for (std::uint8_t& byte : out) byte = next++;
    return {};
  };
}

std::string light_keystore(std::string_view key, std::string_view password) {
  return make_keystore(secret(key), secret_of(password), curve(), system_random(),
                       KeystoreCost::light)
      .value();
}

}  // namespace

TEST_CASE("the published keystores open with their password") {
  CHECK(opened(pbkdf2_keystore(), published_password).value() == secret(published_key));
  CHECK(opened(scrypt_keystore(), published_password).value() == secret(published_key));
}

TEST_CASE("a keystore that was made opens with its password alone") {
  const std::string text = light_keystore(some_key, "correct horse");
  CHECK(opened(text, "correct horse").value() == secret(some_key));
  const auto keystore = Keystore::parse(text, "key.json");
  REQUIRE(keystore.has_value());
  REQUIRE(keystore->address().has_value());
  CHECK(hex_text(*keystore->address()) == some_address);
  for (const std::string_view wrong : {"", "correct horsf", "correct horse "}) {
    const auto refused = opened(text, wrong);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == ErrorKind::usage);
    CHECK_THAT(refused.error().message,
               Catch::StartsWith("key.json: the password is not this keystore's"));
  }
}

TEST_CASE("a keystore's bytes follow from key, password and randomness") {
  const auto make = [] {
    return make_keystore(secret(some_key), secret_of("p"), curve(), counted_random(),
                         KeystoreCost::light)
        .value();
  };
  CHECK(make() == make());
  CHECK(make() != light_keystore(some_key, "p"));
  CHECK_THAT(make(), Catch::Contains("\"id\":\"30313233-3435-4637-b839-3a3b3c3d3e3f\""));
}

TEST_CASE("each way in which a keystore is wrong is one line that says what to do") {
  const std::string good = light_keystore(some_key, "p");
  const auto fault = [](const std::string& text, ErrorKind kind) {
    const auto keystore = Keystore::parse(text, "key.json");
    INFO(text);
    REQUIRE_FALSE(keystore.has_value());
    CHECK(keystore.error().kind == kind);
    CHECK(keystore.error().message.find('\n') == std::string::npos);
    CHECK_THAT(keystore.error().message, Catch::StartsWith("key.json: "));
    return keystore.error().message;
  };
  CHECK_THAT(fault("", ErrorKind::format), Catch::Contains("is no keystore"));
  CHECK_THAT(fault(good.substr(0, good.size() / 2), ErrorKind::format),
             Catch::Contains("it is no JSON"));
  CHECK_THAT(fault("[3]", ErrorKind::format), Catch::Contains("it has no version"));
  CHECK_THAT(fault(with(good, "\"version\":3", "\"version\":1"), ErrorKind::format),
             Catch::Contains("another version than 3"));
  CHECK_THAT(fault(with(good, "\"version\":3", "\"version\":\"3\""), ErrorKind::format),
             Catch::Contains("another version than 3"));
  struct Damage {
    std::string_view from;
    std::string_view to;
    std::string_view says;
  };
  for (const Damage& damage : {Damage{"\"crypto\"", "\"cripto\"", "no `crypto`"},
                               {"aes-128-ctr", "aes-128-cbc", "cipher is not aes-128-ctr"},
                               {"cipherparams", "cipherparam", "no `cipherparams`"},
                               {"kdfparams", "kdfparam", "no `kdfparams`"},
                               {"\"iv\":\"", "\"iv\":\"00", "iv is not 16 bytes"},
                               {"\"ciphertext\":\"", "\"ciphertext\":\"00", "ciphertext is not"},
                               {"\"mac\":\"", "\"mac\":\"zz", "mac is not 32 bytes"},
                               {"\"salt\":\"", "\"salt\":\"z", "salt is no"},
                               {"\"dklen\":32", "\"dklen\":16", "dklen is not 32 to 64"},
                               {"\"dklen\":32", "\"dklen\":-1", "dklen is not 32 to 64"},
                               {"\"scrypt\"", "\"argon2\"", "kdf is neither"},
                               {"\"scrypt\"", "\"pbkdf2\"", "not of hmac-sha256"},
                               {"\"n\":4096", "\"n\":4095", "n is no power of two"},
                               {"\"n\":4096", "\"n\":1", "n is no power of two"},
                               {"\"n\":4096", "\"n\":\"4096\"", "n is no power of two"},
                               {"\"r\":8", "\"r\":0", "r or p is no number"},
                               {"\"p\":6", "\"p\":1.5", "r or p is no number"},
                               {"\"address\":\"", "\"address\":\"00", "address is not 20 bytes"}}) {
    CHECK_THAT(fault(with(good, damage.from, damage.to), ErrorKind::format),
               Catch::Contains(std::string(damage.says)) && Catch::Contains("from a backup"));
  }
}

TEST_CASE("a keystore that asks for too much memory or work is refused before it has any") {
  const auto refused = [](const std::string& text) {
    const auto keystore = Keystore::parse(text, "key.json");
    REQUIRE_FALSE(keystore.has_value());
    CHECK(keystore.error().kind == ErrorKind::limit);
    CHECK_THAT(keystore.error().message, Catch::Contains("more") && Catch::Contains("usual"));
  };
  refused(with(scrypt_keystore(), "\"n\": 262144", "\"n\": 1073741824"));
  refused(with(scrypt_keystore(), "\"n\": 262144", "\"n\": 9223372036854775808"));
  refused(with(scrypt_keystore(), "\"r\": 1", "\"r\": 18446744073709551615"));
  refused(with(scrypt_keystore(), "\"r\": 1", "\"r\": 64"));
  refused(with(scrypt_keystore(), "\"p\": 8", "\"p\": 1000000"));
  refused(with(scrypt_keystore(), "\"p\": 8", "\"p\": 18446744073709551615"));
  refused(with(pbkdf2_keystore(), "\"c\": 262144", "\"c\": 4000000000"));
}

TEST_CASE("a keystore whose address is not its key's is damaged") {
  const std::string text =
      with(light_keystore(some_key, "p"), some_address.substr(2), std::string(40, '1'));
  CHECK_THAT(opened(text, "p").error().message,
             Catch::Contains("it says that it is of") && Catch::Contains("0x9d8A62f656a8d1615C1294"
                                                                         "fd71e9CFb3E4855A4F"));
}

TEST_CASE("a keystore is written for its owner alone, whole, and over no other file") {
  const TemporaryFolder folder;
  const auto path = folder / "key.json";
  const std::string text = light_keystore(some_key, "p");
  REQUIRE(write_keystore(path, text).has_value());
  struct stat facts{};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777U) == 0600U);
  CHECK(folder.files() == 1);
  CHECK(Keystore::read(path).value().decrypt(secret_of("p"), curve()).value() == secret(some_key));
  const auto again = write_keystore(path, "another");
  REQUIRE_FALSE(again.has_value());
  CHECK_THAT(again.error().message, Catch::Contains("a file is there already"));
  CHECK(folder.files() == 1);
  CHECK(Keystore::read(path).has_value());
  CHECK_FALSE(write_keystore(folder / "no/key.json", text).has_value());
  CHECK_THAT(Keystore::read(folder / "none").error().message,
             Catch::Contains("there is no such keystore"));
  folder.write("long", std::string(keystore_bytes_max + 1, ' '));
  CHECK(Keystore::read(folder / "long").error().kind == ErrorKind::limit);
}

TEST_CASE("a key is read from text with blanks around it, and an error says nothing of it") {
  const std::string digits(some_key.substr(2));
  for (const std::string& text : {digits, "0x" + digits, "  0X" + digits + "\r\n"}) {
    CHECK(parse_key(secret_of(text), "a file").value() == secret(some_key));
  }
  for (const std::string& text :
       {std::string(), std::string(" \n"), digits.substr(1), digits + "0", std::string("0x"),
        digits + " " + digits, std::string("g") + digits.substr(1)}) {
    const auto refused = parse_key(secret_of(text), "a file");
    REQUIRE_FALSE(refused.has_value());
    CHECK_THAT(refused.error().message, Catch::StartsWith("a file: holds no key"));
    CHECK(refused.error().message.find("4646") == std::string::npos);
  }
}

TEST_CASE("the signer that [wallet] names is of its account, or is an error") {
  const TemporaryFolder folder;
  WalletSettings wallet;
  wallet.keystore = folder.write("key.json", light_keystore(some_key, "p"));
  const auto http = make_curl_http();
  std::optional<std::string> variable = "p";
  const Environment environment = [&](std::string_view name) {
    return name == "KEY_PASSWORD" ? variable : std::nullopt;
  };
  const Random random = system_random();
  int asked = 0;
  std::optional<SecretBytes> typed = secret_of("p");
  const auto open = [&] {
    return open_signer(wallet, {*http, environment, random, [&] {
                                  ++asked;
                                  return typed;
                                }});
  };
  const auto fault = [&] {
    const auto signer = open();
    REQUIRE_FALSE(signer.has_value());
    return signer.error();
  };

  CHECK(hex_text(open().value()->address()) == some_address);
  CHECK(asked == 1);
  typed = secret_of("q");
  CHECK(fault().kind == ErrorKind::usage);
  typed.reset();
  CHECK_THAT(fault().message, Catch::Contains("no terminal") && Catch::Contains("--password-env"));

  wallet.password_variable = "KEY_PASSWORD";
  asked = 0;
  CHECK(open().has_value());
  variable = "q";
  CHECK(fault().kind == ErrorKind::usage);
  variable.reset();
  CHECK_THAT(fault().message, Catch::Contains("KEY_PASSWORD is not set"));
  variable = "p";
  CHECK(asked == 0);

  // A smart account has an owner of another address.
  wallet.sender = to_gantry(address("0x70997970c51812dc3a010c7d01b50e0d17dc79c8"));
  const Error other = fault();
  CHECK(other.kind == ErrorKind::configuration);
  CHECK_THAT(other.message, Catch::Contains("0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F") &&
                                Catch::Contains("0x70997970C51812dc3A010C7d01b50e0d17dc79C8") &&
                                Catch::Contains("set owner"));
  wallet.owner = to_gantry(address(some_address));
  CHECK(open().has_value());
  wallet.owner = to_gantry(EvmAddress{1});
  CHECK(fault().kind == ErrorKind::configuration);

  wallet.keystore.clear();
  CHECK_THAT(fault().message, Catch::Contains("names nobody who signs"));
}
