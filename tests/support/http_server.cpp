#include "support/http_server.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace gantry::test {
namespace {

namespace http = boost::beast::http;
using tcp = boost::asio::ip::tcp;

}  // namespace

struct HttpServer::Connection {
  explicit Connection(tcp::socket accepted) : socket(std::move(accepted)) {}
  tcp::socket socket;
  std::thread thread;
};

HttpServer::HttpServer(Handler handler)
    : handler_(std::move(handler)),
      acceptor_(context_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)),
      port_(acceptor_.local_endpoint().port()),
      accepting_([this] {
        for (;;) {
          boost::system::error_code failure;
          tcp::socket socket(context_);
          acceptor_.accept(socket, failure);
          if (closing_) return;
          if (failure) continue;
          const std::lock_guard lock(mutex_);
          open_.push_back(std::make_unique<Connection>(std::move(socket)));
          Connection& connection = *open_.back();
          connection.thread = std::thread([this, &connection] { converse(connection); });
        }
      }) {}

HttpServer::~HttpServer() {
  closing_ = true;
  ::shutdown(acceptor_.native_handle(), SHUT_RDWR);  // ends the accept
  accepting_.join();
  for (auto& connection : open_) ::shutdown(connection->socket.native_handle(), SHUT_RDWR);
  for (auto& connection : open_) connection->thread.join();
}

void HttpServer::converse(Connection& connection) {
  boost::beast::flat_buffer buffer;
  boost::system::error_code failure;
  while (!closing_) {
    http::request<http::string_body> request;
    http::read(connection.socket, buffer, request, failure);
    if (failure) return;
    HttpCall call{{}, std::move(request.body())};
    for (const auto& field : request) {
      std::string name(field.name_string());
      std::ranges::transform(name, name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      });
      call.headers[name] = std::string(field.value());
    }
    const HttpReply reply = handler_(call);
    if (reply.hang_up) {
      ::shutdown(connection.socket.native_handle(), SHUT_RDWR);
      return;
    }
    if (reply.hang) {
      // Until whoever asked gives up, or the server ends.
      pollfd end{connection.socket.native_handle(), POLLRDHUP, 0};
      while (!closing_ && ::poll(&end, 1, 20) == 0) continue;
      return;
    }
    http::response<http::string_body> response{http::int_to_status(reply.status), 11};
    response.set(http::field::content_type, "application/json");
    response.keep_alive(true);
    response.body() = reply.body;
    response.prepare_payload();
    http::write(connection.socket, response, failure);
    if (failure) return;
  }
}

}  // namespace gantry::test
