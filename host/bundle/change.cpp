// Changing the store.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "host/bundle/store.hpp"
#include "host/plugin/compatibility.hpp"

namespace gantry::host::bundle {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view bundle_file = "bundle.tar.zst";
constexpr std::string_view signature_file = "bundle.tar.zst.minisig";

Status make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (!error) return {};
  return fail(ErrorKind::io,
              fmt::format("{}: cannot be made: {}. Name another folder as `store` in "
                          "[plugins]",
                          folder.string(), error.message()));
}

fs::path generation_path(const fs::path& store, std::int64_t generation) {
  return store / "generations" / fmt::format("{}.lock", generation);
}

// Files of one staged bundle, and the folders that they are in, deepest first.
Status sync_folders(const fs::path& root) {
  std::vector<fs::path> folders{root};
  std::error_code error;
  for (fs::recursive_directory_iterator at(root, error), end; !error && at != end;
       at.increment(error)) {
    if (at->is_directory(error)) folders.push_back(at->path());
  }
  if (error) return fail(ErrorKind::io, fmt::format("{}: {}", root.string(), error.message()));
  for (auto each = folders.rbegin(); each != folders.rend(); ++each) {
    if (auto synced = sync_folder(*each); !synced) return synced;
  }
  return {};
}

bool holds(const fs::path& path, std::span<const std::byte> bytes) {
  const auto found = read_file(path, bytes.size());
  return found && std::ranges::equal(*found, bytes);
}

bool is_whole(const InstallRequest& request, const fs::path& folder) {
  return holds(folder / bundle_file, request.bytes) &&
         std::ranges::all_of(request.bundle.entries, [&](const Entry& entry) {
           return holds(folder / entry.name, entry.bytes);
         });
}

}  // namespace

Result<Change> Change::begin(const fs::path& store) {
  for (const fs::path& folder :
       {store, store / "bundles", store / "generations", store / "staging"}) {
    if (auto made = make_folder(folder); !made) return std::unexpected(std::move(made.error()));
  }
  auto held = FileLock::take(store / "lock");
  if (!held) return std::unexpected(std::move(held.error()));
  Change change(store, std::move(*held));
  if (auto cleared = change.clear_staging(); !cleared) {
    return std::unexpected(std::move(cleared.error()));
  }
  auto lock = read_lock(store);
  if (lock) {
    change.lock_ = std::move(*lock);
  } else if (lock.error().kind == ErrorKind::format) {
    change.damaged_ = true;
    change.damage_ = std::move(lock.error());
  } else {
    return std::unexpected(std::move(lock.error()));
  }
  return change;
}

Status Change::clear_staging() const {
  std::error_code error;
  for (fs::directory_iterator at(store_ / "staging", error), end; !error && at != end;
       at.increment(error)) {
    fs::remove_all(at->path(), error);
    if (error) break;
  }
  if (!error) return {};
  return fail(ErrorKind::io, fmt::format("{}: what an interrupted installation left cannot be "
                                         "removed: {}",
                                         (store_ / "staging").string(), error.message()));
}

