// The bill of materials, in SPDX 2.3. It says what the files prove: what is in the bundle, which
// shared libraries it asks for, and which compiler and SDK its manifest names.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "host/base/sha256.hpp"
#include "host/base/version.hpp"
#include "host/bundle/bundle.hpp"
#include "host/bundle/disk.hpp"
#include "host/report/json_text.hpp"

namespace gantry::host::bundle {
namespace {

namespace json = boost::json;

constexpr std::string_view unknown = "NOASSERTION";

// Letters, digits, '.' and '-' are all that an SPDX id may have.
std::string id_of(std::string_view kind, std::string_view name) {
  std::string id = fmt::format("SPDXRef-{}-{}", kind, name);
  std::ranges::replace_if(
      id,
      [](char c) {
        return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '.' || c == '-');
      },
      '-');
  return id;
}

json::array checksums(std::string_view sha256) {
  return {json::object{{"algorithm", "SHA256"}, {"checksumValue", sha256}}};
}

json::object package(const std::string& id, std::string_view name, std::string_view version,
                     std::string_view comment) {
  json::object out{{"SPDXID", id},
                   {"name", name},
                   {"downloadLocation", unknown},
                   {"filesAnalyzed", false},
                   {"licenseConcluded", unknown},
                   {"licenseDeclared", unknown},
                   {"copyrightText", unknown}};
  if (!version.empty()) out["versionInfo"] = version;
  if (!comment.empty()) out["comment"] = comment;
  return out;
}

json::object related(std::string_view from, std::string_view how, std::string_view to) {
  return {{"spdxElementId", from}, {"relationshipType", how}, {"relatedSpdxElement", to}};
}

std::string floor_of(std::string_view prefix, const std::string& version) {
  return version.empty() ? std::string() : fmt::format("at least {}{}", prefix, version);
}

}  // namespace

std::string sbom_json(const BundleFacts& facts, const std::vector<PluginFile>& libraries) {
  const std::string plugin = id_of("Package", facts.id);
  json::object described = package(plugin, facts.id, facts.version, facts.summary);
  described["licenseDeclared"] = facts.licence;
  json::array packages{std::move(described)};
  json::array files;
  json::array relations{related("SPDXRef-DOCUMENT", "DESCRIBES", plugin)};
  std::set<std::string> known;
  const auto add = [&](std::string_view kind, std::string_view name, std::string_view version,
                       std::string_view comment, std::string_view how, const std::string& of) {
    const std::string id =
        id_of(kind, fmt::format("{}{}{}", name, version.empty() ? "" : "-", version));
    if (known.insert(id).second) packages.push_back(package(id, name, version, comment));
    if (how.ends_with("_OF")) {
      relations.push_back(related(id, how, of));
    } else {
      relations.push_back(related(of, how, id));
    }
  };
  std::string all_hashes;
  for (const BundleTarget& target : facts.targets) {
    const auto library = std::ranges::find(libraries, target.sha256, &PluginFile::sha256);
    const std::string file = id_of("File", target.library);
    all_hashes += target.sha256;
    files.push_back(json::object{{"SPDXID", file},
                                 {"fileName", "./" + target.library},
                                 {"fileTypes", json::array{"BINARY"}},
                                 {"checksums", checksums(target.sha256)},
                                 {"licenseConcluded", unknown},
                                 {"licenseInfoInFiles", json::array{unknown}},
                                 {"copyrightText", unknown}});
    relations.push_back(related(plugin, "CONTAINS", file));
    if (library == libraries.end()) continue;
    for (const std::string& needed : library->elf.needed) {
      const std::string floor = needed.starts_with("libc.so") ? floor_of("GLIBC_", target.glibc)
                                : needed.starts_with("libstdc++.")
                                    ? floor_of("GLIBCXX_", target.glibcxx)
                                    : std::string();
      add("Library", needed, {}, floor, "DYNAMIC_LINK", file);
    }
    const Toolchain& toolchain = library->manifest.toolchain;
    if (!toolchain.compiler.empty()) {
      const std::size_t blank = toolchain.compiler.rfind(' ');
      const bool has_version = blank != std::string::npos;
      add("Compiler", toolchain.compiler.substr(0, blank),
          has_version ? toolchain.compiler.substr(blank + 1) : std::string(), {}, "BUILD_TOOL_OF",
          file);
    }
    if (!toolchain.sdk.empty()) {
      add("SDK", "gantry-sdk", toolchain.sdk, "headers, compiled in", "BUILD_DEPENDENCY_OF", file);
    }
  }
  // SPDX wants a time; nothing in a bundle has one, so that it can be made again to the bit.
  return json_text(json::object{
      {"spdxVersion", "SPDX-2.3"},
      {"dataLicense", "CC0-1.0"},
      {"SPDXID", "SPDXRef-DOCUMENT"},
      {"name", fmt::format("{}-{}", facts.id, facts.version)},
      {"documentNamespace", fmt::format("urn:gantry:sbom:{}:{}:{}", facts.id, facts.version,
                                        sha256_of(bytes_of(all_hashes)))},
      {"creationInfo",
       json::object{{"created", "1970-01-01T00:00:00Z"},
                    {"creators", json::array{fmt::format("Tool: gantry-{}", version_text)}}}},
      {"packages", std::move(packages)},
      {"files", std::move(files)},
      {"relationships", std::move(relations)}});
}

}  // namespace gantry::host::bundle
