#include "host/report/json_text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace gantry::host {
namespace {

namespace json = boost::json;

void write(std::string& out, const json::value& value, std::size_t level);

// What is short stays on one line.
bool is_short(const json::array& array) {
  return array.size() <= 8 && std::ranges::none_of(array, [](const json::value& value) {
           return value.is_structured() || (value.is_string() && value.get_string().size() > 24);
         });
}

void write_array(std::string& out, const json::array& array, std::size_t level) {
  const bool one_line = is_short(array);
  out += '[';
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (i != 0) out += one_line ? ", " : ",";
    if (!one_line) out += "\n" + std::string(2 * (level + 1), ' ');
    write(out, array[i], level + 1);
  }
  if (!one_line) out += "\n" + std::string(2 * level, ' ');
  out += ']';
}

void write_object(std::string& out, const json::object& object, std::size_t level) {
  if (object.empty()) {
    out += "{}";
    return;
  }
  out += '{';
  bool first = true;
  for (const auto& member : object) {
    out += first ? "\n" : ",\n";
    first = false;
    out += std::string(2 * (level + 1), ' ') + json::serialize(json::string(member.key())) + ": ";
    write(out, member.value(), level + 1);
  }
  out += "\n" + std::string(2 * level, ' ') + "}";
}

void write(std::string& out, const json::value& value, std::size_t level) {
  if (value.is_array()) {
    write_array(out, value.get_array(), level);
  } else if (value.is_object()) {
    write_object(out, value.get_object(), level);
  } else if (value.is_double()) {
    out += std::isfinite(value.get_double()) ? fmt::format("{}", value.get_double()) : "null";
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

std::string json_text(const json::value& value) {
  std::string out;
  write(out, value, 0);
  return out + "\n";
}

}  // namespace gantry::host
