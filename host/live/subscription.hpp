// What is said over a provider's WebSocket: it is asked for its chain and for new heads, one by one
// for not every node takes a batch there, and what it says is believed as far as it answers that.
//
// ERRORS  One line of "it", which the caller knows the name of. `configuration`: the provider
//         is of another chain; `io`: it refuses; `format`: what it says is no JSON-RPC, no head, or
//         of what nobody asked. Each ends the conversation.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"
#include "host/live/chain_blocks.hpp"

namespace gantry::host {

class Subscription {
 public:
  // `chain` is CAIP-2.
  explicit Subscription(std::string chain) : chain_(std::move(chain)) {}

  // To be sent first, in this order.
  static std::vector<std::string> requests();
  // One message. A head, or nothing that matters.
  Result<std::optional<ChainBlock>> take(std::string_view message);
  // The chain is right, and heads are to come.
  bool stands() const { return chain_is_right_ && !id_.empty(); }

 private:
  Status take_answer(const boost::json::object& message);
  Result<std::optional<ChainBlock>> take_news(const boost::json::object& message) const;

  std::string chain_;
  bool chain_is_right_ = false;
  std::string id_;  // of the subscription, as the node named it
};

}  // namespace gantry::host
