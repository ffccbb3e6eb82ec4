// What a shared library says about itself, read from its bytes. Nothing of it is ever executed.
//
// OWNERSHIP  ElfFile owns the bytes it read; sections are views into it.
// ERRORS     ErrorKind::io: the file cannot be read. ErrorKind::format: it is not a shared library
//            for this machine, is cut short, or contradicts itself. Every offset and length is
//            checked against the bytes that are there: a hostile file costs an error, no more.
// THREADS    Free functions and const members may be called from any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"

namespace gantry::host {

struct ElfFacts {
  std::string machine;                   // "x86-64" or "aarch64"
  std::vector<std::string> exports;      // defined dynamic symbols that others can see, sorted
  std::vector<std::string> needed;       // DT_NEEDED, in the file's order
  std::string soname;                    // DT_SONAME, often empty
  std::string glibc;                     // highest GLIBC_ version required, as "2.34"; or empty
  std::string glibcxx;                   // highest GLIBCXX_ version required, as "3.4.30"; or empty
  std::uint64_t unique_symbols = 0;      // STB_GNU_UNIQUE: any of them keeps it from unloading
  std::uint64_t constructors_bytes = 0;  // .init_array: code that would run at dlopen
};

struct ElfSection {
  std::string_view name;
  std::uint32_t type = 0;
  std::uint64_t flags = 0;
  std::uint64_t address = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t link = 0;
  std::uint32_t info = 0;
  std::uint64_t entry_size = 0;
};

// Which machines' libraries are read: a bundle holds those of others too.
enum class Machines : std::int32_t { own = 1, supported = 2 };

class ElfFile {
 public:
  ElfFile(ElfFile&&) = default;  // not copied: the sections view its bytes
  ElfFile& operator=(ElfFile&&) = default;

  // Reads the whole file once, at most `bytes_max`; all that is said later is about these bytes.
  static Result<ElfFile> open(const std::filesystem::path& path);
  // `name` is what the errors call it.
  static Result<ElfFile> parse(std::vector<std::byte> bytes, std::string name,
                               Machines machines = Machines::own);

  static constexpr std::uint64_t bytes_max = 256u << 20;
  static constexpr std::uint64_t sections_max = 4096;
  static constexpr std::uint64_t symbols_max = 1u << 20;

  // The only section of that name: not_found when there is none, format when there are several.
  Result<ElfSection> section(std::string_view name) const;
  // Bounded by the file already; empty for a section that has no bytes in it.
  std::span<const std::byte> contents(const ElfSection& section) const;
  Result<ElfFacts> facts() const;
  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& name() const { return name_; }

 private:
  ElfFile(std::vector<std::byte> bytes, std::string name)
      : bytes_(std::move(bytes)), name_(std::move(name)) {}
  std::unexpected<Error> bad(std::string_view reason) const;
  Status read_headers(Machines machines);
  Status read_names(std::uint16_t names_index, std::span<const std::uint32_t> name_offsets);
  Status read_symbols(ElfFacts& facts) const;
  Status read_dynamic(ElfFacts& facts) const;
  Status read_versions(ElfFacts& facts) const;
  Result<std::string_view> text_at(const ElfSection& strings, std::uint64_t offset) const;
  const ElfSection* first_of_type(std::uint32_t type) const;

  std::vector<std::byte> bytes_;
  std::string name_;
  std::string machine_;
  std::vector<ElfSection> sections_;
  std::optional<std::uint64_t> dynamic_offset_;  // of PT_DYNAMIC: what the loader would follow
};

}  // namespace gantry::host
