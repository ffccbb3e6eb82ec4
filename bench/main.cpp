// Runs every bench, prints one table and, with --json=FILE, writes it with the machine in it. Other
// arguments are google-benchmark's. Exit status 1: an answer was wrong, or a file cannot be
// written.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <string>
#include <vector>

#include "table.hpp"

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::err);
  std::string json;
  // Five repetitions, of which the table shows the median; given arguments come later and win.
  std::vector<std::string> arguments{argv[0], "--benchmark_repetitions=5",
                                     "--benchmark_min_time=0.1"};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("--json=")) {
      json = argument.substr(7);
    } else {
      arguments.push_back(argument);
    }
  }
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;

  gantry::bench::Table table;
  benchmark::RunSpecifiedBenchmarks(&table);
  fmt::print("{}", table.text());
  if (!json.empty()) {
    std::ofstream file(json);
    file << table.json();
    if (!file.flush()) {
      fmt::print(stderr, "{}: cannot be written\n", json);
      return 1;
    }
  }
  return table.errors().empty() ? 0 : 1;
}
