#include "evm/playground_market.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace gantry::test {
namespace {

namespace json = boost::json;

constexpr std::string_view base_fee = "0x77359400";  // 2 gwei: on an idle chain it decays to none
constexpr std::string_view swap_gas_limit = "0x493e0";
constexpr std::size_t wrapped = 0;            // the index of the wrapped coin
constexpr int balance_of_slot = 1;            // of UniswapV2ERC20; its totalSupply is in slot 0
constexpr std::uint64_t shock_every = 15;     // blocks
constexpr double fees_of_two_pools = 0.0061;  // 0.3 % each

// EVM code with named places to jump to.
class Code {
 public:
  Code& op(std::string_view hex) {
    hex_ += hex;
    return *this;
  }
  Code& push(const Integer& value) { return op("7f").op(word(value)); }
  Code& jump_if(const std::string& place) {
    op("61");
    jumps_.emplace_back(hex_.size(), place);
    return op("000057");
  }
  Code& place(const std::string& name) {
    places_[name] = hex_.size() / 2;
    return op("5b");
  }
  std::string hex() const {
    std::string linked = hex_;
    for (const auto& [at, name] : jumps_) {
      linked.replace(at, 4, word(places_.at(name)).substr(word_digits - 4));
    }
    return linked;
  }

 private:
  std::string hex_;
  std::vector<std::pair<std::size_t, std::string>> jumps_;
  std::map<std::string, std::size_t> places_;
};

// Leaves the storage slot of the caller's balance on the stack.
constexpr std::string_view slot_of_caller = "3360005260016020526040600020";

std::string token_code(const Deployer& chain, const std::string& erc20,
                       const PlaygroundToken& token, bool is_wrapped) {
  Code code;
  const auto on = [&](const char* signature, const char* place) {
    code.op("8063" + chain.selector(signature).substr(2) + "14").jump_if(place);
  };
  code.op("60003560e01c");  // the selector, which stays on the stack
  on("decimals()", "decimals");
  on("symbol()", "symbol");
  on("name()", "symbol");
  if (is_wrapped) on("deposit()", "deposit");
  if (is_wrapped) on("withdraw(uint256)", "withdraw");
  // All else: the same calldata to the ERC-20's code, on this contract's storage.
  code.op("3660006000376000600036600073" + erc20.substr(2) + "5af43d600060003e");
  code.jump_if("return").op("3d6000fd");
  code.place("return").op("3d6000f3");
  code.place("decimals").push(token.decimals).op("60005260206000f3");
  Integer text = 0;
  for (const char c : token.symbol) text = (text << 8) | static_cast<unsigned char>(c);
  text <<= 8 * (32 - token.symbol.size());
  code.place("symbol").op("6020600052").push(token.symbol.size()).op("602052");
  code.push(text).op("60405260606000f3");
  if (!is_wrapped) return code.hex();

  const auto event = [&](const char* signature) {  // with the amount in memory at 0
    code.op("33").push(to_integer(chain.topic(signature))).op("60206000a200");
  };
  code.place("deposit").op(slot_of_caller).op("805434019055600054340160005534600052");
  event("Deposit(address,uint256)");
  code.place("withdraw").op(slot_of_caller).op("8054600435818111").jump_if("refuse");
  code.op("9003905560043560005403600055");
  code.op("6000600060006000600435335af115").jump_if("refuse");
  code.op("600435600052");
  event("Withdrawal(address,uint256)");
  code.place("refuse").op("60006000fd");
  return code.hex();
}

// In smallest units, to a millionth of a token; every token here has at least 6 decimals.
Integer units_of(double amount, unsigned decimals) {
  return Integer(std::llround(amount * 1e6)) *
         boost::multiprecision::pow(Integer(10), decimals - 6);
}

}  // namespace

