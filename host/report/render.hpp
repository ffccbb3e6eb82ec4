// A run's report for people and for programs.
//
// THREADS  Pure functions: any thread.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "host/report/run_report.hpp"

namespace gantry::host {

struct RenderOptions {
  bool colour = false;
  bool timings = true;   // the part that two runs may differ in
  std::size_t top = 10;  // opportunities in the table; JSON has all
};

// At most 100 columns. Everything that came from a chain or a plugin is made printable.
std::string render_text(const RunReport& report, const RenderOptions& options);

// Amounts are strings, numbers finite, members in a fixed order, `timings` last. Without timings
// the text is a function of the recording and the configuration.
std::string render_json(const RunReport& report, const RenderOptions& options);

// What became of one chain of several.
struct ChainOutcome {
  std::string chain;                // CAIP-2
  std::string name;                 // as gantry.toml has it
  std::optional<RunReport> report;  // nothing: there is none
  std::string error;                // why
};
// The reports of several chains, each as it would be alone: below a line with the chain's name, and
// as members of an array.
std::string render_text(const std::vector<ChainOutcome>& chains, const RenderOptions& options);
std::string render_json(const std::vector<ChainOutcome>& chains, const RenderOptions& options);

}  // namespace gantry::host
