// A bundle's outer shape: a tar of plain files, compressed by zstd, in memory. The only place where
// libarchive appears.
//
// There is one way to write given entries, to the bit: sorted by name, owner 0, mode 0644, no time,
// one zstd frame of a fixed level by one thread. What is read must be written that way, but for the
// compression: so nothing that a reader could take differently is let in.
//
// ERRORS   ErrorKind::format: damaged, or not so written. ErrorKind::limit: a bound is passed.
// THREADS  Any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"

namespace gantry::host::bundle {

inline constexpr std::uint64_t bundle_bytes_max = 64u << 20;     // as a file
inline constexpr std::uint64_t expanded_bytes_max = 128u << 20;  // of all entries, and of the tar
inline constexpr std::uint64_t expansion_max = 256;              // above 1 MiB: times the file
inline constexpr std::size_t entries_max = 64;
inline constexpr std::size_t name_bytes_max = 100;

struct Entry {
  std::string name;  // relative, '/' between folders, of letters, digits and . _ - +
  std::vector<std::byte> bytes;
};

// usage: two entries of one name, or a name that no bundle may have.
Result<std::vector<std::byte>> pack_archive(std::vector<Entry> entries);
// Sorted by name. Memory is taken only after what the file states was compared with the bounds.
// `name` is what the errors call it.
Result<std::vector<Entry>> unpack_archive(std::span<const std::byte> bytes, std::string_view name);

}  // namespace gantry::host::bundle
