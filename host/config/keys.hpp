// keys.toml: whose signatures on bundles count, until when and for which plugins, and what is
// revoked. It stands beside gantry.toml, unless `keys` in [plugins] names another.
//
//   [[key]]
//   key = "RW..."                  # the second line of minisign.pub
//   signer = "Gantry releases"     # several keys may be one signer's: so a key is replaced
//   not_before = 2026-01-01        # from this day on
//   expires = 2028-01-01           # before this day
//   plugins = ["org.gantry.*"]     # ids that it may sign
//
//   [[revoked]]                    # one of: key; bundle; library; plugin and version
//   library = "<SHA-256>"          # of its file: these very bytes, wherever they come from
//   reason = "..."
//
// Dates are UTC; a date-time with its offset may stand where a date does.
//
// ERRORS   With file, line, column and what was probably meant, as of the other files.
// THREADS  Any thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/bundle/minisign.hpp"
#include "host/config/load.hpp"

namespace gantry::host {

struct SigningKey {
  minisign::PublicKey key;
  std::string signer;
  std::chrono::sys_seconds not_before = std::chrono::sys_seconds::min();
  std::chrono::sys_seconds expires = std::chrono::sys_seconds::max();
  std::vector<std::string> plugins;  // ids; "org.gantry.*" is all below; "*" is all
  std::uint32_t line = 0;

  bool may_sign(std::string_view plugin_id) const;
};

struct Revocation {
  std::string key;      // as minisign writes it; or empty
  std::string bundle;   // SHA-256; or empty
  std::string library;  // SHA-256; or empty
  std::string plugin;   // id; or empty
  std::string version;
  std::string reason;
  std::uint32_t line = 0;
};

struct KeyRing {
  std::string file;
  std::vector<SigningKey> keys;
  std::vector<Revocation> revoked;

  // Which entry says so; nullptr: none. Empty arguments match nothing.
  const Revocation* revocation_of_key(std::string_view key) const;
  const Revocation* revocation_of_bundle(std::string_view sha256) const;
  const Revocation* revocation_of_library(std::string_view sha256) const;
  const Revocation* revocation_of_plugin(std::string_view id, std::string_view version) const;
};

// A file that is not there is an empty ring.
std::expected<KeyRing, ConfigReport> read_keys(const std::filesystem::path& path);
// A text as if it stood in that file.
std::expected<KeyRing, ConfigReport> parse_keys(std::string_view text,
                                                const std::filesystem::path& path);

// "2026-01-01" or "2026-01-01T12:00:00Z", with Z or an offset; nullopt: neither.
std::optional<std::chrono::sys_seconds> parse_time(std::string_view text);
std::string time_text(std::chrono::sys_seconds time);  // "2026-01-01", or with the time of day

}  // namespace gantry::host
