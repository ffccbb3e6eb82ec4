// Files that are, are not, or pretend to be plugins. Nothing here is ever loaded.
#include <elf.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>

#include "host/plugin/elf_file.hpp"
#include "host/plugin/manifest.hpp"
#include "support/temporary_folder.hpp"

using namespace gantry::host;
using gantry::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

const fs::path fixture = GANTRY_MANIFEST_FIXTURE;
const fs::path bare = GANTRY_BARE_LIBRARY;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string error_of(const fs::path& path) {
  const auto file = inspect_plugin_file(path);
  return file ? std::string("accepted") : file.error().message;
}

template <class T>
T get(const std::string& bytes, std::size_t offset) {
  T value;
  REQUIRE(offset + sizeof(T) <= bytes.size());
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}
template <class T>
void put(std::string& bytes, std::size_t offset, const T& value) {
  REQUIRE(offset + sizeof(T) <= bytes.size());
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

// Where the section's header stands.
std::size_t header_of(const std::string& bytes, std::string_view name) {
  const auto file = get<Elf64_Ehdr>(bytes, 0);
  const auto names = get<Elf64_Shdr>(bytes, file.e_shoff + file.e_shstrndx * sizeof(Elf64_Shdr));
  for (std::size_t i = 0; i < file.e_shnum; ++i) {
    const std::size_t at = file.e_shoff + i * sizeof(Elf64_Shdr);
    const auto section = get<Elf64_Shdr>(bytes, at);
    if (name == bytes.c_str() + names.sh_offset + section.sh_name) return at;
  }
  FAIL("no section " << name);
  return 0;
}

}  // namespace

TEST_CASE("a plugin is described without running its code") {
  const auto file = inspect_plugin_file(fixture);
  if (!file) FAIL(file.error().message);
  CHECK(file->manifest.id == "org.example.manifest_fixture");
  CHECK(file->manifest.version == "1.2.3");
  CHECK(file->manifest.kind == PluginKind::dex);
  CHECK(file->manifest.parameters.size() == 2);
  CHECK_FALSE(file->manifest.toolchain.compiler.empty());
  CHECK(file->exports_entry());
  CHECK(file->elf.exports == std::vector<std::string>{"gantry_plugin"});
  CHECK(file->elf.unique_symbols == 0);
  CHECK(file->elf.constructors_bytes > 0);
  CHECK(file->size_bytes == fs::file_size(fixture));
  CHECK(file->sha256.size() == 64);
  CHECK(read_manifest(fixture)->name == "manifest_fixture");
}

TEST_CASE("a library's needs and unique symbols are read from its bytes") {
  const auto file = ElfFile::open(bare);
  REQUIRE(file.has_value());
  const auto facts = file->facts();
  if (!facts) FAIL(facts.error().message);
  CHECK(facts->unique_symbols >= 1);
  CHECK(std::ranges::find(facts->exports, "bare_function") != facts->exports.end());
  CHECK(std::ranges::find(facts->needed, "libstdc++.so.6") != facts->needed.end());
  CHECK(facts->glibc.starts_with("2."));
  CHECK(facts->glibcxx.starts_with("3.4"));
}

TEST_CASE("what is no plugin is refused with the file, the reason and the remedy") {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "folder.so");
  REQUIRE(::mkfifo((folder.path() / "pipe.so").c_str(), 0600) == 0);
  const std::pair<fs::path, std::string_view> rows[] = {
      {folder.path() / "none.so", "cannot be opened: No such file or directory. Check"},
      {folder.path() / "folder.so", "is a folder, not a file."},
      {folder.path() / "pipe.so", "is a pipe, not a file."},
      {folder.write("empty.so", ""), "is empty."},
      {folder.write("text.so", "#!/bin/sh\necho hello\n"), "is not an ELF file"},
      {folder.write("magic.so",
                    "\x7f"
                    "ELF"),
       "is cut short within its header."},
      {folder.write("zeros.so", std::string(4096, '\0')), "is not an ELF file"},
      {"/proc/self/exe", "is a shared library but no Gantry plugin"},
      {bare, "is a shared library but no Gantry plugin: it has no section .gantry_manifest"}};
  for (const auto& [path, reason] : rows) {
    const std::string error = error_of(path);
    INFO(error);
    CHECK(error.starts_with(path.string() + ": "));
    CHECK(error.find(reason) != std::string::npos);
    CHECK(error.ends_with("."));
  }
}

