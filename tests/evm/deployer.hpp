// Contracts on a test chain: deployed from the bytecode that npm packages carry, sent transactions
// that are mined at once, and asked by eth_call.
//
// OWNERSHIP  Keeps a reference to the chain, which outlives it. Copies share that chain.
// ERRORS     Throws std::runtime_error, of a revert with the contract's own reason.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evm/abi_words.hpp"
#include "support/anvil.hpp"

namespace gantry::test {

// A log of a mined transaction, as the node reports it.
struct ChainLog {
  std::string emitter;
  std::string topics;  // "0x" and 64 digits for each
  std::string data;
  std::uint64_t block = 0;
  std::uint64_t index = 0;  // within the block
};

// One eth_call. `overrides` is the node's third parameter, or null.
struct ChainRead {
  std::string to;
  std::string data;
  boost::json::value overrides;
};

struct ChainAnswer {
  bool accepted = false;
  std::string data;    // what was returned, or what a revert carries; "0x..."
  std::string reason;  // of a revert, as "UniswapV2: K"
};

// The text of Solidity's Error(string), or the node's message and the data itself.
std::string revert_reason(const RpcFailure& failure);

// A JSON file below tests/evm/node_modules.
boost::json::object read_artifact(std::string_view path_in_node_modules);

std::string text_of(const boost::json::value& value);

class Deployer {
 public:
  explicit Deployer(Anvil& chain);

  Anvil& chain() const { return chain_; }
  // Who deploys, sends and asks: the chain's first unlocked account, unless told otherwise.
  const std::string& account() const { return account_; }
  // From now on the unlocked account of that number, from 0.
  void send_from(std::size_t account);

  // keccak-256 of bytes, as the node computes it; "0x..." in and out.
  std::string sha3(const std::string& hex) const;
  // Of a signature as "Sync(uint112,uint112)": the whole hash, and its first four bytes.
  std::string topic(const std::string& signature) const;
  std::string selector(const std::string& signature) const {
    return topic(signature).substr(0, 10);
  }

  // `code` is creation code and the constructor's words, with or without "0x". Returns the address.
  std::string deploy(const std::string& code);
  std::string code_of(const std::string& address) const;

  // A rehearsal by eth_call, then a mined transaction and its logs.
  std::vector<ChainLog> send(const std::string& to, const std::string& data,
                             const Integer& value = 0);
  // Without a rehearsal, whose time is another than the block's. Of a revert the reason is what the
  // chain says once that block is there.
  std::vector<ChainLog> send_at_its_time(const std::string& to, const std::string& data);

  // eth_call by the account. `block` is a number in hexadecimal, or a name as "latest".
  std::string read(const std::string& to, const std::string& data,
                   boost::json::value overrides = {}, const std::string& block = "latest") const;
  // As many as are given, in batches; answers in their order. Reverts are answers, not errors.
  std::vector<ChainAnswer> read_many(const std::vector<ChainRead>& reads,
                                     const std::string& block = "latest") const;
  std::uint64_t block_number() const;

 private:
  // nothing: it reverted.
  std::optional<std::vector<ChainLog>> mine(boost::json::object transaction);
  Anvil& chain_;
  std::string account_;
  mutable std::map<std::string, std::string> topics_;  // by signature
};

}  // namespace gantry::test
