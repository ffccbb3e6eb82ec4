#include "support/ws_server.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

namespace gantry::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;

constexpr int look_ms = 5;  // how often the chain is looked at for a new head
constexpr const char* subscription = "0x9cef478923ff08bf67fde6c64013158d";

unsigned status_of(WsFault fault) {
  switch (fault) {
    case WsFault::http_401:
      return 401;
    case WsFault::http_403:
      return 403;
    case WsFault::http_404:
      return 404;
    case WsFault::http_429:
      return 429;
    case WsFault::http_503:
      return 503;
    case WsFault::http_302:
      return 302;
    case WsFault::http_200:
      return 200;
    default:
      return 0;
  }
}

}  // namespace

struct WsServer::Connection {
  explicit Connection(tcp::socket accepted)
      : socket(std::move(accepted)), other_end(::dup(socket.native_handle())) {}
  ~Connection() { let_go(); }
  // From another thread than the one that serves it, which may be closing its own.
  void cut() {
    if (const int end = other_end.exchange(-1); end >= 0) {
      ::shutdown(end, SHUT_RDWR);
      ::close(end);
    }
  }
  void let_go() {
    if (const int end = other_end.exchange(-1); end >= 0) ::close(end);
  }
  // Whether there is something to read, within `wait_ms`.
  bool readable(int wait_ms) {
    pollfd waiting{socket.native_handle(), POLLIN | POLLRDHUP, 0};
    return ::poll(&waiting, 1, wait_ms) > 0;
  }
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    let_go();
    socket.close();
  }

  tcp::socket socket;
  std::atomic<int> other_end;  // a descriptor of the same socket; -1: none any more
  std::thread thread;
  std::uint64_t told = 0;
};

WsServer::WsServer(RpcChain& chain, const std::string& certificate) : chain_(chain) {
  if (!certificate.empty()) {
    tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    tls_->use_certificate_chain_file(certificate);
    tls_->use_private_key_file(certificate, asio::ssl::context::pem);
  }
  listen(0);
}

WsServer::~WsServer() { die(); }

std::string WsServer::origin() const {
  return std::string(tls_ == nullptr ? "ws" : "wss") + "://127.0.0.1:" + std::to_string(port_);
}

void WsServer::listen(std::uint16_t port) {
  closing_ = false;
  const tcp::endpoint here(asio::ip::address_v4::loopback(), port);
  acceptor_ = std::make_unique<tcp::acceptor>(context_);
  acceptor_->open(here.protocol());
  acceptor_->set_option(tcp::acceptor::reuse_address(true));
  acceptor_->bind(here);
  acceptor_->listen();
  port_ = acceptor_->local_endpoint().port();
  accepting_ = std::thread([this] {
    while (true) {
      boost::system::error_code failure;
      tcp::socket socket(context_);
      acceptor_->accept(socket, failure);
      if (closing_) return;
      if (failure) continue;
      ++connections_;
      const std::lock_guard lock(mutex_);
      open_.push_back(std::make_unique<Connection>(std::move(socket)));
      Connection& connection = *open_.back();
      connection.thread = std::thread([this, &connection] { serve(connection); });
    }
  });
}

void WsServer::fail(WsFault fault) {
  fault_ = fault;
  cut();
}

void WsServer::cut() {
  std::list<std::unique_ptr<Connection>> open;
  {
    const std::lock_guard lock(mutex_);
    open.swap(open_);
    for (auto& connection : open) connection->cut();
  }
  for (auto& connection : open) connection->thread.join();
}

void WsServer::die() {
  if (!accepting_.joinable()) return;
  closing_ = true;
  ::shutdown(acceptor_->native_handle(), SHUT_RDWR);
  accepting_.join();
  acceptor_.reset();
  cut();
}

void WsServer::come_back() {
  if (!accepting_.joinable()) listen(port_);
}

void WsServer::serve(Connection& connection) {
  try {
    connection.socket.set_option(tcp::no_delay(true));
    if (tls_ == nullptr) {
      websocket::stream<tcp::socket&> stream(connection.socket);
      handshake(stream, connection);
    } else {
      websocket::stream<asio::ssl::stream<tcp::socket&>> stream(connection.socket, *tls_);
      stream.next_layer().handshake(asio::ssl::stream_base::server);
      handshake(stream, connection);
    }
  } catch (const boost::system::system_error&) {
    // The client went away, or this server cuts it off: both are what tests do.
  }
  if (connection.socket.is_open()) ::shutdown(connection.socket.native_handle(), SHUT_RDWR);
}

