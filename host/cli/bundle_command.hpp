// What the commands of `gantry bundle` share.
#pragma once
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "host/bundle/bundle.hpp"
#include "host/bundle/signer.hpp"
#include "host/cli/command.hpp"

namespace gantry::host::cli {

struct OpenedBundle {
  std::vector<std::byte> bytes;
  bundle::Bundle bundle;
};
Result<OpenedBundle> open_bundle(const std::filesystem::path& path);

// `given`, or FILE.minisig; its text.
Result<std::string> read_signature(const std::filesystem::path& bundle, const std::string& given);

// [plugins] of gantry.toml, whatever is wrong elsewhere: what was installed before may be at fault.
struct BundleSettings {
  PluginSettings plugins;
  std::vector<Diagnostic> errors;  // of the configuration as it stands
};
Result<BundleSettings> bundle_settings(const Session& session);
// The operator's keys, or the first fault of the file.
Result<KeyRing> configured_keys(const std::filesystem::path& path);
Result<std::filesystem::path> configured_store(const Session& session,
                                               const PluginSettings& settings);

// Refused is what a check found; the rest as report_error() has it.
ExitCode report_refusal(const Error& error);

void add_bundle_install(CLI::App& bundle, CommandLine& line);
void add_bundle_list(CLI::App& bundle, CommandLine& line);
void add_bundle_rollback(CLI::App& bundle, CommandLine& line);
void add_bundle_remove(CLI::App& bundle, CommandLine& line);

}  // namespace gantry::host::cli
