// What the host is told when a plugin in a process of its own is put away: no process is started
// for it again in this run, and the next run may be told not to.
//
// THREADS  OnPutAway is called by the thread that found out, one call at a time.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "host/plugin/health.hpp"
#include "host/plugin/manifest.hpp"

namespace gantry::host {

// How a plugin's process was lost.
enum class Ending : std::int32_t {
  signal = 1,          // it died of one
  hang = 2,            // it gave no answer in time
  exit = 3,            // it ended by itself
  forbidden_call = 4,  // a system call that the sandbox does not allow
  nonsense = 5,        // it broke the rules by which host and child speak
  host = 6,            // the host could not go on with it: not its fault, and it is not put away
  killed = 7,          // somebody else killed it: not its fault either
};
std::string_view to_string(Ending ending);

struct PutAway {
  PluginFile file;
  std::string instance;
  Ending ending = Ending::signal;  // the last of its processes
  Phase phase = Phase::load;
  std::string reason;  // a sentence
};
using OnPutAway = std::function<void(const PutAway&)>;

struct IsolationOptions {
  std::filesystem::path program;  // that children are; empty: the one that runs
  // Of a plugin that lost its process while it was loaded at the start, or that was retired for
  // such a loss. What is retired for other strikes is in the report. May be empty.
  OnPutAway on_put_away = {};
};

}  // namespace gantry::host
