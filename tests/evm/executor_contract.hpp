// The executor on a test chain, from the bytecode that is committed, called with what the host's
// own encoder writes.
//
// ERRORS  Throws std::runtime_error; reverts of the executor are outcomes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "evm/abi_arguments.hpp"
#include "evm/deployer.hpp"
#include "host/plan/executor_call.hpp"

namespace gantry::test {

namespace ex = host::executor;

// A call that was tried, or mined.
struct Outcome {
  bool accepted = false;
  std::string error;           // the executor's own by its name, another's text, or its bytes
  std::vector<Integer> words;  // of the error
  std::string returned;
  std::uint64_t gas = 0;  // of what was mined
  std::vector<ChainLog> logs;
};

// Of the product's types and the tests'.
u256 to_u256(const Integer& value);
ex::Amount amount(const Integer& value);
ex::Bytes bytes_of(const std::string& hex);
Integer signed_word(const Integer& word);

ex::Settlement at_least(const std::string& token, const Integer& least,
                        ex::Settle settle = ex::Settle::send_gain);

// A call, by a signature and its words.
ex::Call call_of(Deployer& chain, const std::string& target, const std::string& signature,
                 const std::string& digits = {});

// The executor's artefact as it is committed.
boost::json::object executor_artefact();

class ExecutorContract {
 public:
  // Of the chain's first account, or of `owner`.
  explicit ExecutorContract(Deployer& chain, const std::string& owner = {});

  Deployer& chain() const { return chain_; }
  const std::string& address() const { return address_; }
  const std::string& owner() const { return owner_; }

  // Calldata of run(), without a deadline unless it is given.
  std::string run_data(const std::vector<ex::Step>& steps,
                       const std::vector<ex::Settlement>& settlements,
                       const Integer& deadline = (Integer(1) << 256) - 1) const;
  // Of run() with a program as it is, good or not.
  std::string run_bytes(const ex::Bytes& program,
                        const std::vector<ex::Settlement>& settlements) const;

  // eth_call, and a mined transaction, of an account.
  Outcome attempt(const std::string& from, const std::string& to, const std::string& data,
                  const Integer& value = 0) const;
  Outcome mine(const std::string& from, const std::string& to, const std::string& data,
               const Integer& value = 0) const;
  Outcome attempt(const std::string& data) const { return attempt(owner_, address_, data); }
  Outcome mine(const std::string& data) const { return mine(owner_, address_, data); }
  Outcome attempt(const std::vector<ex::Step>& steps,
                  const std::vector<ex::Settlement>& settlements) const {
    return attempt(run_data(steps, settlements));
  }
  Outcome mine(const std::vector<ex::Step>& steps,
               const std::vector<ex::Settlement>& settlements) const {
    return mine(run_data(steps, settlements));
  }

  Integer balance(const std::string& token, const std::string& holder) const;
  Integer coins(const std::string& holder) const;
  Integer allowance(const std::string& token, const std::string& spender) const;
  // Whether no run is under way, and nobody may call back.
  bool is_at_rest() const;

 private:
  Outcome refusal(const RpcFailure& failure) const;

  Deployer& chain_;
  std::string owner_;
  std::string address_;
};

// The chain as it is, until the end of a scope.
class ChainMoment {
 public:
  explicit ChainMoment(Anvil& chain) : chain_(chain), id_(text_of(chain.call("evm_snapshot"))) {}
  ~ChainMoment() noexcept(false) { chain_.call("evm_revert", {boost::json::string(id_)}); }
  ChainMoment(const ChainMoment&) = delete;
  ChainMoment& operator=(const ChainMoment&) = delete;

 private:
  Anvil& chain_;
  std::string id_;
};

}  // namespace gantry::test
