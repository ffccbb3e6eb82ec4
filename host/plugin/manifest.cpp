#include "host/plugin/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace gantry::host {
namespace {

namespace json = boost::json;

constexpr std::size_t text_bytes_max = 512;

// Reads one manifest; the first fault is kept and ends it.
class ManifestReader {
 public:
  explicit ManifestReader(std::string_view file) : file_(file) {}

  Result<Manifest> read(const json::object& root);

 private:
  std::unexpected<Error> bad(std::string_view where, std::string_view reason) const {
    return fail(
        ErrorKind::format,
        fmt::format("{}: its manifest is wrong: {} {}. Correct plugin.json and build again.", file_,
                    where, reason));
  }
  Result<std::string> text(const json::object& from, std::string_view where, const char* key,
                           bool required) const;
  Result<ParameterSchema> parameter(const json::value& value, std::size_t index) const;
  Status constraints(const json::object& from, const std::string& where,
                     ParameterSchema& schema) const;
  Status defaults(const json::object& from, const std::string& where,
                  ParameterSchema& schema) const;

  std::string_view file_;
};

bool is_word(std::string_view text) {  // snake_case
  if (text.empty() || text.size() > 64 || text[0] < 'a' || text[0] > 'z') return false;
  return std::ranges::all_of(
      text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.size() <= 9 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Words joined by dots, at least `parts_min` of them.
bool is_dotted(std::string_view text, std::size_t parts_min, bool (*is_part)(std::string_view)) {
  std::size_t parts = 0;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_part(text.substr(0, dot))) return false;
    ++parts;
    if (dot == std::string_view::npos) return parts >= parts_min;
    text.remove_prefix(dot + 1);
  }
}

bool is_id_part(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool is_version(std::string_view text) {
  const std::string_view core = text.substr(0, text.find_first_of("-+"));
  return is_dotted(core, 3, is_digits) && std::ranges::count(core, '.') == 2 && text.size() <= 64;
}

bool is_interface(std::string_view text) {
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && is_dotted(text.substr(0, slash), 2, is_id_part) &&
         is_digits(text.substr(slash + 1));
}

// Control characters would reach the operator's terminal.
bool is_one_line(std::string_view text) {
  return text.size() <= text_bytes_max && std::ranges::none_of(text, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

std::optional<PluginKind> kind_of(std::string_view text) {
  for (const PluginKind kind : {PluginKind::dex, PluginKind::strategy, PluginKind::paymaster}) {
    if (to_string(kind) == text) return kind;
  }
  return std::nullopt;
}

std::optional<ParameterType> type_of(std::string_view text) {
  for (const ParameterType type :
       {ParameterType::boolean, ParameterType::integer, ParameterType::number,
        ParameterType::string, ParameterType::choice, ParameterType::secret,
        ParameterType::amount}) {
    if (to_string(type) == text) return type;
  }
  return std::nullopt;
}

// The JSON value as a value of that type; nullopt where it is of another.
std::optional<ParameterValue> value_as(ParameterType type, const json::value& value) {
  switch (type) {
    case ParameterType::boolean:
      if (value.is_bool()) return value.get_bool();
      return std::nullopt;
    case ParameterType::integer:
      if (value.is_int64()) return value.get_int64();
      return std::nullopt;
    case ParameterType::number:
      if (value.is_int64()) return static_cast<double>(value.get_int64());
      if (value.is_double() && std::isfinite(value.get_double())) return value.get_double();
      return std::nullopt;
    case ParameterType::string:
    case ParameterType::choice:
    case ParameterType::secret:
      if (value.is_string()) return std::string(value.get_string());
      return std::nullopt;
    case ParameterType::amount: {
      std::optional<gantry_amount> amount;
      if (value.is_string()) amount = parse_amount(value.get_string());
      if (value.is_int64() && value.get_int64() >= 0) {
        amount = parse_amount(std::to_string(value.get_int64()));
      }
      if (amount) return *amount;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

Result<std::string> ManifestReader::text(const json::object& from, std::string_view where,
                                         const char* key, bool required) const {
  const json::value* value = from.if_contains(key);
  if (value == nullptr && !required) return std::string();
  if (value == nullptr) return bad(where, fmt::format("has no \"{}\"", key));
  if (!value->is_string()) return bad(where, fmt::format("has a \"{}\" that is no text", key));
  std::string text(value->get_string());
  if (required && text.empty()) return bad(where, fmt::format("has an empty \"{}\"", key));
  if (!is_one_line(text)) {
    return bad(where, fmt::format("has a \"{}\" that is not one printable line of at most {} bytes",
                                  key, text_bytes_max));
  }
  return text;
}

Result<Manifest> ManifestReader::read(const json::object& root) {
  Manifest manifest;
  std::string kind;
  const std::pair<const char*, std::string*> texts[] = {
      {"id", &manifest.id}, {"name", &manifest.name},       {"version", &manifest.version},
      {"kind", &kind},      {"licence", &manifest.licence}, {"summary", &manifest.summary}};
  for (const auto& [key, target] : texts) {
    auto read = text(root, "it", key, target != &manifest.summary);
    if (!read) return std::unexpected(std::move(read.error()));
    *target = std::move(*read);
  }
  if (!is_dotted(manifest.id, 2, is_id_part)) {
    return bad("its id", "is not a reverse domain name, as org.example.my_dex");
  }
  if (!is_word(manifest.name)) return bad("its name", "is not snake_case of at most 64 letters");
  if (!is_version(manifest.version)) return bad("its version", "is not major.minor.patch");
  const auto known_kind = kind_of(kind);
  if (!known_kind) {
    return bad("its kind",
               fmt::format("is \"{}\", and not dex, strategy or paymaster", kind.substr(0, 64)));
  }
  manifest.kind = *known_kind;

  const json::value* interfaces = root.if_contains("interfaces");
  if (interfaces == nullptr || !interfaces->is_array() || interfaces->get_array().empty()) {
    return bad("it", "has no list of \"interfaces\"");
  }
  for (const json::value& interface : interfaces->get_array()) {
    if (!interface.is_string() || !is_interface(interface.get_string())) {
      return bad("it", "has an interface that is not written as gantry.dex/1");
    }
    manifest.interfaces.emplace_back(interface.get_string());
  }

  if (const json::value* toolchain = root.if_contains("toolchain")) {
    if (!toolchain->is_object()) return bad("its toolchain", "is no object");
    const std::pair<const char*, std::string*> parts[] = {
        {"compiler", &manifest.toolchain.compiler},
        {"stdlib", &manifest.toolchain.stdlib},
        {"sdk", &manifest.toolchain.sdk}};
    for (const auto& [key, target] : parts) {
      auto read = text(toolchain->get_object(), "its toolchain", key, false);
      if (!read) return std::unexpected(std::move(read.error()));
      *target = std::move(*read);
    }
  }

  const json::value* parameters = root.if_contains("parameters");
  if (parameters == nullptr) return manifest;
  if (!parameters->is_array()) return bad("its parameters", "are no list");
  if (parameters->get_array().size() > manifest_parameters_max) {
    return bad("its parameters", fmt::format("are more than {}", manifest_parameters_max));
  }
  for (const json::value& value : parameters->get_array()) {
    auto schema = parameter(value, manifest.parameters.size());
    if (!schema) return std::unexpected(std::move(schema.error()));
    if (manifest.find_parameter(schema->name) != nullptr) {
      return bad("parameter", fmt::format("{} is there twice", schema->name));
    }
    manifest.parameters.push_back(std::move(*schema));
  }
  return manifest;
}

Result<ParameterSchema> ManifestReader::parameter(const json::value& value,
                                                  std::size_t index) const {
  std::string where = fmt::format("parameter {}", index + 1);
  if (!value.is_object()) return bad(where, "is no object");
  const json::object& from = value.get_object();
  ParameterSchema schema;
  auto name = text(from, where, "name", true);
  if (!name) return std::unexpected(std::move(name.error()));
  schema.name = std::move(*name);
  if (!is_word(schema.name)) return bad(where, "has a name that is not snake_case");
  where = fmt::format("parameter {}", schema.name);

  static constexpr std::string_view known[] = {"name", "type",    "default",  "unit", "min",
                                               "max",  "choices", "required", "help"};
  for (const auto& member : from) {
    if (std::ranges::find(known, std::string_view(member.key())) == std::end(known)) {
      return bad(where,
                 "has a member that is none of name, type, default, unit, min, max, "
                 "choices, required, help");
    }
  }
  auto type = text(from, where, "type", true);
  if (!type) return std::unexpected(std::move(type.error()));
  const auto known_type = type_of(*type);
  if (!known_type) {
    return bad(where,
               "has a type that is none of boolean, integer, number, string, enum, secret, "
               "amount");
  }
  schema.type = *known_type;
  for (const auto& [key, target] : {std::pair{"unit", &schema.unit}, {"help", &schema.help}}) {
    auto read = text(from, where, key, false);
    if (!read) return std::unexpected(std::move(read.error()));
    *target = std::move(*read);
  }
  if (const json::value* required = from.if_contains("required")) {
    if (!required->is_bool()) return bad(where, "has a \"required\" that is not true or false");
    schema.required = required->get_bool();
  }
  if (auto read = constraints(from, where, schema); !read) {
    return std::unexpected(std::move(read.error()));
  }
  if (auto read = defaults(from, where, schema); !read) {
    return std::unexpected(std::move(read.error()));
  }
  return schema;
}

Status ManifestReader::constraints(const json::object& from, const std::string& where,
                                   ParameterSchema& schema) const {
  const bool ranged = schema.type == ParameterType::integer ||
                      schema.type == ParameterType::number || schema.type == ParameterType::amount;
  for (const auto& [key, target] : {std::pair{"min", &schema.min}, {"max", &schema.max}}) {
    const json::value* bound = from.if_contains(key);
    if (bound == nullptr) continue;
    if (!ranged) return bad(where, fmt::format("has a \"{}\", but its type has no order", key));
    const auto number = value_as(ParameterType::number, *bound);
    if (!number) return bad(where, fmt::format("has a \"{}\" that is no number", key));
    *target = std::get<double>(*number);
  }
  if (schema.min && schema.max && *schema.min > *schema.max) {
    return bad(where, "has a min above its max");
  }
  const json::value* choices = from.if_contains("choices");
  if ((choices != nullptr) != (schema.type == ParameterType::choice)) {
    return bad(where, "must have \"choices\" if it is an enum, and only then");
  }
  if (choices == nullptr) return {};
  if (!choices->is_array() || choices->get_array().empty()) {
    return bad(where, "has \"choices\" that are no list of texts");
  }
  for (const json::value& choice : choices->get_array()) {
    if (!choice.is_string() || choice.get_string().empty() || !is_one_line(choice.get_string())) {
      return bad(where, "has \"choices\" that are no list of texts");
    }
    schema.choices.emplace_back(choice.get_string());
  }
  return {};
}

Status ManifestReader::defaults(const json::object& from, const std::string& where,
                                ParameterSchema& schema) const {
  const json::value* value = from.if_contains("default");
  if (value == nullptr) {
    // An instance gets a value for every parameter of its manifest.
    if (schema.required || schema.type == ParameterType::secret) return {};
    return bad(where, "has no default and is not required");
  }
  if (schema.type == ParameterType::secret) return bad(where, "is a secret and has a default");
  if (schema.required) return bad(where, "is required and has a default");
  schema.default_value = value_as(schema.type, *value);
  if (!schema.default_value) return bad(where, "has a default of another type");
  if (const auto* text = std::get_if<std::string>(&*schema.default_value);
      text != nullptr && !is_one_line(*text)) {
    return bad(where, "has a default that is not one printable line");
  }
  if (const auto reason = out_of_schema(schema, *schema.default_value)) {
    return bad(where, fmt::format("has a default that {}", *reason));
  }
  return {};
}

}  // namespace

const ParameterSchema* Manifest::find_parameter(std::string_view wanted) const {
  const auto at = std::ranges::find(parameters, wanted, &ParameterSchema::name);
  return at == parameters.end() ? nullptr : &*at;
}

Result<Manifest> parse_manifest_json(std::string_view text, std::string_view file) {
  const auto bad = [&](std::string_view reason) {
    return fail(
        ErrorKind::format,
        fmt::format("{}: its manifest {}. Correct plugin.json and build again.", file, reason));
  };
  if (text.size() > manifest_bytes_max) return bad("is too long");
  json::parse_options options;
  options.max_depth = 8;
  json::error_code error;
  const json::value root = json::parse(text, error, {}, options);
  if (error) return bad(fmt::format("is no JSON ({})", error.message()));
  if (!root.is_object()) return bad("is no JSON object");
  return ManifestReader(file).read(root.get_object());
}

Result<Manifest> parse_manifest_section(std::span<const std::byte> section, std::string_view file) {
  const auto bad = [&](std::string reason) {
    return fail(ErrorKind::format,
                fmt::format("{}: its section {} {}. Build it with gantry_add_plugin.", file,
                            manifest_section, reason));
  };
  constexpr std::size_t header_size = manifest_magic.size() + sizeof(std::uint32_t);
  if (section.size() < header_size) return bad("is too short");
  if (std::memcmp(section.data(), manifest_magic.data(), manifest_magic.size()) != 0) {
    return bad(fmt::format("does not begin with {}", manifest_magic));
  }
  std::uint32_t length = 0;
  for (unsigned i = 0; i < 4; ++i) {
    length |= std::to_integer<std::uint32_t>(section[manifest_magic.size() + i]) << (8 * i);
  }
  if (length > manifest_bytes_max || length > section.size() - header_size) {
    return bad(
        fmt::format("says it holds {} bytes, and has {}", length, section.size() - header_size));
  }
  const auto text = section.subspan(header_size, length);
  return parse_manifest_json({reinterpret_cast<const char*>(text.data()), text.size()}, file);
}

}  // namespace gantry::host
