#include "host/config/table_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "host/config/address.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::config {
namespace {

constexpr std::size_t name_bytes_max = 64;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

// Sections and the file they belong to, for one that stands in the wrong file.
constexpr std::pair<std::string_view, std::string_view> homes[] = {
    {"chain", "gantry.toml"},
    {"market", "gantry.toml"},
    {"wallet", "gantry.toml"},
    {"risk", "gantry.toml"},
    {"plugins", "gantry.toml"},
    {"street", "gantry.toml"},
    {"log", "gantry.toml"},
    {"api", "gantry.toml"},
    {"paymaster", "gantry.toml"},
    {"key", "keys.toml"},
    {"revoked", "keys.toml"},
    {"dex", "dex_config.toml"},
    {"strategies", "strategies.toml"},
    {"strategy_priorities", "strategies.toml"}};

std::string in_toml(std::string_view text) { return fmt::format("\"{}\"", mask_keys(text)); }

}  // namespace

std::string TableReader::full(std::string_view key) const {
  if (path_.empty()) return std::string(key);
  return key.empty() ? path_ : fmt::format("{}.{}", path_, key);
}

const Member* TableReader::take(std::string_view key) {
  if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
  return table_.find(key);
}

void TableReader::record(std::string_view key, std::string_view value, std::string_view unit,
                         std::string_view help, const Member* member, bool of_plugin) {
  EffectiveKey entry{.path = host::printable(full(key)),
                     .value = host::printable(value),
                     .unit = host::printable(unit),
                     .help = host::printable(help),
                     .file = member != nullptr ? host::printable(document_.file) : std::string(),
                     .line = member != nullptr ? member->value.place.at.line : 0,
                     .of_plugin = of_plugin};
  // A key of the host's that the plugin declares too is one key; the plugin's default shows.
  const auto same = std::ranges::find(loading_.keys, entry.path, &EffectiveKey::path);
  if (same != loading_.keys.end()) {
    if (member == nullptr) *same = std::move(entry);
    return;
  }
  loading_.keys.push_back(std::move(entry));
}

void TableReader::fault(Severity severity, Place place, std::string_view key,
                        const Problem& problem) {
  if (severity == Severity::error) faulty_.emplace_back(key);
  const std::string name = full(key);
  loading_.diagnostics.add(severity, document_, place, name,
                           name.empty() ? problem.message : name + " " + problem.message,
                           problem.expected, problem.suggestion, problem.variable);
}

bool TableReader::is_faulty(std::string_view key) const {
  return std::ranges::find(faulty_, key) != faulty_.end();
}

std::optional<ParameterValue> TableReader::value(const Field& field, ParameterType type,
                                                 const Member*& member,
                                                 std::vector<std::string> choices) {
  member = take(field.key);
  if (member == nullptr) return std::nullopt;
  ParameterSchema schema{.name = std::string(field.key),
                         .type = type,
                         .default_value = std::nullopt,
                         .unit = std::string(field.unit),
                         .min = std::nullopt,
                         .max = std::nullopt,
                         .choices = std::move(choices),
                         .required = false,
                         .help = {}};
  if (type == ParameterType::integer || type == ParameterType::number) {
    schema.min = field.min;
    schema.max = field.max;
  }
  auto converted = convert(member->value, schema);
  if (converted) return std::move(*converted);
  fault(Severity::error, member->value.place, field.key, converted.error());
  return std::nullopt;
}

void TableReader::boolean(const Field& field, bool& out) {
  const Member* member = nullptr;
  if (const auto got = value(field, ParameterType::boolean, member)) out = std::get<bool>(*got);
  record(field.key, out ? "true" : "false", field.unit, field.help, member, false);
}

void TableReader::integer(const Field& field, std::int64_t& out) {
  const Member* member = nullptr;
  if (const auto got = value(field, ParameterType::integer, member)) {
    out = std::get<std::int64_t>(*got);
  }
  record(field.key, std::to_string(out), field.unit, field.help, member, false);
}

