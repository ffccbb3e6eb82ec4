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

Status check_revoked(const KeyRing& ring, std::string_view name, std::string_view plugin_id,
                     std::string_view version, std::string_view bundle_sha256,
                     std::string_view key) {
  const auto told = [&](std::string_view what, const Revocation& why) {
    return refuse(name, fmt::format("{} is revoked ({}:{}): {}. Install a version that is not",
                                    what, ring.file, why.line, why.reason));
  };
  if (const auto* found = ring.revocation_of_bundle(bundle_sha256)) {
    return told("this bundle", *found);
  }
  if (const auto* found = ring.revocation_of_plugin(plugin_id, version)) {
    return told(fmt::format("{} {}", plugin_id, version), *found);
  }
  if (const auto* found = ring.revocation_of_key(key)) {
    return told("the key that it is signed with", *found);
  }
  return {};
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
  if (auto live = check_revoked(ring, name, bundle.facts.id, bundle.facts.version, bundle.sha256,
                                minisign::to_text(key->key));
      !live) {
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
  return Signer{key->signer, minisign::to_text(key->key)};
}

}  // namespace gantry::host::bundle
