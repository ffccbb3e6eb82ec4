#include "host/cli/number.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

namespace gantry::host::cli {
namespace {

// All of `text`, or nothing.
template <class Number>
std::optional<Number> parse(std::string_view text, Range<Number> range) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!(number >= range.least && number <= range.most)) return std::nullopt;  // NaN is neither
  return number;
}

template <class Number>
CLI::Option* add(CLI::App& command, const std::string& name, const std::string& help,
                 std::string_view kind, Range<Number> range, std::function<void(Number)> store) {
  return command.add_option_function<std::string>(
      name,
      [name, kind, range, store = std::move(store)](const std::string& text) {
        const auto number = parse(text, range);
        if (number) return store(*number);
        throw CLI::ValidationError(
            name, fmt::format("`{}` is no {} from {} to {}", text, kind, range.least, range.most));
      },
      help);
}

}  // namespace

CLI::Option* add_whole_number(CLI::App& command, const std::string& name, const std::string& help,
                              Range<std::uint64_t> range,
                              std::function<void(std::uint64_t)> store) {
  return add(command, name, help, "whole number", range, std::move(store));
}

CLI::Option* add_real_number(CLI::App& command, const std::string& name, const std::string& help,
                             Range<double> range, double& value) {
  return add(command, name, help, "number", range,
             std::function<void(double)>([&value](double number) { value = number; }));
}

}  // namespace gantry::host::cli