template <class Stream>
void WsServer::handshake(Stream& stream, Connection& connection) {
  beast::flat_buffer buffer;
  http::request<http::string_body> request;
  http::read(stream.next_layer(), buffer, request);
  const WsFault fault = fault_;
  if (fault == WsFault::hangs_up) return;
  if (fault == WsFault::hangs) {
    connection.readable(-1);
    return;
  }
  if (fault == WsFault::no_http) {
    asio::write(stream.next_layer(), asio::buffer(std::string("220 mail at your service\r\n\r\n")));
    return;
  }
  const unsigned status = status_of(fault);
  if (status != 0 || fault == WsFault::wrong_accept) {
    http::response<http::string_body> response;
    response.version(11);
    response.result(status == 0 ? 101 : status);
    if (status == 0) {
      response.set(http::field::upgrade, "websocket");
      response.set(http::field::connection, "Upgrade");
      response.set(http::field::sec_websocket_accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    } else {
      response.body() = "no";
      response.prepare_payload();
    }
    if (status == 429) response.set(http::field::retry_after, "2");
    if (status == 302) {
      response.set(http::field::location, "/elsewhere/" + std::string(key));
    }
    http::write(stream.next_layer(), response);
    connection.readable(-1);
    return;
  }
  stream.accept(request);
  converse(stream, connection);
}

std::string WsServer::head() const {
  const json::object asked{
      {"id", 1}, {"method", "eth_getBlockByNumber"}, {"params", json::array{"latest", false}}};
  return json::serialize(chain_.answer(asked, 0, true).at("result"));
}

template <class Socket>
void WsServer::converse(Socket& socket, Connection& connection) {
  bool subscribed = false;
  struct Leave {
    WsServer& server;
    const bool& subscribed;
    ~Leave() { server.subscribers_ -= subscribed ? 1 : 0; }
  } const leave{*this, subscribed};
  while (true) {
    if (subscribed && connection.told < chain_.head()) {
      connection.told = chain_.head();
      if (!tell(socket, connection, fault_)) return;
    }
    // Several requests may be in one segment: what the stream has buffered is not readable.
    if (subscribed && !connection.readable(look_ms)) continue;
    beast::flat_buffer buffer;
    socket.read(buffer);
    const json::object asked = json::parse(beast::buffers_to_string(buffer.data())).as_object();
    const WsFault fault = fault_;
    if (fault == WsFault::no_answer) continue;
    json::object answer{{"jsonrpc", "2.0"}, {"id", asked.at("id")}};
    if (fault == WsFault::wrong_ids) answer["id"] = 4711;
    const bool subscribes = asked.at("method") == "eth_subscribe";
    if (asked.at("method") == "eth_unsubscribe") {
      const bool known = subscribed && asked.at("params") == json::array{subscription};
      answer["result"] = known;
      if (known) {
        subscribed = false;
        --subscribers_;
        ++goodbyes_;
      }
    } else if (!subscribes) {
      answer["result"] = fault == WsFault::other_chain ? "0x38" : "0x1";
    } else if (fault == WsFault::refuses) {
      answer["error"] = {{"code", -32601},
                         {"message", "no eth_subscribe\nfor " + std::string(key)}};
    } else {
      answer["result"] = subscription;
    }
    socket.text(true);
    socket.write(asio::buffer(json::serialize(answer)));
    if (!subscribes || fault == WsFault::refuses) continue;
    connection.told = chain_.head();
    if (fault == WsFault::forgets) connection.told = UINT64_MAX;
    subscribed = true;
    ++subscribers_;
  }
}

// False: the connection is over.
template <class Socket>
bool WsServer::tell(Socket& socket, Connection& connection, WsFault fault) {
  const auto news = [&](const std::string& result, const char* name) {
    return R"({"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":")" +
           std::string(name) + R"(","result":)" + result + "}}";
  };
  const std::string good = news(head(), subscription);
  const auto raw = [&](const std::string& bytes) {
    asio::write(socket.next_layer(), asio::buffer(bytes));
  };
  socket.text(true);
  switch (fault) {
    case WsFault::other_news:
      socket.write(asio::buffer(news(head(), "0x1")));
      return true;
    case WsFault::no_head:
      socket.write(asio::buffer(news(R"({"number":"0x1"})", subscription)));
      return true;
    case WsFault::garbage:
      socket.write(asio::buffer(std::string("<html>502</html>")));
      return true;
    case WsFault::binary:
      socket.binary(true);
      socket.write(asio::buffer(good));
      return true;
    case WsFault::bad_text:
      raw(std::string("\x81\x02\xc3\x28", 4));
      return true;
    case WsFault::bad_frame:
      raw(std::string("\x83\x00", 2));
      return true;
    case WsFault::huge: {
      raw(std::string("\x01\x7f\x00\x00\x00\x00\x40\x00\x00\x00", 10));
      const std::string spaces(1U << 20U, ' ');
      for (int i = 0; i < 16; ++i) raw(spaces);
      return true;
    }
    case WsFault::half:
      raw(std::string("\x81\x7e\x01\x00", 4) + good.substr(0, 100));
      // What was sent has arrived before the reset overtakes it.
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      connection.reset();
      return false;
    case WsFault::ends:
      return false;
    case WsFault::closes_policy:
      socket.close(websocket::close_reason(websocket::close_code::policy_error,
                                           "over quota\nof " + std::string(key)));
      return false;
    case WsFault::closes_restart:
      socket.close(websocket::close_reason(websocket::close_code::service_restart));
      return false;
    default:
      socket.write(asio::buffer(good));
      return true;
  }
}

}  // namespace gantry::test
