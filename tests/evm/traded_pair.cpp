#include "evm/traded_pair.hpp"

#include <algorithm>
#include <stdexcept>

namespace gantry::test {
namespace {

namespace json = boost::json;

// keccak-256 of the signatures, as the ABI has them.
constexpr std::string_view transfer = "0xa9059cbb";       // transfer(address,uint256)
constexpr std::string_view mint_selector = "0x6a627842";  // mint(address)
constexpr std::string_view burn_selector = "0x89afcb44";  // burn(address)
constexpr std::string_view get_reserves = "0x0902f1ac";
constexpr std::string_view total_supply = "0x18160ddd";
constexpr std::string_view swapped =  // Swap(address,uint256,uint256,uint256,uint256,address)
    "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822";
constexpr std::string_view minted =  // Mint(address,uint256,uint256)
    "0x4c209b5fc8ad50758f13e2e1088ba56a560dff690a1c6fef26394f4c03821c4f";
constexpr std::string_view burned =  // Burn(address,uint256,uint256,address)
    "0xdccd412f0b1252819cb1fd330b93224ca42612892bb3f4f789976e6d81936496";
constexpr std::string_view gas_limit = "0x7a120";  // ample for each
const Integer first_liquidity = Integer("1000000000000000000000000");

std::string call(std::string_view selector, const std::string& words) {
  return std::string(selector) + words;
}

Integer part(const Integer& value, std::mt19937_64& random, unsigned of) {
  const Integer share = value * (1 + random() % 1000) / (Integer(1000) * of);
  return share == 0 ? Integer(1) : share;
}

}  // namespace

TradedPair::TradedPair(Anvil& chain, const PairContract* tokens_of)
    : chain_(chain), contract_(chain, tokens_of) {
  contract_.add_liquidity(first_liquidity, first_liquidity * 3);
  reread();
}

void TradedPair::reread() {
  const std::string reserves = contract_.read(contract_.address(), std::string(get_reserves));
  for (int i = 0; i < 2; ++i) reserve_[i] = word_at(reserves, static_cast<std::size_t>(i));
  supply_ = word_at(contract_.read(contract_.address(), std::string(total_supply)), 0);
}

void TradedPair::send(const std::string& to, const std::string& data) {
  json::array params;
  params.push_back(
      json::object{{"from", contract_.trader()}, {"to", to}, {"gas", gas_limit}, {"data", data}});
  sent_.push_back(
      json::value_to<std::string>(chain_.call("eth_sendTransaction", std::move(params))));
}

void TradedPair::look_at_receipts() {
  std::vector<RpcRequest> requests;
  for (const std::string& hash : sent_) {
    requests.push_back({"eth_getTransactionReceipt", {json::string(hash)}});
  }
  sent_.clear();
  if (requests.empty()) return;
  for (const auto& answer : chain_.batch(requests)) {
    const json::object* receipt = answer.failure ? nullptr : answer.result.if_object();
    if (receipt == nullptr) throw std::runtime_error("a trade of the pair was not mined");
    if (receipt->at("status").as_string() != "0x1") {
      throw std::runtime_error("a trade of the pair was mined and reverted");
    }
    for (const json::value& log : receipt->at("logs").as_array()) {
      const json::string& topic = log.at("topics").at(0).as_string();
      tally_.swaps += topic == swapped ? 1U : 0U;
      tally_.mints += topic == minted ? 1U : 0U;
      tally_.burns += topic == burned ? 1U : 0U;
    }
  }
}

void TradedPair::send_random(std::mt19937_64& random) {
  const auto what = random() % 10;
  if (what == 0) {
    mint(random);
  } else if (what == 1) {
    burn(random);
  } else {
    swap(random);
  }
}

void TradedPair::swap(std::mt19937_64& random) {
  const int in = static_cast<int>(random() % 2);
  const Integer amount = part(reserve_[in], random, 20);
  const Integer kept = amount * 997;
  const Integer out = kept * reserve_[1 - in] / (reserve_[in] * 1000 + kept);
  if (out == 0) return;
  send(contract_.token(in), call(transfer, address_word(contract_.address()) + word(amount)));
  send(contract_.address(),
       contract_.swap_calldata(in == 0 ? Integer(0) : out, in == 0 ? out : Integer(0),
                               contract_.trader()));
  reserve_[in] += amount;
  reserve_[1 - in] -= out;
}

void TradedPair::mint(std::mt19937_64& random) {
  const Integer amount0 = part(reserve_[0], random, 20);
  const Integer amount1 = amount0 * reserve_[1] / reserve_[0];
  const Integer liquidity =
      std::min(Integer(amount0 * supply_ / reserve_[0]), Integer(amount1 * supply_ / reserve_[1]));
  send(contract_.token(0), call(transfer, address_word(contract_.address()) + word(amount0)));
  send(contract_.token(1), call(transfer, address_word(contract_.address()) + word(amount1)));
  send(contract_.address(), call(mint_selector, address_word(contract_.trader())));
  reserve_[0] += amount0;
  reserve_[1] += amount1;
  supply_ += liquidity;
}

void TradedPair::burn(std::mt19937_64& random) {
  const Integer liquidity = part(supply_, random, 40);
  send(contract_.address(), call(transfer, address_word(contract_.address()) + word(liquidity)));
  send(contract_.address(), call(burn_selector, address_word(contract_.trader())));
  for (Integer& reserve : reserve_) reserve -= liquidity * reserve / supply_;
  supply_ -= liquidity;
}

std::uint64_t block_number(Anvil& chain) {
  return to_integer(boost::json::value_to<std::string>(chain.call("eth_blockNumber")))
      .convert_to<std::uint64_t>();
}

}  // namespace gantry::test
