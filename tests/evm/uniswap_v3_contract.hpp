// Real Uniswap V3 and PancakeSwap V3 pools on a test chain, from the bytecode of their own
// packages, with two small contracts of ours: one that pays what pools call back for, and one that
// lets a swap go as far as the callback, and then reverts with what the pool has become.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <string>
#include <vector>

#include "evm/deployer.hpp"
#include "evm/uniswap_v3_reference.hpp"

namespace gantry::test {

// What a pool makes of a swap that is not carried out.
struct ProbedSwap {
  bool accepted = false;
  std::string reason;
  Integer amount_in;
  Integer amount_out;
  Integer sqrt;
  Integer liquidity;
  int tick = 0;
};

struct SwapQuestion {
  bool zero_for_one = true;
  bool exact_in = true;
  Integer amount;
};

class V3Chain {
 public:
  explicit V3Chain(Anvil& chain);

  Deployer& deployer() { return deployer_; }
  const std::string& factory() const { return factory_; }
  const std::string& token(int index) const { return token_[index]; }
  const std::string& trader() const { return trader_; }

  // A pool of the two tokens, initialized. A tier that the factory has not got is enabled.
  std::string create_pool(unsigned fee, int spacing, const Integer& sqrt);
  // PancakeSwap's, created by a contract that stands in for its deployer.
  std::string create_pancake_pool(unsigned fee, int spacing, const Integer& sqrt);

  // Mined, by the trader.
  std::vector<ChainLog> mint(const std::string& pool, int lower, int upper, const Integer& amount);
  std::vector<ChainLog> burn(const std::string& pool, int lower, int upper, const Integer& amount);
  std::vector<ChainLog> swap(const std::string& pool, const SwapQuestion& question);

  std::vector<ProbedSwap> probe(const std::string& pool,
                                const std::vector<SwapQuestion>& questions);

  // SwapRouter and QuoterV2 of the periphery, deployed when first asked for.
  const std::string& router();
  const std::string& quoter();

 private:
  std::string swap_data(const SwapQuestion& question, const std::string& recipient) const;
  std::string through(const std::string& pool, const std::string& calldata) const;

  Deployer deployer_;
  std::string factory_;
  std::string token_[2];
  std::string trader_;
  std::string probe_;
  std::string router_;
  std::string quoter_;
};

}  // namespace gantry::test
