// Files that are whole or not there: written, synced, and only then given their name.
//
// ERRORS   ErrorKind::io, with the path and what to do.
// THREADS  Any thread; two writers of one path have to be kept apart.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"

namespace gantry::host::bundle {

// A plain file of at most `bytes_max`: limit when it is larger, not_found when it is not there.
Result<std::vector<std::byte>> read_file(const std::filesystem::path& path,
                                         std::uint64_t bytes_max);
Result<std::string> read_text_file(const std::filesystem::path& path, std::uint64_t bytes_max);
std::string_view text_of(std::span<const std::byte> bytes);
std::vector<std::byte> bytes_of(std::string_view text);

// A new file, synced. `mode` as of chmod.
Status write_new_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                      unsigned mode);
// What is in the folder survives a power cut.
Status sync_folder(const std::filesystem::path& folder);
// Renames within one file system and syncs the folder of `to`.
Status rename_synced(const std::filesystem::path& from, const std::filesystem::path& to);
// Replaces what `path` may hold: by way of a file beside it, which a crash may leave behind.
Status replace_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                    unsigned mode);

// An exclusive lock on a file, given up with the object or the process.
class FileLock {
 public:
  // Waits for another holder, up to a minute.
  static Result<FileLock> take(const std::filesystem::path& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace gantry::host::bundle
