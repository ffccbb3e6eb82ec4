// The transactions that an executor's owner sends by hand: what they would cost, and, once they are
// wanted, signed, sent, and waited for, one after the other.
//
// UNITS      Wei; gas in gas.
// OWNERSHIP  What is given outlives it.
// ERRORS     As of chain_reads.hpp and signer.hpp; `limit`: the chain asks for more than
//            max_fee_gwei; `usage`: the account cannot pay, or is none that a key signs for.
// THREADS    [one thread at a time]
#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "host/config/settings.hpp"
#include "host/deploy/chain_reads.hpp"
#include "host/sign/signer.hpp"
#include "host/sign/transaction.hpp"
#include "host/submit/submitter.hpp"

namespace gantry::host::deploy {

// What the owner wants done on the chain.
struct Want {
  std::string what;                  // as "deploy the executor"
  std::optional<gantry_address> to;  // none: a contract is made
  u256 value;
  Bytes data;
};

struct Draft {
  std::string what;
  sign::Transaction transaction;  // its gas_limit is 0 where gas_known is false
  bool gas_known = true;          // false: it would revert until those before it are included
  u256 cost_max;                  // of its gas and its value
};

// A gas price of type 2, or of type 0 on chains without a base fee: most that is paid per gas.
u256 price_max(const sign::Transaction& transaction);

struct SentTransaction {
  Hash32 hash{};
  std::uint64_t nonce = 0;
  std::string by;       // which provider took it
  std::string message;  // what was said besides
};

class OwnerAccount {
 public:
  // Looks at the account at the chain's newest block. Fails with `usage` where a contract stands
  // there, where transactions of it wait already, and where `chain` is no EVM chain.
  static Result<OwnerAccount> open(const ChainSettings& chain, Providers& providers,
                                   const gantry_address& sender);

  ChainReads& reads() { return reads_; }
  const gantry_address& sender() const { return sender_; }
  std::uint64_t next_nonce() const { return next_nonce_; }
  u256 balance() const { return balance_; }

  // What would be sent, in this order. Only the first one's gas is known for certain; of one that
  // reverts only because those before it are not included yet, it is not known at all.
  Result<std::vector<Draft>> draft(std::span<const Want> wants);

  // `before` is called with what is signed, and may refuse: then it did not leave. Fails with `io`
  // when nobody took it.
  using Before = std::function<Status(const SentTransaction&)>;
  Result<SentTransaction> send(const Draft& draft, sign::Signer& signer, const Before& before);
  // Until it is in a block or the time is over: nothing then. `waiting` is called now and again.
  Result<std::optional<IncludedIn>> wait_for(const SentTransaction& sent, std::chrono::seconds most,
                                             const std::function<void()>& waiting);

 private:
  OwnerAccount(const ChainSettings& chain, Providers& providers, const gantry_address& sender)
      : chain_(chain), providers_(providers), reads_(providers), sender_(sender) {}
  Status price(sign::Transaction& transaction);

  const ChainSettings& chain_;
  Providers& providers_;
  ChainReads reads_;
  gantry_address sender_;
  std::uint64_t chain_number_ = 0;
  std::uint64_t next_nonce_ = 0;
  u256 balance_;
};

}  // namespace gantry::host::deploy