TEST_CASE("a plugin cut at every 64 bytes is refused") {
  const std::string whole = bytes_of(fixture);
  REQUIRE(whole.size() > 4096);
  const auto bytes = std::as_bytes(std::span(whole));
  for (std::size_t cut = 0; cut < whole.size(); cut += 64) {
    const auto file = ElfFile::parse({bytes.begin(), bytes.begin() + static_cast<long>(cut)}, "x");
    INFO(cut);
    CHECK_FALSE(file.has_value());
  }
}

TEST_CASE("a plugin with a patched header is refused") {
  struct Row {
    std::string_view reason;
    std::function<void(std::string&)> patch;
  };
  const auto section = [](std::string_view name, auto change) {
    return [name, change](std::string& bytes) {
      const std::size_t at = header_of(bytes, name);
      auto header = get<Elf64_Shdr>(bytes, at);
      change(header);
      put(bytes, at, header);
    };
  };
  const auto header = [](auto change) {
    return [change](std::string& bytes) {
      auto file = get<Elf64_Ehdr>(bytes, 0);
      change(file);
      put(bytes, 0, file);
    };
  };
  constexpr std::uint64_t huge = ~std::uint64_t{0} - 32;
  const Row rows[] = {
      {"is built for riscv, this host is",
       header([](Elf64_Ehdr& file) { file.e_machine = EM_RISCV; })},
      {"is not a 64-bit little-endian library",
       header([](Elf64_Ehdr& file) { file.e_ident[EI_CLASS] = ELFCLASS32; })},
      {"is not a 64-bit little-endian library",
       header([](Elf64_Ehdr& file) { file.e_ident[EI_DATA] = ELFDATA2MSB; })},
      {"has an unknown ELF version", header([](Elf64_Ehdr& file) { file.e_version = 2; })},
      {"is an ELF file but not a shared library",
       header([](Elf64_Ehdr& file) { file.e_type = ET_REL; })},
      {"has no usable section table", header([](Elf64_Ehdr& file) { file.e_shnum = 0; })},
      {"has no usable section table", header([](Elf64_Ehdr& file) { file.e_shnum = 0xffff; })},
      {"has no usable section table", header([](Elf64_Ehdr& file) { file.e_shentsize = 1; })},
      {"section table lies beyond its end",
       header([](Elf64_Ehdr& file) { file.e_shoff = huge; })},
      {"has no section names", header([](Elf64_Ehdr& file) { file.e_shstrndx = 0; })},
      {"has no section names", header([](Elf64_Ehdr& file) { file.e_shstrndx = 0xfff0; })},
      {"has no usable program headers", header([](Elf64_Ehdr& file) { file.e_phoff = huge; })},
      {"contradicts its program headers", header([](Elf64_Ehdr& file) { file.e_phnum = 0; })},
      {"lies beyond its end",
       section(".gantry_manifest", [](Elf64_Shdr& it) { it.sh_offset = huge; })},
      {"lies beyond its end",
       section(".gantry_manifest", [](Elf64_Shdr& it) { it.sh_size = huge; })},
      {"is too short", section(".gantry_manifest", [](Elf64_Shdr& it) { it.sh_size = 3; })},
      {"says it holds", section(".gantry_manifest", [](Elf64_Shdr& it) { it.sh_size = 40; })},
      {"is not plain read-only data",
       section(".gantry_manifest", [](Elf64_Shdr& it) { it.sh_flags |= SHF_WRITE; })},
      {"is not plain read-only data",
       section(".gantry_manifest", [](Elf64_Shdr& it) { it.sh_flags = 0; })},
      {"is not plain read-only data",
       section(".gantry_manifest", [](Elf64_Shdr& it) { it.sh_type = SHT_NOBITS; })},
      {"has several sections named .gantry_manifest",
       [](std::string& bytes) {
         const std::size_t from = header_of(bytes, ".gantry_manifest");
         put(bytes, header_of(bytes, ".comment"), get<Elf64_Shdr>(bytes, from));
       }},
      {"names a string beyond its string table",
       section(".gantry_manifest", [](Elf64_Shdr& it) { it.sh_name = 0x7fffffff; })},
      {"has no dynamic symbols",
       section(".dynsym", [](Elf64_Shdr& it) { it.sh_type = SHT_PROGBITS; })},
      {"has a malformed symbol table",
       section(".dynsym", [](Elf64_Shdr& it) { it.sh_entsize = 0; })},
      {"has a malformed symbol table",
       section(".dynsym", [](Elf64_Shdr& it) { it.sh_link = 0xffff; })},
      {"contradicts its dynamic section",
       section(".dynsym", [](Elf64_Shdr& it) { it.sh_addr += 8; })},
      {"contradicts its dynamic section",
       section(".dynstr", [](Elf64_Shdr& it) { it.sh_addr += 8; })},
      {"contradicts its program headers",
       section(".dynamic", [](Elf64_Shdr& it) { it.sh_offset -= 16; })},
      {"has malformed version needs",
       section(".gnu.version_r", [](Elf64_Shdr& it) { it.sh_link = 0xffff; })},
      {"has version needs beyond their section",
       section(".gnu.version_r", [](Elf64_Shdr& it) { it.sh_size = 8; })},
      {"does not begin with GANTRYM1",
       [](std::string& bytes) {
         put(bytes, get<Elf64_Shdr>(bytes, header_of(bytes, ".gantry_manifest")).sh_offset, 'X');
       }},
      {"says it holds",
       [](std::string& bytes) {
         put(bytes, get<Elf64_Shdr>(bytes, header_of(bytes, ".gantry_manifest")).sh_offset + 8,
             0xffffffffu);
       }},
      {"has malformed version needs",  // a version that links to itself, for ever
       [](std::string& bytes) {
         const auto needs = get<Elf64_Shdr>(bytes, header_of(bytes, ".gnu.version_r"));
         auto need = get<Elf64_Verneed>(bytes, needs.sh_offset);
         need.vn_cnt = 0xffff;
         put(bytes, needs.sh_offset, need);
         auto version = get<Elf64_Vernaux>(bytes, needs.sh_offset + need.vn_aux);
         version.vna_next = 0x10;
         for (std::size_t at = need.vn_aux; at + sizeof version <= needs.sh_size; at += 0x10) {
           auto each = get<Elf64_Vernaux>(bytes, needs.sh_offset + at);
           each.vna_next = 0x10;
           put(bytes, needs.sh_offset + at, each);
         }
       }},
  };
  const std::string whole = bytes_of(fixture);
  const TemporaryFolder folder;
  for (const Row& row : rows) {
    std::string bytes = whole;
    row.patch(bytes);
    REQUIRE(bytes != whole);
    const std::string error = error_of(folder.write("patched.so", bytes));
    INFO(row.reason);
    CHECK(error.find(row.reason) != std::string::npos);
  }
}

