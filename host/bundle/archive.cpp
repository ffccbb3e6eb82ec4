#include "host/bundle/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

namespace gantry::host::bundle {
namespace {

using Bytes = std::vector<std::byte>;
using Writer = std::unique_ptr<archive, decltype(&archive_write_free)>;
using Reader = std::unique_ptr<archive, decltype(&archive_read_free)>;
using Header = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;

constexpr int zstd_level = 19;
constexpr int mode = 0644;

std::unexpected<Error> bad(std::string_view name, std::string_view reason,
                           ErrorKind kind = ErrorKind::format) {
  return fail(kind, fmt::format("{}: {}", name, reason));
}

// What is wrong with a path inside a bundle; nullopt: nothing.
std::optional<std::string> fault_of_name(std::string_view name) {
  if (name.empty() || name.size() > name_bytes_max) return "has a name of no or too many bytes";
  if (name.starts_with('/')) return "is an absolute path";
  for (std::string_view rest = name; true;) {
    const std::size_t end = rest.find('/');
    const std::string_view part = rest.substr(0, end);
    if (part == "..") return "leads out of its folder";
    if (part.empty() || part == ".") return "has an empty part";
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-+/").contains(c);
  });
  if (!plain) return "has other characters than letters, digits and . _ - +";
  return std::nullopt;
}

la_ssize_t append(archive*, void* out, const void* data, std::size_t size) {
  auto& bytes = *static_cast<Bytes*>(out);
  const auto* from = static_cast<const std::byte*>(data);
  bytes.insert(bytes.end(), from, from + size);
  return static_cast<la_ssize_t>(size);
}

// The one way to write these entries, which are sorted.
Result<Bytes> write_tar(const std::vector<Entry>& entries) {
  Bytes tar;
  const Writer writer(archive_write_new(), &archive_write_free);
  const auto failed = [&] {
    return fail(ErrorKind::internal, fmt::format("the archive cannot be written: {}",
                                                 archive_error_string(writer.get()) == nullptr
                                                     ? "no memory"
                                                     : archive_error_string(writer.get())));
  };
  if (!writer || archive_write_set_format_ustar(writer.get()) != ARCHIVE_OK ||
      archive_write_open(writer.get(), &tar, nullptr, &append, nullptr) != ARCHIVE_OK) {
    return failed();
  }
  for (const Entry& entry : entries) {
    const Header header(archive_entry_new(), &archive_entry_free);
    archive_entry_set_pathname(header.get(), entry.name.c_str());
    archive_entry_set_filetype(header.get(), AE_IFREG);
    archive_entry_set_perm(header.get(), mode);
    archive_entry_set_size(header.get(), static_cast<la_int64_t>(entry.bytes.size()));
    archive_entry_set_mtime(header.get(), 0, 0);
    if (archive_write_header(writer.get(), header.get()) != ARCHIVE_OK) return failed();
    const la_ssize_t written =
        archive_write_data(writer.get(), entry.bytes.data(), entry.bytes.size());
    if (written != static_cast<la_ssize_t>(entry.bytes.size())) return failed();
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return failed();
  return tar;
}

// One frame and nothing behind it, into memory of the size that it states.
Result<Bytes> decompress(std::span<const std::byte> bytes, std::string_view name) {
  constexpr unsigned char magic[] = {0x28, 0xb5, 0x2f, 0xfd};
  if (bytes.size() < sizeof(magic) || std::memcmp(bytes.data(), magic, sizeof(magic)) != 0) {
    return bad(name, "is no bundle: it does not begin as a .tar.zst does.");
  }
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
    return bad(name, "does not state its size. Make it with: gantry bundle pack");
  }
  const std::uint64_t allowed = std::min<std::uint64_t>(
      expanded_bytes_max, std::max<std::uint64_t>(1u << 20, bytes.size() * expansion_max));
  if (size > allowed) {
    return bad(name,
               fmt::format("would expand to {} bytes; one of {} bytes may to {}.", size,
                           bytes.size(), allowed),
               ErrorKind::limit);
  }
  const std::size_t frame = ZSTD_findFrameCompressedSize(bytes.data(), bytes.size());
  if (ZSTD_isError(frame) != 0) return bad(name, "is cut short or damaged. Fetch it again.");
  if (frame != bytes.size()) {
    return bad(name, fmt::format("has {} bytes behind its end.", bytes.size() - frame));
  }
  Bytes tar(static_cast<std::size_t>(size));
  const std::size_t got = ZSTD_decompress(tar.data(), tar.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(got) != 0 || got != tar.size()) {
    return bad(name, fmt::format("is damaged ({}). Fetch it again.",
                                 ZSTD_isError(got) != 0 ? ZSTD_getErrorName(got) : "too short"));
  }
  return tar;
}

Result<Entry> read_entry(archive* reader, archive_entry* header, std::string_view name) {
  const char* path = archive_entry_pathname(header);
  if (path == nullptr) return bad(name, "holds an entry without a readable name.");
  if (auto fault = fault_of_name(path)) {
    return bad(name, fmt::format("is refused: its entry {} {}.",
                                 std::string_view(path).substr(0, name_bytes_max), *fault));
  }
  if (archive_entry_hardlink(header) != nullptr || archive_entry_symlink(header) != nullptr ||
      archive_entry_filetype(header) != AE_IFREG) {
    return bad(name, fmt::format("is refused: its entry {} is a link, a device or a folder, and "
                                 "only plain files may be in a bundle.",
                                 path));
  }
  const la_int64_t size = archive_entry_size(header);
  if (size < 0 || static_cast<std::uint64_t>(size) > expanded_bytes_max) {
    return bad(name, fmt::format("is refused: its entry {} states {} bytes.", path, size),
               ErrorKind::limit);
  }
  Entry entry{.name = path, .bytes = Bytes(static_cast<std::size_t>(size))};
  std::size_t filled = 0;
  while (filled < entry.bytes.size()) {
    const la_ssize_t got =
        archive_read_data(reader, entry.bytes.data() + filled, entry.bytes.size() - filled);
    if (got <= 0) return bad(name, fmt::format("is damaged: its entry {} is cut short.", path));
    filled += static_cast<std::size_t>(got);
  }
  return entry;
}

Result<std::vector<Entry>> read_tar(const Bytes& tar, std::string_view name) {
  const Reader reader(archive_read_new(), &archive_read_free);
  if (!reader || archive_read_support_format_tar(reader.get()) != ARCHIVE_OK ||
      archive_read_open_memory(reader.get(), tar.data(), tar.size()) != ARCHIVE_OK) {
    return bad(name, "is no tar inside.");
  }
  std::vector<Entry> entries;
  std::uint64_t total = 0;
  while (true) {
    archive_entry* header = nullptr;
    const int answer = archive_read_next_header(reader.get(), &header);
    if (answer == ARCHIVE_EOF) break;
    if (answer != ARCHIVE_OK) return bad(name, "is damaged: its tar cannot be read.");
    if (entries.size() == entries_max) {
      return bad(name, fmt::format("is refused: it holds more than {} files.", entries_max),
                 ErrorKind::limit);
    }
    auto entry = read_entry(reader.get(), header, name);
    if (!entry) return std::unexpected(std::move(entry.error()));
    total += entry->bytes.size();
    if (total > expanded_bytes_max) return bad(name, "is too large inside.", ErrorKind::limit);
    if (std::ranges::find(entries, entry->name, &Entry::name) != entries.end()) {
      return bad(name, fmt::format("is refused: its entry {} is there twice.", entry->name));
    }
    entries.push_back(std::move(*entry));
  }
  return entries;
}

}  // namespace

