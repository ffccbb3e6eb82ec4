// Listens for new blocks of a chain over WebSockets (eth_subscribe newHeads), one provider after
// the other, and tells who follows the chain. It is a hint alone: what a block holds is asked for,
// and who follows also asks by itself, so that nothing is lost while nobody is connected.
//
// THREADS  Has one of its own. connected() from any; made and destroyed by one.
// ERRORS   A connection that fails or dies is told once and made anew, after a pause that doubles
//          up to a bound.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "host/ports/websocket.hpp"
#include "host/provider/providers.hpp"

namespace gantry::host {

class HeadWatch {
 public:
  // `chain` is CAIP-2. `on_change` is called for each head, and when the connection is lost, with
  // whether heads come in. [its thread]
  HeadWatch(std::string chain, Providers& providers, std::function<void(bool)> on_change);
  HeadWatch(const HeadWatch&) = delete;
  HeadWatch& operator=(const HeadWatch&) = delete;
  ~HeadWatch();

  // Whether heads come in now.
  bool connected() const noexcept { return connected_.load(std::memory_order_relaxed); }

 private:
  void run();
  Status listen(const WebSocketEndpoint& endpoint);
  Status take(const std::string& message, const std::string& provider);
  void pause(std::chrono::milliseconds time);
  bool keep(std::unique_ptr<WebSocket> socket);

  std::string chain_;
  Providers& providers_;
  std::function<void(bool)> on_change_;
  std::atomic<bool> connected_{false};
  std::mutex mutex_;  // guards the two below
  std::unique_ptr<WebSocket> socket_;
  bool stopped_ = false;
  std::condition_variable moved_;
  std::string trouble_;  // told already; its thread's
  std::thread thread_;
};

}  // namespace gantry::host