TEST_CASE("garbage in a plugin's bytes costs an error at most") {
  const std::string whole = bytes_of(fixture);
  const unsigned seed = 20201004;
  std::mt19937 random(seed);
  INFO("seed " << seed);
  std::size_t refused = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    std::string bytes = whole;
    const auto file = get<Elf64_Ehdr>(bytes, 0);
    for (int i = 0; i < 8; ++i) {
      // Half of the blows fall on the headers and tables, where they tell.
      const std::size_t tables = file.e_shnum * sizeof(Elf64_Shdr);
      const std::size_t at =
          i % 2 == 0 ? random() % bytes.size() : file.e_shoff + random() % tables;
      bytes[at] = static_cast<char>(random());
    }
    const auto raw = std::as_bytes(std::span(bytes));
    const auto parsed = ElfFile::parse({raw.begin(), raw.end()}, "x");
    if (!parsed || !parsed->facts() || !parsed->section(manifest_section)) ++refused;
  }
  CHECK(refused > 100);
}

TEST_CASE("a folder of plugins is read whole, whatever one of its files is") {
  const TemporaryFolder folder;
  fs::copy_file(fixture, folder.path() / "b.so");
  folder.write("a.so", "not a plugin");
  folder.write("notes.txt", "not looked at");
  fs::create_directory(folder.path() / "c.so");
  const PluginScan scan = scan_plugin_folders({folder.path() / "missing", folder.path()});
  REQUIRE(scan.plugins.size() == 1);
  CHECK(scan.plugins[0].path.filename() == "b.so");
  REQUIRE(scan.refused.size() == 3);
  CHECK(scan.refused[0].message.find("the plugin folder cannot be read") != std::string::npos);
  CHECK(scan.refused[1].message.find("a.so") != std::string::npos);
  CHECK(scan.refused[2].message.find("c.so") != std::string::npos);
}
