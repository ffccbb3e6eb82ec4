#include "host/bundle/lock_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "host/plugin/compatibility.hpp"
#include "host/report/json_text.hpp"

namespace gantry::host::bundle {
namespace {

namespace json = boost::json;

constexpr std::int64_t lock_format = 1;

// Member and field, in the order of the file.
template <class AnyPin, class Visit>
void for_each_field(AnyPin& pin, Visit&& visit) {
  visit("id", pin.id);
  visit("name", pin.name);
  visit("version", pin.version);
  visit("kind", pin.kind);
  visit("sdk", pin.sdk);
  visit("bundle", pin.bundle);
  visit("library", pin.library);
  visit("signer", pin.signer);
  visit("key", pin.key);
}

// They become names of files.
bool is_hash(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

}  // namespace

const Pin* LockFile::find_library(std::string_view sha256) const {
  const auto at = std::ranges::find(pins, sha256, &Pin::library);
  return at == pins.end() ? nullptr : &*at;
}

void LockFile::sort() {
  std::ranges::stable_sort(pins, [](const Pin& a, const Pin& b) {
    return a.id != b.id ? a.id < b.id : compare_versions(a.version, b.version) > 0;
  });
}

std::string lock_to_json(const LockFile& lock) {
  json::array plugins;
  for (const Pin& pin : lock.pins) {
    json::object out;
    for_each_field(pin, [&](const char* key, const std::string& value) { out[key] = value; });
    plugins.push_back(std::move(out));
  }
  return json_text(json::object{{"format", lock_format},
                                {"generation", lock.generation},
                                {"parent", lock.parent},
                                {"made_by", lock.made_by},
                                {"plugins", std::move(plugins)}});
}

Result<LockFile> parse_lock_json(std::string_view text, std::string_view name) {
  const auto bad = [&](std::string_view reason) {
    return fail(ErrorKind::format,
                fmt::format("{}: {}. It is made by gantry bundle and not by hand; go back to an "
                            "earlier one with: gantry bundle rollback --to N",
                            name, reason));
  };
  json::parse_options options;
  options.max_depth = 8;
  json::error_code error;
  const json::value root = json::parse(text, error, {}, options);
  if (error || !root.is_object()) return bad("is damaged: it is no JSON object");
  const json::object& from = root.get_object();
  const auto number = [&](const char* key) {
    const json::value* value = from.if_contains(key);
    return value != nullptr && value->is_int64() ? value->get_int64() : std::int64_t{-1};
  };
  if (number("format") != lock_format) return bad("is of another version of gantry, or damaged");
  LockFile lock{
      .generation = number("generation"), .parent = number("parent"), .made_by = {}, .pins = {}};
  if (lock.generation < 0 || lock.parent < 0) return bad("is damaged: it has no generation");
  const json::value* made_by = from.if_contains("made_by");
  if (made_by != nullptr && made_by->is_string()) lock.made_by = made_by->get_string();
  const json::value* plugins = from.if_contains("plugins");
  if (plugins == nullptr || !plugins->is_array() || plugins->get_array().size() > pins_max) {
    return bad("is damaged: it has no list of plugins");
  }
  for (const json::value& each : plugins->get_array()) {
    if (!each.is_object()) return bad("is damaged: it lists what is no plugin");
    Pin pin;
    bool whole = true;
    for_each_field(pin, [&](const char* key, std::string& out) {
      const json::value* value = each.get_object().if_contains(key);
      whole = whole && value != nullptr && value->is_string();
      if (whole) out = value->get_string();
    });
    if (!whole || !is_hash(pin.bundle) || !is_hash(pin.library) || !is_name(pin.name)) {
      return bad("is damaged: it lists a plugin without its hashes");
    }
    lock.pins.push_back(std::move(pin));
  }
  lock.sort();
  return lock;
}

}  // namespace gantry::host::bundle
