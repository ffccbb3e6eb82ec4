// The scene of trades in which they leave as user operations: a smart account at EntryPoint 0.7,
// alto behind a gate, and a paymaster's server.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "evm/alto_node.hpp"
#include "evm/trading_scene.hpp"
#include "support/http_server.hpp"

namespace gantry::test {

// A bundler that can hold eth_sendUserOperation, so that a test can end whoever waits for its
// answer. THREADS  Any.
class HeldBundler {
 public:
  enum class Gate {
    open,
    before,  // held before alto has it
    after,   // when alto has it
  };
  explicit HeldBundler(std::string alto);

  std::string url() const { return server_.url(); }
  void hold(Gate gate);
  bool is_held(std::chrono::milliseconds wait);
  // Lets go who waits; `forward`: what was held before alto had it is handed on.
  void release(bool forward);
  // Operations that came, all in all.
  std::size_t sends() const { return sends_; }

 private:
  HttpReply answer(const HttpCall& call);
  bool wait_at(Gate gate);

  std::string alto_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable moved_;
  Gate gate_ = Gate::open;
  int waiting_ = 0;
  bool forward_ = true;
  std::atomic<std::size_t> sends_ = 0;
  HttpServer server_;
};

class OperationScene {
 public:
  explicit OperationScene(std::uint64_t seed);

  // Who pays, in place of the server alone: before it, another one at that URL.
  void pay_first(const std::string& url);
  // The server's.
  std::string paymaster_url() const { return paymaster_.url(); }
  // Trades in one block, and mines what alto makes of the host's answer to it, if anything.
  void step(host::tests::Running& running, int wait_ms = 400);
  // Steps until the account has so many operations in blocks more than it had; false: it has not.
  bool trade_until(host::tests::Running& running, std::uint64_t operations, int steps_max = 120);
  // Runs the program on blocks without trades until nothing is under way any more.
  void settle();

 private:
  EntryPointChain entry_;
  AltoNode alto_;
  PaymasterServer paymaster_;

 public:
  HeldBundler bundler;
  TradingScene trading;
};

}  // namespace gantry::test
