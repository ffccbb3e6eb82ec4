#include "host/quarantine/quarantine.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "host/base/descriptor.hpp"
#include "host/base/durable_file.hpp"
#include "host/base/user_folders.hpp"
#include "host/quarantine/entry_json.hpp"
#include "host/quarantine/left_behind.hpp"

namespace gantry::host {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t record_bytes_max = 64U << 10U;
constexpr std::string_view record_suffix = ".json";

std::unexpected<Error> cannot(const fs::path& path, std::string_view what) {
  return fail(ErrorKind::io, fmt::format("{}: {}: {}", path.string(), what, std::strerror(errno)));
}

// Nothing larger: what is bigger is no record.
Result<std::string> read_all(int file, const fs::path& path) {
  std::string text(record_bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got =
        ::pread(file, text.data() + size, text.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot(path, "cannot be read");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > record_bytes_max) return fail(ErrorKind::format, "it is too large for a record");
  text.resize(size);
  return text;
}

}  // namespace

std::optional<fs::path> default_quarantine_folder(const Environment& environment) {
  const auto state = user_state_folder(environment);
  return state ? std::optional(*state / "quarantine") : std::nullopt;
}

std::optional<fs::path> quarantine_folder(const fs::path& configured,
                                          const Environment& environment) {
  return configured.empty() ? default_quarantine_folder(environment) : configured;
}

Result<Quarantine> Quarantine::open(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) {
    return fail(ErrorKind::io,
                fmt::format("{}: the quarantine cannot be kept there: {}; set `quarantine` in "
                            "[plugins] to a folder that this user may write to",
                            folder.string(), error.message()));
  }
  Quarantine quarantine(folder);
  if (auto done = quarantine.read(); !done) return std::unexpected(done.error());
  return quarantine;
}

Status Quarantine::read() {
  std::error_code error;
  std::vector<fs::path> left;
  for (const auto& file : fs::directory_iterator(folder_, error)) {
    const fs::path& path = file.path();
    if (path.extension() == left_behind_suffix) left.push_back(path);
    if (path.extension() != record_suffix) continue;
    const std::string sha256 = path.stem().string();
    const Descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    const Result<std::string> text = opened.get() < 0
                                         ? Result<std::string>(cannot(path, "cannot be opened"))
                                         : read_all(opened.get(), path);
    const auto entry = text ? entry_from_json(*text, sha256) : std::unexpected(text.error());
    if (entry) {
      entries_.push_back(*entry);
      continue;
    }
    QuarantineEntry damaged;
    damaged.sha256 = sha256;
    damaged.reason = fmt::format("its record cannot be read: {}", entry.error().message);
    damaged.log.push_back(path.string());
    entries_.push_back(std::move(damaged));
  }
  if (error) {
    return fail(ErrorKind::io, fmt::format("{}: {}", folder_.string(), error.message()));
  }
  std::ranges::sort(left);
  for (const fs::path& path : left) {
    if (auto done = take_in(path); !done) return done;
  }
  std::ranges::sort(entries_, {}, [](const QuarantineEntry& entry) {
    return std::pair(entry.first_s, std::string_view(entry.sha256));
  });
  return {};
}

// Of a host that lives, nothing is taken: it holds the lock.
Status Quarantine::take_in(const fs::path& left_behind) {
  const Descriptor file(
      ::open(left_behind.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0) return errno == ENOENT ? Status() : cannot(left_behind, "cannot be read");
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return {};
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0 || facts.st_nlink == 0) return {};  // another was faster
  if (facts.st_size > 0) {
    const auto text = read_all(file.get(), left_behind);
    const auto entry =
        text ? parse_left_behind(*text, facts.st_mtim.tv_sec) : std::unexpected(text.error());
    if (entry) {
      spdlog::error(
          "plugin {}: put away, for it brought an earlier host down: {}; see gantry "
          "quarantine explain {}",
          entry->plugin, entry->reason, entry->plugin);
      if (auto done = put(*entry); !done) return done;
    } else {
      spdlog::warn("{}: left by a host that did not end well, and of no use: {}",
                   left_behind.string(), entry.error().message);
    }
  }
  if (::unlink(left_behind.c_str()) != 0) return cannot(left_behind, "cannot be removed");
  return {};
}

const QuarantineEntry* Quarantine::find(std::string_view sha256) const noexcept {
  const auto found = std::ranges::find(entries_, sha256, &QuarantineEntry::sha256);
  return found == entries_.end() ? nullptr : &*found;
}

Status Quarantine::put(QuarantineEntry entry) {
  const auto found = std::ranges::find(entries_, entry.sha256, &QuarantineEntry::sha256);
  if (found != entries_.end()) {
    entry.count += found->count;
    if (found->first_s != 0) entry.first_s = std::min(entry.first_s, found->first_s);
    // What may come back does not replace what may not.
    if (found->blocks() && !entry.blocks()) return {};
  }
  const std::string text = boost::json::serialize(to_json(entry)) + "\n";
  if (auto done = write_durably(file_of(entry.sha256), text); !done) return done;
  if (found != entries_.end()) {
    *found = std::move(entry);
  } else {
    entries_.push_back(std::move(entry));
  }
  return {};
}

Status Quarantine::clear(std::string_view sha256) {
  const auto found = std::ranges::find(entries_, sha256, &QuarantineEntry::sha256);
  if (found == entries_.end()) {
    return fail(ErrorKind::not_found, fmt::format("{}: is not in quarantine", sha256));
  }
  const fs::path file = file_of(sha256);
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) return cannot(file, "cannot be removed");
  entries_.erase(found);
  return {};
}

fs::path Quarantine::file_of(std::string_view sha256) const {
  return folder_ / (std::string(sha256) + std::string(record_suffix));
}

}  // namespace gantry::host
