// Structured logs, to stderr: one line a message, human on a terminal and JSON otherwise.
//
// SECRETS  Every value that was named with hide_from_logs() is replaced wherever it turns up, so a
//          library or a plugin that quotes one back at us cannot put it into a file.
// CHAINS   Where several are followed, a thread that works for one says so with a LogChain, and its
//          lines name it.
// THREADS  set_up_log() on the main thread, before others log. The rest from any thread.
#pragma once
#include <spdlog/common.h>

#include <string>
#include <string_view>
#include <vector>

#include "host/config/settings.hpp"

namespace gantry::host {

// Installs the process's logger. `terminal`: stderr is one, so `automatic` means human.
void set_up_log(const LogSettings& settings, bool terminal, bool colour);
// The same to a sink of the caller's.
void set_up_log(const LogSettings& settings, bool terminal, bool colour, spdlog::sink_ptr sink);

// Values shorter than 6 characters are left alone: they would hide half of every line.
void hide_from_logs(const std::vector<std::string>& values);
// The text with those values replaced, for what is printed beside the log.
std::string without_secrets(std::string text);
// What somebody outside said, as a part of a line: printable, without those values, and cut.
std::string said_line(std::string_view said);

// While it lives, what this thread logs names the chain. An empty name: it names none.
class LogChain {
 public:
  explicit LogChain(std::string name);
  LogChain(const LogChain&) = delete;
  LogChain& operator=(const LogChain&) = delete;
  ~LogChain();

 private:
  std::string name_;
  const std::string* before_;
};
// Of this thread, for the threads that it starts; empty: none.
std::string log_chain();
// For threads that come and go: as a LogChain, until another call; null: none. The name is one of
// keep_log_chain(), for a thread may leave without a word.
void lend_log_chain(const std::string* name) noexcept;
// The same name, kept until the process ends.
const std::string* keep_log_chain(const std::string& name);

}  // namespace gantry::host
