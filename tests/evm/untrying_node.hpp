// A real node that runs no eth_call with state overrides, until it is told to.
//
// THREADS  Any.
#pragma once
#include <atomic>
#include <cstdint>

#include "evm/anvil_node.hpp"

namespace gantry::test {

enum class Untrying : std::int32_t {
  not_at_all,  // it runs them
  refuses,     // as a node whose eth_call has two parameters
  fails,       // in words of its own
  hangs_up,    // for the whole request
  limits,      // as who wants fewer requests
  ignores,     // as if there were none: nothing is at the address that is called
};

class UntryingNode final : public RpcNode {
 public:
  explicit UntryingNode(const Anvil& chain) : node_(chain) {}

  boost::json::array answer(const boost::json::array& calls, const Manner& manner) override {
    namespace json = boost::json;
    json::array handed_on;
    json::array replies;
    for (const json::value& each : calls) {
      const json::object& call = each.as_object();
      const Untrying way = way_;
      const bool is_trial =
          call.at("method") == "eth_call" && call.at("params").as_array().size() > 2;
      if (is_trial) ++trials_;
      if (!is_trial || way == Untrying::not_at_all) {
        handed_on.push_back(call);
        continue;
      }
      // No list of answers: what is sent then is no answer to the batch.
      if (way == Untrying::hangs_up) return {};
      json::object reply{{"jsonrpc", "2.0"}, {"id", call.at("id")}};
      if (way == Untrying::refuses) {
        reply["error"] = {{"code", -32602}, {"message", "too many arguments, want at most 2"}};
      } else if (way == Untrying::fails) {
        reply["error"] = {{"code", -32000}, {"message", "overrides are switched off"}};
      } else if (way == Untrying::limits) {
        reply["error"] = {{"code", 429}, {"message", "too many requests"}};
      } else {
        reply["result"] = "0x";
      }
      replies.push_back(std::move(reply));
    }
    if (!handed_on.empty()) {
      for (json::value& reply : node_.answer(handed_on, manner)) {
        replies.push_back(std::move(reply));
      }
    }
    return replies;
  }

  void be(Untrying way) { way_ = way; }
  std::uint64_t trials() const { return trials_; }  // that it was asked for

 private:
  AnvilNode node_;
  std::atomic<Untrying> way_{Untrying::not_at_all};
  std::atomic<std::uint64_t> trials_{0};
};

}  // namespace gantry::test