PlaygroundMarket::PlaygroundMarket(Deployer& chain, std::uint64_t seed, std::size_t factories,
                                   double depth)
    : chain_(chain), random_(seed), tokens_{{"WETH", 18, 3000, {}}, {"USDC", 6, 1, {}},
                                            {"DAI", 18, 1, {}},     {"USDT", 6, 1, {}},
                                            {"WBTC", 8, 60000, {}}, {"LINK", 18, 15, {}}} {
  deploy_tokens();
  for (std::size_t i = 0; i < factories; ++i) factories_.emplace_back(chain_);
  const double deep = 4e6 * depth;
  const double shallow = 8e5 * depth;
  enum : std::size_t { weth, usdc, dai, usdt, wbtc, link };
  deploy_pair(0, weth, usdc, deep);
  deploy_pair(0, weth, dai, shallow);
  deploy_pair(0, weth, usdt, deep);
  deploy_pair(0, weth, wbtc, deep);
  deploy_pair(0, weth, link, shallow);
  deploy_pair(0, usdc, dai, shallow);
  deploy_pair(0, usdc, wbtc, shallow);
  deploy_pair(1, weth, usdc, shallow);
  deploy_pair(1, weth, dai, shallow);
  deploy_pair(1, weth, wbtc, shallow);
  deploy_pair(1, weth, link, shallow);
  deploy_pair(1, usdc, usdt, shallow);
  deploy_pair(1, dai, usdt, shallow);
  if (factories > 2) {
    deploy_pair(2, weth, usdc, deep);
    deploy_pair(2, weth, dai, shallow);
    deploy_pair(2, weth, link, shallow);
  }
  read_reserves();
}

void PlaygroundMarket::deploy_tokens() {
  const auto artifact = read_artifact("@uniswap/v2-core/build/ERC20.json");
  const std::string erc20 = chain_.deploy("0x" + text_of(artifact.at("bytecode")) + word(0));
  const Integer supply = Integer(1) << 110;
  const std::string slot =
      chain_.sha3("0x" + address_word(chain_.account()) + word(balance_of_slot));
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    PlaygroundToken& token = tokens_[i];
    token.address = deploy_runtime(chain_, token_code(chain_, erc20, token, i == wrapped));
    chain_.chain().call("anvil_setStorageAt", {token.address, slot, hex_word(supply)});
    chain_.chain().call("anvil_setStorageAt", {token.address, hex_word(0), hex_word(supply)});
  }
}

void PlaygroundMarket::deploy_pair(std::size_t factory, std::size_t a, std::size_t b, double usd) {
  PlaygroundPair pair{factory, {a, b}, {}};
  pair.address = factories_[factory].create_pair(tokens_[a].address, tokens_[b].address);
  if (to_integer(tokens_[b].address) < to_integer(tokens_[a].address)) {
    std::swap(pair.token[0], pair.token[1]);
  }
  for (const std::size_t index : pair.token) {
    const PlaygroundToken& token = tokens_[index];
    chain_.send(token.address, chain_.selector("transfer(address,uint256)") +
                                   address_word(pair.address) +
                                   word(units_of(usd / 2 / token.usd, token.decimals)));
  }
  chain_.send(pair.address, chain_.selector("mint(address)") + address_word(chain_.account()));
  pairs_.push_back(std::move(pair));
}

void PlaygroundMarket::read_reserves() {
  std::vector<ChainRead> reads;
  const std::string calldata = chain_.selector("getReserves()");
  for (const PlaygroundPair& pair : pairs_) reads.push_back({pair.address, calldata, {}});
  reserves_.clear();
  for (const ChainAnswer& answer : chain_.read_many(reads)) {
    reserves_.push_back({word_at(answer.data, 0), word_at(answer.data, 1)});
  }
}

double PlaygroundMarket::price(const PlaygroundPair& pair, std::size_t index) const {
  const auto amount = [&](std::size_t side) {
    return reserves_[index][side].convert_to<double>() /
           std::pow(10.0, tokens_[pair.token[side]].decimals);
  };
  return amount(1) / amount(0);
}

double PlaygroundMarket::off(std::size_t index) const {
  const PlaygroundPair& pair = pairs_[index];
  return price(pair, index) / (tokens_[pair.token[0]].usd / tokens_[pair.token[1]].usd) - 1;
}

