#include "host/base/durable_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/base/descriptor.hpp"

namespace gantry::host {

namespace {

std::unexpected<Error> cannot_do(const std::filesystem::path& path, std::string_view what) {
  return fail(ErrorKind::io, fmt::format("{}: {}: {}", path.string(), what, std::strerror(errno)));
}

Status sync_folder_of(const std::filesystem::path& path) {
  const Descriptor folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return cannot_do(path, "cannot be kept");
  return {};
}

}  // namespace

Status write_durably(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path draft = path.string() + fmt::format(".{}.tmp", ::getpid());
  {
    const Descriptor file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (file.get() < 0) return cannot_do(draft, "cannot be written");
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t put = ::write(file.get(), text.data() + done, text.size() - done);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return cannot_do(draft, "cannot be written");
      done += static_cast<std::size_t>(put);
    }
    if (::fsync(file.get()) != 0) return cannot_do(draft, "cannot be written");
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) return cannot_do(path, "cannot be written");
  return sync_folder_of(path);
}

Status remove_durably(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return cannot_do(path, "cannot be removed");
  }
  return sync_folder_of(path);
}

}  // namespace gantry::host
