// A made-up EVM chain that answers JSON-RPC, so that a test knows the one right answer to every
// call: what is read at a block is a digest of the block's hash and the call.
//
// THREADS  Any.
#pragma once
#include <atomic>
#include <boost/json.hpp>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantry::test {

class RpcChain {
 public:
  explicit RpcChain(std::uint64_t id, std::uint64_t head = 1000) : id_(id), head_(head) {}

  std::uint64_t id() const { return id_; }
  std::uint64_t head() const { return head_; }
  void advance(std::uint64_t blocks = 1) { head_ += blocks; }
  std::string hash(std::uint64_t number) const;
  // What eth_call of `data` gives at a block.
  boost::json::value truth(std::uint64_t number, const std::string& data) const;

  // How a node of it answers one call. `lag`: blocks that it is behind; `by_hash`: it can.
  // Each block has one log, of which at most ten are given at once. eth_call of "0xdead" reverts.
  // eth_sendRawTransaction is remembered.
  boost::json::object answer(const boost::json::object& call, std::uint64_t lag, bool by_hash);
  // Answers a method that no node of it has, or answers one otherwise; nullopt: as ever. Before the
  // first call.
  using Answer = std::function<std::optional<boost::json::value>(const std::string& method,
                                                                 const boost::json::array& params)>;
  void answer_first(Answer answer) { first_ = std::move(answer); }
  // Transactions in the order they came, as often as they came.
  std::vector<std::string> transactions() const;

 private:
  boost::json::value block(std::uint64_t number) const;
  boost::json::value log(std::uint64_t number) const;
  // The number of the block that a call names; throws Failure.
  std::uint64_t named(const boost::json::value& block, std::uint64_t head, bool by_hash) const;

  const std::uint64_t id_;
  std::atomic<std::uint64_t> head_;
  Answer first_;
  mutable std::mutex mutex_;  // guards transactions_
  std::vector<std::string> transactions_;
};

}  // namespace gantry::test
