// A real node behind a gate: one kind of call is held there, so that a test can end whoever waits
// for its answer.
//
// THREADS  Any.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "evm/anvil_node.hpp"

namespace gantry::test {

enum class Gate {
  open,
  simulation,    // eth_call of an account: held before it is asked
  before_sends,  // eth_sendRawTransaction: held before the node has it
  after_sends,   // the same, when the node has it
};

class HeldNode final : public RpcNode {
 public:
  explicit HeldNode(const Anvil& chain) : node_(chain) {}

  boost::json::array answer(const boost::json::array& calls, const Manner& manner) override;

  void hold(Gate gate);
  // Whether somebody waits at the gate by then.
  bool is_held(std::chrono::milliseconds wait);
  // What it says that any transaction takes (eth_estimateGas), as a chain that counts data in gas.
  void estimate(std::uint64_t gas);
  // Lets go who waits; `forward`: what was held before the node had it is handed on.
  void release(bool forward);

 private:
  bool wait_at(Gate gate);

  AnvilNode node_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable moved_;
  Gate gate_ = Gate::open;
  int waiting_ = 0;
  bool forward_ = true;
  std::uint64_t estimate_ = 0;  // 0: as the node says
};

}  // namespace gantry::test
