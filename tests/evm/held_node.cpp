#include "evm/held_node.hpp"

#include "host/provider/json_rpc.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

// Longer than whoever asks: it gives up, or was ended.
constexpr std::chrono::seconds held_max{20};

bool is_simulation(const json::object& call) {
  if (call.at("method") != "eth_call") return false;
  return call.at("params").as_array().at(0).as_object().contains("from");
}
bool is_send(const json::object& call) { return call.at("method") == "eth_sendRawTransaction"; }

template <class Is>
bool any_of(const json::array& calls, Is is) {
  for (const json::value& call : calls) {
    if (is(call.as_object())) return true;
  }
  return false;
}

}  // namespace

bool HeldNode::wait_at(Gate gate) {
  std::unique_lock lock(mutex_);
  if (gate_ != gate) return true;
  ++waiting_;
  moved_.notify_all();
  moved_.wait_for(lock, held_max, [&] { return gate_ != gate; });
  --waiting_;
  return forward_;
}

json::array HeldNode::answer(const json::array& calls, const Manner& manner) {
  if (any_of(calls, is_simulation)) wait_at(Gate::simulation);
  const bool sends = any_of(calls, is_send);
  if (sends && !wait_at(Gate::before_sends)) {
    json::array lost;
    for (const json::value& call : calls) {
      lost.push_back(json::object{{"jsonrpc", "2.0"},
                                  {"id", call.at("id")},
                                  {"error", {{"code", -32603}, {"message", "lost"}}}});
    }
    return lost;
  }
  json::array answers = node_.answer(calls, manner);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::lock_guard lock(mutex_);
    if (estimate_ == 0 || calls[i].at("method") != "eth_estimateGas") continue;
    answers[i].as_object()["result"] = host::quantity_text(estimate_);
  }
  if (sends) wait_at(Gate::after_sends);
  return answers;
}

void HeldNode::estimate(std::uint64_t gas) {
  const std::lock_guard lock(mutex_);
  estimate_ = gas;
}

void HeldNode::hold(Gate gate) {
  const std::lock_guard lock(mutex_);
  gate_ = gate;
}

bool HeldNode::is_held(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  return moved_.wait_for(lock, wait, [this] { return waiting_ > 0; });
}

void HeldNode::release(bool forward) {
  const std::lock_guard lock(mutex_);
  forward_ = forward;
  gate_ = Gate::open;
  moved_.notify_all();
}

}  // namespace gantry::test