void TableReader::integer(const Field& field, std::optional<std::int64_t>& out) {
  const Member* member = nullptr;
  if (const auto got = value(field, ParameterType::integer, member)) {
    out = std::get<std::int64_t>(*got);
  }
  record(field.key, out ? std::to_string(*out) : "not set", field.unit, field.help, member, false);
}

void TableReader::number(const Field& field, double& out) {
  const Member* member = nullptr;
  if (const auto got = value(field, ParameterType::number, member)) out = std::get<double>(*got);
  record(field.key, fmt::format("{}", out), field.unit, field.help, member, false);
}

void TableReader::text(const Field& field, std::string& out) {
  const Member* member = nullptr;
  if (auto got = value(field, ParameterType::string, member)) {
    out = std::move(std::get<std::string>(*got));
  }
  record(field.key, in_toml(out), field.unit, field.help, member, false);
}

void TableReader::path(const Field& field, std::filesystem::path& out) {
  const Member* member = nullptr;
  if (const auto got = value(field, ParameterType::string, member)) {
    const auto& text = std::get<std::string>(*got);
    if (!text.empty()) out = (document_.folder / text).lexically_normal();
  }
  record(field.key, in_toml(out.string()), field.unit, field.help, member, false);
}

void TableReader::paths(const Field& field, std::vector<std::filesystem::path>& out) {
  const Member* member = take(field.key);
  const Problem list_wanted{{}, "a list of texts, as [\"../plugins\"]", {}};
  if (member != nullptr && member->value.kind != Node::Kind::list) {
    Problem problem = list_wanted;
    problem.message = "is " + describe(member->value);
    if (member->value.kind == Node::Kind::text) {
      problem.suggestion = fmt::format("[{}]", in_quotes(member->value.text));
    }
    fault(Severity::error, member->value.place, field.key, problem);
  } else if (member != nullptr) {
    out.clear();
    for (const Node& item : member->value.items) {
      if (item.kind == Node::Kind::text && !item.text.empty()) {
        out.push_back((document_.folder / item.text).lexically_normal());
        continue;
      }
      Problem problem = list_wanted;
      problem.message = "holds " + describe(item);
      fault(Severity::error, item.place, field.key, problem);
    }
  }
  std::vector<std::string> shown;
  for (const auto& each : out) shown.push_back(in_toml(each.string()));
  record(field.key, fmt::format("[{}]", fmt::join(shown, ", ")), field.unit, field.help, member,
         false);
}

void TableReader::words(const Field& field, std::string_view example,
                        const std::function<std::optional<std::string>(std::string_view)>& fault_of,
                        std::optional<std::vector<std::string>>& out) {
  const Member* member = take(field.key);
  const std::string wanted = fmt::format("a list of texts, as {}", example);
  std::vector<std::string> shown;
  if (member != nullptr && member->value.kind != Node::Kind::list) {
    fault(
        Severity::error, member->value.place, field.key,
        {"is " + describe(member->value), wanted,
         member->value.kind == Node::Kind::text ? fmt::format("[{}]", in_quotes(member->value.text))
                                                : std::string()});
  } else if (member != nullptr) {
    out.emplace();
    for (const Node& item : member->value.items) {
      auto wrong = item.kind == Node::Kind::text ? fault_of(item.text) : "holds " + describe(item);
      if (wrong) {
        fault(Severity::error, item.place, field.key, {std::move(*wrong), wanted, {}});
        continue;
      }
      out->push_back(item.text);
      shown.push_back(in_toml(item.text));
    }
  }
  record(field.key, out ? fmt::format("[{}]", fmt::join(shown, ", ")) : "not set", field.unit,
         field.help, member, false);
}

namespace {
Problem no_address(const Node& node, std::string_view chain, std::string_view reason) {
  return {fmt::format("is {}{}{}", describe(node), reason.empty() ? "" : ": it ", reason),
          chain.starts_with("solana:") ? "an address: base58 of 32 bytes, in quotes"
                                       : "an address: 0x and 40 hex digits, in quotes",
          {}};
}
}  // namespace

