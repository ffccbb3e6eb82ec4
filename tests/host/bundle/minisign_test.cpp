// Both ways with the stock program: what it signs is verified here, and it verifies what is signed
// here.
#include "host/bundle/minisign.hpp"

#include <catch2/catch.hpp>

#include "host/bundle/disk.hpp"
#include "workshop.hpp"

using namespace gantry::host;
using namespace gantry::host::tests;
namespace fs = std::filesystem;

namespace {

minisign::PublicKey public_key(const KeyPair& pair) {
  return minisign::parse_public_key(read_text(pair.open), "key").value();
}

Ended stock_verify(const KeyPair& pair, const fs::path& file) {
  return run_program({"minisign", "-V", "-p", pair.open.string(), "-m", file.string()});
}

}  // namespace

TEST_CASE("the stock minisign verifies what is signed here") {
  const Workshop desk;
  const KeyPair key = desk.make_key("plain");
  const fs::path bundle = desk.pack("0.1.0", &key);
  const Ended verified = stock_verify(key, bundle);
  INFO(verified.err);
  CHECK(verified.code == 0);
  CHECK(has(verified.out, "Signature and comment signature verified"));
  CHECK(has(verified.out, "file:trader-0.1.0.tar.zst"));

  std::string bytes = read_text(bundle);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_text(bundle, bytes);
  CHECK(stock_verify(key, bundle).code != 0);
}

TEST_CASE("what the stock minisign signs is verified here, its comment included") {
  const Workshop desk;
  const KeyPair key = desk.make_key("plain");
  const fs::path bundle = desk.pack("0.1.0");
  const Ended made = run_program({"minisign", "-S", "-s", key.secret.string(), "-m",
                                  bundle.string(), "-t", "release of October"});
  INFO(made.err);
  REQUIRE(made.code == 0);
  const Ended verified = desk.run({"bundle", "verify", bundle.string(), "--public-key", key.text});
  INFO(verified.err);
  CHECK(verified.code == 0);
  CHECK(has(verified.out, "release of October"));

  const fs::path signature = bundle.string() + ".minisig";
  std::string text = read_text(signature);
  const std::size_t at = text.find("October");
  write_text(signature, text.replace(at, 7, "Octobeg"));
  CHECK(desk.run({"bundle", "verify", bundle.string(), "--public-key", key.text}).code == 3);
}

TEST_CASE("a secret key that minisign encrypted signs with its passphrase, and not with another") {
  Workshop desk;
  const KeyPair key = desk.make_key("encrypted", "correct horse");
  const fs::path bundle = desk.pack("0.1.0");
  const std::vector<std::string> sign{"bundle",
                                      "sign",
                                      bundle.string(),
                                      "--key",
                                      key.secret.string(),
                                      "--passphrase-env",
                                      "SIGNING_PASSPHRASE"};
  const Ended without = desk.run(sign);
  CHECK(without.code == 2);
  CHECK(has(without.err, "no passphrase was given"));
  desk.variables["SIGNING_PASSPHRASE"] = "battery staple";
  const Ended wrong = desk.run(sign);
  CHECK(wrong.code == 2);
  CHECK(has(wrong.err, "the passphrase is not this key's"));
  CHECK_FALSE(fs::exists(bundle.string() + ".minisig"));
  desk.variables["SIGNING_PASSPHRASE"] = "correct horse";
  const Ended made = desk.run(sign);
  INFO(made.err);
  CHECK(made.code == 0);
  CHECK_FALSE(has(made.out + made.err, "correct horse"));
  CHECK(stock_verify(key, bundle).code == 0);
}

TEST_CASE("a signature that is changed anywhere is refused") {
  const Workshop desk;
  const KeyPair pair = desk.make_key("plain");
  const auto content = bundle::bytes_of("what was signed");
  const auto secret =
      minisign::SecretKey::parse(read_text(pair.secret), "key", [] { return std::nullopt; });
  REQUIRE(secret);
  const minisign::PublicKey key = public_key(pair);
  CHECK(secret->public_key() == key);
  const auto signature = secret->sign(content, "comment").value();
  CHECK(minisign::verifies(key, signature, content));
  const std::string text = minisign::to_text(signature);
  int refused = 0;
  for (std::size_t at = text.find('\n') + 1; at < text.size() - 1; ++at) {
    std::string changed = text;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    const auto parsed = minisign::parse_signature(changed, "changed");
    if (!parsed || !minisign::verifies(key, *parsed, content)) ++refused;
    if (changed == text) ++refused;
  }
  CHECK(refused == static_cast<int>(text.size() - 1 - (text.find('\n') + 1)));
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    CHECK_FALSE(minisign::parse_signature(text.substr(0, size), "cut"));
  }
}

TEST_CASE("a signature's number written otherwise is refused, as libsodium refuses it") {
  const Workshop desk;
  const KeyPair pair = desk.make_key("plain");
  const auto content = bundle::bytes_of("content");
  const auto secret =
      minisign::SecretKey::parse(read_text(pair.secret), "key", [] { return std::nullopt; });
  auto signature = secret->sign(content, "comment").value();
  // The group's order, added to the second half.
  const std::uint8_t order[] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14};
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += signature.content[32 + i] + (i < 16 ? order[i] : i == 31 ? 0x10u : 0u);
    signature.content[32 + i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  CHECK_FALSE(minisign::verifies(public_key(pair), signature, content));
}

TEST_CASE("a legacy signature is refused with the remedy") {
  const Workshop desk;
  const KeyPair key = desk.make_key("plain");
  const fs::path bundle = desk.pack("0.1.0");
  REQUIRE(run_program({"minisign", "-S", "-l", "-s", key.secret.string(), "-m", bundle.string()})
              .code == 0);
  const Ended ended = desk.run({"bundle", "verify", bundle.string(), "--public-key", key.text});
  CHECK(ended.code == 3);
  CHECK(has(ended.err, "Sign without minisign's -l"));
}
