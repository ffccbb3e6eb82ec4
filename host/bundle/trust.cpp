#include "host/bundle/trust.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/bundle/store.hpp"
#include "host/plugin/compatibility.hpp"

namespace gantry::host::bundle {
namespace {

std::unexpected<Error> refuse(const PluginFile& file, std::string_view reason) {
  return fail(ErrorKind::plugin, fmt::format("{}: {}", file.path.string(), reason));
}

}  // namespace

std::filesystem::path store_of(const PluginSettings& settings, const Environment& environment) {
  if (!settings.store.empty()) return settings.store;
  return default_bundle_store(environment).value_or(std::filesystem::path());
}

TrustGate::TrustGate(const PluginSettings& settings, const Environment& environment)
    : trust_(settings.trust), store_(store_of(settings, environment)), keys_path_(settings.keys) {}

Status TrustGate::read() {
  if (!store_.empty()) {
    auto lock = read_lock(store_);
    if (lock) {
      lock_ = std::move(*lock);
    } else {
      damage_ = std::move(lock.error());
    }
  }
  auto keys = read_keys(keys_path_);
  if (!keys) {
    const Diagnostic& first = keys.error().errors.front();
    return fail(ErrorKind::configuration,
                fmt::format("{}:{}:{}: {}; nothing is loaded while it is not known what is revoked",
                            first.file, first.line, first.column, first.message));
  }
  keys_ = std::move(*keys);
  // What is revoked by its key or bundle is found through plugins.lock.
  const bool needed =
      trust_ != Trust::any || std::ranges::any_of(keys_.revoked, [](const Revocation& each) {
        return !each.key.empty() || !each.bundle.empty();
      });
  if (damage_ && needed) return std::unexpected(*damage_);
  return {};
}

Status TrustGate::check(const PluginFile& file) {
  if (auto fits = check_compatible(file, this_host()); !fits) return fits;
  if (!read_) read_ = read();
  if (!*read_) return *read_;
  const Pin* pin = lock_.find_library(file.sha256);
  const Manifest& manifest = file.manifest;
  if (auto live = check_revoked(keys_, file.path.string(),
                                {.plugin_id = manifest.id,
                                 .version = manifest.version,
                                 .bundle = pin == nullptr ? std::string_view() : pin->bundle,
                                 .library = file.sha256,
                                 .key = pin == nullptr ? std::string_view() : pin->key});
      !live) {
    return live;
  }
  if (trust_ == Trust::any) return {};
  if (pin == nullptr) {
    return refuse(file, fmt::format("trust = \"{}\" in [plugins], and no installed bundle holds "
                                    "this library (SHA-256 {}): gantry bundle install FILE, or "
                                    "trust = \"any\"",
                                    to_string(trust_), file.sha256));
  }
  return trust_ == Trust::pinned ? Status() : check_signed(file, *pin);
}

// plugins.lock is not believed: the bundle's own bytes and their signature are.
Status TrustGate::check_signed(const PluginFile& file, const Pin& pin) const {
  const auto folder = bundle_folder(store_, pin);
  const auto signature_path = folder / "bundle.tar.zst.minisig";
  const auto text = read_text_file(signature_path, minisign::text_bytes_max);
  if (!text && text.error().kind == ErrorKind::not_found) {
    return refuse(file,
                  "trust = \"signed\" in [plugins], and its bundle was installed without a "
                  "signature: install a signed one, or trust = \"pinned\"");
  }
  if (!text) return std::unexpected(text.error());
  const auto signature = minisign::parse_signature(*text, signature_path.string());
  if (!signature) return std::unexpected(signature.error());
  const auto path = folder / "bundle.tar.zst";
  const auto bytes = read_file(path, bundle_bytes_max);
  if (!bytes) return std::unexpected(bytes.error());
  const auto bundle = read_bundle(*bytes, path.string());
  if (!bundle) return std::unexpected(bundle.error());
  const auto signer = check_signature(*signature, *bytes, *bundle, keys_, std::nullopt);
  if (!signer) return std::unexpected(signer.error());
  if (std::ranges::find(bundle->libraries, file.sha256, &PluginFile::sha256) ==
      bundle->libraries.end()) {
    return refuse(file, fmt::format("plugins.lock says that it is of {} {}, and that signed bundle "
                                    "holds another library: install the bundle again",
                                    pin.id, pin.version));
  }
  return {};
}

}  // namespace gantry::host::bundle
