#include "host/api/socket_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace gantry::host {
namespace {

std::unexpected<Error> system_failure(const std::filesystem::path& path, std::string_view doing) {
  const int code = errno;
  return fail(ErrorKind::io, fmt::format("{}: {}: {}", path.string(), doing, std::strerror(code)));
}

// Whoever may write in the folder could put a socket of their own there.
Status prepare_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return system_failure(folder, "the socket's folder cannot be made");
  }
  struct stat facts{};
  if (::lstat(folder.c_str(), &facts) != 0) return system_failure(folder, "cannot be looked at");
  if (!S_ISDIR(facts.st_mode) || facts.st_uid != ::geteuid() || (facts.st_mode & 022U) != 0) {
    return fail(ErrorKind::io,
                fmt::format("{}: the socket's folder has to be a folder of this user's that no one "
                            "else may write to. Set `socket` in [api] to a path in one.",
                            folder.string()));
  }
  return {};
}

}  // namespace

Result<SocketFile> SocketFile::bind(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.empty() || text.size() >= sizeof(address.sun_path)) {
    return fail(ErrorKind::io, fmt::format("{}: a socket's path may have {} bytes. Set `socket` in "
                                           "[api] to a shorter one.",
                                           text, sizeof(address.sun_path) - 1));
  }
  std::ranges::copy(text, address.sun_path);
  if (auto ready = prepare_folder(std::filesystem::absolute(path).parent_path()); !ready) {
    return std::unexpected(ready.error());
  }
  SocketFile file;
  file.path_ = path;
  // The lock goes with its owner however that ends, so a socket without one is a leftover. Its file
  // stays: removing it would let two owners hold locks on two files of one name.
  const std::string lock_path = text + ".lock";
  file.lock_ = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file.lock_ < 0) return system_failure(lock_path, "the lock cannot be opened");
  if (::flock(file.lock_, LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorKind::limit,
                fmt::format("{}: another running host has this socket. Stop it, or set `socket` in "
                            "[api] to another path.",
                            text));
  }
  struct stat facts{};
  if (::lstat(text.c_str(), &facts) == 0) {
    if (!S_ISSOCK(facts.st_mode)) {
      return fail(ErrorKind::io, fmt::format("{}: is there and is no socket. Remove it, or set "
                                             "`socket` in [api] to another path.",
                                             text));
    }
    if (::unlink(text.c_str()) != 0) return system_failure(path, "cannot be removed");
  }
  file.socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (file.socket_ < 0) return system_failure(path, "no socket can be made");
  // Linux gives the file the mode of the descriptor: it is never open to others, not for a moment.
  if (::fchmod(file.socket_, 0600) != 0) return system_failure(path, "its mode cannot be set");
  if (::bind(file.socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return system_failure(path, "cannot be bound");
  }
  file.bound_ = true;
  if (::chmod(text.c_str(), 0600) != 0) return system_failure(path, "its mode cannot be set");
  if (::listen(file.socket_, 16) != 0) return system_failure(path, "cannot be listened on");
  return file;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::move(other.path_)),
      lock_(std::exchange(other.lock_, -1)),
      socket_(std::exchange(other.socket_, -1)),
      bound_(std::exchange(other.bound_, false)) {}

SocketFile::~SocketFile() {
  if (bound_) ::unlink(path_.c_str());
  if (socket_ >= 0) ::close(socket_);
  if (lock_ >= 0) ::close(lock_);
}

int SocketFile::release_descriptor() { return std::exchange(socket_, -1); }

}  // namespace gantry::host
