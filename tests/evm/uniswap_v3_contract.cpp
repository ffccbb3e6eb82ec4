#include "evm/uniswap_v3_contract.hpp"

#include <map>
#include <stdexcept>
#include <utility>

namespace gantry::test {
namespace {

// EVM code as text, with jumps to named places.
class Assembly {
 public:
  Assembly& op(std::string_view bytes) {
    code_ += bytes;
    return *this;
  }
  // PUSH1 to PUSH32, by the digits given.
  Assembly& push(const std::string& digits) {
    const auto opcode = static_cast<std::uint8_t>(0x5f + digits.size() / 2);
    return op(to_hex({&opcode, 1}).substr(2)).op(digits);
  }
  Assembly& push_place(const std::string& name) {
    uses_.emplace_back(code_.size() + 2, name);
    return op("61").op("0000");
  }
  Assembly& place(const std::string& name) {
    places_[name] = code_.size() / 2;
    return op("5b");  // JUMPDEST
  }
  // The code, and creation code that leaves it.
  std::string runtime() const {
    std::string code = code_;
    for (const auto& [at, name] : uses_) {
      code.replace(at, 4, word(places_.at(name)).substr(word_digits - 4));
    }
    return code;
  }
  std::string creation() const {
    const std::string code = runtime();
    const std::string size = word(code.size() / 2).substr(word_digits - 4);
    return "61" + size + "80600c6000396000f3" + code;  // codecopy and return
  }

