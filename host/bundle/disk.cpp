#include "host/bundle/disk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "host/base/descriptor.hpp"

namespace gantry::host::bundle {
namespace {

namespace fs = std::filesystem;

constexpr auto lock_wait_max = std::chrono::seconds(60);
constexpr auto lock_poll = std::chrono::milliseconds(20);

std::unexpected<Error> io(const fs::path& path, std::string_view what, int error) {
  return fail(error == ENOENT ? ErrorKind::not_found : ErrorKind::io,
              fmt::format("{}: {}: {}", path.string(), what, std::strerror(error)));
}

Status write_all(int file, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io(path, "cannot be written", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<std::vector<std::byte>> read_file(const fs::path& path, std::uint64_t bytes_max) {
  // Non-blocking, so that a pipe under that name cannot hang the program.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return io(path, "cannot be read", errno);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return io(path, "cannot be read", errno);
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorKind::io, fmt::format("{}: is no plain file", path.string()));
  }
  if (static_cast<std::uint64_t>(status.st_size) > bytes_max) {
    return fail(ErrorKind::limit, fmt::format("{}: has {} bytes, and at most {} are read",
                                              path.string(), status.st_size, bytes_max));
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io(path, "cannot be read", errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

Result<std::string> read_text_file(const fs::path& path, std::uint64_t bytes_max) {
  auto bytes = read_file(path, bytes_max);
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  return std::string(text_of(*bytes));
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

Status write_new_file(const fs::path& path, std::span<const std::byte> bytes, unsigned mode) {
  const Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (file.get() < 0) return io(path, "cannot be made", errno);
  if (auto written = write_all(file.get(), bytes, path); !written) return written;
  if (::fchmod(file.get(), mode) != 0) return io(path, "cannot be given its mode", errno);
  if (::fsync(file.get()) != 0) return io(path, "cannot be synced", errno);
  return {};
}

Status sync_folder(const fs::path& folder) {
  const fs::path named = folder.empty() ? fs::path(".") : folder;
  const Descriptor file(::open(named.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.get() < 0) return io(named, "cannot be opened", errno);
  if (::fsync(file.get()) != 0) return io(named, "cannot be synced", errno);
  return {};
}

Status rename_synced(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return io(to, "cannot be put in place", errno);
  return sync_folder(to.parent_path());
}

Status replace_file(const fs::path& path, std::span<const std::byte> bytes, unsigned mode) {
  const fs::path draft = fmt::format("{}.{}.tmp", path.string(), ::getpid());
  std::error_code ignored;
  fs::remove(draft, ignored);
  auto done = write_new_file(draft, bytes, mode);
  if (done) done = rename_synced(draft, path);
  if (!done) fs::remove(draft, ignored);
  return done;
}

Result<FileLock> FileLock::take(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return io(path, "cannot be locked", errno);
  FileLock lock(file);
  const auto until = std::chrono::steady_clock::now() + lock_wait_max;
  while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return io(path, "cannot be locked", errno);
    if (std::chrono::steady_clock::now() > until) {
      return fail(ErrorKind::io,
                  fmt::format("{}: another installation holds it for longer than a minute; wait "
                              "for it or end it, then try again",
                              path.string()));
    }
    std::this_thread::sleep_for(lock_poll);
  }
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace gantry::host::bundle
