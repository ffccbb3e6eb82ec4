#include "evm/aave_v3_contracts.hpp"

#include "evm/node_output.hpp"

namespace gantry::test {
namespace {

constexpr const char* contracts = "@aave/core-v3/artifacts/";
constexpr const char* protocol = "contracts/protocol/";

Integer ray(int percent) { return Integer(percent) * Integer("10000000000000000000000000"); }

}  // namespace

AaveV3::AaveV3(Deployer& chain, Release release, const std::string& sources)
    : chain_(chain), release_(release) {
  const bool today = release == Release::today;
  if (today) {
    const std::string folder = sources.empty() ? sources : "'" + sources + "'";
    compiled_ = boost::json::parse(node_output("compile_aave_v3.mjs", folder)).as_object();
  }
  const std::string& account = chain_.account();
  provider_ = deploy(today ? "PoolAddressesProvider"
                           : "configuration/PoolAddressesProvider.sol/PoolAddressesProvider",
                     AbiArguments().text("market").address(account));
  AbiArguments of_provider = AbiArguments().address(provider_);
  tell_provider("setACLAdmin(address)", AbiArguments().address(account));
  const std::string acl =
      deploy(today ? "ACLManager" : "configuration/ACLManager.sol/ACLManager", of_provider);
  tell(acl, "addPoolAdmin(address)", AbiArguments().address(account));
  tell_provider("setACLManager(address)", AbiArguments().address(acl));
  if (today) of_provider.address(deploy("DefaultReserveInterestRateStrategyV2", of_provider));
  tell_provider(
      "setPoolImpl(address)",
      AbiArguments().address(deploy(today ? "PoolInstance" : "pool/Pool.sol/Pool", of_provider)));
  pool_ = address_of(provider_, "getPool()");
  tell_provider(
      "setPoolConfiguratorImpl(address)",
      AbiArguments().address(deploy(today ? "PoolConfiguratorInstance"
                                          : "pool/PoolConfigurator.sol/PoolConfigurator")));
  configurator_ = address_of(provider_, "getPoolConfigurator()");
}

AaveV3::AaveV3(Deployer& chain, const std::string& token, const Integer& amount) : AaveV3(chain) {
  const std::string& account = chain_.account();
  list(token, 18);
  tell_configurator("setReserveFlashLoaning(address,bool)", AbiArguments().address(token).word(1));
  tell_configurator(release_ == Release::today ? "updateFlashloanPremium(uint128)"
                                               : "updateFlashloanPremiumTotal(uint128)",
                    AbiArguments().word(5));
  tell(token, "approve(address,uint256)", AbiArguments().address(pool_).word(amount));
  tell(pool_, "supply(address,uint256,address,uint16)",
       AbiArguments().address(token).word(amount).address(account).word(0));
}

std::string AaveV3::list_token(const AaveReserve& order) {
  const std::string token = deploy("contracts/mocks/tokens/MintableERC20.sol/MintableERC20",
                                   AbiArguments().text("token").text("T").word(order.decimals));
  list_token(token, order);
  return token;
}

void AaveV3::list_token(const std::string& token, const AaveReserve& order) {
  if (oracle_.empty()) {
    oracle_ = deploy("contracts/mocks/oracle/PriceOracle.sol/PriceOracle");
    tell_provider("setPriceOracle(address)", AbiArguments().address(oracle_));
  }
  list(token, order.decimals);
  tell_configurator("setReserveBorrowing(address,bool)", AbiArguments().address(token).word(1));
  tell_configurator("setReserveFactor(address,uint256)", AbiArguments().address(token).word(1000));
  tell_configurator("setReserveFlashLoaning(address,bool)", AbiArguments().address(token).word(1));
  configure(token, order);
  set_price(token, order.price);
}

void AaveV3::configure(const std::string& token, const AaveReserve& order) {
  tell_configurator(
      "configureReserveAsCollateral(address,uint256,uint256,uint256)",
      AbiArguments().address(token).word(order.ltv).word(order.threshold).word(order.bonus));
  tell_configurator("setLiquidationProtocolFee(address,uint256)",
                    AbiArguments().address(token).word(order.protocol_fee));
}

void AaveV3::set_price(const std::string& token, const Integer& price) {
  tell(oracle_, "setAssetPrice(address,uint256)", AbiArguments().address(token).word(price));
}

void AaveV3::set_emode(int category, int ltv, int threshold, int bonus) {
  AbiArguments mode;
  mode.word(category).word(ltv).word(threshold).word(bonus).text("mode");
  if (revision() < 11) {
    tell_configurator("setEModeCategory(uint8,uint16,uint16,uint16,string)", mode);
  } else {
    tell_configurator("setEModeCategory(uint8,uint16,uint16,uint16,string,bool)", mode.word(0));
  }
}

void AaveV3::set_emode_token(int category, const std::string& token, bool is_collateral) {
  const auto with = [&](bool value) {
    return AbiArguments().address(token).word(category).word(value ? 1 : 0);
  };
  tell_configurator("setAssetBorrowableInEMode(address,uint8,bool)", with(true));
  tell_configurator("setAssetCollateralInEMode(address,uint8,bool)", with(is_collateral));
}

void AaveV3::enter_emode(std::size_t account, int category) {
  chain_.send_from(account);
  tell(pool_, "setUserEMode(uint8)", AbiArguments().word(category));
  chain_.send_from(0);
}

int AaveV3::revision() {
  return word_at(chain_.read(pool_, chain_.selector("POOL_REVISION()")), 0).convert_to<int>();
}

void AaveV3::tell_configurator(const std::string& signature, const AbiArguments& with) {
  tell(configurator_, signature, with);
}

void AaveV3::tell_provider(const std::string& signature, const AbiArguments& with) {
  tell(provider_, signature, with);
}

void AaveV3::supply(std::size_t account, const std::string& token, const Integer& amount) {
  chain_.send_from(account);
  tell(token, "mint(uint256)", AbiArguments().word(amount));
  tell(token, "approve(address,uint256)", AbiArguments().address(pool_).word(amount));
  tell(pool_, "supply(address,uint256,address,uint16)",
       AbiArguments().address(token).word(amount).address(chain_.account()).word(0));
  chain_.send_from(0);
}

void AaveV3::borrow(std::size_t account, const std::string& token, const Integer& amount) {
  chain_.send_from(account);
  tell(pool_, "borrow(address,uint256,uint256,uint16,address)",
       AbiArguments().address(token).word(amount).word(2).word(0).address(chain_.account()));
  chain_.send_from(0);
}

std::vector<Integer> AaveV3::account_data(const std::string& account) {
  const std::string said =
      chain_.read(pool_, chain_.selector("getUserAccountData(address)") + address_word(account));
  std::vector<Integer> words;
  for (std::size_t i = 0; i < 6; ++i) words.push_back(word_at(said, i));
  return words;
}

std::string AaveV3::a_token(const std::string& token) {
  const std::string said =
      chain_.read(pool_, chain_.selector("getReserveData(address)") + address_word(token));
  return "0x" + said.substr(2 + 64 * 8 + 24, 40);
}

std::string AaveV3::debt_token(const std::string& token) {
  const std::string said =
      chain_.read(pool_, chain_.selector("getReserveData(address)") + address_word(token));
  return "0x" + said.substr(2 + 64 * 10 + 24, 40);
}

void AaveV3::list(const std::string& token, unsigned decimals) {
  const AbiArguments of_pool = AbiArguments().address(pool_);
  if (release_ == Release::today) {
    const std::string nobody = "0x" + std::string(40, '0');  // gives rewards
    AbiArguments reserve;
    reserve
        .address(deploy("ATokenInstance", AbiArguments(of_pool).address(nobody).address(
                                              chain_.account())))  // the treasury
        .address(deploy("VariableDebtTokenInstance", AbiArguments(of_pool).address(nobody)))
        .address(token);
    for (const char* name : {"a", "A", "v", "V"}) reserve.text(name);
    AbiArguments rates;  // parts of 10,000
    for (const int each : {4500, 0, 400, 30'000}) rates.word(each);
    reserve.bytes("").bytes(rates.digits());
    tell(configurator_,
         "initReserves((address,address,address,string,string,string,string,bytes,bytes)[])",
         AbiArguments().tail(word(1) + word(32) + reserve.digits()));
    return;
  }
  AbiArguments rates;
  rates.address(provider_);
  for (const int percent : {45, 0, 4, 300, 1, 10, 1, 5, 20}) rates.word(ray(percent));
  AbiArguments reserve;
  reserve.address(deploy("tokenization/AToken.sol/AToken", of_pool))
      .address(deploy("tokenization/StableDebtToken.sol/StableDebtToken", of_pool))
      .address(deploy("tokenization/VariableDebtToken.sol/VariableDebtToken", of_pool))
      .word(decimals)
      .address(deploy("pool/DefaultReserveInterestRateStrategy.sol/"
                      "DefaultReserveInterestRateStrategy",
                      rates))
      .address(token)
      .address(chain_.account())  // the treasury
      .word(0);                   // no incentives
  for (const char* name : {"a", "A", "v", "V", "s", "S"}) reserve.text(name);
  reserve.bytes("");
  tell(configurator_,
       "initReserves((address,address,address,uint8,address,address,address,address,string,string,"
       "string,string,string,string,bytes)[])",
       AbiArguments().tail(word(1) + word(32) + reserve.digits()));
}

std::string AaveV3::deploy(const std::string& artifact, const AbiArguments& arguments) {
  const bool whole_path = artifact.starts_with("contracts/");
  const bool today = artifact.find('/') == artifact.npos;
  const auto file =
      today ? compiled_.at(artifact).as_object()
            : read_artifact(contracts + (whole_path ? artifact : protocol + artifact) + ".json");
  std::string code = text_of(file.at("bytecode"));
  for (const auto& [source, names] : file.at("linkReferences").as_object()) {
    for (const auto& [name, places] : names.as_object()) {
      std::string& library = libraries_[name];
      if (library.empty()) {
        library = deploy(today ? std::string(name) : std::string(source) + "/" + std::string(name));
      }
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
