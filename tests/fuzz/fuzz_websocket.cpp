// Frames as a server sends them: each input is one connection over loopback, to a peer that shakes
// hands as it should and then says what the bytes are. The first byte: whether the handshake's
// answer is the input's, too; the second: into how many pieces the rest is parted. What the client
// says itself is asked of it in between, so that pongs and closes have to be written.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/beast/websocket/detail/hybi13.hpp>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "host/ports/websocket.hpp"
#include "input.hpp"

namespace {

using namespace gantry::host;
using gantry::fuzz::must;
using std::chrono::milliseconds;

constexpr std::size_t message_bytes_max = 4096;
constexpr int messages_max = 64;

// Listens on a free port; takes one connection after the other and does what it was told.
class Peer {
 public:
  struct Script {
    std::string_view bytes;
    bool own_handshake = false;  // the bytes are all that is said
    std::size_t pieces = 1;
  };

  Peer() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    must(listener_ >= 0 && ::bind(listener_, any, size) == 0 && ::listen(listener_, 16) == 0);
    must(::getsockname(listener_, any, &size) == 0);
    url_ = "ws://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    thread_ = std::thread([this] { serve(); });
  }
  ~Peer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  const std::string& url() const { return url_; }
  // For the next connection.
  void say(const Script& script) {
    const std::lock_guard lock(mutex_);
    script_ = script;
    done_ = false;
  }
  // Until the connection is over.
  void wait() {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return done_; });
  }

 private:
  void serve() {
    while (true) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      const int at_once = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
      Script script;
      {
        const std::lock_guard lock(mutex_);
        script = script_;
      }
      if (const std::string key = read_request(socket); !key.empty()) speak(socket, key, script);
      ::shutdown(socket, SHUT_WR);
      // What the client still says is heard out, until it is gone.
      char rest[4096];
      while (::recv(socket, rest, sizeof(rest), 0) > 0) {
      }
      ::close(socket);
      const std::lock_guard lock(mutex_);
      done_ = true;
      moved_.notify_all();
    }
  }

  // The key that an answer has to be made of; empty: the client is gone.
  static std::string read_request(int socket) {
    std::string request;
    char part[1024];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(socket, part, sizeof(part), 0);
      if (got <= 0) return {};
      request.append(part, static_cast<std::size_t>(got));
    }
    constexpr std::string_view header = "Sec-WebSocket-Key: ";
    const std::size_t at = request.find(header);
    must(at != std::string::npos);
    return request.substr(at + header.size(), request.find('\r', at) - at - header.size());
  }

  static void speak(int socket, const std::string& key, const Script& script) {
    std::string_view bytes = script.bytes;
    if (!script.own_handshake) {
      boost::beast::websocket::detail::sec_ws_accept_type accept;
      boost::beast::websocket::detail::make_sec_ws_accept(accept, key);
      if (!send(socket,
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
                    std::string(accept.data(), accept.size()) + "\r\n\r\n")) {
        return;
      }
    }
    for (std::size_t left = script.pieces; left != 0; --left) {
      const std::size_t size = bytes.size() / left;
      if (!send(socket, bytes.substr(0, size))) return;
      bytes.remove_prefix(size);
    }
  }

  static bool send(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  int listener_;
  std::string url_;
  std::mutex mutex_;  // guards the two below
  Script script_;
  bool done_ = false;
  std::condition_variable moved_;
  std::thread thread_;
};

Secret secret(const std::string& url) {
  return TemplatedUrl::parse(url)
      .value()
      .resolve([](std::string_view) { return std::nullopt; })
      .value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static Peer peer;
  static const Secret url = secret(peer.url());
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  peer.say({rest, data[0] % 8 == 7, 1 + data[1] % 8U});
  {
    WebSocketOptions options;
    options.deadline = milliseconds(5000);
    options.message_bytes_max = message_bytes_max;
    const auto made = connect_websocket(url, options);
    if (made) {
      WebSocket& socket = **made;
      bool over = data[0] % 2 == 0 && !socket.send("{}");
      for (int count = 0; !over; ++count) {
        // The peer ends its side, so there is an end; nothing in the time is a hang.
        const auto message = socket.receive(options.deadline);
        if (message) {
          must(message->has_value() && (*message)->size() <= message_bytes_max);
        } else {
          must(!message.error().message.empty());
          must(!socket.receive(milliseconds(0)).has_value() && !socket.send("{}").has_value());
        }
        over = !message || count == messages_max;
      }
    }
  }
  peer.wait();
  return 0;
}
