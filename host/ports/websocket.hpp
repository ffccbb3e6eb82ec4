// The port to WebSockets: one connection, text messages in both directions, everything bounded.
// Boost.Beast is behind it and nowhere else; TLS by OpenSSL.
//
// A peer that is silent is pinged, and one that then stays silent is gone: receive() says so within
// twice `silence`.
//
// THREADS  One at a time. Names are looked up by a thread of their own each, a few at once: the
//          system's resolver cannot be interrupted, and one that hangs outlives who waits for it.
// ERRORS   `usage`: not ws or wss; `io`: no connection, TLS, handshake, or it is over; `limit`: a
//          message was longer than message_bytes_max; `format`: what came is no text. Each ends the
//          connection, and is one line that says what happened, and what to do where that helps.
// SECRETS  An error names scheme and host of the URL's template, never of what it stands for.
#pragma once
#include <chrono>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "host/base/result.hpp"
#include "host/config/secret.hpp"

namespace gantry::host {

struct WebSocketOptions {
  std::chrono::milliseconds deadline{5'000};  // to connect, and for a message to leave
  std::chrono::milliseconds silence{15'000};  // then it is pinged
  std::size_t message_bytes_max = 4U << 20U;
  std::filesystem::path certificates;  // who may vouch for a server; empty: the machine's own
  // Once it is requested, whatever is under way returns soon with `io`, and what comes later at
  // once.
  std::stop_token stop;
};

class WebSocket {
 public:
  virtual ~WebSocket() = default;
  virtual Status send(std::string_view text) = 0;
  // The next message; nothing: none came in `wait`.
  virtual Result<std::optional<std::string>> receive(std::chrono::milliseconds wait) = 0;
};

// Why there is no connection.
struct WebSocketRefusal {
  Error error;
  std::chrono::seconds pause{0};  // that the server wants (Retry-After); 0: it named none
};

std::expected<std::unique_ptr<WebSocket>, WebSocketRefusal> connect_websocket(
    const Secret& url, const WebSocketOptions& options = {});

}  // namespace gantry::host
