// Reading the store.
#include "host/bundle/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "host/base/sha256.hpp"
#include "host/base/user_folders.hpp"
#include "host/plugin/compatibility.hpp"

namespace gantry::host::bundle {

namespace fs = std::filesystem;

Result<fs::path> default_bundle_store(const Environment& environment) {
  if (auto data = user_data_folder(environment)) return *std::move(data);
  return fail(
      ErrorKind::io,
      "there is no folder to install bundles in: neither XDG_DATA_HOME nor HOME is set. Set "
      "one, or `store` in [plugins] of gantry.toml");
}

Result<LockFile> read_lock(const fs::path& store) {
  const fs::path path = store / "plugins.lock";
  const auto text = read_text_file(path, lock_bytes_max);
  if (!text && text.error().kind == ErrorKind::not_found) return LockFile();
  if (!text) return std::unexpected(text.error());
  return parse_lock_json(*text, path.string());
}

fs::path bundle_folder(const fs::path& store, const Pin& pin) {
  return store / "bundles" / pin.bundle;
}

fs::path library_path(const fs::path& store, const Pin& pin) {
  return bundle_folder(store, pin) / "lib" / triple_of(this_host().machine) / (pin.name + ".so");
}

Status check_installed(const fs::path& store, const Pin& pin) {
  const fs::path path = library_path(store, pin);
  const auto hash = sha256_of_file(path);
  if (hash && *hash == pin.library) return {};
  return fail(ErrorKind::plugin,
              fmt::format("{}: {} {} {}; install the bundle again, or go back with: gantry bundle "
                          "rollback",
                          path.string(), pin.id, pin.version,
                          hash ? "was changed after it was installed" : "is not there"));
}

PluginScan scan_store(const fs::path& store) {
  PluginScan scan;
  const auto lock = read_lock(store);
  if (!lock) {
    scan.refused.push_back(lock.error());
    return scan;
  }
  for (const Pin& pin : lock->pins) {
    auto file = inspect_plugin_file(library_path(store, pin));
    if (!file) {
      scan.refused.push_back(std::move(file.error()));
    } else if (file->sha256 != pin.library) {
      scan.refused.push_back(check_installed(store, pin).error());
    } else {
      scan.plugins.push_back(std::move(*file));
    }
  }
  return scan;
}

std::vector<LockFile> earlier_generations(const fs::path& store) {
  std::vector<LockFile> found;
  std::error_code error;
  for (fs::directory_iterator at(store / "generations", error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().extension() != ".lock") continue;
    const auto text = read_text_file(at->path(), lock_bytes_max);
    if (!text) continue;
    if (auto lock = parse_lock_json(*text, at->path().string())) found.push_back(std::move(*lock));
  }
  std::ranges::sort(found, std::ranges::greater{}, &LockFile::generation);
  return found;
}

}  // namespace gantry::host::bundle
