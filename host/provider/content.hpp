// Whether an answer is what its method answers with. JSON-RPC says nothing of that, and whoever
// asked could but ask the same provider again. Internal to host/provider.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "host/provider/rpc.hpp"
#include "host/provider/statistics.hpp"

namespace gantry::host::provider {

// What no caller could use: logs that are no list, lack a field or are of another block than the
// filter's; where
// blocks are known to be there, also a block that is none or not the one that was asked for, and
// logs that are refused for another reason than their filter. nullopt: nothing.
// `calls` as they were sent, and an answer for each.
std::optional<AnswerFault> content_fault(std::span<const RpcCall> calls,
                                         std::span<const RpcAnswer> answers, bool blocks_are_there);

// Whether no eth_call with state overrides was run with them, though there are some: refused, or
// answered with no bytes as where nothing is put in. Not every node takes them, and that is none's
// fault.
bool lacks_overrides(std::span<const RpcCall> calls, std::span<const RpcAnswer> answers);

// What may be one provider's own trouble, or what every provider says: a read of the state, or of
// logs, that is refused for no reason that lies in the call, and a read that every node has and
// this one says it has not. Empty: nothing.
std::string unsure_answer(std::span<const RpcCall> calls, std::span<const RpcAnswer> answers);

}  // namespace gantry::host::provider
