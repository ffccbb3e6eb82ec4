#include "host/quarantine/entry_json.hpp"

#include <fmt/format.h>

#include <array>

namespace gantry::host {

namespace {

namespace json = boost::json;

constexpr std::array causes{QuarantineCause::signal,   QuarantineCause::hang,
                            QuarantineCause::exit,     QuarantineCause::rule,
                            QuarantineCause::deadline, QuarantineCause::load,
                            QuarantineCause::damaged,  QuarantineCause::unproven};

std::string text_of(const json::object& object, const char* key) {
  return std::string(object.at(key).as_string());
}

}  // namespace

std::string_view to_string(QuarantineCause cause) {
  switch (cause) {
    case QuarantineCause::signal:
      return "signal";
    case QuarantineCause::hang:
      return "hang";
    case QuarantineCause::exit:
      return "exit";
    case QuarantineCause::rule:
      return "rule";
    case QuarantineCause::deadline:
      return "deadline";
    case QuarantineCause::load:
      return "load";
    case QuarantineCause::unproven:
      return "unproven";
    case QuarantineCause::damaged:
      break;
  }
  return "damaged";
}

json::object to_json(const QuarantineEntry& entry) {
  json::array log;
  for (const std::string& line : entry.log) log.emplace_back(line);
  return {
      {"sha256", entry.sha256},   {"plugin", entry.plugin},     {"version", entry.version},
      {"file", entry.file},       {"instance", entry.instance}, {"cause", to_string(entry.cause)},
      {"phase", entry.phase},     {"reason", entry.reason},     {"log", std::move(log)},
      {"first_s", entry.first_s}, {"last_s", entry.last_s},     {"count", entry.count},
      {"apart", entry.apart},     {"blocks", entry.blocks()}};
}

Result<QuarantineEntry> entry_from_json(std::string_view text, std::string_view sha256) {
  try {
    const json::object object =
        json::parse(json::string_view(text.data(), text.size())).as_object();
    QuarantineEntry entry;
    entry.sha256 = text_of(object, "sha256");
    if (entry.sha256 != sha256) return fail(ErrorKind::format, "it is another library's");
    entry.plugin = text_of(object, "plugin");
    entry.version = text_of(object, "version");
    entry.file = text_of(object, "file");
    entry.instance = text_of(object, "instance");
    const std::string cause = text_of(object, "cause");
    const auto* known = std::ranges::find(
        causes, cause, [](QuarantineCause one) { return std::string(to_string(one)); });
    if (known == causes.end()) {
      return fail(ErrorKind::format, fmt::format("its cause `{}` is none", cause));
    }
    entry.cause = *known;
    entry.phase = text_of(object, "phase");
    entry.reason = text_of(object, "reason");
    for (const json::value& line : object.at("log").as_array()) {
      entry.log.emplace_back(line.as_string());
    }
    entry.first_s = object.at("first_s").to_number<std::int64_t>();
    entry.last_s = object.at("last_s").to_number<std::int64_t>();
    entry.count = object.at("count").to_number<std::uint64_t>();
    const json::value* apart = object.if_contains("apart");
    entry.apart = apart != nullptr && apart->as_bool();
    return entry;
  } catch (const std::exception& error) {
    return fail(ErrorKind::format, error.what());
  }
}

}  // namespace gantry::host
