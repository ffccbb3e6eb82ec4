#include "host/config/keys.hpp"

#include <catch2/catch.hpp>

#include "workshop.hpp"

using namespace gantry::host;
using gantry::host::tests::has;

namespace {

constexpr std::string_view key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

std::string text_with(std::string_view rest) {
  return "[[key]]\nkey = \"" + std::string(key) +
         "\"\nsigner = \"Example\"\nexpires = 2028-01-01\n" + "plugins = [\"org.example.*\"]\n" +
         std::string(rest);
}

std::string faults(const std::string& text) {
  const auto ring = parse_keys(text, "keys.toml");
  if (ring) return {};
  std::string all;
  for (const Diagnostic& fault : ring.error().errors) {
    all += fault.file + ":" + std::to_string(fault.line) + ":" + std::to_string(fault.column) +
           " " + fault.message + " " + fault.suggestion + "\n";
  }
  return all;
}

}  // namespace

TEST_CASE("keys.toml is read, with its dates as UTC") {
  const auto ring = parse_keys(
      text_with("not_before = 2026-01-01T12:00:00+02:00\n[[revoked]]\nplugin = "
                "\"org.example.trader\"\nversion = \"0.1.0\"\nreason = \"loses money\"\n"),
      "keys.toml");
  REQUIRE(ring);
  REQUIRE(ring->keys.size() == 1);
  CHECK(time_text(ring->keys[0].not_before) == "2026-01-01T10:00:00Z");
  CHECK(time_text(ring->keys[0].expires) == "2028-01-01");
  CHECK(ring->keys[0].may_sign("org.example.trader"));
  CHECK_FALSE(ring->keys[0].may_sign("org.examples.trader"));
  CHECK_FALSE(ring->keys[0].may_sign("org.example"));
  REQUIRE(ring->revocation_of_plugin("org.example.trader", "0.1.0") != nullptr);
  CHECK(ring->revocation_of_plugin("org.example.trader", "0.1.1") == nullptr);
  CHECK(ring->revocation_of_key("") == nullptr);
}

TEST_CASE("a fault in keys.toml has its file, line, column and what was meant") {
  CHECK(has(faults(text_with("signr = \"x\"\n")), "keys.toml:6:1 unknown key signr in key"));
  CHECK(has(faults(text_with("signr = \"x\"\n")), "signer"));
  CHECK(has(faults("[[key]]\nkey = \"RWshort\"\nsigner = \"x\"\nexpires = 2028-01-01\n"
                   "plugins = [\"*\"]\n"),
            "keys.toml:2:7 key.key is no minisign public key"));
  CHECK(has(faults("[[kye]]\nkey = 1\n"), "unknown table kye key"));
  CHECK(has(faults(text_with("[[key]]\nkey = \"" + std::string(key) +
                             "\"\nsigner = \"again\"\nexpires = 2029-01-01\n"
                             "plugins = [\"*\"]\n")),
            "is there twice, first in line 1"));
  CHECK(has(faults(text_with("not_before = 2029-01-01\n")), "is not after not_before"));
  CHECK(has(faults(text_with("not_before = \"soon\"\n")), "not_before is the text"));
  CHECK(has(faults(text_with("[[revoked]]\nreason = \"x\"\n")), "does not say what is revoked"));
  CHECK(has(faults(text_with("[[revoked]]\nbundle = \"abc\"\nreason = \"x\"\n")), "is no SHA-256"));
  const std::string hash(64, 'a');
  CHECK(faults(text_with("[[revoked]]\nlibrary = \"" + hash + "\"\nreason = \"x\"\n")).empty());
  CHECK(has(faults(text_with("[[revoked]]\nlibrary = \"abc\"\nreason = \"x\"\n")),
            "revoked.library is no SHA-256"));
  CHECK(has(faults(text_with("[[revoked]]\nlibrary = \"" + hash + "\"\nbundle = \"" + hash +
                             "\"\nreason = \"x\"\n")),
            "does not say what is revoked"));
  CHECK(has(faults("[[key]]\nkey = \"" + std::string(key) +
                   "\"\nsigner = \"x\"\n"
                   "plugins = [\"*\"]\n"),
            "key.expires is missing"));
}

TEST_CASE("times are dates of the calendar") {
  CHECK(parse_time("2024-02-29"));
  CHECK_FALSE(parse_time("2023-02-29"));
  CHECK_FALSE(parse_time("2024-2-9"));
  CHECK_FALSE(parse_time("2024-02-29T10:00:00"));
  CHECK(parse_time("2024-02-29T10:00:00Z"));
  CHECK_FALSE(parse_time("2024-02-29T24:00:00Z"));
}

TEST_CASE("config check reports a faulty keys.toml") {
  const gantry::host::tests::Workshop desk;
  gantry::host::tests::write_text(desk / "config/keys.toml", "[[key]]\nkeey = 1\n");
  const auto ended = desk.run({"config", "check"});
  CHECK(ended.code == 2);
  CHECK(has(ended.out, "keys.toml:2:1: error: unknown key keey"));
}
