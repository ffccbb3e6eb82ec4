// What is said over a provider's WebSocket: it is asked for its chain and for new heads, one by one
// for not every node takes a batch there, and what it says is believed as far as it answers that.
// Pending transactions are asked for on top, in the words of one kind of provider after the other.
//
// ERRORS  One line of "it", which the caller knows the name of. `configuration`: the provider is of
//         another chain; `io`: it refuses; `format`: what it says is no JSON-RPC, no head, or of
//         what nobody asked. Each ends the conversation; that it has no pending transactions for us
//         does not.
#pragma once
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/abi.h"
#include "host/base/result.hpp"
#include "host/live/chain_blocks.hpp"

namespace gantry::host {

class Subscription {
 public:
  // `chain` is CAIP-2. With `routers`, transactions to these are wanted too.
  explicit Subscription(std::string chain, std::vector<gantry_address> routers = {})
      : chain_(std::move(chain)), routers_(std::move(routers)) {}

  // To be sent first, in this order.
  static std::vector<std::string> requests();

  struct News {
    std::optional<ChainBlock> head;
    std::optional<boost::json::value> pending;  // a transaction, or its hash
    std::string request;                        // to be sent now; empty: nothing
    std::string no_pending;                     // why none will be told of; empty: not decided now
  };
  Result<News> take(std::string_view message);
  // The chain is right, and heads are to come.
  bool stands() const { return chain_is_right_ && !id_.empty(); }
  bool tells_pending() const { return !pending_id_.empty(); }
  // Ends what stands(); to be sent last. And whether a message is the answer to that.
  std::string goodbye() const;
  static bool is_goodbye(std::string_view message);

 private:
  Result<News> take_answer(const boost::json::object& message);
  Result<News> take_pending_answer(const boost::json::object& message);
  Result<News> take_news(const boost::json::object& message) const;
  std::string pending_request() const;

  std::string chain_;
  std::vector<gantry_address> routers_;
  bool chain_is_right_ = false;
  std::string id_;           // of the subscription, as the node named it
  std::string pending_id_;   // of that to pending transactions
  std::uint64_t words_ = 0;  // in which pending transactions are asked for; 0: not yet
};

}  // namespace gantry::host
