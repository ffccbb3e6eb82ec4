// Verdicts of the kit, kept by the library's hash, so that a start looks at the file and the
// verdict alone.
//
// THREADS  Any; files are replaced by rename, so a reader sees the old one or the new one, whole.
// ERRORS   io: the folder cannot be made or written. A verdict that does not decode is none.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "host/base/result.hpp"
#include "host/kit/kit.hpp"

namespace gantry::host {

struct Verdict {
  std::string sha256;
  std::uint32_t kit = 0;  // version of the kit that gave it
  std::uint64_t seed = 0;
  bool passed = false;
  std::uint64_t checks_skipped = 0;
  std::string check;   // the first that failed
  std::string reason;  // what was wrong

  bool current() const { return kit == kit_version; }
};

// $XDG_STATE_HOME/gantry/verdicts, or under $HOME/.local/state.
Result<std::filesystem::path> verdict_folder();

Verdict verdict_of(const KitReport& report);
Status keep_verdict(const Verdict& verdict);
// Of any version of the kit; nullopt: none, or none that can be read.
std::optional<Verdict> find_verdict(std::string_view sha256);

// Why this library must not be loaded where only checked ones may be, with the remedy; nullopt: a
// current verdict says that it passed.
std::optional<std::string> why_unchecked(const PluginFile& file);

}  // namespace gantry::host
