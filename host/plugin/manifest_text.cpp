// The manifest's words: names of its types, values as text, the whole as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>

#include "host/base/text.hpp"
#include "host/plugin/manifest.hpp"

namespace gantry::host {
namespace {

namespace json = boost::json;

double to_double(const gantry_amount& amount) {
  double sum = 0;
  for (int i = 3; i >= 0; --i) sum = std::ldexp(sum, 64) + static_cast<double>(amount.limb[i]);
  return sum;
}

json::value to_json(const ParameterValue& value) {
  return std::visit(
      [](const auto& held) -> json::value {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, gantry_amount>) {
          return json::value(amount_to_text(held));
        } else {
          return json::value(held);
        }
      },
      value);
}

json::object to_json(const ParameterSchema& schema) {
  json::object out;
  out["name"] = schema.name;
  out["type"] = to_string(schema.type);
  if (schema.default_value) out["default"] = to_json(*schema.default_value);
  if (!schema.unit.empty()) out["unit"] = schema.unit;
  if (schema.min) out["min"] = *schema.min;
  if (schema.max) out["max"] = *schema.max;
  if (!schema.choices.empty()) out["choices"] = json::value_from(schema.choices);
  out["required"] = schema.required;
  out["help"] = schema.help;
  return out;
}

}  // namespace

std::string_view to_string(PluginKind kind) {
  switch (kind) {
    case PluginKind::dex:
      return "dex";
    case PluginKind::strategy:
      return "strategy";
    case PluginKind::paymaster:
      return "paymaster";
  }
  return "?";
}

std::string_view to_string(ParameterType type) {
  switch (type) {
    case ParameterType::boolean:
      return "boolean";
    case ParameterType::integer:
      return "integer";
    case ParameterType::number:
      return "number";
    case ParameterType::string:
      return "string";
    case ParameterType::choice:
      return "enum";
    case ParameterType::secret:
      return "secret";
    case ParameterType::amount:
      return "amount";
  }
  return "?";
}

std::string to_string(const ParameterValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  if (const auto* amount = std::get_if<gantry_amount>(&value)) return amount_to_text(*amount);
  return fmt::format("\"{}\"", std::get<std::string>(value));
}

std::optional<gantry_amount> parse_amount(std::string_view digits) {
  if (digits.empty()) return std::nullopt;
  gantry_amount amount{};
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    __extension__ unsigned __int128 carry = static_cast<unsigned>(digit - '0');
    for (std::uint64_t& limb : amount.limb) {
      carry += static_cast<decltype(carry)>(limb) * 10;
      limb = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    if (carry != 0) return std::nullopt;
  }
  return amount;
}

std::string amount_to_text(const gantry_amount& amount) {
  std::array<std::uint64_t, 4> limbs{};
  std::ranges::copy(amount.limb, limbs.begin());
  std::string digits;
  do {
    __extension__ unsigned __int128 rest = 0;
    for (std::size_t i = limbs.size(); i-- > 0;) {
      rest = (rest << 64) | limbs[i];
      limbs[i] = static_cast<std::uint64_t>(rest / 10);
      rest %= 10;
    }
    digits.push_back(static_cast<char>('0' + static_cast<int>(rest)));
  } while (std::ranges::any_of(limbs, [](std::uint64_t limb) { return limb != 0; }));
  std::ranges::reverse(digits);
  return digits;
}

std::optional<std::string> out_of_schema(const ParameterSchema& schema,
                                         const ParameterValue& value) {
  if (schema.type == ParameterType::choice) {
    if (std::ranges::find(schema.choices, std::get<std::string>(value)) == schema.choices.end()) {
      return fmt::format("is none of {}", fmt::join(schema.choices, ", "));
    }
    return std::nullopt;
  }
  double number = 0;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    number = static_cast<double>(*integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    number = *real;
  } else if (const auto* amount = std::get_if<gantry_amount>(&value)) {
    number = to_double(*amount);
  } else {
    return std::nullopt;
  }
  if (schema.min && number < *schema.min) {
    return fmt::format("is below the minimum of {}",
                       with_unit(fmt::format("{}", *schema.min), schema.unit));
  }
  if (schema.max && number > *schema.max) {
    return fmt::format("is above the maximum of {}",
                       with_unit(fmt::format("{}", *schema.max), schema.unit));
  }
  return std::nullopt;
}

std::string manifest_to_json(const Manifest& manifest) {
  json::object out;
  out["id"] = manifest.id;
  out["name"] = manifest.name;
  out["version"] = manifest.version;
  out["kind"] = to_string(manifest.kind);
  out["interfaces"] = json::value_from(manifest.interfaces);
  out["licence"] = manifest.licence;
  out["summary"] = manifest.summary;
  json::array parameters;
  for (const ParameterSchema& schema : manifest.parameters) parameters.push_back(to_json(schema));
  out["parameters"] = std::move(parameters);
  out["toolchain"] = {{"compiler", manifest.toolchain.compiler},
                      {"stdlib", manifest.toolchain.stdlib},
                      {"sdk", manifest.toolchain.sdk}};
  return json::serialize(out);
}

}  // namespace gantry::host
