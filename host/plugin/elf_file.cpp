#include "host/plugin/elf_file.hpp"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace gantry::host {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t own_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t own_machine = EM_AARCH64;
#else
#error "Gantry runs on x86-64 and aarch64"
#endif

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "aarch64";
    case EM_386:
      return "i386";
    case EM_ARM:
      return "arm";
    case EM_RISCV:
      return "riscv";
    default:
      return fmt::format("machine {}", machine);
  }
}

// nullopt where the bytes end first. Both supported machines are little-endian, as the file is.
template <class T>
std::optional<T> read_at(std::span<const std::byte> bytes, std::uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// "GLIBC_2.34" with prefix "GLIBC_" is {2, 34}; nullopt for another prefix or GLIBC_PRIVATE.
std::optional<std::vector<unsigned>> version_of(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  std::vector<unsigned> parts;
  const char* at = text.data();
  const char* end = at + text.size();
  while (parts.size() < 4) {
    unsigned part = 0;
    const auto [next, error] = std::from_chars(at, end, part);
    if (error != std::errc{}) return std::nullopt;
    parts.push_back(part);
    if (next == end) return parts;
    if (*next != '.') return std::nullopt;
    at = next + 1;
  }
  return std::nullopt;
}

// Names are printed on terminals, and a hostile one may hold escape sequences.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

void keep_highest(std::string& highest, std::string_view text, std::string_view prefix) {
  const auto candidate = version_of(text, prefix);
  if (!candidate) return;
  const auto current = version_of(highest, "");
  if (!current || *current < *candidate) highest = text.substr(prefix.size());
}

}  // namespace

std::unexpected<Error> ElfFile::bad(std::string_view reason) const {
  return fail(ErrorKind::format, fmt::format("{}: {}", name_, reason));
}

Result<ElfFile> ElfFile::open(const std::filesystem::path& path) {
  const std::string name = path.string();
  // Non-blocking, so that a pipe under that name cannot hang the host.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) {
    return fail(ErrorKind::io, fmt::format("{}: cannot be opened: {}. Check that the file exists "
                                           "and that you may read it.",
                                           name, std::strerror(errno)));
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) {
    return fail(ErrorKind::io, fmt::format("{}: {}", name, std::strerror(errno)));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorKind::format,
                fmt::format("{}: is {}, not a file. Name the plugin's .so file itself.", name,
                            S_ISDIR(status.st_mode)    ? "a folder"
                            : S_ISFIFO(status.st_mode) ? "a pipe"
                                                       : "a device or socket"));
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > bytes_max) {
    return fail(ErrorKind::limit,
                fmt::format("{}: {} bytes are more than the {} a plugin may have. Strip its "
                            "debug information.",
                            name, size, bytes_max));
  }
  std::vector<std::byte> bytes(size);
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return fail(ErrorKind::io, fmt::format("{}: cannot be read: {}", name, std::strerror(errno)));
    }
    if (got == 0) break;  // it shrank meanwhile: the headers will say so
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return parse(std::move(bytes), name);
}

Result<ElfFile> ElfFile::parse(std::vector<std::byte> bytes, std::string name, Machines machines) {
  ElfFile file(std::move(bytes), std::move(name));
  if (auto read = file.read_headers(machines); !read)
    return std::unexpected(std::move(read.error()));
  return file;
}

