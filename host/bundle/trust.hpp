// What a library has to show before any of it is loaded, by the operator's `trust` in [plugins].
// It goes by the hash of the bytes that Library::load then maps: there is nothing between check and
// load.
//
// ERRORS   ErrorKind::plugin, with the reason and the remedy; others as reading the store gives.
// THREADS  One at a time.
#pragma once
#include <filesystem>
#include <optional>

#include "host/base/result.hpp"
#include "host/bundle/lock_file.hpp"
#include "host/config/keys.hpp"
#include "host/config/settings.hpp"
#include "host/plugin/manifest.hpp"

namespace gantry::host::bundle {

// The store of the settings, or the default; empty where there is none.
std::filesystem::path store_of(const PluginSettings& settings, const Environment& environment);

class TrustGate {
 public:
  TrustGate(const PluginSettings& settings, const Environment& environment);

  // In every mode: that it fits this host and is not revoked.
  Status check(const PluginFile& file);

 private:
  Status read();
  Status check_signed(const PluginFile& file, const Pin& pin) const;

  Trust trust_;
  std::filesystem::path store_;
  std::filesystem::path keys_path_;
  std::optional<Status> read_;
  LockFile lock_;
  std::optional<Error> damage_;  // of plugins.lock
  KeyRing keys_;
};

}  // namespace gantry::host::bundle
