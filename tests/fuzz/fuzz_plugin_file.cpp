// A plugin's file as the host reads it before it trusts it: ELF, then the manifest. The first byte
// chooses whether the rest is a whole file, the manifest's section, or its JSON.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "host/plugin/elf_file.hpp"
#include "host/plugin/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gantry::host;
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  switch (data[0] % 3) {
    case 0: {
      const auto file = ElfFile::parse(std::vector<std::byte>(bytes.begin(), bytes.end()), "fuzz");
      if (!file) return 0;
      static_cast<void>(file->facts());
      const auto section = file->section(manifest_section);
      if (section) static_cast<void>(parse_manifest_section(file->contents(*section), "fuzz"));
      return 0;
    }
    case 1:
      static_cast<void>(parse_manifest_section(bytes, "fuzz"));
      return 0;
    default: {
      const std::string_view json(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      const auto manifest = parse_manifest_json(json, "fuzz");
      // What was accepted is written back as something that is accepted.
      if (manifest && !parse_manifest_json(manifest_to_json(*manifest), "fuzz")) __builtin_trap();
      return 0;
    }
  }
}