void TableReader::address(const Field& field, std::string_view chain, gantry_address& out) {
  const Member* member = take(field.key);
  if (member != nullptr && member->value.kind != Node::Kind::text) {
    fault(Severity::error, member->value.place, field.key, no_address(member->value, chain, ""));
  } else if (member != nullptr && !member->value.text.empty()) {
    const auto parsed = parse_address(member->value.text, chain);
    if (parsed) {
      out = *parsed;
    } else {
      fault(Severity::error, member->value.place, field.key,
            no_address(member->value, chain, parsed.error()));
    }
  }
  record(field.key, fmt::format("\"{}\"", address_to_text(out)), field.unit, field.help, member,
         false);
}

void TableReader::addresses(const Field& field, std::string_view chain,
                            std::vector<gantry_address>& out) {
  const Member* member = take(field.key);
  if (member != nullptr && member->value.kind != Node::Kind::list) {
    Problem problem = no_address(member->value, chain, "");
    problem.expected = "a list of addresses in brackets";
    fault(Severity::error, member->value.place, field.key, problem);
  } else if (member != nullptr) {
    for (const Node& item : member->value.items) {
      const auto parsed = item.kind == Node::Kind::text
                              ? parse_address(item.text, chain)
                              : std::unexpected(std::string("is no text"));
      if (parsed) {
        out.push_back(*parsed);
      } else {
        fault(Severity::error, item.place, field.key, no_address(item, chain, parsed.error()));
      }
    }
  }
  std::vector<std::string> shown;
  for (const auto& each : out) shown.push_back(fmt::format("\"{}\"", address_to_text(each)));
  record(field.key, fmt::format("[{}]", fmt::join(shown, ", ")), field.unit, field.help, member,
         false);
}

void TableReader::url(const Field& field, TemplatedUrl& out, bool in_use,
                      const Environment& environment) {
  const Member* member = nullptr;
  if (const auto got = value(field, ParameterType::string, member)) {
    const auto& text = std::get<std::string>(*got);
    static constexpr std::string_view schemes[] = {"https://", "http://", "wss://", "ws://", "${"};
    if (std::ranges::none_of(schemes, [&](std::string_view s) { return text.starts_with(s); })) {
      fault(Severity::error, member->value.place, field.key,
            {fmt::format("is {}", describe(member->value)),
             "a URL that begins with https://, http://, wss:// or ws://",
             {}});
    } else {
      out = *TemplatedUrl::parse(text);  // convert() has parsed it already
    }
    for (const std::string& variable : out.variables()) {
      const auto set = environment(variable);
      if (!in_use || variable == chain_variable || (set && !set->empty())) continue;
      fault(Severity::warning, member->value.place, field.key,
            {fmt::format("needs the environment variable {}, which is not set", variable),
             fmt::format("set {} before the start; until then this is not used", variable),
             {},
             variable});
    }
  }
  record(field.key, in_toml(out.text()), field.unit, field.help, member, false);
}

std::optional<std::size_t> TableReader::choice_index(const Field& field,
                                                     std::vector<std::string> names,
                                                     std::string current) {
  const Member* member = nullptr;
  const auto got = value(field, ParameterType::choice, member, names);
  if (got) current = std::get<std::string>(*got);
  record(field.key, in_toml(current), field.unit, field.help, member, false);
  if (!got) return std::nullopt;
  return static_cast<std::size_t>(std::ranges::find(names, current) - names.begin());
}

bool TableReader::name(const Field& field, std::string& out) {
  static constexpr std::string_view wanted =
      "a text of 1 to 64 letters, digits, '_', '-' and '.', in quotes";
  const Member* member = take(field.key);
  if (member == nullptr) {
    fault(Severity::error, table_.place, field.key, {"is missing", std::string(wanted), {}});
    return false;
  }
  if (member->value.kind != Node::Kind::text || !is_name(member->value.text)) {
    fault(Severity::error, member->value.place, field.key,
          {fmt::format("is {}", describe(member->value)), std::string(wanted), {}});
    return false;
  }
  out = member->value.text;
  return true;
}

