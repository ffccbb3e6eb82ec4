// Names the plugin that brings the host down. What crashes or hangs in process cannot be survived
// there: this says who it was, on stderr and in a file that the next start takes in, and lets the
// host end.
//
// While it lives: fatal signals (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT), exit() called by a
// plugin, and calls that do not come back are attributed by the call guards
// (plugin/call_guard.hpp). A signal that hits the host's own code, or that another process sent, is
// left as it was: nobody is named. Neither is who calls _exit(), for that looks like a kill -9 of
// the host.
//
// THREADS    Made and destroyed on [main], one at a time in a process; has a thread of its own.
// OWNERSHIP  Guarded culprits have to outlive their calls, no more.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "host/base/result.hpp"

namespace gantry::host {

struct WatchOptions {
  std::filesystem::path folder;  // the quarantine's; empty: nothing is written down
  std::int64_t hang_ms = 0;      // a call that takes longer ends the host; 0: none is too long
  std::string running;           // what is under way, as it is written down: the command, its input
};

class PluginWatch {
 public:
  // Fails with io: the file for what may happen cannot be made.
  static Result<std::unique_ptr<PluginWatch>> start(const WatchOptions& options);
  PluginWatch(const PluginWatch&) = delete;
  PluginWatch& operator=(const PluginWatch&) = delete;
  ~PluginWatch();  // nothing happened: the file goes

 private:
  class Watching;
  explicit PluginWatch(std::unique_ptr<Watching> watching);
  std::unique_ptr<Watching> watching_;
};

}  // namespace gantry::host
