// Changes what runs when the configuration files change, or what says whether a plugin may run, or
// when `gantry reload` asks: reads them again, plans, has the street do it, and destroys what is
// retired. What is wrong with a change is logged and told; the run goes on as it was.
//
// THREADS    One of its own. answer() and last() from any thread.
// OWNERSHIP  Borrows the street, which outlives it.
#pragma once
#include <boost/json.hpp>
#include <condition_variable>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "host/config/load.hpp"
#include "host/street/street.hpp"

namespace gantry::host::cli {

class Reloader {
 public:
  using Read = std::function<std::expected<Configuration, ConfigReport>()>;

  // `watched`: none: only requests count. A folder need not be there yet.
  Reloader(Street& street, Read read, const std::vector<std::filesystem::path>& watched);
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
  void tell(const Drained& drained);
  bool watch_folders();
  bool files_changed();

  Street& street_;
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
