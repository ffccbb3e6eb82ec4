// What an attempt at a batch came to: answers to hand on, or why another provider is asked.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "host/ports/http.hpp"
#include "host/provider/rpc.hpp"
#include "host/provider/statistics.hpp"

namespace gantry::host {

// What a node's error says of. Nodes agree on few codes, so their words are read too.
enum class CallFault : std::int32_t {
  application = 1,  // the call itself: it reverts, or is no good. The same everywhere
  limited = 2,      // the provider wants fewer requests
  no_block = 3,     // the node does not have the block, or no longer its state
  no_method = 4,    // the node does not have the method; another may
  node = 5,         // the node failed
};
CallFault fault_of(const RpcFailure& failure);

// Of an `application` fault, whether it surely is what every provider says: of eth_call that the
// contract failed or the call is no good; of eth_getLogs that the filter is no good or finds too
// much. What else a node says here may be its own trouble, in words that nobody has listed.
bool is_of_execution(const RpcFailure& failure);
bool is_of_filter(const RpcFailure& failure);
// That it takes no state overrides: -32602 is said of a parameter too many, others use words.
bool refuses_overrides(const RpcFailure& failure);

std::string quoted(const RpcFailure& failure);  // "'WORDS' (CODE)", of bounded length

struct AnswerVerdict {
  // Why these answers are not handed on; none: they are.
  std::optional<FailureCause> cause;
  std::string reason;                  // one line, as "HTTP status 503"; names nobody
  std::vector<RpcAnswer> answers;      // all of them, or none
  std::size_t first_answers = 0;       // results before the call that is the cause
  bool no_method = false;              // answers, but another provider may have the method
  bool maybe_taken = false;            // with a cause: a write may have been done all the same
  std::chrono::milliseconds pause{0};  // of `limited`, where it was named
};
AnswerVerdict judge(HttpOutcome outcome, std::uint64_t first_id, std::size_t calls);

}  // namespace gantry::host
