// Why there is no WebSocket, or no more, in words: what happened, and what to do where anything can
// be done. They name no host and no path, which may hold a key. Internal to host/ports.
#pragma once
#include <boost/system/error_code.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::host {

// What was under way.
enum class WebSocketStep { resolve, connect, tls, upgrade, talk };

// Of an error of the network's, of TLS or of the protocol.
std::string websocket_words(WebSocketStep step, const boost::system::error_code& error);
// Of an HTTP answer that is no upgrade.
std::string upgrade_words(unsigned status);
// Of a close frame.
std::string close_words(unsigned code, std::string_view reason);

// What a server said, for a line: nothing that the log hides, short and printable.
std::string quoted_words(std::string_view text);

// Of Retry-After: seconds, or a date of HTTP's; nullopt: neither, or in the past.
std::optional<std::chrono::seconds> retry_after(std::string_view value);

}  // namespace gantry::host
