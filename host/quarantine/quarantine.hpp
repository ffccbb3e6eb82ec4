// Plugins that were put away, each with who, when, where and why: one file a library, named by its
// hash, so that a rebuilt library starts with a clean slate and a renamed one does not.
//
// THREADS    [main] throughout.
// ERRORS     io: the folder or a file in it cannot be used. A record that cannot be read stays in
//            force and says so: what is damaged does not free a plugin.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"
#include "host/config/secret.hpp"

namespace gantry::host {

// What put a plugin away. Written to files by name.
enum class QuarantineCause : std::int32_t {
  signal = 1,    // a fatal signal in its code
  hang = 2,      // it did not come back
  exit = 3,      // it ended the host
  rule = 4,      // too many strikes: it broke the contract
  deadline = 5,  // too many strikes, all for coming late: the machine may be to blame
  load = 6,      // the dynamic loader refused it: what was missing may be there by now
  damaged = 7,   // its record cannot be read
  unproven = 8,  // too many strikes, some for what may be another's doing
};
std::string_view to_string(QuarantineCause cause);

struct QuarantineEntry {
  std::string sha256;
  std::string plugin;  // its manifest's name
  std::string version;
  std::string file;
  std::string instance;
  QuarantineCause cause = QuarantineCause::damaged;
  std::string phase;             // as "quote"; empty: none
  std::string reason;            // a sentence
  std::vector<std::string> log;  // what shows it: strikes with their snapshots, dlerror, an address
  std::int64_t first_s = 0;      // Unix time
  std::int64_t last_s = 0;
  std::uint64_t count = 1;  // how often, the same library
  bool apart = false;       // in a process of its own: the host did not end with it

  // Whether the library stays out until it is cleared. What may have been somebody else's fault is
  // noted, and tried again.
  bool blocks() const noexcept {
    return cause != QuarantineCause::deadline && cause != QuarantineCause::load &&
           cause != QuarantineCause::unproven;
  }
};

class Quarantine {
 public:
  // Makes the folder (0700), and takes in what hosts that did not end well left there (see
  // PluginWatch).
  static Result<Quarantine> open(const std::filesystem::path& folder);

  // Oldest first.
  const std::vector<QuarantineEntry>& entries() const noexcept { return entries_; }
  const QuarantineEntry* find(std::string_view sha256) const noexcept;
  // Adds to the library's record: the first time stays, the count grows, the rest is as of now.
  // Durable when it returns.
  Status put(QuarantineEntry entry);
  Status clear(std::string_view sha256);
  const std::filesystem::path& folder() const noexcept { return folder_; }

 private:
  explicit Quarantine(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Status read();
  Status take_in(const std::filesystem::path& left_behind);
  std::filesystem::path file_of(std::string_view sha256) const;

  std::filesystem::path folder_;
  std::vector<QuarantineEntry> entries_;
};

// $XDG_STATE_HOME/gantry/quarantine, or below $HOME/.local/state. Nothing: neither is set.
std::optional<std::filesystem::path> default_quarantine_folder(const Environment& environment);
// `configured`, or the default.
std::optional<std::filesystem::path> quarantine_folder(const std::filesystem::path& configured,
                                                       const Environment& environment);

}  // namespace gantry::host
