// plugins.lock: which bundles are in force, by hash. JSON, made by the program, one generation
// each.
//
// ERRORS   ErrorKind::format: it was damaged or written by another version.
// THREADS  Any thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"

namespace gantry::host::bundle {

inline constexpr std::uint64_t lock_bytes_max = 1u << 20;
inline constexpr std::size_t pins_max = 1024;

struct Pin {
  std::string id;
  std::string name;
  std::string version;
  std::string kind;
  std::string sdk;
  std::string bundle;   // SHA-256 of the bundle
  std::string library;  // SHA-256 of this machine's library
  std::string signer;   // who signed the bundle; or empty
  std::string key;      // with which key; or empty

  friend bool operator==(const Pin&, const Pin&) = default;
};

struct LockFile {
  std::int64_t generation = 0;  // 0: nothing was installed yet
  std::int64_t parent = 0;      // the generation before; what rollback goes back to
  std::string made_by;          // as "install org.gantry.triangular 0.2.0"
  std::vector<Pin> pins;        // by id, the newest version first

  const Pin* find_library(std::string_view sha256) const;
  void sort();
};
std::string lock_to_json(const LockFile& lock);
Result<LockFile> parse_lock_json(std::string_view text, std::string_view name);

}  // namespace gantry::host::bundle
