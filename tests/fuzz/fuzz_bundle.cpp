// A bundle before anybody's signature on it is believed. The first byte chooses whether the rest is
// the file, the tar inside it, its bundle.json, or a plugins.lock.
#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "host/bundle/bundle.hpp"
#include "host/bundle/lock_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gantry::host;
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  switch (data[0] % 4) {
    case 0:
      static_cast<void>(bundle::read_bundle(bytes, "fuzz"));
      return 0;
    case 1: {
      std::vector<std::byte> file(ZSTD_compressBound(bytes.size()));
      const std::size_t got =
          ZSTD_compress(file.data(), file.size(), bytes.data(), bytes.size(), 1);
      file.resize(got);
      const auto entries = bundle::unpack_archive(file, "fuzz");
      // What was accepted is what packing it again gives.
      if (!entries) return 0;
      const auto again = bundle::pack_archive(*entries);
      if (!again || !bundle::unpack_archive(*again, "again")) __builtin_trap();
      static_cast<void>(bundle::read_bundle(file, "fuzz"));
      return 0;
    }
    case 2: {
      const auto facts = bundle::parse_facts_json(text, "fuzz");
      const auto again =
          facts ? bundle::parse_facts_json(bundle::facts_to_json(*facts), "fuzz") : facts;
      if (facts && (!again || *again != *facts)) {
        __builtin_trap();
      }
      return 0;
    }
    default: {
      const auto lock = bundle::parse_lock_json(text, "fuzz");
      if (lock && !bundle::parse_lock_json(bundle::lock_to_json(*lock), "fuzz")) __builtin_trap();
      return 0;
    }
  }
}
