#include "evm/op_stack_chain.hpp"

#include <array>
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
constexpr const char* oracle_behind = "0x4200000000000000000000000000000000000f0f";
constexpr const char* l1_block_behind = "0x4200000000000000000000000000000000001515";
constexpr std::string_view get_l1_fee = "0x49948e0e";

std::string runtime_code(const std::string& contract) {
  const json::object artifact = read_artifact("@eth-optimism/contracts-bedrock/forge-artifacts/" +
                                              contract + ".sol/" + contract + ".json");
  return text_of(artifact.at("deployedBytecode").at("object"));
}

// A getter: part of a storage slot.
struct Getter {
  std::string selector;
  unsigned slot;
  unsigned shift;  // bits
  unsigned bytes;
};

std::string byte_text(std::size_t value) {
  const std::array<std::uint8_t, 1> byte{static_cast<std::uint8_t>(value)};
  return to_hex(byte).substr(2);
}

// Answers these, and leaves all else to the code at `behind`.
std::string code_in_front(const std::vector<Getter>& getters, const std::string& behind) {
  // PUSH1 0, CALLDATALOAD, PUSH1 224, SHR.
  std::string code = "60003560e01c";
  for (const Getter& getter : getters) {
    // slot >> shift & mask, returned: 21 + `bytes` bytes of code that are jumped over unless asked.
    const std::string answer = "60" + byte_text(getter.slot) + "5460" + byte_text(getter.shift) +
                               "1c" + byte_text(0x5f + getter.bytes) +
                               std::string(2 * getter.bytes, 'f') + "1660005260206000f3";
    // DUP1, PUSH4 selector, XOR, PUSH1 over it, JUMPI.
    const std::size_t over = code.size() / 2 + 1 + 5 + 1 + 2 + 1 + answer.size() / 2;
    code += "8063" + getter.selector + "1860" + byte_text(over) + "57" + answer + "5b";
  }
  // calldatacopy, delegatecall, returndatacopy; a revert is one here too.
  const std::string call = "3660006000376000600036600073" + behind.substr(2) + "5af43d6000803e";
  const std::size_t good = code.size() / 2 + call.size() / 2 + 3 + 4;
  return "0x" + code + call + "60" + byte_text(good) + "573d6000fd5b3d6000f3";
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
  const bool is_fjord = is_ecotone && upgrade != OpUpgrade::ecotone;
  const bool is_jovian = upgrade == OpUpgrade::jovian;
  const bool is_isthmus = is_jovian || upgrade == OpUpgrade::isthmus;
  put_isthmus_in_front(is_isthmus);
  store(oracle, 0,
        Integer(is_ecotone ? 1 : 0) | Integer(is_fjord ? 1 : 0) << 8 |
            Integer(is_isthmus ? 1 : 0) << 16 | Integer(is_jovian ? 1 : 0) << 24);
  store(l1_block, 8, Integer(fees.operator_constant) | Integer(fees.operator_scalar) << 64);
  store(l1_block, 1, fees.l1_base_fee);
  store(l1_block, 3,
        Integer(fees.blob_base_fee_scalar) << 64 | Integer(fees.base_fee_scalar) << 96);
  store(l1_block, 5, fees.overhead);
  store(l1_block, 6, fees.scalar);
  store(l1_block, 7, fees.blob_base_fee);
}

void OpStackChain::put_isthmus_in_front(bool wanted) {
  if (wanted == has_isthmus_) return;
  has_isthmus_ = wanted;
  const std::string l1_block_code = runtime_code("L1Block");
  oracle_code_ = runtime_code("GasPriceOracle");
  set_code(oracle_behind, oracle_code_);
  set_code(l1_block_behind, l1_block_code);
  if (wanted) {
    oracle_code_ = code_in_front({{"b54501bc", 0, 16, 1}, {"105d0b81", 0, 24, 1}}, oracle_behind);
  }
  set_code(oracle, oracle_code_);
  set_code(l1_block,
           wanted ? code_in_front({{"16d3bc7f", 8, 0, 8}, {"4d5d9a2a", 8, 64, 4}}, l1_block_behind)
                  : l1_block_code);
}

void OpStackChain::set_l1_block_code(const std::string& code) { set_code(l1_block, code); }

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
