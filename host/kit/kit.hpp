// The conformance kit: does to a plugin what a host, a chain and bad luck will do to it, and says
// what broke, why that matters, and how to see it again.
//
// Each check runs in a child process of the same program, in the sandbox (sandbox/sandbox.hpp), so
// a plugin that crashes, hangs or reaches out is a verdict and not an accident. The child gets the
// very bytes that were hashed, in a sealed memory file. The same file and seed give the same
// result.
//
// LIMITS   A check finds mistakes and plain malice. It is no proof: code that is made to deceive
// can
//          recognise the kit, or write into its own process what the kit reads there.
// THREADS  [main] throughout.
// ERRORS   io: a child could not be started or put into its sandbox; that is never the plugin's
//          fault, and no verdict.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"
#include "host/plugin/manifest.hpp"

namespace gantry::host {

// Raised whenever a check changes: a verdict of another version counts for nothing.
inline constexpr std::uint32_t kit_version = 5;

enum class CheckStatus : std::int32_t { passed = 1, failed = 2, skipped = 3 };
std::string_view to_string(CheckStatus status);

// By what a check failed.
enum class CheckFault : std::int32_t {
  none = 0,
  rule = 1,         // an answer that breaks the contract
  crash = 2,        // a signal
  timeout = 3,      // processor time, or no answer at all
  system_call = 4,  // one that the sandbox does not allow
  exit = 5,         // it ended the process
  untried = 6,      // nothing could be tried of what the plugin is for
};
std::string_view to_string(CheckFault fault);

struct CheckResult {
  std::string name;   // as --only wants it
  std::string title;  // what must hold
  CheckStatus status = CheckStatus::passed;
  CheckFault fault = CheckFault::none;
  std::string what;  // is wrong, or why it was skipped; empty: passed
  std::string why;   // it matters
};

struct KitReport {
  std::string sha256;
  std::uint64_t seed = 0;
  std::vector<CheckResult> checks;

  bool passed() const;  // none failed
  const CheckResult* first_failure() const;
};

struct KitOptions {
  std::filesystem::path program;  // that is started for each check: this one
  std::uint64_t seed = 1;
  std::string only;                 // one check by its name; empty: all
  bool in_process = false;          // here, without sandbox: for a debugger
  std::filesystem::path recording;  // facts for pools' states; empty: the kit makes its own
  std::uint64_t cpu_s_max = 10;     // of one check
  std::uint64_t wall_s_max = 120;   // of one check: for what waits without computing
  std::function<void(const CheckResult&)> progress;  // after each check
};

Result<KitReport> run_kit(const PluginFile& file, const KitOptions& options);

// Every check's name, in the order in which they run.
std::vector<std::string> check_names();

// What the child does: `gantry plugin check-one`. Returns the process's exit code.
struct CheckOrder {
  std::string check;
  std::uint64_t seed = 1;
  std::string recording;
  std::uint64_t cpu_s_max = 10;
};
int run_check_in_child(const CheckOrder& order);

}  // namespace gantry::host
