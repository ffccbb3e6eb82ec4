// From a path to all that is known of the plugin there.
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "host/base/sha256.hpp"
#include "host/plugin/manifest.hpp"

namespace gantry::host {
namespace {

Result<Manifest> manifest_of(const ElfFile& file) {
  const auto section = file.section(manifest_section);
  if (!section && section.error().kind == ErrorKind::not_found) {
    return fail(ErrorKind::format,
                fmt::format("{}: is a shared library but no Gantry plugin: it has no section {}. "
                            "Build it with gantry_add_plugin.",
                            file.name(), manifest_section));
  }
  if (!section) return std::unexpected(section.error());
  // Read-only data of the image, so that no code of the plugin can have another one in memory.
  if (section->type != SHT_PROGBITS || (section->flags & SHF_ALLOC) == 0 ||
      (section->flags & (SHF_WRITE | SHF_EXECINSTR | SHF_COMPRESSED)) != 0) {
    return fail(ErrorKind::format,
                fmt::format("{}: its section {} is not plain read-only data. Build it with "
                            "gantry_add_plugin.",
                            file.name(), manifest_section));
  }
  return parse_manifest_section(file.contents(*section), file.name());
}

Result<PluginFile> facts_of(const ElfFile& file, const std::filesystem::path& path) {
  auto manifest = manifest_of(file);
  if (!manifest) return std::unexpected(std::move(manifest.error()));
  auto facts = file.facts();
  if (!facts) return std::unexpected(std::move(facts.error()));
  return PluginFile{.path = path,
                    .sha256 = sha256_of(file.bytes()),
                    .size_bytes = file.bytes().size(),
                    .manifest = std::move(*manifest),
                    .elf = std::move(*facts)};
}

}  // namespace

bool PluginFile::exports_entry() const {
  return std::ranges::binary_search(elf.exports, plugin_entry_symbol);
}

Result<Manifest> read_manifest(const std::filesystem::path& path) {
  auto file = ElfFile::open(path);
  if (!file) return std::unexpected(std::move(file.error()));
  return manifest_of(*file);
}

Result<PluginFile> inspect_plugin_file(const std::filesystem::path& path) {
  auto file = ElfFile::open(path);
  if (!file) return std::unexpected(std::move(file.error()));
  return facts_of(*file, path);
}

Result<PluginFile> inspect_plugin_bytes(std::vector<std::byte> bytes,
                                        const std::filesystem::path& path, Machines machines) {
  auto file = ElfFile::parse(std::move(bytes), path.string(), machines);
  if (!file) return std::unexpected(std::move(file.error()));
  return facts_of(*file, path);
}

PluginScan scan_plugin_folders(const std::vector<std::filesystem::path>& folders,
                               std::string_view remedy) {
  PluginScan scan;
  for (const auto& folder : folders) {
    std::vector<std::filesystem::path> paths;
    std::error_code error;
    std::filesystem::directory_iterator entries(folder, error);
    for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
      if (entries->path().extension() == ".so") paths.push_back(entries->path());
    }
    if (error) {
      scan.refused.push_back(
          {ErrorKind::io, fmt::format("{}: the plugin folder cannot be read: {}. {}",
                                      folder.string(), error.message(), remedy)});
      continue;
    }
    std::ranges::sort(paths);
    for (const auto& path : paths) {
      if (auto file = inspect_plugin_file(path)) {
        scan.plugins.push_back(std::move(*file));
      } else {
        scan.refused.push_back(std::move(file.error()));
      }
    }
  }
  return scan;
}

}  // namespace gantry::host