Status ElfFile::read_headers(Machines machines) {
  if (bytes_.empty()) return bad("is empty. Build or copy the plugin again.");
  if (bytes_.size() < SELFMAG || std::memcmp(bytes_.data(), ELFMAG, SELFMAG) != 0) {
    return bad("is not an ELF file, so not a shared library. Only built plugins belong here.");
  }
  const auto header = read_at<Elf64_Ehdr>(bytes_, 0);
  if (!header) return bad("is cut short within its header. Copy or build it again.");
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) {
    return bad("is not a 64-bit little-endian library. Build it for this machine.");
  }
  if (header->e_ident[EI_VERSION] != EV_CURRENT || header->e_version != EV_CURRENT) {
    return bad("has an unknown ELF version. Build it again.");
  }
  const bool known = header->e_machine == EM_X86_64 || header->e_machine == EM_AARCH64;
  if (header->e_machine != own_machine && !(known && machines == Machines::supported)) {
    return bad(fmt::format("is built for {}, this host is {}. Build it for this machine.",
                           machine_name(header->e_machine), machine_name(own_machine)));
  }
  if (header->e_type != ET_DYN) {
    return bad("is an ELF file but not a shared library. Build it with gantry_add_plugin.");
  }
  machine_ = machine_name(header->e_machine);
  if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shnum == 0 ||
      header->e_shnum > sections_max) {
    return bad("has no usable section table. Build it again, and do not strip its sections.");
  }
  std::vector<std::uint32_t> names;
  for (std::uint64_t i = 0; i < header->e_shnum; ++i) {
    // The offset may be anything: keep the sum from wrapping.
    const auto section =
        header->e_shoff > bytes_.size()
            ? std::nullopt
            : read_at<Elf64_Shdr>(bytes_, header->e_shoff + i * sizeof(Elf64_Shdr));
    if (!section) return bad("is cut short: its section table lies beyond its end. Copy it again.");
    if (section->sh_type != SHT_NOBITS && section->sh_type != SHT_NULL &&
        (section->sh_offset > bytes_.size() ||
         section->sh_size > bytes_.size() - section->sh_offset)) {
      return bad(fmt::format("is cut short: section {} lies beyond its end. Copy it again.", i));
    }
    sections_.push_back({.name = {},
                         .type = section->sh_type,
                         .flags = section->sh_flags,
                         .address = section->sh_addr,
                         .offset = section->sh_offset,
                         .size = section->sh_size,
                         .link = section->sh_link,
                         .info = section->sh_info,
                         .entry_size = section->sh_entsize});
    names.push_back(section->sh_name);
  }
  if (auto named = read_names(header->e_shstrndx, names); !named) return named;
  if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phoff > bytes_.size()) {
    return bad("has no usable program headers. Build it again.");
  }
  for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
    const auto segment = read_at<Elf64_Phdr>(bytes_, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment)
      return bad("is cut short: its program headers lie beyond its end. Copy it again.");
    if (segment->p_type == PT_DYNAMIC) dynamic_offset_ = segment->p_offset;
  }
  return {};
}

Status ElfFile::read_names(std::uint16_t names_index, std::span<const std::uint32_t> name_offsets) {
  if (names_index >= sections_.size() || sections_[names_index].type != SHT_STRTAB) {
    return bad("has no section names. Build it again, and do not strip its sections.");
  }
  const ElfSection strings = sections_[names_index];
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    auto name = text_at(strings, name_offsets[i]);
    if (!name) return std::unexpected(std::move(name.error()));
    sections_[i].name = *name;
  }
  return {};
}

Result<std::string_view> ElfFile::text_at(const ElfSection& strings, std::uint64_t offset) const {
  const auto bytes = contents(strings);
  if (offset >= bytes.size()) return bad("names a string beyond its string table. Build it again.");
  const auto rest = bytes.subspan(offset);
  const auto* text = reinterpret_cast<const char*>(rest.data());
  const void* end = std::memchr(text, 0, rest.size());
  if (end == nullptr) return bad("has a string without an end. Build it again.");
  return std::string_view(text, static_cast<std::size_t>(static_cast<const char*>(end) - text));
}

std::span<const std::byte> ElfFile::contents(const ElfSection& section) const {
  if (section.type == SHT_NOBITS || section.type == SHT_NULL) return {};
  if (section.offset > bytes_.size() || section.size > bytes_.size() - section.offset) return {};
  return std::span(bytes_).subspan(section.offset, section.size);
}

Result<ElfSection> ElfFile::section(std::string_view name) const {
  const ElfSection* found = nullptr;
  for (const ElfSection& section : sections_) {
    if (section.name != name) continue;
    if (found != nullptr) return bad(fmt::format("has several sections named {}.", name));
    found = &section;
  }
  if (found == nullptr) {
    return fail(ErrorKind::not_found, fmt::format("{}: has no section {}", name_, name));
  }
  return *found;
}

const ElfSection* ElfFile::first_of_type(std::uint32_t type) const {
  const auto at = std::ranges::find(sections_, type, &ElfSection::type);
  return at == sections_.end() ? nullptr : &*at;
}

Result<ElfFacts> ElfFile::facts() const {
  ElfFacts facts;
  facts.machine = machine_;
  if (auto read = read_symbols(facts); !read) return std::unexpected(std::move(read.error()));
  if (auto read = read_dynamic(facts); !read) return std::unexpected(std::move(read.error()));
  if (auto read = read_versions(facts); !read) return std::unexpected(std::move(read.error()));
  for (const ElfSection& section : sections_) {
    if (section.type == SHT_INIT_ARRAY) facts.constructors_bytes += section.size;
  }
  return facts;
}

