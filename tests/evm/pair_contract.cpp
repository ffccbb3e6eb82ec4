#include "evm/pair_contract.hpp"

#include <utility>

namespace gantry::test {
namespace {

namespace json = boost::json;

// Storage of UniswapV2Pair, and of its forks: ERC-20 in slots 0 to 4, then factory, token0, token1,
// and both reserves with the time in slot 8. The tokens are UniswapV2ERC20 too: balanceOf is in
// slot 1.
constexpr int balance_of_slot = 1;
constexpr int reserves_slot = 8;

}  // namespace

PairContract::PairContract(Anvil& chain, const PairContract* tokens_of, const PairMake& make)
    : deployer_(chain), make_(make) {
  const auto erc20 = read_artifact("@uniswap/v2-core/build/ERC20.json");
  creation_code_hash_ = deployer_.sha3("0x" + make.pair_code);
  swap_selector_ = deployer_.selector("swap(uint256,uint256,address,bytes)");
  sync_topic_ = deployer_.topic("Sync(uint112,uint112)");

  const std::string factory_address =
      deployer_.deploy("0x" + make.factory_code + address_word(trader()));
  const Integer supply = (Integer(1) << 120) - 1;  // more than any reserve can be
  for (int i = 0; i < 2; ++i) {
    token_[i] = tokens_of != nullptr
                    ? tokens_of->token(i)
                    : deployer_.deploy("0x" + text_of(erc20.at("bytecode")) + word(supply));
  }
  // The factory calls the lower address token 0.
  if (to_integer(token_[1]) < to_integer(token_[0])) std::swap(token_[0], token_[1]);
  const std::string arguments = address_word(token_[0]) + address_word(token_[1]);
  send(factory_address, deployer_.selector("createPair(address,address)") + arguments);
  const std::string answer =
      read(factory_address, deployer_.selector("getPair(address,address)") + arguments);
  pair_ = "0x" + answer.substr(answer.size() - 40);
  balance_slot_ = deployer_.sha3("0x" + address_word(pair_) + word(balance_of_slot));
}

std::string PairContract::deployed_code() { return deployer_.code_of(pair_); }

json::object PairContract::overrides_of(const SwapProbe& probe) const {
  const Integer reserves = probe.reserve[0] | (probe.reserve[1] << 112);
  const auto set = [](std::string slot, const Integer& value) {
    return json::object{{"stateDiff", json::object{{slot, hex_word(value)}}}};
  };
  return {{pair_, set(hex_word(reserves_slot), reserves)},
          {token_[0], set(balance_slot_, probe.balance[0])},
          {token_[1], set(balance_slot_, probe.balance[1])}};
}

std::vector<SwapVerdict> PairContract::swap_would(const std::vector<SwapProbe>& probes) {
  std::vector<ChainRead> reads;
  reads.reserve(probes.size());
  for (const SwapProbe& probe : probes) {
    reads.push_back({pair_, swap_calldata(probe.amount_out[0], probe.amount_out[1], trader()),
                     overrides_of(probe)});
  }
  std::vector<SwapVerdict> verdicts;
  verdicts.reserve(reads.size());
  for (const ChainAnswer& answer : deployer_.read_many(reads)) {
    verdicts.push_back({.accepted = answer.accepted, .reason = answer.reason});
  }
  calls_made_ += reads.size();
  return verdicts;
}

SwapProbe PairContract::read_back(const SwapProbe& probe) {
  const json::object overrides = overrides_of(probe);
  const std::string reserves =
      deployer_.read(pair_, deployer_.selector("getReserves()"), overrides);
  const std::string balance_of = deployer_.selector("balanceOf(address)") + address_word(pair_);
  SwapProbe result;
  for (std::size_t i = 0; i < 2; ++i) {
    result.reserve[i] = word_at(reserves, i);
    result.balance[i] = word_at(deployer_.read(token_[i], balance_of, overrides), 0);
  }
  return result;
}

void PairContract::transfer_to_pair(int token_index, const Integer& amount) {
  send(token_[token_index],
       deployer_.selector("transfer(address,uint256)") + address_word(pair_) + word(amount));
}

std::vector<ChainLog> PairContract::add_liquidity(const Integer& amount0, const Integer& amount1) {
  transfer_to_pair(0, amount0);
  transfer_to_pair(1, amount1);
  return send(pair_, deployer_.selector("mint(address)") + address_word(trader()));
}

Integer PairContract::trader_balance(int token_index) {
  return word_at(
      read(token_[token_index], deployer_.selector("balanceOf(address)") + address_word(trader())),
      0);
}

std::string PairContract::swap_calldata(const Integer& out0, const Integer& out1,
                                        const std::string& to) const {
  constexpr int offset_of_bytes = 4 * 32;
  return swap_selector_ + word(out0) + word(out1) + address_word(to) + word(offset_of_bytes) +
         word(0);
}

}  // namespace gantry::test
