// An HTTP server on loopback whose answers a test writes.
//
// OWNERSHIP  Its threads and sockets end with it.
// THREADS    The handler is called by several threads at once, but never twice for one connection.
#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace gantry::test {

struct HttpCall {
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct HttpReply {
  unsigned status = 200;
  std::string body;
  bool hang = false;     // says nothing, and keeps the connection
  bool hang_up = false;  // says nothing, and ends it
};

class HttpServer {
 public:
  using Handler = std::function<HttpReply(const HttpCall&)>;
  explicit HttpServer(Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  struct Connection;
  void converse(Connection& connection);

  Handler handler_;
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::atomic<bool> closing_{false};
  std::mutex mutex_;  // guards open_
  std::list<std::unique_ptr<Connection>> open_;
  std::thread accepting_;
};

}  // namespace gantry::test