const Member* TableReader::take_section(std::string_view key) {
  if (const Member* member = take(key)) return member;
  // A misspelt header is an error of its own; what stands below it is checked all the same.
  std::vector<std::string> sections;
  for (const auto& [section, file] : homes) {
    if (path_.empty()) sections.emplace_back(section);
  }
  if (!path_.empty()) sections.emplace_back(key);
  for (const Member& member : table_.members) {
    const bool is_section =
        member.value.kind == Node::Kind::table || member.value.kind == Node::Kind::list;
    if (is_section && std::ranges::find(sections, member.key) == sections.end() &&
        nearest(member.key, sections) == key) {
      return &member;
    }
  }
  return nullptr;
}

std::vector<const Node*> TableReader::tables(std::string_view key) {
  const Member* member = take_section(key);
  if (member == nullptr) return {};
  std::vector<const Node*> found;
  if (member->value.kind != Node::Kind::list) {
    // As it is written: the path also has the name of the table that it is below.
    const std::string header = path_.empty()
                                   ? std::string(key)
                                   : fmt::format("{}.{}", path_.substr(0, path_.find('.')), key);
    fault(Severity::error, member->key_place, key,
          {fmt::format("is {}, and not a list of tables", describe(member->value)),
           fmt::format("a header in double brackets, [[{}]], before each", header),
           member->value.kind == Node::Kind::table ? fmt::format("[[{}]]", header) : ""});
    return {};
  }
  for (const Node& item : member->value.items) {
    if (item.kind == Node::Kind::table) {
      found.push_back(&item);
    } else {
      fault(Severity::error, item.place, key,
            {fmt::format("holds {}, and not a table", describe(item)),
             fmt::format("a header in double brackets, [[{}]], before each", full(key)),
             {}});
    }
  }
  return found;
}

const Node& TableReader::table(std::string_view key) {
  const Member* member = take_section(key);
  if (member == nullptr) return loading_.no_table;
  if (member->value.kind == Node::Kind::table) return member->value;
  fault(Severity::error, member->key_place, key,
        {fmt::format("is {}, and not a table", describe(member->value)),
         fmt::format("one header in brackets, [{}], with its keys below", full(key)),
         member->value.kind == Node::Kind::list ? fmt::format("[{}]", full(key)) : ""});
  return loading_.no_table;
}

std::vector<const Member*> TableReader::not_taken() const {
  std::vector<const Member*> left;
  for (const Member& member : table_.members) {
    if (std::ranges::find(known_, member.key) == known_.end()) left.push_back(&member);
  }
  return left;
}

void TableReader::refuse_unknown(const std::vector<std::string>& others) {
  std::vector<std::string> known = known_;
  for (const std::string& other : others) {
    if (std::ranges::find(known, other) == known.end()) known.push_back(other);
  }
  for (const Member* member : not_taken()) {
    if (std::ranges::find(known, member->key) != known.end()) continue;
    const bool is_table =
        member->value.kind == Node::Kind::table || member->value.kind == Node::Kind::list;
    const std::string name = in_quotes(member->key);
    std::string message = fmt::format(
        "unknown {} {}{}", path_.empty() && is_table ? "table" : "key",
        name.substr(1, name.size() - 2), path_.empty() ? "" : fmt::format(" in {}", path_));
    const auto* home = std::ranges::find(homes, member->key,
                                         [](const auto& pair) { return std::string(pair.first); });
    if (path_.empty() && home != std::end(homes)) {
      message += fmt::format(": it belongs in {}", home->second);
    }
    loading_.diagnostics.add(Severity::error, document_, member->key_place, full(member->key),
                             std::move(message), fmt::format("one of {}", fmt::join(known, ", ")),
                             nearest(member->key, known));
  }
}

}  // namespace gantry::host::config