Result<Bytes> pack_archive(std::vector<Entry> entries) {
  std::ranges::sort(entries, {}, &Entry::name);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (auto fault = fault_of_name(entries[i].name)) {
      return fail(ErrorKind::usage, fmt::format("{} {}", entries[i].name, *fault));
    }
    if (i > 0 && entries[i - 1].name == entries[i].name) {
      return fail(ErrorKind::usage, fmt::format("{} is there twice", entries[i].name));
    }
  }
  auto tar = write_tar(entries);
  if (!tar) return tar;
  if (entries.size() > entries_max || tar->size() > expanded_bytes_max) {
    return fail(ErrorKind::limit, fmt::format("a bundle may have {} files and {} bytes in all",
                                              entries_max, expanded_bytes_max));
  }
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                     &ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, zstd_level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  Bytes out(ZSTD_compressBound(tar->size()));
  const std::size_t size =
      ZSTD_compress2(context.get(), out.data(), out.size(), tar->data(), tar->size());
  if (ZSTD_isError(size) != 0) {
    return fail(ErrorKind::internal, fmt::format("zstd: {}", ZSTD_getErrorName(size)));
  }
  if (size > bundle_bytes_max) {
    return fail(ErrorKind::limit, fmt::format("the bundle would have {} bytes; it may have {}",
                                              size, bundle_bytes_max));
  }
  out.resize(size);
  return out;
}

Result<std::vector<Entry>> unpack_archive(std::span<const std::byte> bytes, std::string_view name) {
  if (bytes.size() > bundle_bytes_max) {
    return bad(name,
               fmt::format("has {} bytes; a bundle may have {}.", bytes.size(), bundle_bytes_max),
               ErrorKind::limit);
  }
  const auto tar = decompress(bytes, name);
  if (!tar) return std::unexpected(tar.error());
  auto entries = read_tar(*tar, name);
  if (!entries) return entries;
  if (!std::ranges::is_sorted(*entries, {}, &Entry::name)) {
    return bad(name, "is refused: its entries are not sorted. Make it with: gantry bundle pack");
  }
  const auto again = write_tar(*entries);
  if (!again) return std::unexpected(again.error());
  if (*again != *tar) {
    return bad(
        name,
        "is refused: its tar holds more than plain files (owners, times, modes or attributes "
        "of its own). Make it with: gantry bundle pack");
  }
  return entries;
}

}  // namespace gantry::host::bundle
