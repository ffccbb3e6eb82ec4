// A batch of calls that all read one block.
//
// The block goes where each method has it:
//   parameter 0  eth_getBlockReceipts
//   parameter 1  eth_call, eth_estimateGas, eth_createAccessList, eth_getBalance, eth_getCode,
//                eth_getTransactionCount, eth_simulateV1
//   parameter 2  eth_getStorageAt, eth_getProof
//   the filter   eth_getLogs
// What stands at or behind that place moves up by one, as the state overrides of an eth_call.
// Other methods are left as they are: they read no block, or name one by themselves.
#pragma once
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "host/provider/rpc.hpp"

namespace gantry::host {

enum class PinForm : std::int32_t {
  hash = 1,    // EIP-1898, and EIP-234 of eth_getLogs
  number = 2,  // and, where the hash is known, two calls more that ask for the number's hash
};

struct PinnedBatch {
  std::vector<RpcCall> calls;
  std::size_t guards_before = 0;  // calls at the beginning that are not the caller's
  std::size_t guards_after = 0;   // likewise at the end
};
// Fails with a sentence on the call that names a block of its own, or has too few parameters.
std::expected<PinnedBatch, std::string> pinned(std::span<const RpcCall> calls, const BlockPin& pin,
                                               PinForm form);

// Whether all guards say that the number is the pin's block, then or still. Empty: they do.
// Otherwise why not, and the provider has to be passed over.
std::string guards_fault(const PinnedBatch& batch, const BlockPin& pin,
                         std::span<const RpcAnswer> answers);

}  // namespace gantry::host
