// A real Uniswap V2 pair on a test chain, or a fork's: factory, two tokens and the pair, from the
// bytecode that Uniswap's own package carries, or the fork's sources compile to.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "evm/abi_words.hpp"
#include "evm/deployer.hpp"
#include "evm/pair_make.hpp"

namespace gantry::test {

// What `swap` is asked, and of which pair: token 0's amounts come first.
struct SwapProbe {
  Integer reserve[2];
  Integer balance[2];     // what the pair holds of each token when `swap` is called
  Integer amount_out[2];  // swap's two arguments
};

struct SwapVerdict {
  bool accepted = false;
  std::string reason;  // of the revert, as "UniswapV2: K"
};

class PairContract {
 public:
  // `tokens_of`: another pair of the same tokens, by a factory of its own; null: of new tokens.
  explicit PairContract(Anvil& chain, const PairContract* tokens_of = nullptr,
                        const PairMake& make = uniswap_make());

  const PairMake& make() const { return make_; }

  const std::string& address() const { return pair_; }
  const std::string& token(int index) const { return token_[index]; }
  const std::string& trader() const { return deployer_.account(); }

  // keccak256 of the creation code that the factory deploys pairs with, and the code deployed.
  std::string creation_code_hash() const { return creation_code_hash_; }
  std::string deployed_code();

  // Asks the contract by eth_call with the reserves and balances overridden, in batches: nothing
  // is mined. One verdict per probe, in order.
  std::vector<SwapVerdict> swap_would(const std::vector<SwapProbe>& probes);
  std::uint64_t calls_made() const { return calls_made_; }

  // The state that a probe's overrides make, as the contract itself reports it.
  SwapProbe read_back(const SwapProbe& probe);

  // Mined transactions. They throw with the reason if they revert.
  std::vector<ChainLog> add_liquidity(const Integer& amount0, const Integer& amount1);
  void transfer_to_pair(int token_index, const Integer& amount);
  std::vector<ChainLog> send(const std::string& to, const std::string& data) {
    return deployer_.send(to, data);
  }

  // eth_call by the trader: the return data, "0x...". Throws with the reason of a revert.
  std::string read(const std::string& to, const std::string& data) {
    return deployer_.read(to, data);
  }
  Integer trader_balance(int token_index);
  // keccak-256 of Sync(uint112,uint112), as the node computes it.
  const std::string& sync_topic() const { return sync_topic_; }

  std::string swap_calldata(const Integer& out0, const Integer& out1, const std::string& to) const;

 private:
  boost::json::object overrides_of(const SwapProbe& probe) const;

  Deployer deployer_;
  PairMake make_;
  std::string pair_;
  std::string token_[2];
  std::string balance_slot_;  // of the pair, in each token
  std::string swap_selector_;
  std::string sync_topic_;
  std::string creation_code_hash_;
  std::uint64_t calls_made_ = 0;
};

}  // namespace gantry::test
