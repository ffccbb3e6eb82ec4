// One batch on its way to an answer: who is asked, when another is asked too, and what is believed.
// Internal to host/provider.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>

#include "host/ports/http.hpp"
#include "host/provider/board.hpp"
#include "host/provider/providers.hpp"
#include "host/provider/verdict.hpp"

namespace gantry::host::provider {

// Requests of one batch on their way at once. With one more provider to try, the oldest gives way.
inline constexpr std::size_t overlap_max = 3;
// Until those that do not have the block, which is known to be there, are asked again.
inline constexpr milliseconds block_retry_every{50};
// The same where the batch names no pin: the wait doubles up to that.
inline constexpr milliseconds block_retry_max{400};

// Where answers come in. Outlives its batch when an answer is late.
class Mailbox {
 public:
  struct Arrival {
    std::size_t attempt = 0;
    Time at;
    HttpOutcome outcome;
  };
  void put(Arrival arrival);
  void stop();
  // Waits until something is there, or until then.
  std::vector<Arrival> take(Time until);

 private:
  std::mutex mutex_;  // guards what follows
  std::condition_variable arrived_;
  std::vector<Arrival> arrivals_;
  bool stopped_ = false;
};

// Those that are waited on now, so that a stop can wake them.
class Mailboxes {
 public:
  void add(Mailbox* box);
  void remove(Mailbox* box);
  void stop();

 private:
  std::mutex mutex_;  // guards boxes_
  std::set<Mailbox*> boxes_;
};

// Why an answer is not believed though it is one, as "is behind"; empty: it is.
using Accept = std::function<std::string(std::size_t index, std::span<const RpcAnswer> answers,
                                         const std::string& provider)>;

struct AskContext {
  Board& board;
  HttpPool& http;
  Mailboxes& mailboxes;
  std::atomic<std::uint64_t>& next_id;
};
// [any thread] `accept` may be empty.
std::expected<RpcBatch, RpcError> ask(const AskContext& context, std::span<const RpcCall> calls,
                                      const RpcOptions& options, const Accept& accept);

HttpRequest rpc_request(Secret url, std::string body, milliseconds timeout);

}  // namespace gantry::host::provider
