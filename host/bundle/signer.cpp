#include "host/bundle/signer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gantry::host::bundle {
namespace {

std::unexpected<Error> refuse(std::string_view name, std::string reason) {
  return fail(ErrorKind::plugin, fmt::format("{}: {}", name, std::move(reason)));
}

std::string named(const SigningKey& key) {
  return fmt::format("the key {} of {}", minisign::to_text(key.key.id), key.signer);
}

}  // namespace

Status check_revoked(const KeyRing& ring, std::string_view name, const Revocable& what) {
  const auto told = [&](std::string_view of, const Revocation& why) {
    return refuse(name, fmt::format("{} is revoked ({}:{}): {}. Install a version that is not", of,
                                    ring.file, why.line, why.reason));
  };
  if (const auto* found = ring.revocation_of_bundle(what.bundle)) {
    return told("this bundle", *found);
  }
  if (const auto* found = ring.revocation_of_library(what.library)) {
    return told("this library", *found);
  }
  if (const auto* found = ring.revocation_of_plugin(what.plugin_id, what.version)) {
    return told(fmt::format("{} {}", what.plugin_id, what.version), *found);
  }
  if (const auto* found = ring.revocation_of_key(what.key)) {
    return told("the key that it is signed with", *found);
  }
  return {};
}

Status check_revoked(const KeyRing& ring, std::string_view name, const Bundle& bundle,
                     std::string_view key) {
  const auto check = [&](std::string_view library) {
    return check_revoked(ring, name,
                         {bundle.facts.id, bundle.facts.version, bundle.sha256, library, key});
  };
  // Those for other machines too: who revoked one of its libraries does not want the bundle.
  for (const PluginFile& library : bundle.libraries) {
    if (auto live = check(library.sha256); !live) return live;
  }
  return check({});
}

Result<Signer> check_signature(const minisign::Signature& signature,
                               std::span<const std::byte> bytes, const Bundle& bundle,
                               const KeyRing& ring, std::optional<std::chrono::sys_seconds> now) {
  const std::string name = fmt::format("{} {}", bundle.facts.id, bundle.facts.version);
  const std::string id = minisign::to_text(signature.key);
  const SigningKey* key = nullptr;
  bool known = false;
  for (const SigningKey& each : ring.keys) {
    if (each.key.id != signature.key) continue;
    known = true;
    if (minisign::verifies(each.key, signature, bytes)) key = &each;
  }
  if (!known) {
    return refuse(name, fmt::format("is signed with the key {}, which {} does not list. If you "
                                    "trust its owner, add the key there; else do not install it",
                                    id, ring.file));
  }
  if (key == nullptr) {
    return refuse(name, fmt::format("its signature by the key {} is wrong: the bundle or the "
                                    "signature was changed or damaged. Fetch both again",
                                    id));
  }
  const std::string key_text = minisign::to_text(key->key);
  if (auto live = check_revoked(ring, name, bundle, key_text); !live) {
    return std::unexpected(std::move(live.error()));
  }
  if (!key->may_sign(bundle.facts.id)) {
    return refuse(name, fmt::format("{} may not sign {} ({}:{}). Widen its `plugins`, or have the "
                                    "bundle signed by who may",
                                    named(*key), bundle.facts.id, ring.file, key->line));
  }
  if (now && *now < key->not_before) {
    return refuse(name,
                  fmt::format("{} counts from {} on ({}:{}), and now it is {}", named(*key),
                              time_text(key->not_before), ring.file, key->line, time_text(*now)));
  }
  if (now && *now >= key->expires) {
    return refuse(name, fmt::format("{} expired at {} ({}:{}), and now it is {}. Have the bundle "
                                    "signed with a newer key",
                                    named(*key), time_text(key->expires), ring.file, key->line,
                                    time_text(*now)));
  }
  return Signer{key->signer, key_text};
}

}  // namespace gantry::host::bundle
