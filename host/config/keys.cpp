#include "host/config/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "host/config/document.hpp"
#include "host/config/table_reader.hpp"

namespace gantry::host {
namespace {

using config::Member;
using config::Node;
using config::TableReader;

bool is_hash(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// An id, or a beginning of ids that ends at a dot: "org.gantry.*".
bool is_pattern(std::string_view text) {
  if (text == "*") return true;
  if (text.ends_with(".*")) text.remove_suffix(2);
  return !text.empty() && text.size() <= 256 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

// Texts are taken by hand: a public key and a hash look like secrets to the usual reader.
std::string take_text(TableReader& reader, std::string_view key, std::string_view expected,
                      bool required) {
  const Member* member = reader.take(key);
  if (member == nullptr) {
    if (required) {
      reader.fault(Severity::error, reader.node().place, key,
                   {"is missing", std::string(expected), {}});
    }
    return {};
  }
  if (member->value.kind == Node::Kind::text && !member->value.text.empty()) {
    return member->value.text;
  }
  reader.fault(Severity::error, member->value.place, key,
               {fmt::format("is {}", config::describe(member->value)), std::string(expected), {}});
  return {};
}

void take_time(TableReader& reader, std::string_view key, std::chrono::sys_seconds& out) {
  const Member* member = reader.take(key);
  if (member == nullptr) return;
  const bool may_be =
      member->value.kind == Node::Kind::date || member->value.kind == Node::Kind::text;
  const auto time = may_be ? parse_time(member->value.text) : std::nullopt;
  if (time) {
    out = *time;
    return;
  }
  reader.fault(Severity::error, member->value.place, key,
               {fmt::format("is {}", config::describe(member->value)),
                "a date, as 2028-01-01, or a date and time with its offset",
                {}});
}

std::string take_hash(TableReader& reader, std::string_view key, std::string_view expected) {
  std::string hash = take_text(reader, key, expected, false);
  if (!hash.empty() && !is_hash(hash)) {
    reader.fault(Severity::error, reader.node().find(key)->value.place, key,
                 {"is no SHA-256", std::string(expected), {}});
  }
  return hash;
}

std::optional<minisign::PublicKey> take_key(TableReader& reader, bool required) {
  constexpr std::string_view expected = "the second line of a minisign.pub, as \"RW...\"";
  const std::string text = take_text(reader, "key", expected, required);
  if (text.empty()) return std::nullopt;
  const auto key = minisign::parse_public_key(text, "key");
  if (key) return *key;
  reader.fault(Severity::error, reader.node().find("key")->value.place, "key",
               {"is no minisign public key", std::string(expected), {}});
  return std::nullopt;
}

void read_key(TableReader& root, const Node& node, KeyRing& ring) {
  TableReader reader(root.loading(), root.document(), node, "key");
  SigningKey key;
  key.line = node.place.at.line;
  const auto point = take_key(reader, true);
  key.signer = take_text(reader, "signer", "whose key it is, as \"Gantry releases\"", true);
  take_time(reader, "not_before", key.not_before);
  if (node.find("expires") == nullptr) {
    reader.fault(Severity::error, node.place, "expires",
                 {"is missing: a key that never expires is never replaced",
                  "a date, as expires = 2028-01-01",
                  {}});
  }
  take_time(reader, "expires", key.expires);
  if (key.not_before >= key.expires && !reader.is_faulty("expires")) {
    reader.fault(Severity::error, node.find("expires")->value.place, "expires",
                 {"is not after not_before: the key would never count", "a later date", {}});
  }
  constexpr std::string_view wanted =
      "a list of plugin ids, as [\"org.gantry.*\"], or [\"*\"] for all";
  const Member* plugins = reader.take("plugins");
  if (plugins == nullptr || plugins->value.kind != Node::Kind::list ||
      plugins->value.items.empty()) {
    reader.fault(Severity::error, plugins == nullptr ? node.place : plugins->value.place, "plugins",
                 {plugins == nullptr ? "is missing" : "is " + config::describe(plugins->value),
                  std::string(wanted),
                  {}});
  } else {
    for (const Node& item : plugins->value.items) {
      if (item.kind == Node::Kind::text && is_pattern(item.text)) {
        key.plugins.push_back(item.text);
      } else {
        reader.fault(Severity::error, item.place, "plugins",
                     {"holds " + config::describe(item), std::string(wanted), {}});
      }
    }
  }
  reader.refuse_unknown();
  if (!point) return;
  key.key = *point;
  const auto same = std::ranges::find(ring.keys, key.key, &SigningKey::key);
  if (same != ring.keys.end()) {
    reader.fault(Severity::error, node.find("key")->value.place, "key",
                 {fmt::format("is there twice, first in line {}", same->line),
                  "one [[key]] for each key",
                  {}});
    return;
  }
  ring.keys.push_back(std::move(key));
}

void read_revocation(TableReader& root, const Node& node, KeyRing& ring) {
  TableReader reader(root.loading(), root.document(), node, "revoked");
  Revocation revocation;
  revocation.line = node.place.at.line;
  if (const auto key = take_key(reader, false)) revocation.key = minisign::to_text(*key);
  revocation.bundle =
      take_hash(reader, "bundle", "the bundle's SHA-256: 64 lower-case hexadecimal digits");
  revocation.library =
      take_hash(reader, "library", "the library file's SHA-256: 64 lower-case hexadecimal digits");
  revocation.plugin = take_text(reader, "plugin", "a plugin's id", false);
  revocation.version = take_text(reader, "version", "a version, as \"0.1.0\"", false);
  revocation.reason =
      take_text(reader, "reason", "why, in a line: it is what operators read", true);
  const int ways = static_cast<int>(node.find("key") != nullptr) +
                   static_cast<int>(node.find("bundle") != nullptr) +
                   static_cast<int>(node.find("library") != nullptr) +
                   static_cast<int>(node.find("plugin") != nullptr);
  if (ways != 1 || (node.find("plugin") != nullptr) != (node.find("version") != nullptr)) {
    reader.fault(
        Severity::error, node.place, {},
        {"does not say what is revoked", "one of: key; bundle; library; plugin and version", {}});
  }
  reader.refuse_unknown();
  ring.revoked.push_back(std::move(revocation));
}

std::expected<KeyRing, ConfigReport> read_ring(const config::Document& document,
                                               config::Loading loading) {
  KeyRing ring;
  ring.file = document.file;
  if (document.parsed) {
    TableReader root(loading, document, document.root, "");
    for (const Node* node : root.tables("key")) read_key(root, *node, ring);
    for (const Node* node : root.tables("revoked")) read_revocation(root, *node, ring);
    root.refuse_unknown();
  }
  if (loading.diagnostics.has_errors()) return std::unexpected(loading.diagnostics.take());
  return ring;
}

// Exactly `digits` digits at `at`, moved past; nullopt: others.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int number = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, char wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::chrono::sys_days> take_date(std::string_view& text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

std::optional<std::chrono::minutes> take_offset(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return std::chrono::minutes(0);
  const bool minus = text.starts_with('-');
  if (!minus && !text.starts_with('+')) return std::nullopt;
  text.remove_prefix(1);
  const auto hours = take_digits(text, 2);
  if (!hours || !take(text, ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes) return std::nullopt;
  const std::chrono::minutes offset(*hours * 60 + *minutes);
  return minus ? -offset : offset;
}

}  // namespace

bool SigningKey::may_sign(std::string_view plugin_id) const {
  return std::ranges::any_of(plugins, [&](std::string_view pattern) {
    if (pattern == "*" || pattern == plugin_id) return true;
    return pattern.ends_with(".*") && plugin_id.starts_with(pattern.substr(0, pattern.size() - 1));
  });
}

const Revocation* KeyRing::revocation_of_key(std::string_view key) const {
  const auto at = std::ranges::find(revoked, key, &Revocation::key);
  return at == revoked.end() || key.empty() ? nullptr : &*at;
}

const Revocation* KeyRing::revocation_of_bundle(std::string_view sha256) const {
  const auto at = std::ranges::find(revoked, sha256, &Revocation::bundle);
  return at == revoked.end() || sha256.empty() ? nullptr : &*at;
}

const Revocation* KeyRing::revocation_of_library(std::string_view sha256) const {
  const auto at = std::ranges::find(revoked, sha256, &Revocation::library);
  return at == revoked.end() || sha256.empty() ? nullptr : &*at;
}

const Revocation* KeyRing::revocation_of_plugin(std::string_view id,
                                                std::string_view version) const {
  for (const Revocation& each : revoked) {
    if (!id.empty() && each.plugin == id && each.version == version) return &each;
  }
  return nullptr;
}

std::expected<KeyRing, ConfigReport> read_keys(const std::filesystem::path& path) {
  std::error_code error;
  if (path.empty() || !std::filesystem::exists(path, error)) {
    KeyRing none;
    none.file = path.string();
    return none;
  }
  config::Loading loading;
  const config::Document document = config::read_document(path, loading.diagnostics);
  return read_ring(document, std::move(loading));
}

std::expected<KeyRing, ConfigReport> parse_keys(std::string_view text,
                                                const std::filesystem::path& path) {
  config::Loading loading;
  const config::Document document = config::parse_document(text, path, loading.diagnostics);
  return read_ring(document, std::move(loading));
}

std::optional<std::chrono::sys_seconds> parse_time(std::string_view text) {
  const auto date = take_date(text);
  if (!date) return std::nullopt;
  if (text.empty()) return *date;
  if (!take(text, 'T') && !take(text, ' ')) return std::nullopt;
  const auto hours = take_digits(text, 2);
  if (!hours || *hours > 23 || !take(text, ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59 || !take(text, ':')) return std::nullopt;
  const auto seconds = take_digits(text, 2);
  if (!seconds || *seconds > 59) return std::nullopt;
  const auto offset = take_offset(text);
  if (!offset || !text.empty()) return std::nullopt;
  return std::chrono::sys_seconds(*date) + std::chrono::hours(*hours) +
         std::chrono::minutes(*minutes) + std::chrono::seconds(*seconds) - *offset;
}

std::string time_text(std::chrono::sys_seconds time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  const std::chrono::hh_mm_ss clock(time - days);
  if (clock.to_duration() == std::chrono::seconds(0)) return text;
  return text + fmt::format("T{:02}:{:02}:{:02}Z", clock.hours().count(), clock.minutes().count(),
                            clock.seconds().count());
}

}  // namespace gantry::host
