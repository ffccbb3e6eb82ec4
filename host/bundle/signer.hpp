// Whether a signature on a bundle counts: by a key that the operator lists, in its time, for that
// plugin, and nothing of it revoked.
//
// ERRORS   ErrorKind::plugin, with the reason and the remedy.
// THREADS  Any thread.
#pragma once
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "host/base/result.hpp"
#include "host/bundle/bundle.hpp"
#include "host/bundle/minisign.hpp"
#include "host/config/keys.hpp"

namespace gantry::host::bundle {

struct Signer {
  std::string name;
  std::string key;  // as minisign writes it
};

// Of a bundle that is about to be installed. `now` decides whether the key is in its time; at a
// start (nullopt) it may be over: expiry ends installing, revocation ends running.
Result<Signer> check_signature(const minisign::Signature& signature,
                               std::span<const std::byte> bytes, const Bundle& bundle,
                               const KeyRing& ring, std::optional<std::chrono::sys_seconds> now);

// What may be revoked. Empty texts are not looked for.
struct Revocable {
  std::string_view plugin_id;
  std::string_view version;
  std::string_view bundle;   // SHA-256
  std::string_view library;  // SHA-256
  std::string_view key;      // as minisign writes it
};
// That none of it is. `name` begins the refusal.
Status check_revoked(const KeyRing& ring, std::string_view name, const Revocable& what);
// The same of a bundle with all its libraries; `key`: none, or the one it is signed with.
Status check_revoked(const KeyRing& ring, std::string_view name, const Bundle& bundle,
                     std::string_view key);

}  // namespace gantry::host::bundle
