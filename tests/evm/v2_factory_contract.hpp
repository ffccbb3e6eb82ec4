// Real Uniswap V2 factories and pairs on a test chain, from the bytecode of Uniswap's own package,
// and tokens of any decimals between which there are pairs.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "evm/deployer.hpp"
#include "evm/pair_make.hpp"

namespace gantry::test {

// A contract of this code, "6000..." without "0x".
std::string deploy_runtime(Deployer& chain, const std::string& runtime);
// One that answers every call with the same word; or with nothing; or reverts.
std::string deploy_that_answers(Deployer& chain, const Integer& value);
std::string deploy_that_is_silent(Deployer& chain);
std::string deploy_that_reverts(Deployer& chain);

class V2FactoryContract {
 public:
  explicit V2FactoryContract(Deployer& chain, const PairMake& make = uniswap_make());

  const std::string& address() const { return address_; }
  // keccak256 of the code that it creates pairs with.
  const std::string& init_code_hash() const { return init_code_hash_; }

  // The new pair's address; `logs`, when given, gets those of the transaction.
  std::string create_pair(const std::string& token_a, const std::string& token_b,
                          std::vector<ChainLog>* logs = nullptr);
  std::vector<std::string> all_pairs() const;
  // Lower address first, as the pair's own token0() and token1() say.
  std::pair<std::string, std::string> tokens_of(const std::string& pair) const;

 private:
  Deployer& chain_;
  std::string address_;
  std::string init_code_hash_;
};

}  // namespace gantry::test
