// A node's WebSocket, with what the node tells changed on its way.
//
// OWNERSHIP  Keeps the node's address alone, which outlives it. Its thread ends with it.
// ERRORS     Throws boost::system::system_error where it cannot listen.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <string>
#include <thread>

namespace gantry::test {

class ChangedSocket {
 public:
  // `change` is called with each message of the node, in a thread of its own.
  using Change = std::function<std::string(std::string)>;
  ChangedSocket(const std::string& node_url, Change change);
  ~ChangedSocket();
  ChangedSocket(const ChangedSocket&) = delete;
  ChangedSocket& operator=(const ChangedSocket&) = delete;

  std::string url() const;

 private:
  class Conversation;
  void accept();

  std::string node_port_;
  Change change_;
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace gantry::test
