// A provider on loopback that can be told to fail in every way that providers do.
//
// OWNERSHIP  Its threads and sockets end with it.
// THREADS    Any.
#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/rpc_chain.hpp"

namespace gantry::test {

enum class RpcFault {
  none,
  hang,             // takes the request and says nothing
  close,            // takes the request and hangs up
  reset,            // resets in the middle of its answer
  garbage,          // answers with what is no JSON
  html,             // a proxy's page under status 200
  wrong_ids,        // answers of another request
  twice,            // one answer twice, one not at all
  missing,          // leaves one answer out
  huge,             // an answer without end
  old_block,        // 50 blocks behind
  other_chain,      // answers as a node of another chain, with blocks of the same numbers
  limited,          // 429
  limited_for_1_s,  // 429 with Retry-After: 1
  limited_in_json,  // 200 with -32005 for one call of the batch
  unavailable,      // 503
  key_refused,      // 401
  node_fails,       // -32603
  no_blocks_by_hash,
  old_block_no_logs,  // as old_block, and of a block that it lacks it says that there are no logs
  no_tls,             // of a server with TLS: answers the handshake in plain words
  other_certificate,  // the same: shows the one of set_other_certificate()
  // Well-formed answers that nobody can use.
  null_logs,                // null for logs
  logs_of_no_block,         // logs without their block's hash
  logs_of_another_block,    // logs with another block's hash
  logs_not_in_plan,         // -32600 for logs
  block_without_parent,     // blocks without parentHash
  other_block,              // the block before the one that was asked for
  calls_fail,               // -32000 for eth_call, in words that nobody lists
  calls_are_null,           // null for eth_call
  refused_on_its_way,       // takes the request, and says -32603 without an id
  refused_on_its_way_502,   // the same under HTTP status 502
  not_understood,           // -32600 without an id; takes nothing
  no_read_methods,          // -32601 for eth_call and eth_getLogs
  logs_of_bad_address,      // logs whose address is too short
  logs_of_bad_topics,       // logs with a topic that is no hexadecimal
  logs_of_bad_data,         // logs whose data are half a byte
  logs_without_index,       // logs without logIndex
  no_logs_yet,              // no logs of any block, as a node has it that has not got to them
  logs_of_another_emitter,  // logs of the address 0x3333...
  emitters_wanted,          // -32701 for logs whose filter names no address
  calls_break,              // -32603 for eth_call
};
inline constexpr std::size_t rpc_faults = 42;
std::string_view to_string(RpcFault fault);

// Who answers the calls that a server is sent. [any thread]
class RpcNode {
 public:
  struct Manner {
    std::uint64_t lag = 0;        // blocks that it is behind
    bool by_hash = true;          // it takes a block by its hash
    bool empty_for_none = false;  // the logs of a block that it lacks are an empty list
  };
  virtual ~RpcNode() = default;
  // All calls of one request, in their order.
  virtual boost::json::array answer(const boost::json::array& calls, const Manner& manner) = 0;
};

class RpcServer {
 public:
  // `certificate`: a file of a certificate and its key, to speak TLS; empty: plain HTTP.
  explicit RpcServer(RpcChain& chain, const std::string& certificate = {});
  // Of nodes that outlive it: its own, and one of another chain.
  RpcServer(RpcNode& node, RpcNode& other_chain, const std::string& certificate = {});
  ~RpcServer();
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;

  std::string url() const;  // http or https, with a key in the path
  std::string origin() const;
  // With a fault of TLS, those that are connected are cut off.
  void fail(RpcFault fault);
  void set_other_certificate(const std::string& certificate);
  void delay(std::chrono::milliseconds delay) { delay_ms_ = delay.count(); }
  // Whatever else it does, it takes no block by its hash.
  void know_numbers_only() { numbers_only_ = true; }
  // Closes all connections and takes no more, until it comes back under the same port.
  void die();
  void come_back();
  std::uint64_t requests() const { return requests_; }        // that were read whole
  std::uint64_t connections() const { return connections_; }  // that were accepted

 private:
  struct Connection;
  void listen(std::uint16_t port);
  void serve(Connection& connection);
  template <class Stream>
  void converse(Stream& stream, Connection& connection);
  std::string answer_to(const std::string& body, RpcFault fault);
  void reap();

  std::vector<std::unique_ptr<RpcNode>> made_up_;  // of a chain of RpcChain
  RpcNode& node_;
  RpcNode& other_chain_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  std::unique_ptr<boost::asio::ssl::context> other_tls_;
  boost::asio::io_context context_;
  std::unique_ptr<boost::asio::ip::tcp::acceptor> acceptor_;
  std::uint16_t port_ = 0;
  std::thread accepting_;
  std::atomic<RpcFault> fault_{RpcFault::none};
  std::atomic<std::int64_t> delay_ms_{0};
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> connections_{0};
  std::atomic<bool> closing_{false};
  std::atomic<bool> numbers_only_{false};
  std::mutex mutex_;  // guards open_
  std::list<std::unique_ptr<Connection>> open_;
};

// A new self-signed certificate and its key.
struct SelfSigned {
  const char* name = "IP:127.0.0.1";
  long valid_for_s = 86400;  // from an hour ago on; counted from now
};
// Writes it into one file.
void write_self_signed_certificate(const std::string& path, const SelfSigned& wanted = {});

}  // namespace gantry::test
