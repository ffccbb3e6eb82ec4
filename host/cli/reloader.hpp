// Changes what runs when the configuration files change, or what says whether a plugin may run, or
// when `gantry reload` asks: reads them again, plans, has the streets do it, and destroys what is
// retired. All streets change or none: what is wrong with a change of one is logged and told, and
// all go on as they were. One that is over is left alone.
//
// THREADS    One of its own. answer() and last() from any thread.
// OWNERSHIP  Borrows the streets, which outlive it.
#pragma once
#include <boost/json.hpp>
#include <condition_variable>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "host/config/load.hpp"
#include "host/street/street.hpp"

namespace gantry::host::cli {

// A street that is changed, and which part of the configuration is its own.
struct ReloadedStreet {
  Street& street;
  std::string chain;  // CAIP-2; empty: all of the configuration
  std::string name;   // of the chain, where there are several
};

class Reloader {
 public:
  using Read = std::function<std::expected<Configuration, ConfigReport>()>;

  // `now`: what runs. `watched`: none: only requests count. A folder need not be there yet.
  Reloader(std::vector<ReloadedStreet> streets, Configuration now, Read read,
           const std::vector<std::filesystem::path>& watched);
  ~Reloader();  // the run must be over, or be about to end

  // Of the control socket: "reload" and "reload dry-run" start one and answer its number;
  // "reloaded N" answers what became of it.
  std::string answer(std::string_view request);
  std::string last() const;  // what became of the last, in a few words

 private:
  static constexpr std::size_t answers_kept = 16;

  void work();
  void reload(std::uint64_t number, bool dry_run);
  boost::json::object change(bool dry_run);
  struct Step;
  std::vector<Step> plan(const Configuration& wanted, std::vector<std::string>& lines,
                         std::vector<std::string>& refused) const;
  std::optional<std::string> prepare_all(std::vector<Step>& steps);
  boost::json::object commit_all(std::vector<Step>& steps);
  void drain();
  bool watch_folders();
  bool files_changed();

  std::vector<ReloadedStreet> streets_;
  Configuration now_;
  Read read_;
  int watch_ = -1;  // of inotify
  // Files by their folder, which is looked for until it is there.
  std::map<std::filesystem::path, std::set<std::string>> folders_missing_;
  std::map<int, std::set<std::string>> folders_watched_;
  bool draining_ = false;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable asked_;
  bool ending_ = false;
  std::uint64_t numbers_ = 0;
  std::map<std::uint64_t, bool> requests_;        // dry run
  std::map<std::uint64_t, std::string> answers_;  // JSON
  std::string last_ = "none";
  std::thread thread_;
};

}  // namespace gantry::host::cli
