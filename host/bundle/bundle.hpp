// A bundle: one plugin for one or more machines, with its facts, its parameters' schema, its
// licence and its bill of materials, in one file.
//
//   bundle.json           what this header calls BundleFacts
//   parameters.json       the parameters' schema, as the library's manifest has it
//   LICENSE               the licence's text
//   sbom.spdx.json        SPDX 2.3: what is in it and what it was made with
//   lib/<triple>/<name>.so
//
// Nothing of a plugin ever runs here: all is read from the bytes.
//
// ERRORS   ErrorKind::format: damaged, or it contradicts itself. ErrorKind::limit: a bound.
// THREADS  Any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"
#include "host/bundle/archive.hpp"
#include "host/plugin/manifest.hpp"

namespace gantry::host::bundle {

inline constexpr std::int64_t bundle_format = 1;
inline constexpr std::uint64_t text_bytes_max = 1u << 20;  // of each entry that is text
inline constexpr std::string_view facts_name = "bundle.json";
inline constexpr std::string_view schema_name = "parameters.json";
inline constexpr std::string_view licence_name = "LICENSE";
inline constexpr std::string_view sbom_name = "sbom.spdx.json";

// Of the ELF facts' machine, as "x86_64-linux-gnu"; empty: no bundle may hold it.
std::string_view triple_of(std::string_view machine);

struct BundleTarget {
  std::string triple;
  std::string library;  // its entry
  std::string sha256;
  std::uint64_t size_bytes = 0;
  std::string glibc;  // the least it needs, as "2.34"; or empty
  std::string glibcxx;

  friend bool operator==(const BundleTarget&, const BundleTarget&) = default;
};

struct BundleFacts {
  std::string id;
  std::string name;
  std::string version;
  std::string kind;
  std::vector<std::string> interfaces;
  std::string licence;  // SPDX
  std::string summary;
  std::string sdk;
  std::vector<BundleTarget> targets;  // by triple

  friend bool operator==(const BundleFacts&, const BundleFacts&) = default;
};
std::string facts_to_json(const BundleFacts& facts);
Result<BundleFacts> parse_facts_json(std::string_view text, std::string_view name);

// What the libraries say, which must agree in all but the machine.
Result<BundleFacts> facts_of(const std::vector<PluginFile>& libraries);
std::string schema_json(const Manifest& manifest);
std::string sbom_json(const BundleFacts& facts, const std::vector<PluginFile>& libraries);

struct PackRequest {
  std::vector<std::filesystem::path> libraries;  // one for each machine
  std::filesystem::path licence;
};
struct Packed {
  BundleFacts facts;
  std::vector<std::byte> bytes;
};
// The same libraries, licence and zstd give the same bytes.
Result<Packed> pack(const PackRequest& request);

// A bundle whose parts were all compared with each other and with its bounds.
struct Bundle {
  BundleFacts facts;
  std::string sha256;                 // of the whole file
  std::vector<PluginFile> libraries;  // in the order of facts.targets; path is the entry's name
  std::vector<Entry> entries;         // by name

  const Entry& entry(std::string_view name) const;  // which must be there
  // The library for a machine; nullptr: there is none.
  const PluginFile* library_for(std::string_view machine) const;
};
Result<Bundle> read_bundle(std::span<const std::byte> bytes, std::string_view name);

}  // namespace gantry::host::bundle
