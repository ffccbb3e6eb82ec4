// A provider's WebSocket on loopback that can be told to fail in every way that they do.
//
// OWNERSHIP  Its threads and sockets end with it.
// THREADS    Any.
#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "support/rpc_chain.hpp"

namespace gantry::test {

enum class WsFault {
  none,
  http_401,  // these answer the handshake with that status
  http_403,
  http_404,
  http_429,  // with Retry-After: 2
  http_503,
  http_302,
  http_200,
  no_http,         // answers the handshake with what is no HTTP
  hangs_up,        // takes the handshake and hangs up
  hangs,           // takes the handshake and says nothing
  wrong_accept,    // switches protocols, with a key of another handshake
  refuses,         // eth_subscribe is an error
  other_chain,     // says that it is of chain 56
  wrong_ids,       // answers under other ids
  no_answer,       // takes the subscription and says nothing
  forgets,         // never tells of a head
  other_news,      // tells of heads under another subscription's name
  no_head,         // tells of a head that is none
  garbage,         // from here on instead of the first head
  binary,          // the head in a binary message
  bad_text,        // no UTF-8
  bad_frame,       // an opcode that does not exist
  huge,            // a message without end
  half,            // half a message, then a reset
  ends,            // the connection ends without a close frame
  closes_policy,   // a close frame, 1008, with the key in its reason
  closes_restart,  // 1012
};

class WsServer {
 public:
  // `certificate`: a file of a certificate and its key, to speak TLS; empty: plain.
  explicit WsServer(RpcChain& chain, const std::string& certificate = {});
  ~WsServer();
  WsServer(const WsServer&) = delete;
  WsServer& operator=(const WsServer&) = delete;

  static constexpr std::string_view key = "s3cret-key";
  std::string origin() const;  // ws or wss
  std::string url() const { return origin() + "/v2/" + std::string(key); }
  // Those that are connected are cut off, so that what comes is under the new fault.
  void fail(WsFault fault);
  void die();
  void come_back();
  // Connections that have subscribed to heads and still are.
  int subscribers() const { return subscribers_; }
  std::uint64_t connections() const { return connections_; }
  std::uint64_t goodbyes() const { return goodbyes_; }  // subscriptions that were ended by name

 private:
  struct Connection;
  void listen(std::uint16_t port);
  void cut();
  void serve(Connection& connection);
  template <class Stream>
  void handshake(Stream& stream, Connection& connection);
  template <class Socket>
  void converse(Socket& socket, Connection& connection);
  template <class Socket>
  bool tell(Socket& socket, Connection& connection, WsFault fault);
  std::string head() const;

  RpcChain& chain_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  boost::asio::io_context context_;
  std::unique_ptr<boost::asio::ip::tcp::acceptor> acceptor_;
  std::uint16_t port_ = 0;
  std::thread accepting_;
  std::atomic<WsFault> fault_{WsFault::none};
  std::atomic<int> subscribers_{0};
  std::atomic<std::uint64_t> connections_{0};
  std::atomic<std::uint64_t> goodbyes_{0};
  std::atomic<bool> closing_{false};
  std::mutex mutex_;  // guards open_
  std::list<std::unique_ptr<Connection>> open_;
};

}  // namespace gantry::test
