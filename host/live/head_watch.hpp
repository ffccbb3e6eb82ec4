// Listens for new blocks of a chain over WebSockets (eth_subscribe newHeads) and tells who follows
// the chain. It is a hint alone: what a block holds is asked for, and who follows also asks by
// itself, so that nothing is lost while nobody is connected.
//
// WHOM     One provider at a time: the first whose socket can be had. When it fails, the next; when
//          one that comes before it can be had again (see reconnects.hpp), that one.
// SILENCE  A socket that tells of no block while the chain goes on elsewhere has forgotten the
//          subscription, and is given up.
// THREADS  Has one of its own. connected() from any; made and destroyed by one.
// ERRORS   Each way to fail is told in one line, and again only when it is another one, or after a
//          head came in between.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "host/config/settings.hpp"
#include "host/live/pending_pool.hpp"
#include "host/live/reconnects.hpp"
#include "host/live/subscription.hpp"
#include "host/ports/websocket.hpp"
#include "host/provider/providers.hpp"

namespace gantry::host {

struct HeadWatchOptions {
  WebSocketOptions socket;  // its `stop` is not used
  // How far behind the chain a socket may stay; 0: three blocks' time, 5 s at the least.
  std::chrono::milliseconds behind_max{0};
  // Who is told of pending transactions; null: they are not asked for.
  std::shared_ptr<PendingPool> pending;
};

class HeadWatch {
 public:
  // `on_change` is called for each head, and when there may be none for a while, with whether heads
  // come in. [its thread]
  HeadWatch(const ChainSettings& chain, Providers& providers, std::function<void(bool)> on_change,
            HeadWatchOptions options = {});
  HeadWatch(const HeadWatch&) = delete;
  HeadWatch& operator=(const HeadWatch&) = delete;
  ~HeadWatch();

  // Whether heads come in now.
  bool connected() const noexcept { return connected_.load(std::memory_order_relaxed); }

 private:
  using Time = Reconnects::Time;

  struct Source {
    WebSocketEndpoint endpoint;
    std::unique_ptr<WebSocket> socket;
    Subscription subscription;
    std::uint64_t told = 0;  // the newest block
    std::optional<Time> behind_since;
  };
  struct Failure {
    std::string why;
    std::chrono::milliseconds pause{0};
  };

  void run(const std::stop_token& stop);
  Time improve(const std::stop_token& stop);
  std::expected<void, Failure> open(const WebSocketEndpoint& endpoint);
  std::expected<void, Failure> listen(Source& source, std::chrono::milliseconds wait);
  std::expected<void, Failure> look_behind(Source& source, Time now) const;
  Subscription subscription() const;
  static Failure of(const WebSocketEndpoint& endpoint, std::string_view what);
  std::expected<void, Failure> take(Source& source, const Subscription::News& news);
  void take_head(Source& source, const ChainBlock& head);
  void failed(const std::string& provider, const Failure& failure);

  std::string chain_;
  Providers& providers_;
  std::function<void(bool)> on_change_;
  HeadWatchOptions options_;
  std::atomic<bool> connected_{false};
  // Its thread's.
  std::optional<Source> source_;
  Reconnects reconnects_;
  std::map<std::string, std::string> troubles_;  // of each provider, told already
  std::string last_source_;                      // that told of a head
  std::string no_pending_;                       // why there are none, told already
  std::mutex mutex_;                             // for the pause alone
  std::condition_variable_any stopped_;
  std::jthread thread_;  // the last: it uses the others
};

}  // namespace gantry::host
