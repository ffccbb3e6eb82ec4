// What is read of a chain before its owner's transactions are sent, and of what became of them. All
// of it is of one block, until begin() takes a newer one.
//
// UNITS      Wei; gas in gas.
// OWNERSHIP  The providers outlive it.
// ERRORS     `io`: nobody answers, or another chain's nodes do; `format`: what a node answers is
// not
//            what was asked for; `not_found`: a contract's own refusal, with its reason.
// THREADS    [one thread at a time]
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gantry/abi.h"
#include "gantry/u256.hpp"
#include "host/base/keccak.hpp"
#include "host/base/result.hpp"
#include "host/provider/providers.hpp"

namespace gantry::host::deploy {

using Bytes = std::vector<std::uint8_t>;

// What a transaction would be, for eth_call and eth_estimateGas.
struct TriedCall {
  gantry_address from{};             // none: nobody in particular
  std::optional<gantry_address> to;  // none: a contract is made
  u256 value;
  Bytes data;
};

struct IncludedIn {
  std::uint64_t block = 0;
  std::string block_hash;
  bool reverted = false;
  std::uint64_t gas_used = 0;
  u256 gas_price;  // that was paid, per gas
};

class ChainReads {
 public:
  explicit ChainReads(Providers& providers) : providers_(providers) {}

  // Reads at the newest block from here on. Waits for block `at_least`, for a few seconds.
  Status begin(std::uint64_t at_least = 0);
  const Head& head() const { return head_; }

  Result<u256> balance(const gantry_address& account);
  Result<Bytes> code(const gantry_address& account);
  Result<std::uint64_t> nonce(const gantry_address& account);
  // With what waits to be included.
  Result<std::uint64_t> pending_nonce(const gantry_address& account);
  Result<Bytes> call(const TriedCall& tried);
  // As many calls as are given, in one batch: nothing where one is refused.
  Result<std::vector<std::optional<Bytes>>> call_many(std::span<const TriedCall> tried);
  Result<std::uint64_t> estimate_gas(const TriedCall& tried);
  // Nothing: the chain has none (its blocks are older than EIP-1559).
  Result<std::optional<u256>> base_fee();
  Result<u256> gas_price();
  // At no block in particular. Nothing: it is in none.
  Result<std::optional<IncludedIn>> included(const Hash32& transaction);

 private:
  Result<boost::json::value> ask(const char* method, boost::json::array params, bool at_block);

  Providers& providers_;
  Head head_;
};

}  // namespace gantry::host::deploy
