// The RPC providers of one chain, behind one question: "answer these calls". Which provider is
// asked, what happens when it does not answer, and how it is watched is decided here.
//
// A batch is answered by one provider as a whole, so what comes back belongs together. With a pin
// every call of it names one block, and a provider that does not have that block is passed over.
//
// THREADS    Each function says its own. Inside are a thread that watches the providers, and those
//            of the HTTP port.
// OWNERSHIP  The ports outlive the object. Answers are the caller's.
// ERRORS     What a contract or every node says of a call (revert, invalid parameters) is its
//            RpcFailure, and never makes another provider be asked; what may be one node's trouble
//            is so only where no other has an answer. RpcError: nobody answered the batch.
// SECRETS    A message names a provider by its name and by scheme and host of its template.
#pragma once
#include <boost/json.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host/base/result.hpp"
#include "host/config/secret.hpp"
#include "host/config/settings.hpp"
#include "host/ports/clock.hpp"
#include "host/ports/http.hpp"
#include "host/provider/rpc.hpp"
#include "host/provider/statistics.hpp"

namespace gantry::host {

// Bounds, all of them errors where they are passed.
inline constexpr std::size_t rpc_calls_max = 1000;               // of one batch
inline constexpr std::size_t rpc_request_bytes_max = 4U << 20U;  // of one batch's body
inline constexpr std::size_t rpc_answer_bytes_max = 32U << 20U;  // of one answer's body
inline constexpr std::size_t rpc_attempts_per_provider_max = 2;  // for one read
inline constexpr std::chrono::milliseconds rpc_deadline_max{60000};

enum class RpcKind : std::int32_t {
  read = 1,   // may be asked of several, and again
  write = 2,  // eth_sendRawTransaction and the like: leaves at most once, unless it surely did not
};

struct RpcOptions {
  std::chrono::milliseconds deadline{2000};  // for the whole, whoever answers; at most a minute
  RpcKind kind = RpcKind::read;
  std::optional<BlockPin> pin = std::nullopt;
  bool hedge = true;  // a read only: ask a second provider when the first is slower than usual
  // Blocks of eth_getBlock... and eth_getLogs are known to be there: a provider that answers with
  // null is behind, one that refuses or tells of another is at fault; both are passed over.
  bool blocks_are_there = false;
  // What whoever asks knows of the answers, one for each call: why they cannot be right, or
  // nothing. Their provider is passed over; one that is `behind` is asked again after 50 ms, 100 ms
  // ... 400 ms, while there is time and nobody else has them. [the thread that asks]
  std::function<std::optional<AnswerFault>(std::span<const RpcAnswer>, const std::string& provider)>
      doubt = {};
  // A write only: whether it may leave, asked right before it is sent to each provider, for it may
  // wait for one. Empty: it may. [the thread that asks]
  std::function<bool()> may_leave = {};
};

struct RpcBatch {
  std::vector<RpcAnswer> answers;  // one for each call, in the order of the calls
  std::string provider;            // who answered
  std::size_t attempts = 1;        // requests that were sent for it
  std::chrono::microseconds took{0};
};

enum class RpcErrorKind : std::int32_t {
  halted = 1,           // no provider can be asked: the message has the reason of each
  unanswered = 2,       // those that could be asked failed, or did not answer in time
  no_block = 3,         // no provider has the pinned block
  unknown_outcome = 4,  // a write: it may have been taken. Look for it before sending it again
  usage = 5,            // no calls, too many or too long, or a deadline out of range
  stopped = 6,          // stop() was called
  withheld = 7,         // a write that may not leave any more; nobody has it
};
std::string_view to_string(RpcErrorKind kind);

struct RpcError {
  RpcErrorKind kind = RpcErrorKind::halted;
  std::string message;  // what, of whom, and what to do
};

// Where a subscription can be opened.
struct WebSocketEndpoint {
  std::string provider;
  Secret url;  // ws or wss
};

struct ProviderPorts {
  HttpPool& http;
  const Clock& clock;              // outlives the pool, whose last requests ask it
  const Environment& environment;  // read when the object is made, for ${NAME}
};

struct ProviderOptions {
  bool watch = true;  // false: nobody is asked but by check_now() and ask()
  // What happened, one line each: state changes, not every failure. [any thread, one at a time]
  // None: the log.
  std::function<void(const ProviderEvent&)> on_event = {};
};

class Providers {
 public:
  // Returns at once: the first ask() waits for the first provider that has shown its chain. Fails
  // with `configuration`: no provider, a variable that is not set, or a URL that is none.
  static Result<std::unique_ptr<Providers>> make(const ChainSettings& chain,
                                                 const ProviderPorts& ports,
                                                 ProviderOptions options = {});
  virtual ~Providers() = default;  // after the last ask() has returned; see stop()

  // [any thread, several at once] Blocks until there is an answer, or an error, or the deadline.
  virtual std::expected<RpcBatch, RpcError> ask(std::span<const RpcCall> calls,
                                                const RpcOptions& options = {}) = 0;

  // [any thread] The newest block that is known, without asking; nullopt: none yet. Its number
  // goes down by doubt_head() alone, whichever provider tells.
  virtual std::optional<Head> head() const = 0;
  // [any thread] Asks for the newest block. A provider that is behind head() is passed over; when
  // all are, head() is what is returned.
  virtual std::expected<Head, RpcError> poll_head(std::chrono::milliseconds deadline) = 0;
  // [any thread] A subscription has told of a block. One that is older than head(), or far ahead of
  // what all others say, changes nothing.
  virtual void note_head(const Head& head) = 0;
  // [any thread] Nobody has head(): it is forgotten, and for half a minute the subscription of who
  // told it is not believed.
  virtual void doubt_head() = 0;
  // [any thread] What this provider answered turned out to be wrong: it counts as a failure of its
  // node, told with that reason.
  virtual void refute(const std::string& provider, std::string reason) = 0;

  // [any thread] Where subscriptions can be opened: the providers whose `url` is wss or ws, the
  // first to be tried first. Nobody has asked them anything: the caller has to ask for their chain.
  virtual std::vector<WebSocketEndpoint> websockets() const = 0;

  // [any thread] Asks each provider at once for its chain and head, and waits until all have
  // answered or failed, at most so long.
  virtual void check_now(std::chrono::milliseconds wait) = 0;
  // [any thread]
  virtual ChainStatistics statistics() const = 0;
  // [any thread] Every ask() returns soon with `stopped`, those that come later at once.
  virtual void stop() = 0;
};

}  // namespace gantry::host
