// A real pair that is traded at random, an operation a block.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <cstdint>
#include <random>
#include <string>

#include "evm/pair_contract.hpp"

namespace gantry::test {

class TradedPair {
 public:
  // As PairContract.
  explicit TradedPair(Anvil& chain, const PairContract* tokens_of = nullptr);

  const PairContract& contract() const { return contract_; }
  PairContract& contract() { return contract_; }
  // Swaps mostly, and mints and burns: sent, to be mined with the next block. Several may be sent
  // for one block. Throws where the pair would refuse it.
  void send_random(std::mt19937_64& random);
  // What it keeps, as the chain says; to be called when blocks were undone.
  void reread();
  const Integer& reserve(int token) const { return reserve_[token]; }

 private:
  void send(const std::string& to, const std::string& data);
  void swap(std::mt19937_64& random);
  void mint(std::mt19937_64& random);
  void burn(std::mt19937_64& random);

  Anvil& chain_;
  PairContract contract_;
  Integer reserve_[2];
  Integer supply_;  // of liquidity; the trader's but for what is locked
};

// The newest block's number.
std::uint64_t block_number(Anvil& chain);

}  // namespace gantry::test
