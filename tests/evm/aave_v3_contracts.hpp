// Aave's real V3 pool on a test chain, from the bytecode that Aave's own package carries, with one
// reserve that can be borrowed for a transaction.
//
// ERRORS  Throws std::runtime_error, of a revert with the contract's own reason.
#pragma once
#include <map>
#include <string>

#include "evm/abi_arguments.hpp"
#include "evm/deployer.hpp"

namespace gantry::test {

class AaveV3 {
 public:
  // Supplies `amount` of the account's own token.
  AaveV3(Deployer& chain, const std::string& token, const Integer& amount);

  const std::string& pool() const { return pool_; }
  // Of a flash loan: 5 of 10,000, rounded half up.
  static Integer premium(const Integer& amount) { return (amount * 5 + 5000) / 10'000; }

 private:
  // The address, with the libraries that its code is linked to.
  std::string deploy(const std::string& artifact, const AbiArguments& arguments = {});
  std::string address_of(const std::string& contract, const std::string& signature);
  void tell(const std::string& contract, const std::string& signature, const AbiArguments& with);
  void list(const std::string& token, const std::string& configurator, const std::string& provider);

  Deployer& chain_;
  std::map<std::string, std::string> libraries_;  // address by artifact
  std::string pool_;
};

}  // namespace gantry::test
