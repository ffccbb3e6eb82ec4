// The only file of the recording that touches the operating system.
#include "host/recording/byte_stream.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "host/base/descriptor.hpp"
#include "host/base/output_file.hpp"
#include "host/recording/format.hpp"

namespace gantry::host::recording {
namespace {

constexpr int partial_files_max = 100;

std::unexpected<Error> io_error(const char* what, const std::filesystem::path& path, int code) {
  return fail(code == ENOENT ? ErrorKind::not_found : ErrorKind::io,
              fmt::format("{}: {}: {}", path.string(), what, std::strerror(code)));
}

class FileSource final : public ByteSource {
 public:
  FileSource(int number, std::filesystem::path path) : file_(number), path_(std::move(path)) {}

  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t got = ::read(file_.get(), out.data() + done, out.size() - done);
      if (got == 0) break;
      if (got > 0) {
        done += static_cast<std::size_t>(got);
      } else if (errno != EINTR) {
        return io_error("cannot read", path_, errno);
      }
    }
    return done;
  }

 private:
  Descriptor file_;
  std::filesystem::path path_;
};

class FileSink final : public ByteSink {
 public:
  FileSink(int number, std::filesystem::path partial, std::filesystem::path path)
      : file_(number), partial_(std::move(partial)), path_(std::move(path)) {}

  Status write(std::span<const std::uint8_t> bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = ::write(file_.get(), bytes.data(), bytes.size());
      if (put >= 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(put));
      } else if (errno != EINTR) {
        return io_error("cannot write", partial_, errno);
      }
    }
    return {};
  }

  Status commit() override {
    if (::fsync(file_.get()) != 0 || file_.close() != 0) {
      return io_error("cannot make it durable", partial_, errno);
    }
    // The run may have been long: what came to be there meanwhile is not lost either.
    if (auto free = check_target(path_); !free) {
      return fail(ErrorKind::io, fmt::format("{} The recording is whole, and kept as {}.",
                                             free.error().message, partial_.string()));
    }
    if (::rename(partial_.c_str(), path_.c_str()) != 0) {
      return io_error("cannot rename the finished recording to it", path_, errno);
    }
    const auto parent = path_.has_parent_path() ? path_.parent_path() : ".";
    const Descriptor folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0 || ::fsync(folder.get()) != 0) {
      return io_error("cannot make its folder durable", path_, errno);
    }
    return {};
  }

 private:
  Descriptor file_;
  std::filesystem::path partial_;
  std::filesystem::path path_;
};

}  // namespace

Result<std::size_t> MemorySource::read(std::span<std::uint8_t> out) {
  const std::size_t size = std::min(out.size(), bytes_.size() - position_);
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(position_), size, out.begin());
  position_ += size;
  return size;
}

Status MemorySink::write(std::span<const std::uint8_t> bytes) {
  bytes_->insert(bytes_->end(), bytes.begin(), bytes.end());
  return {};
}

Result<std::unique_ptr<ByteSource>> open_file(const std::filesystem::path& path) {
  // O_NONBLOCK: a pipe without a writer would be waited for, deaf to the first interrupt.
  const int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (number < 0) return io_error("cannot open", path, errno);
  auto source = std::make_unique<FileSource>(number, path);
  struct stat facts{};
  if (::fstat(number, &facts) != 0) return io_error("cannot be looked at", path, errno);
  if (!S_ISREG(facts.st_mode)) {
    return fail(ErrorKind::io, fmt::format("{}: cannot be read: it is {}, and it has to be a file "
                                           "that can be read again. Save what it gives to a file, "
                                           "and name that",
                                           path.string(), name_of_file_type(facts.st_mode)));
  }
  return source;
}

Status check_target(const std::filesystem::path& path, const std::filesystem::path& input) {
  return check_output(path, {"recording", magic, input});
}

Result<std::unique_ptr<ByteSink>> create_file(const std::filesystem::path& path) {
  if (auto free = check_target(path); !free) return std::unexpected(free.error());
  for (int attempt = 1; attempt <= partial_files_max; ++attempt) {
    auto partial = path;
    partial += attempt == 1 ? std::string(".partial") : fmt::format(".{}.partial", attempt);
    const int number = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                              S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
    if (number >= 0) return std::make_unique<FileSink>(number, std::move(partial), path);
    if (errno != EEXIST) return io_error("cannot create", partial, errno);
  }
  return fail(ErrorKind::io,
              fmt::format("{}: {} unfinished recordings are beside it: delete or move the files "
                          "whose names end in .partial",
                          path.string(), partial_files_max));
}

}  // namespace gantry::host::recording
