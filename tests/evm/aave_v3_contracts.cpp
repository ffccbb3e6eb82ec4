#include "evm/aave_v3_contracts.hpp"

namespace gantry::test {
namespace {

constexpr const char* contracts = "@aave/core-v3/artifacts/";
constexpr const char* protocol = "contracts/protocol/";

Integer ray(int percent) { return Integer(percent) * Integer("10000000000000000000000000"); }

}  // namespace

AaveV3::AaveV3(Deployer& chain, const std::string& token, const Integer& amount) : chain_(chain) {
  const std::string& account = chain_.account();
  const std::string provider =
      deploy("configuration/PoolAddressesProvider.sol/PoolAddressesProvider",
             AbiArguments().text("market").address(account));
  const AbiArguments of_provider = AbiArguments().address(provider);
  tell(provider, "setACLAdmin(address)", AbiArguments().address(account));
  const std::string acl = deploy("configuration/ACLManager.sol/ACLManager", of_provider);
  tell(acl, "addPoolAdmin(address)", AbiArguments().address(account));
  tell(provider, "setACLManager(address)", AbiArguments().address(acl));
  tell(provider, "setPoolImpl(address)",
       AbiArguments().address(deploy("pool/Pool.sol/Pool", of_provider)));
  pool_ = address_of(provider, "getPool()");
  tell(provider, "setPoolConfiguratorImpl(address)",
       AbiArguments().address(deploy("pool/PoolConfigurator.sol/PoolConfigurator")));
  const std::string configurator = address_of(provider, "getPoolConfigurator()");
  list(token, configurator, provider);
  tell(configurator, "setReserveFlashLoaning(address,bool)", AbiArguments().address(token).word(1));
  tell(configurator, "updateFlashloanPremiumTotal(uint128)", AbiArguments().word(5));
  tell(token, "approve(address,uint256)", AbiArguments().address(pool_).word(amount));
  tell(pool_, "supply(address,uint256,address,uint16)",
       AbiArguments().address(token).word(amount).address(account).word(0));
}

void AaveV3::list(const std::string& token, const std::string& configurator,
                  const std::string& provider) {
  const AbiArguments of_pool = AbiArguments().address(pool_);
  AbiArguments rates;
  rates.address(provider);
  for (const int percent : {45, 0, 4, 300, 1, 10, 1, 5, 20}) rates.word(ray(percent));
  AbiArguments reserve;
  reserve.address(deploy("tokenization/AToken.sol/AToken", of_pool))
      .address(deploy("tokenization/StableDebtToken.sol/StableDebtToken", of_pool))
      .address(deploy("tokenization/VariableDebtToken.sol/VariableDebtToken", of_pool))
      .word(18)
      .address(deploy("pool/DefaultReserveInterestRateStrategy.sol/"
                      "DefaultReserveInterestRateStrategy",
                      rates))
      .address(token)
      .address(chain_.account())  // the treasury
      .word(0);                   // no incentives
  for (const char* name : {"a", "A", "v", "V", "s", "S"}) reserve.text(name);
  reserve.bytes("");
  tell(configurator,
       "initReserves((address,address,address,uint8,address,address,address,address,string,string,"
       "string,string,string,string,bytes)[])",
       AbiArguments().tail(word(1) + word(32) + reserve.digits()));
}

std::string AaveV3::deploy(const std::string& artifact, const AbiArguments& arguments) {
  const bool whole_path = artifact.starts_with("contracts/");
  const auto file =
      read_artifact(contracts + (whole_path ? artifact : protocol + artifact) + ".json");
  std::string code = text_of(file.at("bytecode"));
  for (const auto& [source, names] : file.at("linkReferences").as_object()) {
    for (const auto& [name, places] : names.as_object()) {
      std::string& library = libraries_[name];
      if (library.empty()) library = deploy(std::string(source) + "/" + std::string(name));
      for (const auto& place : places.as_array()) {
        const auto start = place.at("start").to_number<std::size_t>();
        code.replace(2 + 2 * start, 40, library.substr(2));
      }
    }
  }
  return chain_.deploy(code + arguments.digits());
}

std::string AaveV3::address_of(const std::string& contract, const std::string& signature) {
  return "0x" + chain_.read(contract, chain_.selector(signature)).substr(26);
}

void AaveV3::tell(const std::string& contract, const std::string& signature,
                  const AbiArguments& with) {
  chain_.send(contract, chain_.selector(signature) + with.digits());
}

}  // namespace gantry::test