void PlaygroundMarket::trade(bool shock) {
  read_reserves();
  std::vector<std::size_t> order(pairs_.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::shuffle(order, random_);
  std::uniform_real_distribution<double> uniform(0, 1);
  // What the tokens are worth moves, too.
  for (PlaygroundToken& token : tokens_) {
    if (token.usd != 1) token.usd *= 1 + 0.001 * (uniform(random_) - 0.5);
  }
  const std::size_t count = 1 + static_cast<std::size_t>(uniform(random_) * 3);
  shock = ++blocks_ % shock_every == 0 || shock;
  std::vector<RpcRequest> transactions;
  for (std::size_t i = 0; i < count; ++i) {
    const bool large = shock && i == 0;
    swap(order[i], large ? 0.005 + 0.01 * uniform(random_) : 0.004 * uniform(random_),
         transactions);
  }
  mine(transactions);
}

void PlaygroundMarket::jump(std::size_t pair, double share) {
  read_reserves();
  std::vector<RpcRequest> transactions;
  put_in(pair, off(pair) > 0 ? 1 : 0, share, transactions);
  mine(transactions);
}

// Puts in a share of what the pair has of the token, mostly of the one that is dear there.
void PlaygroundMarket::swap(std::size_t index, double share, std::vector<RpcRequest>& out) {
  std::uniform_real_distribution<double> uniform(0, 1);
  const bool first_in = uniform(random_) < std::clamp(0.5 + 40 * off(index), 0.05, 0.95);
  put_in(index, first_in ? 0 : 1, share, out);
}

void PlaygroundMarket::put_in(std::size_t index, std::size_t in, double share,
                              std::vector<RpcRequest>& out) {
  const PlaygroundPair& pair = pairs_[index];
  const bool first_in = in == 0;
  const auto& reserves = reserves_[index];
  const Integer amount =
      reserves[in] * static_cast<std::uint64_t>(1 + share * 1'000'000) / 1'000'000;
  const Integer kept = amount * 997;
  const Integer paid = kept * reserves[1 - in] / (reserves[in] * 1000 + kept);
  if (paid == 0) return;
  constexpr int offset_of_bytes = 4 * 32;
  out.push_back({.method = "eth_sendTransaction",
                 .params = {transaction(tokens_[pair.token[in]].address,
                                        chain_.selector("transfer(address,uint256)") +
                                            address_word(pair.address) + word(amount))}});
  out.push_back({.method = "eth_sendTransaction",
                 .params = {transaction(
                     pair.address,
                     chain_.selector("swap(uint256,uint256,address,bytes)") +
                         word(first_in ? Integer(0) : paid) + word(first_in ? paid : Integer(0)) +
                         address_word(chain_.account()) + word(offset_of_bytes) + word(0))}});
}

void PlaygroundMarket::mine(std::vector<RpcRequest>& transactions) {
  transactions.push_back({.method = "anvil_setNextBlockBaseFeePerGas", .params = {base_fee}});
  transactions.push_back({.method = "evm_mine", .params = {}});
  for (const RpcAnswer& answer : chain_.chain().batch(transactions)) {
    if (answer.failure) throw std::runtime_error("the chain: " + answer.failure->message);
  }
}

json::object PlaygroundMarket::transaction(const std::string& to, const std::string& data) const {
  return {{"from", chain_.account()}, {"to", to}, {"gas", swap_gas_limit}, {"data", data}};
}

std::optional<PriceGap> PlaygroundMarket::widest_gap() const {
  std::optional<PriceGap> widest;
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (pairs_[i].token[0] != pairs_[j].token[0] || pairs_[i].token[1] != pairs_[j].token[1]) {
        continue;
      }
      const double ratio = price(pairs_[i], i) / price(pairs_[j], j);
      const double gap = std::max(ratio, 1 / ratio) - 1;
      if (gap < fees_of_two_pools || (widest && gap * 100 <= widest->percent)) continue;
      widest = {tokens_[pairs_[i].token[0]].symbol + "/" + tokens_[pairs_[i].token[1]].symbol,
                gap * 100};
    }
  }
  return widest;
}

}  // namespace gantry::test
