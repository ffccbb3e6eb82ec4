#include "evm/v2_factory_contract.hpp"

namespace gantry::test {
namespace {

std::string address_in(const std::string& answer) { return "0x" + answer.substr(26, 40); }

}  // namespace

std::string deploy_runtime(Deployer& chain, const std::string& runtime) {
  const std::string size = word(runtime.size() / 2).substr(word_digits - 4);
  // PUSH2 size, DUP1, PUSH1 10, RETURNDATASIZE (0), CODECOPY, RETURNDATASIZE, RETURN
  return chain.deploy("61" + size + "80600a3d393df3" + runtime);
}

std::string deploy_that_answers(Deployer& chain, const Integer& value) {
  // PUSH32 value, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN
  return deploy_runtime(chain, "7f" + word(value) + "60005260206000f3");
}

std::string deploy_that_is_silent(Deployer& chain) { return deploy_runtime(chain, "00"); }

std::string deploy_that_reverts(Deployer& chain) { return deploy_runtime(chain, "60006000fd"); }

V2FactoryContract::V2FactoryContract(Deployer& chain, const PairMake& make)
    : chain_(chain),
      address_(chain.deploy("0x" + make.factory_code + address_word(chain.account()))),
      init_code_hash_(chain.sha3("0x" + make.pair_code)) {}

std::string V2FactoryContract::create_pair(const std::string& token_a, const std::string& token_b,
                                           std::vector<ChainLog>* logs) {
  const std::string arguments = address_word(token_a) + address_word(token_b);
  auto emitted = chain_.send(address_, chain_.selector("createPair(address,address)") + arguments);
  const std::string pair = address_in(emitted.at(0).data);
  if (logs != nullptr) *logs = std::move(emitted);
  return pair;
}

std::vector<std::string> V2FactoryContract::all_pairs() const {
  const Integer length = word_at(chain_.read(address_, chain_.selector("allPairsLength()")), 0);
  std::vector<ChainRead> reads;
  for (Integer i = 0; i < length; ++i) {
    reads.push_back({address_, chain_.selector("allPairs(uint256)") + word(i), {}});
  }
  std::vector<std::string> pairs;
  for (const ChainAnswer& answer : chain_.read_many(reads)) {
    pairs.push_back(address_in(answer.data));
  }
  return pairs;
}

std::pair<std::string, std::string> V2FactoryContract::tokens_of(const std::string& pair) const {
  return {address_in(chain_.read(pair, chain_.selector("token0()"))),
          address_in(chain_.read(pair, chain_.selector("token1()")))};
}

}  // namespace gantry::test
