#include "host/bundle/bundle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "host/base/sha256.hpp"
#include "host/bundle/disk.hpp"

namespace gantry::host::bundle {
namespace {

namespace json = boost::json;

std::unexpected<Error> bad(std::string_view name, std::string_view reason) {
  return fail(ErrorKind::format, fmt::format("{}: {}", name, reason));
}

const Entry* find_entry(const std::vector<Entry>& entries, std::string_view name) {
  const auto at = std::ranges::find(entries, name, &Entry::name);
  return at == entries.end() ? nullptr : &*at;
}

// UTF-8 is not asked of a licence, but a NUL is no text.
bool is_text(std::span<const std::byte> bytes) {
  return !bytes.empty() && std::ranges::find(bytes, std::byte{0}) == bytes.end();
}

// The four texts are there and of a size; returns what is missing or too large.
std::string fault_of_texts(const std::vector<Entry>& entries) {
  for (const std::string_view name : {facts_name, schema_name, licence_name, sbom_name}) {
    const Entry* entry = find_entry(entries, name);
    if (entry == nullptr) return fmt::format("has no {}", name);
    if (entry->bytes.size() > text_bytes_max) return fmt::format("has a {} that is too long", name);
    if (!is_text(entry->bytes)) return fmt::format("has a {} that is no text", name);
  }
  return {};
}

// Every other entry is a library of one of the targets.
std::string fault_of_set(const std::vector<Entry>& entries, const BundleFacts& facts) {
  for (const Entry& entry : entries) {
    const bool text = entry.name == facts_name || entry.name == schema_name ||
                      entry.name == licence_name || entry.name == sbom_name;
    if (!text && std::ranges::find(facts.targets, entry.name, &BundleTarget::library) ==
                     facts.targets.end()) {
      return fmt::format("holds {}, which its {} does not name", entry.name, facts_name);
    }
  }
  return {};
}

bool is_same_json(std::span<const std::byte> a, std::string_view b) {
  json::parse_options options;
  options.max_depth = 16;
  json::error_code first, second;
  const json::value left = json::parse(text_of(a), first, {}, options);
  const json::value right = json::parse(b, second, {}, options);
  return !first && !second && left == right;
}

}  // namespace

Result<Packed> pack(const PackRequest& request) {
  std::vector<PluginFile> libraries;
  std::vector<Entry> entries;
  for (const auto& path : request.libraries) {
    auto bytes = read_file(path, ElfFile::bytes_max);
    if (!bytes) return std::unexpected(std::move(bytes.error()));
    auto file = inspect_plugin_bytes(*bytes, path, Machines::supported);
    if (!file) return std::unexpected(std::move(file.error()));
    entries.push_back({.name = file->sha256, .bytes = std::move(*bytes)});
    libraries.push_back(std::move(*file));
  }
  auto facts = facts_of(libraries);
  if (!facts) return std::unexpected(std::move(facts.error()));
  for (Entry& entry : entries) {  // until now named by its hash
    entry.name = std::ranges::find(facts->targets, entry.name, &BundleTarget::sha256)->library;
  }
  auto licence = read_file(request.licence, text_bytes_max);
  if (!licence) return std::unexpected(std::move(licence.error()));
  if (!is_text(*licence)) return bad(request.licence.string(), "is no licence's text");
  entries.push_back({std::string(licence_name), std::move(*licence)});
  entries.push_back({std::string(facts_name), bytes_of(facts_to_json(*facts))});
  entries.push_back({std::string(schema_name), bytes_of(schema_json(libraries.front().manifest))});
  entries.push_back({std::string(sbom_name), bytes_of(sbom_json(*facts, libraries))});
  auto bytes = pack_archive(std::move(entries));
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  // What a reader would refuse is not handed out.
  if (auto read = read_bundle(*bytes, "the bundle"); !read) {
    return std::unexpected(std::move(read.error()));
  }
  return Packed{std::move(*facts), std::move(*bytes)};
}

const Entry& Bundle::entry(std::string_view name) const { return *find_entry(entries, name); }

const PluginFile* Bundle::library_for(std::string_view machine) const {
  for (const PluginFile& library : libraries) {
    if (library.elf.machine == machine) return &library;
  }
  return nullptr;
}

Result<Bundle> read_bundle(std::span<const std::byte> bytes, std::string_view name) {
  auto entries = unpack_archive(bytes, name);
  if (!entries) return std::unexpected(std::move(entries.error()));
  if (const std::string fault = fault_of_texts(*entries); !fault.empty()) return bad(name, fault);
  auto facts = parse_facts_json(text_of(find_entry(*entries, facts_name)->bytes), name);
  if (!facts) return std::unexpected(std::move(facts.error()));
  if (const std::string fault = fault_of_set(*entries, *facts); !fault.empty()) {
    return bad(name, fault);
  }
  Bundle bundle;
  for (const BundleTarget& target : facts->targets) {
    const Entry* entry = find_entry(*entries, target.library);
    if (entry == nullptr) return bad(name, fmt::format("has no {}", target.library));
    auto library = inspect_plugin_bytes(entry->bytes, target.library, Machines::supported);
    if (!library) return bad(name, library.error().message);
    if (library->sha256 != target.sha256) {
      return bad(name, fmt::format("holds another {} than its {} says: its SHA-256 is {}",
                                   target.library, facts_name, library->sha256));
    }
    bundle.libraries.push_back(std::move(*library));
  }
  const auto found = facts_of(bundle.libraries);
  if (!found) return bad(name, found.error().message);
  if (*found != *facts) {
    return bad(name, fmt::format("contradicts itself: its {} does not say what its libraries say",
                                 facts_name));
  }
  const Entry& schema = *find_entry(*entries, schema_name);
  if (!is_same_json(schema.bytes, schema_json(bundle.libraries.front().manifest))) {
    return bad(name, fmt::format("contradicts itself: its {} is not its libraries'", schema_name));
  }
  bundle.facts = std::move(*facts);
  bundle.sha256 = sha256_of(bytes);
  bundle.entries = std::move(*entries);
  return bundle;
}

}  // namespace gantry::host::bundle
