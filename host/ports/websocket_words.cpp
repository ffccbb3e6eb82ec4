#include "host/ports/websocket_words.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/websocket/error.hpp>
#include <charconv>
#include <ctime>

#include "host/config/secret.hpp"
#include "host/log/log.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

constexpr std::size_t quoted_chars_max = 160;

std::string talk_words(const error_code& error) {
  if (error == asio::error::connection_reset || error == asio::error::broken_pipe) {
    return "the connection was reset";
  }
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
    return "the connection ended without a word";
  }
  if (error == beast::error::timeout) return "it gave no sign of life, not even when pinged";
  if (error == beast::websocket::error::bad_frame_payload) return "it sends text that is no UTF-8";
  if (error == beast::websocket::condition::protocol_violation) {
    return fmt::format("what it sends is no WebSocket frame ({})", error.message());
  }
  return error.message();
}

std::string no_upgrade_words(const error_code& error) {
  if (error == beast::http::error::end_of_stream || error == beast::http::error::partial_message) {
    return "it hung up in the handshake: is the url one for WebSockets?";
  }
  if (error.category() ==
      beast::http::make_error_code(beast::http::error::bad_version).category()) {
    return "what answers speaks no HTTP: is the port of the url right?";
  }
  if (error == beast::websocket::condition::handshake_failed) {
    return "what answers speaks no WebSocket: is the url one for WebSockets?";
  }
  return talk_words(error);
}

std::string_view close_name(unsigned code) {
  switch (code) {
    case 1000:
      return "done";
    case 1001:
      return "it goes away";
    case 1002:
      return "protocol error";
    case 1008:
      return "against its policy: does the key's plan allow this?";
    case 1009:
      return "too big";
    case 1011:
      return "its own error";
    case 1012:
      return "it restarts";
    case 1013:
      return "it wants a pause";
    default:
      return "";
  }
}

}  // namespace

std::string websocket_words(WebSocketStep step, const error_code& error) {
  switch (step) {
    case WebSocketStep::resolve:
      return "its host has no address: is the url right?";
    case WebSocketStep::connect:
      return error == asio::error::connection_refused
                 ? "the connection was refused: is the url right?"
                 : fmt::format("no connection: {}", error.message());
    case WebSocketStep::tls:
      return "the TLS handshake failed: is it a server of wss?";
    case WebSocketStep::upgrade:
      return no_upgrade_words(error);
    case WebSocketStep::talk:
      break;
  }
  return talk_words(error);
}

std::string upgrade_words(unsigned status) {
  const auto with = [&](std::string_view words) {
    return fmt::format("{} (HTTP status {})", words, status);
  };
  if (status == 429) return with("it wants fewer connections");
  if (status == 401 || status == 402 || status == 403) {
    return with("it refuses the key: is the one in the url valid, and paid for?");
  }
  if (status == 404) return with("it has nothing there: is the path of the url right?");
  if (status >= 300 && status < 400) {
    return with("it redirects, which is not followed: write where to as the url");
  }
  if (status >= 500) return with("its server fails");
  return with("it does not speak WebSocket there: is the url one for WebSockets?");
}

std::string close_words(unsigned code, std::string_view reason) {
  std::string words = fmt::format("it closed the connection ({}", code);
  if (const auto name = close_name(code); !name.empty()) words += fmt::format(", {}", name);
  if (!reason.empty()) words += fmt::format(", '{}'", quoted_words(reason));
  return words + ")";
}

std::string quoted_words(std::string_view text) {
  // Hidden before it is cut: half a key would not be recognised.
  return cut_to(printable(mask_keys(without_secrets(std::string(text)))), quoted_chars_max);
}

std::optional<std::chrono::seconds> retry_after(std::string_view value) {
  std::int64_t seconds = 0;
  const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (fault != std::errc() || end != value.data() + value.size()) {
    const std::time_t date = curl_getdate(std::string(value).c_str(), nullptr);
    if (date == -1) return std::nullopt;
    seconds = date - std::time(nullptr);
  }
  if (seconds <= 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace gantry::host
