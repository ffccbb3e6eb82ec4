// A release engineer's and an operator's desk: keys made by minisign, bundles, a configuration.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/host/cli/program.hpp"

namespace gantry::host::tests {

// Runs a program found in PATH with `input` on its standard input.
Ended run_program(std::vector<std::string> words, std::string_view input = {});

struct KeyPair {
  std::filesystem::path secret;
  std::filesystem::path open;  // public
  std::string text;            // its second line
};

class Workshop : public Workspace {
 public:
  Workshop();

  // Made by minisign itself; without a passphrase it is not encrypted.
  KeyPair make_key(const std::string& name, const std::string& passphrase = {}) const;
  // Adds it to keys.toml.
  void trust_key(const KeyPair& key, std::string_view signer = "Example",
                 std::string_view expires = "2099-01-01",
                 std::string_view plugins = "[\"org.example.*\"]",
                 std::string_view not_before = "2020-01-01") const;
  // The trader of that version, packed, and signed where a key is given.
  std::filesystem::path pack(const std::string& version, const KeyPair* key = nullptr) const;
  std::filesystem::path pack_library(const std::filesystem::path& library, const std::string& name,
                                     const KeyPair* key = nullptr) const;
  // An instance of the trader in strategies.toml.
  void use_trader(std::string_view plugin, std::string_view more = {}) const;

  std::filesystem::path store() const { return path() / "home/.local/share/gantry"; }
  // Versions in force, as "0.2.0 0.1.0".
  std::string installed() const;
  // Nothing but whole bundles that are named, and no drafts.
  bool store_is_tidy() const;
};

}  // namespace gantry::host::tests
