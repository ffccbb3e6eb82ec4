// Where bundles are installed, and which of them are in force.
//
//   <store>/plugins.lock              the generation in force: the one file that decides
//   <store>/generations/<N>.lock      those before it, to go back to
//   <store>/bundles/<SHA-256>/        one bundle: its file and signature, and its parts extracted
//   <store>/staging/                  what is being installed; emptied by the next installation
//   <store>/lock                      held by the one program that changes any of it
//
// Everything but plugins.lock is written beside, synced, and renamed to a name that nothing refers
// to yet; then plugins.lock is replaced by one rename. So whoever reads sees the old or the new,
// whole, at any moment and after any crash.
//
// ERRORS   ErrorKind::io, limit, plugin (refused, with the reason), not_found, format.
// THREADS  Reading from any thread and process, at any time. A Change belongs to one thread.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"
#include "host/bundle/bundle.hpp"
#include "host/bundle/disk.hpp"
#include "host/bundle/lock_file.hpp"
#include "host/bundle/signer.hpp"
#include "host/config/secret.hpp"
#include "host/plugin/manifest.hpp"

namespace gantry::host::bundle {

inline constexpr std::int64_t generations_max = 32;  // kept; what only older ones name is deleted

// $XDG_DATA_HOME/gantry, or under $HOME/.local/share. Fails with io where neither is set.
Result<std::filesystem::path> default_bundle_store(const Environment& environment);

// An empty one where nothing was installed yet.
Result<LockFile> read_lock(const std::filesystem::path& store);
std::filesystem::path bundle_folder(const std::filesystem::path& store, const Pin& pin);
std::filesystem::path library_path(const std::filesystem::path& store, const Pin& pin);
// That the pinned library is there and is the one that was installed.
Status check_installed(const std::filesystem::path& store, const Pin& pin);
// The pinned libraries, the newest version of each plugin first; what cannot be read is refused.
PluginScan scan_store(const std::filesystem::path& store);
// Earlier generations that are kept, the newest first.
std::vector<LockFile> earlier_generations(const std::filesystem::path& store);

// A library that is in the staging folder, whole and synced, and not installed yet.
struct StagedLibrary {
  std::filesystem::path path;
  const PluginFile& file;
};
// Asked before a bundle gets its name: whether it may be installed, or why not. It may run the
// library in a sandbox of its own.
using Admission = std::function<Status(const StagedLibrary&)>;

struct InstallRequest {
  const Bundle& bundle;
  std::span<const std::byte> bytes;  // that it was read from
  std::string signature;             // the signature's file; or empty
  std::optional<Signer> signer;      // who was found to have signed it
  bool beside = false;               // other versions of the plugin stay in force too
  bool downgrade = false;            // a version older than the one in force is wanted
  Admission admission;               // empty: nobody is asked, and nothing is claimed
};

// One change to the store, which nobody else changes meanwhile.
class Change {
 public:
  // Makes the store where there is none, waits for others, and clears away what a killed one left.
  static Result<Change> begin(const std::filesystem::path& store);

  const LockFile& lock() const { return lock_; }
  // What would be in force after `request`: fails as install() would, before anything is written.
  Result<LockFile> planned(const InstallRequest& request) const;
  Status install(const InstallRequest& request);
  // Back to the generation before, or to `generation`. Its bundles are checked first; `allowed`, if
  // any, is asked of each.
  Result<LockFile> planned_rollback(std::optional<std::int64_t> generation,
                                    const std::function<Status(const Pin&)>& allowed = {}) const;
  Status rollback(std::optional<std::int64_t> generation,
                  const std::function<Status(const Pin&)>& allowed = {});
  // Every version of that plugin, or one.
  Result<LockFile> planned_removal(std::string_view id, std::string_view version) const;
  Status remove(std::string_view id, std::string_view version);

 private:
  Change(std::filesystem::path store, FileLock held)
      : store_(std::move(store)), held_(std::move(held)) {}
  Status clear_staging() const;
  Status stage(const InstallRequest& request, const std::filesystem::path& folder) const;
  Status ask_for_verdict(const InstallRequest& request, const std::filesystem::path& folder) const;
  Status give_name(const InstallRequest& request, const std::filesystem::path& folder) const;
  Result<std::int64_t> next_generation() const;
  Status keep_current() const;
  Status put_in_force(const LockFile& lock);
  void prune() const;

  std::filesystem::path store_;
  FileLock held_;
  LockFile lock_;
  bool damaged_ = false;  // plugins.lock cannot be read: only rollback helps
  Error damage_;
};

}  // namespace gantry::host::bundle
