// A real pair that is traded at random, an operation a block.
//
// ERRORS  Throws std::runtime_error, also where a transaction of its own was mined and reverted.
#pragma once
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "evm/pair_contract.hpp"

namespace gantry::test {

class TradedPair {
 public:
  // As PairContract.
  explicit TradedPair(Anvil& chain, const PairContract* tokens_of = nullptr);

  const PairContract& contract() const { return contract_; }
  PairContract& contract() { return contract_; }
  // Swaps mostly, and mints and burns: sent, to be mined with the next block. Several may be sent
  // for one block.
  void send_random(std::mt19937_64& random);
  // Looks at the receipts of all that was sent since; to be called when it is mined.
  void look_at_receipts();
  // The pair's own logs, by what was done; also those of blocks that were undone since.
  struct Tally {
    std::size_t swaps = 0;
    std::size_t mints = 0;
    std::size_t burns = 0;
  };
  const Tally& tally() const { return tally_; }
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
  Integer supply_;                 // of liquidity; the trader's but for what is locked
  std::vector<std::string> sent_;  // hashes of transactions whose receipts were not looked at
  Tally tally_;
};

// The newest block's number.
std::uint64_t block_number(Anvil& chain);

}  // namespace gantry::test
