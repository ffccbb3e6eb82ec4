// From a TOML value to a parameter's, with an answer to "what should it have been?".
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "host/config/table_reader.hpp"

namespace gantry::host::config {
namespace {

std::string article(ParameterType type) {
  switch (type) {
    case ParameterType::boolean:
      return "true or false";
    case ParameterType::integer:
      return "an integer";
    case ParameterType::number:
      return "a number";
    case ParameterType::string:
      return "a text in quotes";
    case ParameterType::choice:
      return "one of";
    case ParameterType::secret:
      return "a text that takes the secret from the environment, as \"${NAME}\"";
    case ParameterType::amount:
      return "a whole number, in quotes if it is larger than 9223372036854775807";
  }
  return "?";
}

// What the wrong type was probably meant to be: "4" for 4, "true" for true, 4.0 for 4.
std::string same_value_as(const Node& node, ParameterType type) {
  if (type == ParameterType::boolean) {
    if (node.kind == Node::Kind::integer && (node.integer == 0 || node.integer == 1)) {
      return node.integer == 1 ? "true" : "false";
    }
    if (node.text == "true" || node.text == "false") return node.text;
    if (node.text == "yes" || node.text == "on") return "true";
    if (node.text == "no" || node.text == "off") return "false";
    return {};
  }
  if (type == ParameterType::integer || type == ParameterType::number) {
    const bool whole = node.kind == Node::Kind::number && std::trunc(node.number) == node.number &&
                       std::abs(node.number) < 1e15;
    if (whole) return fmt::format("{:.0f}", node.number);
    double parsed = 0;
    const char* end = node.text.data() + node.text.size();
    const auto [at, error] = std::from_chars(node.text.data(), end, parsed);
    if (node.kind == Node::Kind::text && error == std::errc{} && at == end &&
        std::isfinite(parsed) && (type == ParameterType::number || std::trunc(parsed) == parsed)) {
      return node.text;
    }
    return {};
  }
  if (type == ParameterType::string || type == ParameterType::choice) {
    if (node.kind == Node::Kind::integer) return fmt::format("\"{}\"", node.integer);
    if (node.kind == Node::Kind::boolean) return fmt::format("\"{}\"", node.boolean);
  }
  return {};
}

std::optional<ParameterValue> value_of(const Node& node, ParameterType type) {
  switch (type) {
    case ParameterType::boolean:
      if (node.kind == Node::Kind::boolean) return node.boolean;
      return std::nullopt;
    case ParameterType::integer:
      if (node.kind == Node::Kind::integer) return node.integer;
      return std::nullopt;
    case ParameterType::number:
      if (node.kind == Node::Kind::number) return node.number;
      if (node.kind == Node::Kind::integer) return static_cast<double>(node.integer);
      return std::nullopt;
    case ParameterType::string:
    case ParameterType::choice:
    case ParameterType::secret:
      if (node.kind == Node::Kind::text) return node.text;
      return std::nullopt;
    case ParameterType::amount: {
      std::optional<gantry_amount> amount;
      if (node.kind == Node::Kind::integer && node.integer >= 0) {
        amount = parse_amount(std::to_string(node.integer));
      }
      if (node.kind == Node::Kind::text) amount = parse_amount(node.text);
      if (amount) return *amount;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string expectation(const ParameterSchema& schema) {
  std::string text = article(schema.type);
  if (schema.type == ParameterType::choice) {
    return fmt::format("one of \"{}\"", fmt::join(schema.choices, "\", \""));
  }
  const bool has_min = schema.min && std::isfinite(*schema.min);
  const bool has_max = schema.max && std::isfinite(*schema.max);
  if (has_min && has_max) {
    text += fmt::format(" from {} to {}", *schema.min, *schema.max);
  } else if (has_min) {
    text += fmt::format(" of at least {}", *schema.min);
  } else if (has_max) {
    text += fmt::format(" of at most {}", *schema.max);
  }
  if (!schema.unit.empty()) {
    text += has_min || has_max ? " " + schema.unit : fmt::format(" ({})", schema.unit);
  }
  return text;
}

std::expected<ParameterValue, Problem> convert(const Node& node, const ParameterSchema& schema) {
  const auto wrong = [&](std::string message, std::string suggestion = {}) {
    return std::unexpected(Problem{std::move(message), expectation(schema), std::move(suggestion)});
  };
  auto value = value_of(node, schema.type);
  if (!value) {
    return wrong(fmt::format("is {}", describe(node)), same_value_as(node, schema.type));
  }
  if (const auto* number = std::get_if<double>(&*value); number && !std::isfinite(*number)) {
    return wrong(fmt::format("is {}, which is no finite number", *number));
  }
  if (const auto reason = out_of_schema(schema, *value)) {
    if (schema.type == ParameterType::choice) {
      const std::string near = nearest(node.text, schema.choices);
      return wrong(fmt::format("is {}", describe(node)),
                   near.empty() ? near : fmt::format("\"{}\"", near));
    }
    return wrong(fmt::format("is {}: it {}", to_string(*value), *reason));
  }
  if (const auto* text = std::get_if<std::string>(&*value)) {
    if (const auto parsed = TemplatedText::parse(*text); !parsed) {
      return wrong(parsed.error().message);
    }
    if (auto problem = literal_key(*text, schema.type)) return std::unexpected(*problem);
  }
  return *value;
}

std::optional<Problem> literal_key(std::string_view text, ParameterType type) {
  const bool hidden = type == ParameterType::secret;
  const bool is_url = text.find("://") != std::string_view::npos;
  const auto parsed = TemplatedText::parse(text);
  const bool has_variable = parsed && !parsed->variables().empty();
  const bool holds_key = mask_keys(text) != text;
  if (hidden ? (text.empty() || (has_variable && !holds_key)) : !(is_url && holds_key)) {
    return std::nullopt;
  }
  return Problem{fmt::format("{}: secrets come from the environment",
                             hidden ? "is written into the file" : "holds a key or password"),
                 "${NAME} in its place, and NAME set in the environment before the start",
                 {}};
}

}  // namespace gantry::host::config