 private:
  std::string code_;
  std::map<std::string, std::size_t> places_;
  std::vector<std::pair<std::size_t, std::string>> uses_;
};

// Both of our contracts: calldata that begins with a pool's address as a word is passed on to it;
// calldata that begins with a selector is a callback.
void pass_on_or(Assembly& code) {
  code.op("600035").op("60e01c").push_place("callback").op("57");  // calldataload, shr, jumpi
  code.op("602036036020600037");                                   // copy all but the first word
  code.op("600060006020360360006000600035").op("5af1");            // call, gas
  code.op("3d600060003e").push_place("passed").op("57");           // returndatacopy
  code.op("3d6000fd").place("passed").op("3d6000f3");              // revert, or return
  code.place("callback");
}

std::string trader_code(const std::string (&tokens)[2]) {
  Assembly code;
  pass_on_or(code);
  for (int i = 0; i < 2; ++i) {
    const std::string at = i == 0 ? "04" : "24";
    const std::string skip = "skip" + std::to_string(i);
    code.push(at).op("35").op("600012").op("15").push_place(skip).op("57");  // if 0 < amount
    code.push("a9059cbb" + std::string(56, '0')).op("600052");  // transfer(address,uint256)
    code.op("33600452").push(at).op("35").op("602452");         // caller, amount
    code.op("60206000604460006000").push(tokens[i].substr(2)).op("5af1").op("50");
    code.place(skip);
  }
  return code.op("00").creation();
}

// Reverts with both amounts, the price, the tick and the liquidity.
std::string probe_code() {
  Assembly code;
  pass_on_or(code);
  code.push("3850c7bd").op("60e01b600052");           // slot0()
  code.op("604060406004600033").op("5afa").op("50");  // staticcall of the caller
  code.push("1a686502").op("60e01b600052");           // liquidity()
  code.op("602060806004600033").op("5afa").op("50");
  code.op("600435600052").op("602435602052").op("60a06000fd");
  return code.creation();
}

// What PancakeSwap's pools ask the contract that creates them: it answers parameters(), which has
// no arguments, and creates whatever else it is called with.
std::string pancake_deployer_code(const std::string& factory, const std::string (&tokens)[2],
                                  unsigned fee, int spacing) {
  Assembly code;
  code.op("36600414").push_place("parameters").op("57");
  code.op("366000600037").op("3660006000f0").op("600052").op("60206000f3");
  code.place("parameters");
  const std::string words[] = {address_word(factory), address_word(tokens[0]),
                               address_word(tokens[1]), word(fee), word(spacing)};
  int at = 0;
  for (const std::string& each : words) {
    code.push(each).push(word(at).substr(word_digits - 2)).op("52");
    at += 32;
  }
  return code.op("60a06000f3").creation();
}

std::string bytecode(std::string_view path) { return text_of(read_artifact(path).at("bytecode")); }

std::string address_in(const std::string& returned) {
  return "0x" + returned.substr(returned.size() - 40);
}

std::string twos_complement(const Integer& value) {
  return word(value < 0 ? Integer((Integer(1) << 256) + value) : value);
}

Integer from_twos_complement(const Integer& value) {
  return value >> 255 != 0 ? Integer(value - (Integer(1) << 256)) : value;
}

ProbedSwap to_probed(const ChainAnswer& answer) {
  constexpr std::size_t answered = 2 + 5 * word_digits;
  ProbedSwap result;
  if (answer.accepted || answer.data.size() != answered) {
    result.reason = answer.accepted ? "the callback was not called" : answer.reason;
    return result;
  }
  result.accepted = true;
  for (std::size_t i = 0; i < 2; ++i) {
    const Integer amount = from_twos_complement(word_at(answer.data, i));
    if (amount > 0) result.amount_in += amount;
    if (amount < 0) result.amount_out -= amount;
  }
  result.sqrt = word_at(answer.data, 2);
  result.tick = from_twos_complement(word_at(answer.data, 3)).convert_to<int>();
  result.liquidity = word_at(answer.data, 4);
  return result;
}

constexpr std::string_view core = "@uniswap/v3-core/artifacts/contracts/";
constexpr std::string_view periphery = "@uniswap/v3-periphery/artifacts/contracts/";

}  // namespace

V3Chain::V3Chain(Anvil& chain) : deployer_(chain) {
  factory_ =
      deployer_.deploy(bytecode(std::string(core) + "UniswapV3Factory.sol/UniswapV3Factory.json"));
  const auto erc20 = read_artifact("@uniswap/v2-core/build/ERC20.json");
  const Integer supply = Integer(1) << 255;
  for (std::string& token : token_) {
    token = deployer_.deploy("0x" + text_of(erc20.at("bytecode")) + word(supply));
  }
  if (to_integer(token_[1]) < to_integer(token_[0])) std::swap(token_[0], token_[1]);
  trader_ = deployer_.deploy(trader_code(token_));
  probe_ = deployer_.deploy(probe_code());
  for (const std::string& token : token_) {
    deployer_.send(token, deployer_.selector("transfer(address,uint256)") + address_word(trader_) +
                              word(Integer(1) << 254));
  }
}

std::string V3Chain::create_pool(unsigned fee, int spacing, const Integer& sqrt) {
  const std::string tier = deployer_.selector("feeAmountTickSpacing(uint24)") + word(fee);
  if (word_at(deployer_.read(factory_, tier), 0) == 0) {
    deployer_.send(factory_,
                   deployer_.selector("enableFeeAmount(uint24,int24)") + word(fee) + word(spacing));
  }
  const std::string arguments = address_word(token_[0]) + address_word(token_[1]) + word(fee);
  deployer_.send(factory_, deployer_.selector("createPool(address,address,uint24)") + arguments);
  const std::string pool = address_in(
      deployer_.read(factory_, deployer_.selector("getPool(address,address,uint24)") + arguments));
  deployer_.send(pool, deployer_.selector("initialize(uint160)") + word(sqrt));
  return pool;
}

std::string V3Chain::create_pancake_pool(unsigned fee, int spacing, const Integer& sqrt) {
  const std::string stand_in =
      deployer_.deploy(pancake_deployer_code(factory_, token_, fee, spacing));
  const std::string code =
      bytecode("@pancakeswap/v3-core/artifacts/contracts/PancakeV3Pool.sol/PancakeV3Pool.json");
  const std::string pool = address_in(deployer_.read(stand_in, code));
  deployer_.send(stand_in, code);
  deployer_.send(pool, deployer_.selector("initialize(uint160)") + word(sqrt));
  return pool;
}

std::string V3Chain::through(const std::string& pool, const std::string& calldata) const {
  return "0x" + address_word(pool) + calldata.substr(2);
}

std::vector<ChainLog> V3Chain::mint(const std::string& pool, int lower, int upper,
                                    const Integer& amount) {
  const std::string data = deployer_.selector("mint(address,int24,int24,uint128,bytes)") +
                           address_word(trader_) + twos_complement(lower) + twos_complement(upper) +
                           word(amount) + word(5 * 32) + word(0);
  return deployer_.send(trader_, through(pool, data));
}

std::vector<ChainLog> V3Chain::burn(const std::string& pool, int lower, int upper,
                                    const Integer& amount) {
  const std::string data = deployer_.selector("burn(int24,int24,uint128)") +
                           twos_complement(lower) + twos_complement(upper) + word(amount);
  return deployer_.send(trader_, through(pool, data));
}

std::string V3Chain::swap_data(const SwapQuestion& question, const std::string& recipient) const {
  const Integer limit = question.zero_for_one ? reference_sqrt_at(-reference_tick_max) + 1
                                              : reference_sqrt_at(reference_tick_max) - 1;
  return deployer_.selector("swap(address,bool,int256,uint160,bytes)") + address_word(recipient) +
         word(question.zero_for_one ? 1 : 0) +
         twos_complement(question.exact_in ? question.amount : Integer(-question.amount)) +
         word(limit) + word(5 * 32) + word(0);
}

std::vector<ChainLog> V3Chain::swap(const std::string& pool, const SwapQuestion& question) {
  return deployer_.send(trader_, through(pool, swap_data(question, trader_)));
}

std::vector<ProbedSwap> V3Chain::probe(const std::string& pool,
                                       const std::vector<SwapQuestion>& questions) {
  std::vector<ChainRead> reads;
  for (const SwapQuestion& question : questions) {
    reads.push_back({probe_, through(pool, swap_data(question, probe_)), {}});
  }
  std::vector<ProbedSwap> result;
  for (const ChainAnswer& answer : deployer_.read_many(reads)) result.push_back(to_probed(answer));
  return result;
}

const std::string& V3Chain::router() {
  if (router_.empty()) {
    router_ = deployer_.deploy(bytecode(std::string(periphery) + "SwapRouter.sol/SwapRouter.json") +
                               address_word(factory_) + address_word(token_[0]));
  }
  return router_;
}

const std::string& V3Chain::quoter() {
  if (quoter_.empty()) {
    quoter_ =
        deployer_.deploy(bytecode(std::string(periphery) + "lens/QuoterV2.sol/QuoterV2.json") +
                         address_word(factory_) + address_word(token_[0]));
  }
  return quoter_;
}

}  // namespace gantry::test
