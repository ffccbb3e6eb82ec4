// Aave's real V3 pool on a test chain: with one reserve that can be borrowed for a transaction, or
// a market of several that people borrow from. Of its first release, from the bytecode that Aave's
// own package carries, or of today's, compiled from the sources that another one does.
//
// ERRORS  Throws std::runtime_error, of a revert with the contract's own reason.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "evm/abi_arguments.hpp"
#include "evm/deployer.hpp"

namespace gantry::test {

// A reserve of a market that people borrow from. Parts of 10,000.
struct AaveReserve {
  unsigned decimals = 18;
  int ltv = 7000;
  int threshold = 8000;
  int bonus = 10'500;
  int protocol_fee = 1000;
  Integer price = 100'000'000;  // in the base currency, of 8 decimals
};

class AaveV3 {
 public:
  enum class Release { v3_0, today };

  // A market without reserves. `sources`: the folder of another release than the package's.
  explicit AaveV3(Deployer& chain, Release release = Release::v3_0,
                  const std::string& sources = {});
  // Supplies `amount` of the account's own token.
  AaveV3(Deployer& chain, const std::string& token, const Integer& amount);

  const std::string& pool() const { return pool_; }
  const std::string& provider() const { return provider_; }

  // A new token that anybody mints, as collateral and to be borrowed; its address.
  std::string list_token(const AaveReserve& order);
  // One that there is.
  void list_token(const std::string& token, const AaveReserve& order);
  void configure(const std::string& token, const AaveReserve& order);
  void set_price(const std::string& token, const Integer& price);
  // Of the PoolConfigurator and of the addresses provider, as their admin.
  void tell_configurator(const std::string& signature, const AbiArguments& with);
  void tell_provider(const std::string& signature, const AbiArguments& with);
  // An efficiency mode, today's: what of it is lent and borrowed, parts of 10,000, and its tokens.
  // All can be borrowed in it.
  void set_emode(int category, int ltv, int threshold, int bonus);
  void set_emode_token(int category, const std::string& token, bool is_collateral);
  // As an account of the chain.
  void enter_emode(std::size_t account, int category);
  // POOL_REVISION().
  int revision();
  // Any other contract of the package; of today's by its name alone.
  std::string deploy_artifact(const std::string& artifact, const AbiArguments& arguments = {}) {
    return deploy(artifact, arguments);
  }

  // As an account of the chain does them, by its number. What is supplied is minted before.
  void supply(std::size_t account, const std::string& token, const Integer& amount);
  void borrow(std::size_t account, const std::string& token, const Integer& amount);
  // getUserAccountData(): in the base currency what it has, owes and may still borrow, then its
  // threshold, its loan to value and its health factor.
  std::vector<Integer> account_data(const std::string& account);
  // The aToken, and the debt token at a variable rate.
  std::string a_token(const std::string& token);
  std::string debt_token(const std::string& token);

  // Of a flash loan: 5 of 10,000, rounded half up.
  static Integer premium(const Integer& amount) { return (amount * 5 + 5000) / 10'000; }

 private:
  // The address, with the libraries that its code is linked to.
  std::string deploy(const std::string& artifact, const AbiArguments& arguments = {});
  std::string address_of(const std::string& contract, const std::string& signature);
  void tell(const std::string& contract, const std::string& signature, const AbiArguments& with);
  void list(const std::string& token, unsigned decimals);

  Deployer& chain_;
  Release release_;
  boost::json::object compiled_;                  // today's, by name
  std::map<std::string, std::string> libraries_;  // address by artifact
  std::string provider_;
  std::string configurator_;
  std::string oracle_;  // the package's own, told its prices
  std::string pool_;
};

}  // namespace gantry::test
