#include "evm/op_stack_chain.hpp"

#include <boost/json.hpp>
#include <stdexcept>

#include "evm/abi_arguments.hpp"
#include "evm/deployer.hpp"
#include "evm/multicall3_contract.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

constexpr const char* l1_block = "0x4200000000000000000000000000000000000015";
constexpr const char* multicall = "0xca11bde05977b3631167028862be2a173976ca11";
constexpr std::string_view get_l1_fee = "0x49948e0e";

std::string runtime_code(const std::string& contract) {
  const json::object artifact = read_artifact("@eth-optimism/contracts-bedrock/forge-artifacts/" +
                                              contract + ".sol/" + contract + ".json");
  return text_of(artifact.at("deployedBytecode").at("object"));
}

}  // namespace

OpStackChain::OpStackChain(Anvil& chain) : chain_(chain) {
  oracle_code_ = runtime_code("GasPriceOracle");
  set_code(oracle, oracle_code_);
  set_code(l1_block, runtime_code("L1Block"));
}

void OpStackChain::set_code(const std::string& address, const std::string& code) {
  chain_.call("anvil_setCode", {json::string(address), json::string(code)});
}

void OpStackChain::store(const std::string& address, unsigned slot, const Integer& value) {
  chain_.call("anvil_setStorageAt",
              {json::string(address), json::string(hex_word(slot)), json::string(hex_word(value))});
}

// The slots are those of both contracts' storage layouts.
void OpStackChain::set(OpUpgrade upgrade, const OpFees& fees) {
  const bool is_ecotone = upgrade != OpUpgrade::bedrock;
  const bool is_fjord = upgrade == OpUpgrade::fjord;
  store(oracle, 0, Integer(is_ecotone ? 1 : 0) | Integer(is_fjord ? 1 : 0) << 8);
  store(l1_block, 1, fees.l1_base_fee);
  store(l1_block, 3,
        Integer(fees.blob_base_fee_scalar) << 64 | Integer(fees.base_fee_scalar) << 96);
  store(l1_block, 5, fees.overhead);
  store(l1_block, 6, fees.scalar);
  store(l1_block, 7, fees.blob_base_fee);
}

void OpStackChain::set_oracle_code(const std::string& code) { set_code(oracle, code); }

void OpStackChain::restore_oracle() { set_code(oracle, oracle_code_); }

// What its creation would leave, without a block for it.
void OpStackChain::add_multicall() {
  const json::value code = chain_.call(
      "eth_call", {json::object{{"data", json::string(multicall3_creation_code())}}, "latest"});
  set_code(multicall, text_of(code));
}

std::vector<Integer> OpStackChain::fees_of(
    const std::vector<std::vector<std::uint8_t>>& transactions) {
  constexpr std::size_t calls_per_batch = 100;
  std::vector<Integer> fees;
  for (std::size_t begin = 0; begin < transactions.size(); begin += calls_per_batch) {
    std::vector<RpcRequest> requests;
    for (std::size_t i = begin; i < std::min(begin + calls_per_batch, transactions.size()); ++i) {
      const std::string data = std::string(get_l1_fee) +
                               AbiArguments().bytes(to_hex(transactions[i]).substr(2)).digits();
      requests.push_back({.method = "eth_call",
                          .params = {json::object{{"to", oracle}, {"data", data}}, "latest"}});
    }
    for (const RpcAnswer& answer : chain_.batch(requests)) {
      if (answer.failure) throw std::runtime_error(answer.failure->message);
      fees.push_back(word_at(json::value_to<std::string>(answer.result), 0));
    }
  }
  return fees;
}

}  // namespace gantry::test