Status ElfFile::read_symbols(ElfFacts& facts) const {
  const ElfSection* symbols = first_of_type(SHT_DYNSYM);
  if (symbols == nullptr) return bad("has no dynamic symbols. Build it as a shared library.");
  if (symbols->entry_size != sizeof(Elf64_Sym) || symbols->link >= sections_.size()) {
    return bad("has a malformed symbol table. Build it again.");
  }
  const auto bytes = contents(*symbols);
  const std::uint64_t count = bytes.size() / sizeof(Elf64_Sym);
  if (count > symbols_max) return bad("has more symbols than a plugin may have.");
  for (std::uint64_t i = 1; i < count; ++i) {
    const auto symbol = read_at<Elf64_Sym>(bytes, i * sizeof(Elf64_Sym));
    const unsigned bind = ELF64_ST_BIND(symbol->st_info);
    const unsigned visibility = ELF64_ST_VISIBILITY(symbol->st_other);
    if (bind == STB_GNU_UNIQUE) ++facts.unique_symbols;
    const bool visible = visibility == STV_DEFAULT || visibility == STV_PROTECTED;
    if (symbol->st_shndx == SHN_UNDEF || bind == STB_LOCAL || !visible) continue;
    auto name = text_at(sections_[symbols->link], symbol->st_name);
    if (!name) return std::unexpected(std::move(name.error()));
    facts.exports.push_back(printable(*name));
  }
  std::ranges::sort(facts.exports);
  return {};
}

Status ElfFile::read_dynamic(ElfFacts& facts) const {
  const ElfSection* dynamic = first_of_type(SHT_DYNAMIC);
  if (dynamic == nullptr || dynamic->link >= sections_.size()) {
    return bad("has no dynamic section. Build it as a shared library.");
  }
  // The loader follows the program header; were the two to differ, we would describe another file.
  if (dynamic_offset_ != dynamic->offset) {
    return bad("has a section table that contradicts its program headers. Do not load it.");
  }
  const ElfSection& strings = sections_[dynamic->link];
  const auto bytes = contents(*dynamic);
  for (std::uint64_t at = 0; at + sizeof(Elf64_Dyn) <= bytes.size(); at += sizeof(Elf64_Dyn)) {
    const auto entry = read_at<Elf64_Dyn>(bytes, at);
    if (entry->d_tag == DT_NULL) break;
    if (entry->d_tag == DT_STRTAB && entry->d_un.d_ptr != strings.address) {
      return bad("has a section table that contradicts its dynamic section. Do not load it.");
    }
    if (entry->d_tag == DT_SYMTAB && entry->d_un.d_ptr != first_of_type(SHT_DYNSYM)->address) {
      return bad("has a section table that contradicts its dynamic section. Do not load it.");
    }
    if (entry->d_tag != DT_NEEDED && entry->d_tag != DT_SONAME) continue;
    auto name = text_at(strings, entry->d_un.d_val);
    if (!name) return std::unexpected(std::move(name.error()));
    if (entry->d_tag == DT_SONAME) {
      facts.soname = printable(*name);
    } else {
      facts.needed.push_back(printable(*name));
    }
  }
  return {};
}

Status ElfFile::read_versions(ElfFacts& facts) const {
  const ElfSection* versions = first_of_type(SHT_GNU_verneed);
  if (versions == nullptr) return {};
  if (versions->link >= sections_.size()) return bad("has malformed version needs.");
  const auto bytes = contents(*versions);
  std::uint64_t steps_left = bytes.size() / sizeof(Elf64_Vernaux) + 1;  // links may form a loop
  std::uint64_t need_at = 0;
  while (true) {
    const auto need = read_at<Elf64_Verneed>(bytes, need_at);
    if (!need) return bad("has version needs beyond their section. Build it again.");
    std::uint64_t name_at = need_at + need->vn_aux;
    for (unsigned i = 0; i < need->vn_cnt; ++i) {
      const auto version = read_at<Elf64_Vernaux>(bytes, name_at);
      if (!version || steps_left-- == 0) return bad("has malformed version needs. Build it again.");
      auto name = text_at(sections_[versions->link], version->vna_name);
      if (!name) return std::unexpected(std::move(name.error()));
      keep_highest(facts.glibc, *name, "GLIBC_");
      keep_highest(facts.glibcxx, *name, "GLIBCXX_");
      if (version->vna_next == 0) break;
      name_at += version->vna_next;
    }
    if (need->vn_next == 0) return {};
    if (steps_left-- == 0) return bad("has malformed version needs. Build it again.");
    need_at += need->vn_next;
  }
}

}  // namespace gantry::host
