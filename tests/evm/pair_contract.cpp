#include "evm/pair_contract.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace gantry::test {
namespace {

namespace json = boost::json;

// Storage of UniswapV2Pair (solc 0.5.16): ERC-20 in slots 0 to 4, then factory, token0, token1, and
// both reserves with the time in slot 8. The tokens are UniswapV2ERC20 too: balanceOf is in slot 1.
constexpr int balance_of_slot = 1;
constexpr int reserves_slot = 8;

constexpr std::string_view gas_limit = "0x7a1200";  // 8 million, ample for each of them
constexpr std::size_t calls_per_batch = 250;        // about 400 kB; anvil takes bodies to 2 MB
constexpr std::string_view error_string_selector = "0x08c379a0";

json::object read_artifact(std::string_view path_in_node_modules) {
  std::ifstream file(evm_package_file(path_in_node_modules));
  std::ostringstream text;
  text << file.rdbuf();
  return json::parse(text.str()).as_object();
}

std::string text_of(const json::value& value) { return json::value_to<std::string>(value); }

// The text of Solidity's Error(string), or the data itself.
std::string revert_reason(const RpcFailure& failure) {
  const std::string& data = failure.data;
  if (!data.starts_with(error_string_selector)) return failure.message + " " + data;
  const std::string body = "0x" + data.substr(error_string_selector.size());
  const auto length = word_at(body, 1).convert_to<std::size_t>();
  std::string text;
  for (std::size_t i = 0; i < length; ++i) {
    const std::string digits = body.substr(2 + 2 * word_digits + 2 * i, 2);
    text.push_back(static_cast<char>(std::stoi(digits, nullptr, 16)));
  }
  return text;
}

SwapVerdict to_verdict(const RpcAnswer& answer) {
  if (!answer.failure) return {.accepted = true, .reason = {}};
  return {.accepted = false, .reason = revert_reason(*answer.failure)};
}

ChainLog to_log(const json::value& log) {
  ChainLog result;
  result.emitter = text_of(log.at("address"));
  result.topics = "0x";
  for (const json::value& topic : log.at("topics").as_array()) {
    result.topics += text_of(topic).substr(2);
  }
  result.data = text_of(log.at("data"));
  result.block = to_integer(text_of(log.at("blockNumber"))).convert_to<std::uint64_t>();
  result.index = to_integer(text_of(log.at("logIndex"))).convert_to<std::uint64_t>();
  return result;
}

std::string sha3(Anvil& chain, const std::string& hex) {
  return text_of(chain.call("web3_sha3", {hex}));
}

std::string text_to_hex(std::string_view text) {
  return to_hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace

PairContract::PairContract(Anvil& chain) : chain_(chain) {
  const auto pair = read_artifact("@uniswap/v2-core/build/UniswapV2Pair.json");
  const auto factory = read_artifact("@uniswap/v2-core/build/UniswapV2Factory.json");
  const auto erc20 = read_artifact("@uniswap/v2-core/build/ERC20.json");
  creation_code_hash_ = sha3(chain_, "0x" + text_of(pair.at("bytecode")));
  code_in_package_ = "0x" + text_of(pair.at("evm").at("deployedBytecode").at("object"));
  swap_selector_ = selector("swap(uint256,uint256,address,bytes)");
  sync_topic_ = sha3(chain_, text_to_hex("Sync(uint112,uint112)"));
  trader_ = text_of(chain_.call("eth_accounts").as_array().at(0));

  const std::string factory_address =
      deploy("0x" + text_of(factory.at("bytecode")) + address_word(trader_));
  const Integer supply = (Integer(1) << 120) - 1;  // more than any reserve can be
  for (std::string& token : token_) {
    token = deploy("0x" + text_of(erc20.at("bytecode")) + word(supply));
  }
  // The factory calls the lower address token 0.
  if (to_integer(token_[1]) < to_integer(token_[0])) std::swap(token_[0], token_[1]);
  const std::string arguments = address_word(token_[0]) + address_word(token_[1]);
  send(factory_address, selector("createPair(address,address)") + arguments);
  const std::string answer =
      read(factory_address, selector("getPair(address,address)") + arguments);
  pair_ = "0x" + answer.substr(answer.size() - 40);
  balance_slot_ = sha3(chain_, "0x" + address_word(pair_) + word(balance_of_slot));
}

std::string PairContract::selector(const std::string& signature) const {
  return sha3(chain_, text_to_hex(signature)).substr(0, 10);
}

std::string PairContract::deploy(const std::string& code) {
  const json::object receipt =
      chain_.transact({{"from", trader_}, {"gas", gas_limit}, {"data", code}});
  if (text_of(receipt.at("status")) != "0x1") throw std::runtime_error("deployment reverted");
  return text_of(receipt.at("contractAddress"));
}

std::vector<ChainLog> PairContract::send(const std::string& to, const std::string& data) {
  read(to, data);  // a rehearsal: it throws with the reason of a revert
  const json::object receipt =
      chain_.transact({{"from", trader_}, {"to", to}, {"gas", gas_limit}, {"data", data}});
  if (text_of(receipt.at("status")) != "0x1") throw std::runtime_error("transaction reverted");
  std::vector<ChainLog> logs;
  for (const json::value& log : receipt.at("logs").as_array()) logs.push_back(to_log(log));
  return logs;
}

std::string PairContract::read(const std::string& to, const std::string& data,
                               json::value overrides) {
  json::array params = {json::object{{"from", trader_}, {"to", to}, {"data", data}}, "latest"};
  if (!overrides.is_null()) params.push_back(std::move(overrides));
  const auto answers = chain_.batch({{.method = "eth_call", .params = std::move(params)}});
  if (answers[0].failure) throw std::runtime_error(revert_reason(*answers[0].failure));
  return text_of(answers[0].result);
}

std::string PairContract::deployed_code() {
  return text_of(chain_.call("eth_getCode", {pair_, "latest"}));
}

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
  std::vector<SwapVerdict> verdicts;
  verdicts.reserve(probes.size());
  for (std::size_t begin = 0; begin < probes.size(); begin += calls_per_batch) {
    const std::size_t end = std::min(begin + calls_per_batch, probes.size());
    std::vector<RpcRequest> requests;
    for (std::size_t i = begin; i < end; ++i) {
      const SwapProbe& probe = probes[i];
      const std::string data = swap_calldata(probe.amount_out[0], probe.amount_out[1], trader_);
      requests.push_back({.method = "eth_call",
                          .params = {json::object{{"from", trader_}, {"to", pair_}, {"data", data}},
                                     "latest", overrides_of(probe)}});
    }
    for (const RpcAnswer& answer : chain_.batch(requests)) {
      verdicts.push_back(to_verdict(answer));
    }
    calls_made_ += end - begin;
  }
  return verdicts;
}

SwapProbe PairContract::read_back(const SwapProbe& probe) {
  const json::object overrides = overrides_of(probe);
  const std::string reserves = read(pair_, selector("getReserves()"), overrides);
  const std::string balance_of = selector("balanceOf(address)") + address_word(pair_);
  SwapProbe result;
  for (std::size_t i = 0; i < 2; ++i) {
    result.reserve[i] = word_at(reserves, i);
    result.balance[i] = word_at(read(token_[i], balance_of, overrides), 0);
  }
  return result;
}

void PairContract::transfer_to_pair(int token_index, const Integer& amount) {
  send(token_[token_index],
       selector("transfer(address,uint256)") + address_word(pair_) + word(amount));
}

std::vector<ChainLog> PairContract::add_liquidity(const Integer& amount0, const Integer& amount1) {
  transfer_to_pair(0, amount0);
  transfer_to_pair(1, amount1);
  return send(pair_, selector("mint(address)") + address_word(trader_));
}

Integer PairContract::trader_balance(int token_index) {
  return word_at(read(token_[token_index], selector("balanceOf(address)") + address_word(trader_)),
                 0);
}

std::string PairContract::swap_calldata(const Integer& out0, const Integer& out1,
                                        const std::string& to) const {
  constexpr int offset_of_bytes = 4 * 32;
  return swap_selector_ + word(out0) + word(out1) + address_word(to) + word(offset_of_bytes) +
         word(0);
}

}  // namespace gantry::test
