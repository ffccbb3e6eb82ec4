// Structured logs, to stderr: one line a message, human on a terminal and JSON otherwise.
//
// SECRETS  Every value that was named with hide_from_logs() is replaced wherever it turns up, so a
//          library or a plugin that quotes one back at us cannot put it into a file.
// THREADS  set_up_log() on the main thread, before others log. hide_from_logs() from any thread.
#pragma once
#include <spdlog/common.h>

#include <string>
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

}  // namespace gantry::host