Result<LockFile> Change::planned(const InstallRequest& request) const {
  if (damaged_) return std::unexpected(damage_);
  const BundleFacts& facts = request.bundle.facts;
  const PluginFile* library = request.bundle.library_for(this_host().machine);
  const auto refuse = [&](std::string reason) {
    return fail(ErrorKind::plugin,
                fmt::format("{} {}: {}", facts.id, facts.version, std::move(reason)));
  };
  if (library == nullptr) {
    return refuse(fmt::format("holds no library for {}", triple_of(this_host().machine)));
  }
  if (auto fits = check_compatible(*library, this_host()); !fits) {
    return std::unexpected(std::move(fits.error()));
  }
  LockFile next = lock_;
  for (const Pin& pin : lock_.pins) {
    if (pin.id != facts.id) continue;
    const int order = compare_versions(facts.version, pin.version);
    if (order == 0 && pin.bundle != request.bundle.sha256) {
      return refuse(
          fmt::format("another bundle of this version is installed (SHA-256 {}). A new "
                      "build needs a new version; to replace it all the same: gantry "
                      "bundle remove {}@{}",
                      pin.bundle, pin.id, pin.version));
    }
    if (order < 0 && !request.downgrade && !request.beside) {
      return refuse(
          fmt::format("{} is installed, which is newer. To go back: gantry bundle "
                      "rollback; to install the older one all the same: --downgrade, or "
                      "--beside to have both",
                      pin.version));
    }
  }
  std::erase_if(next.pins, [&](const Pin& pin) {
    return pin.id == facts.id && (!request.beside || pin.version == facts.version);
  });
  if (next.pins.size() >= pins_max) {
    return fail(ErrorKind::limit, fmt::format("{} plugins are installed, which is the most that "
                                              "there may be; remove some",
                                              pins_max));
  }
  next.pins.push_back({.id = facts.id,
                       .name = facts.name,
                       .version = facts.version,
                       .kind = facts.kind,
                       .sdk = facts.sdk,
                       .bundle = request.bundle.sha256,
                       .library = library->sha256,
                       .signer = request.signer ? request.signer->name : std::string(),
                       .key = request.signer ? request.signer->key : std::string()});
  next.sort();
  next.made_by = fmt::format("install {} {}", facts.id, facts.version);
  return next;
}

Status Change::install(const InstallRequest& request) {
  auto next = planned(request);
  if (!next) return std::unexpected(std::move(next.error()));
  const fs::path folder = store_ / "staging" / request.bundle.sha256;
  auto done = stage(request, folder);
  if (done) done = ask_for_verdict(request, folder);
  if (!done) {
    static_cast<void>(clear_staging());
    return done;
  }
  done = give_name(request, folder);
  if (!done) return done;
  if (next->pins == lock_.pins) return clear_staging();  // it was in force already
  const auto number = next_generation();
  if (!number) return std::unexpected(number.error());
  next->generation = *number;
  next->parent = lock_.generation;
  done = put_in_force(*next);
  if (done) prune();
  return done;
}

// One of that name is in use and stays, but for a signature that is new. Only a damaged one, which
// nobody can use, makes way.
Status Change::give_name(const InstallRequest& request, const fs::path& folder) const {
  const fs::path target = store_ / "bundles" / request.bundle.sha256;
  std::error_code error;
  if (!fs::exists(target, error)) return rename_synced(folder, target);
  if (is_whole(request, target)) {
    if (request.signature.empty()) return {};
    return rename_synced(folder / signature_file, target / signature_file);
  }
  if (auto aside = rename_synced(target, store_ / "staging" / "damaged"); !aside) return aside;
  return rename_synced(folder, target);
}

Status Change::stage(const InstallRequest& request, const fs::path& folder) const {
  if (auto made = make_folder(folder); !made) return made;
  for (const Entry& entry : request.bundle.entries) {
    const fs::path path = folder / entry.name;  // its name was checked when the bundle was read
    if (auto made = make_folder(path.parent_path()); !made) return made;
    if (auto written = write_new_file(path, entry.bytes, 0400); !written) return written;
  }
  if (auto written = write_new_file(folder / bundle_file, request.bytes, 0400); !written) {
    return written;
  }
  if (!request.signature.empty()) {
    const auto bytes = bytes_of(request.signature);
    if (auto written = write_new_file(folder / signature_file, bytes, 0400); !written) {
      return written;
    }
  }
  return sync_folders(folder);
}

Status Change::ask_for_verdict(const InstallRequest& request, const fs::path& folder) const {
  if (!request.admission) return {};
  const PluginFile& file = *request.bundle.library_for(this_host().machine);
  return request.admission({folder / file.path, file});
}

Result<std::int64_t> Change::next_generation() const {
  std::int64_t newest = lock_.generation;
  for (const LockFile& each : earlier_generations(store_)) {
    newest = std::max(newest, each.generation);
  }
  return newest + 1;
}

// The generation in force among those to go back to. Doing it twice changes nothing.
Status Change::keep_current() const {
  if (damaged_) return {};
  const auto text = bytes_of(lock_to_json(lock_));
  const fs::path draft = store_ / "staging" / "generation";
  std::error_code ignored;
  fs::remove(draft, ignored);
  if (auto written = write_new_file(draft, text, 0600); !written) return written;
  return rename_synced(draft, generation_path(store_, lock_.generation));
}

