// `gantry status`, `stop`, `resume` and `reload` reach a running host over a Unix socket that only
// its user may open: the socket is 0600 from the moment it exists, its folder is the user's alone,
// and the peer's user is checked once more. A request is one line, the answer is one line of JSON.
//
// ERRORS   A folder that others may write, a path too long for a socket, a socket in use.
//          What a client does wrong (garbage, too long, too slow, gone) costs that client alone.
// THREADS  The server has one of its own; handlers run there and may not block.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "host/base/result.hpp"
#include "host/config/secret.hpp"
#include "host/config/settings.hpp"

namespace gantry::host {

inline constexpr std::size_t control_request_bytes_max = 256;
inline constexpr std::size_t control_answer_bytes_max = 1U << 20U;
inline constexpr std::size_t control_clients_max = 16;  // more wait in the kernel's queue

// [api] socket, or gantry.sock in $XDG_RUNTIME_DIR, or in a folder of the user's below the system's
// temporary one.
std::filesystem::path control_socket(const ApiSettings& settings, const Environment& environment);

// What a running host answers. Each returns one JSON value without line ends.
struct ControlHandlers {
  std::function<std::string()> status;
  std::function<std::string()> stop;
  // Requests that begin with "reload"; none: they are unknown.
  std::function<std::string(std::string_view)> reload = {};
  std::function<std::string()> resume = {};  // none: unknown
};

struct ControlOptions {
  std::int64_t client_timeout_ms = 2000;  // from connection to the end of the answer
};

class ControlServer {
 public:
  // Makes the folder (0700) where it is missing. Fails with `io`, or with `limit` when another host
  // has the socket.
  static Result<std::unique_ptr<ControlServer>> start(const std::filesystem::path& socket,
                                                      ControlHandlers handlers,
                                                      ControlOptions options = {});
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  ~ControlServer();  // ends its thread and removes the socket

 private:
  class Serving;
  explicit ControlServer(std::unique_ptr<Serving> serving);
  std::unique_ptr<Serving> serving_;
};

// Sends one request and returns the answer's line. Fails with `not_found` when nothing runs there,
// with `io` when it does not answer in time.
Result<std::string> ask_host(const std::filesystem::path& socket, std::string_view request,
                             std::int64_t timeout_ms = 2000);

}  // namespace gantry::host
