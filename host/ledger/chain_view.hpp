// What reconciliation asks of a chain.
//
// ERRORS   io: nobody answered; format: an answer is none. Never a guess: what is not known is an
//          error, and "there is none" is an answer.
// THREADS  As the object says.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "host/ledger/records.hpp"
#include "host/provider/providers.hpp"

namespace gantry::host::ledger {

class ChainView {
 public:
  virtual ~ChainView() = default;
  // The number of the newest block.
  virtual Result<std::uint64_t> head() = 0;
  // The hash of the block that the chain has at that height; nullopt: it is not as high.
  virtual Result<std::optional<Hash>> block_hash(std::uint64_t block) = 0;
  // How many nonces of that lane are taken, in the state after that block: the next one.
  virtual Result<std::uint64_t> next_nonce(const Lane& lane, std::uint64_t block) = 0;
  // What became of a transaction, and of a user operation of that lane; nullopt: it is in no block
  // that the chain has now. An operation of that nonce is looked for after that block: in the one
  // that took the nonce, where a node has the states of old blocks; else in the logs of so many
  // blocks in a call, and the next call goes on from there. `limit`: it is not through yet.
  virtual Result<std::optional<Receipt>> transaction(const Hash& hash) = 0;
  virtual Result<std::optional<Receipt>> user_operation(const Lane& lane, const Hash& hash,
                                                        std::uint64_t nonce,
                                                        std::uint64_t from_block) = 0;
  // The transaction that carried such an operation, which is in that block; nullopt: none did.
  virtual Result<std::optional<Hash>> carrier(const Lane& lane, const Hash& operation,
                                              std::uint64_t block) = 0;
};

struct ChainViewBounds {
  std::uint64_t log_blocks = 2'000;  // whose logs are asked for at once; nodes refuse more
  std::uint64_t log_requests = 64;   // in one look for an operation
  // Beyond that nodes may have forgotten logs: a missing one then proves nothing.
  std::uint64_t log_age_blocks = 2'000'000;
};

// Over a chain's providers: eth_getTransactionCount and EntryPoint.getNonce,
// eth_getTransactionReceipt, and of user operations the EntryPoint's own event, so that no bundler
// has to be believed or asked. THREADS    One at a time. OWNERSHIP  The providers outlive it.
std::unique_ptr<ChainView> chain_view_of(Providers& providers, const ChainViewBounds& bounds = {});

}  // namespace gantry::host::ledger