Status Change::put_in_force(const LockFile& lock) {
  if (auto kept = keep_current(); !kept) return kept;
  const fs::path draft = store_ / "staging" / "plugins.lock";
  if (auto written = write_new_file(draft, bytes_of(lock_to_json(lock)), 0600); !written) {
    return written;
  }
  if (auto renamed = rename_synced(draft, store_ / "plugins.lock"); !renamed) return renamed;
  lock_ = lock;
  damaged_ = false;
  return {};
}

// What cannot be deleted now is deleted another time: the change itself is done.
void Change::prune() const {
  std::error_code ignored;
  std::vector<LockFile> earlier = earlier_generations(store_);
  while (earlier.size() > static_cast<std::size_t>(generations_max)) {
    fs::remove(generation_path(store_, earlier.back().generation), ignored);
    earlier.pop_back();
  }
  std::set<std::string> named;
  earlier.push_back(lock_);
  for (const LockFile& lock : earlier) {
    for (const Pin& pin : lock.pins) named.insert(pin.bundle);
  }
  std::vector<fs::path> unnamed;
  for (fs::directory_iterator at(store_ / "bundles", ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    if (!named.contains(at->path().filename().string())) unnamed.push_back(at->path());
  }
  for (const fs::path& bundle :
       unnamed) {  // renamed first: a half bundle never has a bundle's name
    static_cast<void>(rename_synced(bundle, store_ / "staging" / bundle.filename()));
  }
  static_cast<void>(clear_staging());
}

Result<LockFile> Change::planned_rollback(std::optional<std::int64_t> generation,
                                          const std::function<Status(const Pin&)>& allowed) const {
  const std::vector<LockFile> earlier = earlier_generations(store_);
  if (damaged_ && !generation) return std::unexpected(damage_);
  const std::int64_t wanted = generation.value_or(lock_.parent);
  const auto at = std::ranges::find(earlier, wanted, &LockFile::generation);
  if ((!generation && lock_.generation == 0) || at == earlier.end()) {
    std::string numbers;
    for (const LockFile& each : earlier) {
      if (each.generation != lock_.generation || damaged_) {
        numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", each.generation);
      }
    }
    return fail(ErrorKind::not_found,
                fmt::format("{}: there is no generation {} to go back to{}{}", store_.string(),
                            wanted, numbers.empty() ? "" : "; there are ", numbers));
  }
  for (const Pin& pin : at->pins) {
    if (auto whole = check_installed(store_, pin); !whole) return std::unexpected(whole.error());
    if (!allowed) continue;
    if (auto may = allowed(pin); !may) return std::unexpected(may.error());
  }
  return *at;
}

Status Change::rollback(std::optional<std::int64_t> generation,
                        const std::function<Status(const Pin&)>& allowed) {
  const auto next = planned_rollback(generation, allowed);
  return next ? put_in_force(*next) : Status(std::unexpected(next.error()));
}

Result<LockFile> Change::planned_removal(std::string_view id, std::string_view version) const {
  if (damaged_) return std::unexpected(damage_);
  LockFile next = lock_;
  const auto removed = std::erase_if(next.pins, [&](const Pin& pin) {
    return (pin.id == id || pin.name == id) && (version.empty() || pin.version == version);
  });
  if (removed == 0) {
    return fail(ErrorKind::not_found,
                fmt::format("{}{}{} is not installed; see: gantry bundle list", id,
                            version.empty() ? "" : "@", version));
  }
  next.made_by = fmt::format("remove {}{}{}", id, version.empty() ? "" : " ", version);
  const auto number = next_generation();
  if (!number) return std::unexpected(number.error());
  next.generation = *number;
  next.parent = lock_.generation;
  return next;
}

Status Change::remove(std::string_view id, std::string_view version) {
  const auto next = planned_removal(id, version);
  if (!next) return std::unexpected(next.error());
  auto done = put_in_force(*next);
  if (done) prune();
  return done;
}

}  // namespace gantry::host::bundle
