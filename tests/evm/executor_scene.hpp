// The executor among odd tokens, third parties' venues and attackers
// (contracts/ExecutorMarket.sol).
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "evm/executor_contract.hpp"
#include "evm/node_output.hpp"
#include "evm/plugin_venue.hpp"

namespace gantry::test {

enum class MarketOddity {
  none,
  answers_false,
  answers_nothing,
  taxes,
  keeps_allowance,
  calls_back,
  charges_sender
};

class ExecutorScene {
 public:
  ExecutorScene()
      : chain_(anvil_),
        codes_(boost::json::parse(node_output("compile_all.mjs", "ExecutorMarket")).as_object()),
        executor_(chain_) {
    const auto accounts = anvil_.call("eth_accounts").as_array();
    stranger_ = text_of(accounts.at(1));
  }

  Deployer& chain() { return chain_; }
  ExecutorContract& executor() { return executor_; }
  const std::string& stranger() const { return stranger_; }

  std::string deploy(const std::string& contract, const std::string& arguments = {}) {
    return chain_.deploy(text_of(codes_.at(contract)) + arguments);
  }
  std::string token(MarketOddity oddity = MarketOddity::none) {
    return deploy("MarketToken", word(static_cast<int>(oddity)));
  }
  void mint(const std::string& token, const std::string& to, const Integer& amount) {
    tell(token, "mint(address,uint256)", address_word(to) + word(amount));
  }
  void tell(const std::string& contract, const std::string& signature, const std::string& digits) {
    chain_.send(contract, chain_.selector(signature) + digits);
  }
  std::string data(const std::string& signature, const std::string& digits = {}) {
    return chain_.selector(signature) + digits;
  }
  ex::Call call(const std::string& target, const std::string& signature,
                const std::string& digits = {}) {
    return call_of(chain_, target, signature, digits);
  }
  ex::Selector selector(const std::string& signature) {
    const auto bytes = to_bytes(chain_.selector(signature));
    return {bytes[0], bytes[1], bytes[2], bytes[3]};
  }
  // A pool with Curve's call that holds a lot of both.
  std::string pool(const std::string& token0, const std::string& token1, int tenths) {
    const std::string pool =
        deploy("CurveLike", address_word(token0) + address_word(token1) + word(tenths) + word(0));
    for (const std::string& each : {token0, token1}) mint(each, pool, 1'000'000);
    return pool;
  }
  // Coin 0 for coin 1, or back.
  ex::Call exchange(const std::string& pool, const std::string& token_in, bool there,
                    const Integer& amount_in) {
    ex::Call step = call(pool, "exchange(int128,int128,uint256,uint256)",
                         word(there ? 0 : 1) + word(there ? 1 : 0) + word(amount_in) + word(0));
    step.approval = ex::Approval{to_address(token_in), std::nullopt, amount(amount_in)};
    return step;
  }
  // An attacker that will call the executor with these, in this order.
  void arm(const std::string& attacker, const std::vector<std::string>& calls, bool must_fail) {
    std::string heads;
    std::string tails;
    for (const std::string& each : calls) {
      heads += word(calls.size() * 32 + tails.size() / 2);
      const std::string encoded = AbiArguments().bytes(each.substr(2)).digits();
      tails += encoded.substr(word_digits);
    }
    tell(attacker, "arm(bytes[],bool)",
         AbiArguments().tail(word(calls.size()) + heads + tails).word(must_fail ? 1 : 0).digits());
  }

  // What lies in the executor, watched.
  void stock(const std::string& token, const Integer& amount) {
    mint(token, executor_.address(), amount);
    const Outcome outcome = executor_.mine(data("watch(address)", address_word(token)));
    if (!outcome.accepted) throw std::runtime_error("not watched: " + outcome.error);
  }

 private:
  Anvil anvil_;
  Deployer chain_;
  boost::json::object codes_;
  ExecutorContract executor_;
  std::string stranger_;
};

}  // namespace gantry::test
