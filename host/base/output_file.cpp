#include "host/base/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace gantry::host {
namespace {

namespace fs = std::filesystem;

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Whether it can be read and begins so. O_NONBLOCK and O_NOFOLLOW: it may have been swapped.
bool begins_with(const fs::path& path, std::span<const std::uint8_t> head) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (file < 0) return false;
  std::vector<std::uint8_t> bytes(head.size());
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  ::close(file);
  return done == head.size() && std::ranges::equal(bytes, head);
}

Status check_folder(const fs::path& path, std::string_view kind) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  struct stat facts{};
  const auto refuse = [&](std::string_view why, std::string_view remedy) {
    return fail(ErrorKind::io, fmt::format("{}: the {} cannot be written there: its folder {} {}. "
                                           "{}",
                                           path.string(), kind, folder.string(), why, remedy));
  };
  if (::stat(folder.c_str(), &facts) != 0) {
    return refuse(fmt::format("cannot be reached: {}", std::strerror(errno)),
                  "Make the folder first, or name another.");
  }
  if (!S_ISDIR(facts.st_mode)) return refuse("is no folder", "Name another.");
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    return refuse(fmt::format("takes no file: {}", std::strerror(errno)),
                  "Name a folder that this user may write to.");
  }
  return {};
}

}  // namespace

std::string_view name_of_file_type(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISLNK(mode)) return "a symbolic link";
  return S_ISREG(mode) ? "a file" : "no file";
}

Status check_output(const fs::path& path, const OutputFile& output) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorKind::io,
                fmt::format("{}: the {} cannot be written there: {}. Nothing was changed; name a "
                            "new file, or a {} that may be replaced.",
                            path.string(), output.kind, why, output.kind));
  };
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) {
    if (errno != ENOENT) return refuse(std::strerror(errno));
    if (!path.has_filename()) return refuse("it names a folder");
    return check_folder(path, output.kind);
  }
  // The input first: to be told that it is a link or a list of pairs would mislead.
  struct stat target{};
  struct stat input{};
  if (!output.input.empty() && ::stat(output.input.c_str(), &input) == 0 &&
      ::stat(path.c_str(), &target) == 0 && same_file(target, input)) {
    return refuse("it is the input itself");
  }
  if (!S_ISREG(facts.st_mode)) {
    return refuse(fmt::format("it is {}", name_of_file_type(facts.st_mode)));
  }
  if (facts.st_size != 0 && !begins_with(path, output.head)) {
    return refuse(fmt::format("a file is there that is no {}", output.kind));
  }
  return check_folder(path, output.kind);
}

}  // namespace gantry::host
