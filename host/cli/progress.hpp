// What a person sees while a run goes on, and how an interrupt ends it in good order.
//
// THREADS  Has one of its own; begin and end on the main thread.
#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "host/ports/clock.hpp"
#include "host/street/street.hpp"

namespace gantry::host::cli {

struct ProgressOptions {
  bool draw = false;                // to stderr, which is a terminal
  std::filesystem::path recording;  // empty: a chain, whose blocks nobody can count
  std::uint64_t blocks_max = 0;     // 0: as many as the recording has
};

// A street, and what its chain is called where there are several.
struct WatchedStreet {
  std::string name;
  Street& street;
};

class Progress {
 public:
  // While it lives, SIGINT and SIGTERM ask all streets to stop; a second one ends the program.
  Progress(std::vector<WatchedStreet> streets, ProgressOptions options, const Clock& clock);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

 private:
  void watch();
  void draw(std::chrono::steady_clock::time_point started) const;
  void count_blocks();

  std::vector<WatchedStreet> streets_;
  ProgressOptions options_;
  const Clock& clock_;
  std::atomic<bool> ended_{false};
  std::atomic<std::uint64_t> blocks_{0};  // of the recording; 0: not known yet
  std::thread watcher_;
  std::thread counter_;
};

}  // namespace gantry::host::cli
