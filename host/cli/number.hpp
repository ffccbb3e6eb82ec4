// Options that take a number. CLI11 reads -1 as 2^64-1 and lets NaN pass any range, so they are
// read here: nothing but a number, and within its range.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

namespace gantry::host::cli {

template <class Number>
struct Range {
  Number least;
  Number most;
};

CLI::Option* add_whole_number(CLI::App& command, const std::string& name, const std::string& help,
                              Range<std::uint64_t> range, std::function<void(std::uint64_t)> store);

// Digits, a point, an exponent; no infinity, no NaN.
CLI::Option* add_real_number(CLI::App& command, const std::string& name, const std::string& help,
                             Range<double> range, double& value);

// `value` holds every number of the range.
template <class Value>
CLI::Option* add_whole_number(CLI::App& command, const std::string& name, const std::string& help,
                              Range<std::uint64_t> range, Value& value) {
  return add_whole_number(command, name, help, range,
                          std::function<void(std::uint64_t)>([&value](std::uint64_t number) {
                            value = static_cast<Value>(number);
                          }));
}

}  // namespace gantry::host::cli
