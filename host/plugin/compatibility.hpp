// Whether a library can run here at all, told from its bytes before any of it is loaded: what a
// later message of the dynamic loader would say, in words that name the remedy.
//
// ERRORS   ErrorKind::plugin.
// THREADS  Any thread.
#pragma once
#include <string>
#include <vector>

#include "host/base/result.hpp"
#include "host/plugin/manifest.hpp"

namespace gantry::host {

struct HostFacts {
  std::string machine;                  // as ElfFacts has it
  std::string glibc;                    // as "2.36"
  std::string glibcxx;                  // highest GLIBCXX_ version of its libstdc++; or empty
  std::vector<std::string> interfaces;  // that it serves, as "gantry.dex/1"
  bool sanitized = false;               // built with a sanitizer, so plugins may be too
};
// Of this process; read once.
const HostFacts& this_host();

// -1, 0 or 1 for dotted numbers of any length: 2.9 is below 2.36.
int compare_dotted(std::string_view a, std::string_view b);
// The same for versions major.minor.patch with semantic versioning's pre-releases.
int compare_versions(std::string_view a, std::string_view b);

// Machine, glibc, libstdc++, sanitizers, and the interface of its kind.
Status check_compatible(const PluginFile& file, const HostFacts& host);

}  // namespace gantry::host
