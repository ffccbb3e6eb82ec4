// What a bundle says of itself: made from its libraries, as JSON and back.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "host/bundle/bundle.hpp"
#include "host/report/json_text.hpp"

namespace gantry::host::bundle {
namespace {

namespace json = boost::json;

constexpr std::size_t texts_max = 64;  // of a list

std::string library_name(std::string_view triple, std::string_view name) {
  return fmt::format("lib/{}/{}.so", triple, name);
}

// Why two libraries cannot be one plugin; empty: they can.
std::string_view difference(const Manifest& a, const Manifest& b) {
  if (a.id != b.id) return "id";
  if (a.name != b.name) return "name";
  if (a.version != b.version) return "version";
  if (a.kind != b.kind) return "kind";
  if (a.interfaces != b.interfaces) return "interfaces";
  if (a.licence != b.licence) return "licence";
  if (a.summary != b.summary) return "summary";
  if (a.toolchain.sdk != b.toolchain.sdk) return "SDK";
  if (schema_json(a) != schema_json(b)) return "parameters";
  return {};
}

class FactsReader {
 public:
  explicit FactsReader(const json::object& from) : from_(from) {}

  void text(const char* key, std::string& out) {
    const json::value* value = from_.if_contains(key);
    if (value == nullptr || !value->is_string() || value->get_string().size() > 4096) {
      return fault(key, "text");
    }
    out = value->get_string();
  }
  void number(const char* key, std::uint64_t& out) {
    const json::value* value = from_.if_contains(key);
    if (value == nullptr || !value->is_int64() || value->get_int64() < 0) {
      return fault(key, "whole number");
    }
    out = static_cast<std::uint64_t>(value->get_int64());
  }
  const json::array& list(const char* key) {
    static const json::array none;
    const json::value* value = from_.if_contains(key);
    if (value != nullptr && value->is_array() && value->get_array().size() <= texts_max) {
      return value->get_array();
    }
    fault(key, "short list");
    return none;
  }
  void fault(std::string_view key, std::string_view wanted) {
    if (fault_.empty()) fault_ = fmt::format("has no {} that is a {}", key, wanted);
  }
  const std::string& fault() const { return fault_; }

 private:
  const json::object& from_;
  std::string fault_;
};

}  // namespace

std::string_view triple_of(std::string_view machine) {
  if (machine == "x86-64") return "x86_64-linux-gnu";
  if (machine == "aarch64") return "aarch64-linux-gnu";
  return {};
}

Result<BundleFacts> facts_of(const std::vector<PluginFile>& libraries) {
  if (libraries.empty()) return fail(ErrorKind::usage, "a bundle needs a library");
  const PluginFile& first = libraries.front();
  const Manifest& manifest = first.manifest;
  BundleFacts facts{.id = manifest.id,
                    .name = manifest.name,
                    .version = manifest.version,
                    .kind = std::string(to_string(manifest.kind)),
                    .interfaces = manifest.interfaces,
                    .licence = manifest.licence,
                    .summary = manifest.summary,
                    .sdk = manifest.toolchain.sdk,
                    .targets = {}};
  for (const PluginFile& file : libraries) {
    const std::string path = file.path.string();
    const auto bad = [&](std::string_view reason) {
      return fail(ErrorKind::format, fmt::format("{}: {}", path, reason));
    };
    if (const auto word = difference(manifest, file.manifest); !word.empty()) {
      return bad(fmt::format("has another {} than {}: a bundle holds one version of one plugin",
                             word, first.path.string()));
    }
    if (!file.exports_entry()) {
      return bad(
          fmt::format("does not export {}: build it with gantry_add_plugin", plugin_entry_symbol));
    }
    const std::string triple(triple_of(file.elf.machine));
    if (triple.empty()) return bad("is built for a machine that no host runs on");
    if (std::ranges::find(facts.targets, triple, &BundleTarget::triple) != facts.targets.end()) {
      return bad(fmt::format("is a second library for {}", triple));
    }
    facts.targets.push_back({.triple = triple,
                             .library = library_name(triple, manifest.name),
                             .sha256 = file.sha256,
                             .size_bytes = file.size_bytes,
                             .glibc = file.elf.glibc,
                             .glibcxx = file.elf.glibcxx});
  }
  std::ranges::sort(facts.targets, {}, &BundleTarget::triple);
  return facts;
}

std::string facts_to_json(const BundleFacts& facts) {
  json::array targets;
  for (const BundleTarget& target : facts.targets) {
    targets.push_back({{"triple", target.triple},
                       {"library", target.library},
                       {"sha256", target.sha256},
                       {"size_bytes", static_cast<std::int64_t>(target.size_bytes)},
                       {"glibc", target.glibc},
                       {"glibcxx", target.glibcxx}});
  }
  return json_text(json::object{{"format", bundle_format},
                                {"id", facts.id},
                                {"name", facts.name},
                                {"version", facts.version},
                                {"kind", facts.kind},
                                {"interfaces", json::value_from(facts.interfaces)},
                                {"licence", facts.licence},
                                {"summary", facts.summary},
                                {"sdk", facts.sdk},
                                {"targets", std::move(targets)}});
}

Result<BundleFacts> parse_facts_json(std::string_view text, std::string_view name) {
  const auto bad = [&](std::string_view reason) {
    return fail(ErrorKind::format, fmt::format("{}: its {} {}.", name, facts_name, reason));
  };
  json::parse_options options;
  options.max_depth = 8;
  json::error_code error;
  const json::value root = json::parse(text, error, {}, options);
  if (error || !root.is_object()) return bad("is no JSON object");
  FactsReader reader(root.get_object());
  std::uint64_t format = 0;
  reader.number("format", format);
  if (reader.fault().empty() && format != static_cast<std::uint64_t>(bundle_format)) {
    return bad(
        fmt::format("has format {}, this host reads {}. Install a newer host, or a bundle "
                    "packed for this one",
                    format, bundle_format));
  }
  BundleFacts facts;
  for (const auto& [key, target] : {std::pair{"id", &facts.id},
                                    {"name", &facts.name},
                                    {"version", &facts.version},
                                    {"kind", &facts.kind},
                                    {"licence", &facts.licence},
                                    {"summary", &facts.summary},
                                    {"sdk", &facts.sdk}}) {
    reader.text(key, *target);
  }
  for (const json::value& interface : reader.list("interfaces")) {
    if (!interface.is_string()) return bad("has an interface that is no text");
    facts.interfaces.emplace_back(interface.get_string());
  }
  for (const json::value& each : reader.list("targets")) {
    if (!each.is_object()) return bad("has a target that is no object");
    FactsReader of_target(each.get_object());
    BundleTarget target;
    of_target.number("size_bytes", target.size_bytes);
    for (const auto& [key, field] : {std::pair{"triple", &target.triple},
                                     {"library", &target.library},
                                     {"sha256", &target.sha256},
                                     {"glibc", &target.glibc},
                                     {"glibcxx", &target.glibcxx}}) {
      of_target.text(key, *field);
    }
    if (!of_target.fault().empty()) return bad("has a target that " + of_target.fault());
    facts.targets.push_back(std::move(target));
  }
  if (!reader.fault().empty()) return bad(reader.fault());
  return facts;
}

std::string schema_json(const Manifest& manifest) {
  json::error_code error;
  const json::value whole = json::parse(manifest_to_json(manifest), error);
  return json_text(json::object{{"parameters", whole.as_object().at("parameters")}});
}

}  // namespace gantry::host::bundle
