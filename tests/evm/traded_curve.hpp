// A pool of Curve's kind (contracts/StableMarket.sol) that is traded at random, an operation a
// block.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <fmt/format.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "evm/deployer.hpp"
#include "evm/integer_words.hpp"
#include "evm/node_output.hpp"

namespace gantry::test {

// A pool of two coins, of 18 and of 6 decimals, that is traded at random, a block each.
class TradedCurve {
 public:
  static constexpr std::uint64_t block_time_s = 600;  // so that a ramp of a day ends within a test
  static constexpr std::uint64_t ramp_s = 86'400;

  // `pin`: what the operator's metadata say of its code; empty: the hash that it has.
  TradedCurve(Anvil& chain, std::uint64_t seed, std::string pin = {})
      : random_(seed), pin_(std::move(pin)), deployer_(chain) {
    deploy();
  }

  const std::string& pool() const { return pool_; }
  const std::string& coin(int index) const { return coins_[index]; }
  Deployer& deployer() { return deployer_; }

  // Of dex_config.toml.
  std::string venue_section() const {
    return fmt::format(
        "[[dex]]\nname = \"curve\"\nchain = \"eip155:31337\"\nmin_liquidity_usd = 0\n"
        "[[dex.pool]]\naddress = \"{}\"\ntokens = [\"{}\", \"{}\"]\n"
        "metadata = \"variant=base code_hash={}\"\n",
        pool_, coins_[0], coins_[1], pin_);
  }

  struct Tally {
    int exchanges = 0;
    int adds = 0;
    int removals = 0;  // of both coins as they are
    int unbalanced = 0;
  };
  Tally tally;

  void trade() {
    const auto kind = random_() % 20;
    if (kind < 12) return exchange();
    if (kind < 15) return add();
    // A share in proportion, or of either coin what the trader likes.
    const Integer share = part(ask("balanceOf(address)", address_word(deployer_.account())), 30);
    if (kind < 17) {
      ++tally.removals;
      tell("remove_liquidity(uint256)", word(share));
    } else {
      ++tally.unbalanced;
      tell("remove_liquidity_imbalance(uint256[2],uint256)",
           word(part(balance(0), 50)) + word(part(balance(1), 50)) + word(share << 64));
    }
  }

  // From the A that there is to `a`, within a day and a block.
  void ramp(unsigned a) {
    tell("ramp_A(uint256,uint256)", word(a) + word(time() + block_time_s + ramp_s));
  }
  bool ramps() { return ask("future_A_time()", "") > time(); }

  Integer balance(std::uint32_t coin) { return ask("balances(uint256)", word(coin)); }

  struct Question {
    std::uint32_t in = 0;
    Integer amount;
  };
  // What get_dy() says in a block of that time, or that it reverts; and what exchange() pays there.
  std::vector<ChainAnswer> ask_all(const std::string& function, const std::string& more,
                                   const std::vector<Question>& questions, std::uint64_t time_s) {
    std::vector<RpcRequest> requests;
    for (const Question& each : questions) {
      const std::string data =
          selector(function) + word(each.in) + word(1 - each.in) + word(each.amount) + more;
      requests.push_back(
          {"eth_call",
           {boost::json::object{{"from", deployer_.account()}, {"to", pool_}, {"data", data}},
            "latest", boost::json::object{}, boost::json::object{{"time", hex_word(time_s)}}}});
    }
    std::vector<ChainAnswer> answers;
    for (const RpcAnswer& answer : deployer_.chain().batch(requests)) {
      answers.push_back({.accepted = !answer.failure,
                         .data = answer.failure ? answer.failure->data : text_of(answer.result),
                         .reason = {}});
    }
    return answers;
  }

 private:
  std::string selector(const std::string& signature) { return deployer_.selector(signature); }
  Integer ask(const std::string& signature, const std::string& words) {
    return word_at(deployer_.read(pool_, selector(signature) + words), 0);
  }
  void tell(const std::string& signature, const std::string& words) {
    deployer_.send(pool_, selector(signature) + words);
  }
  std::uint64_t time() {
    const auto block = deployer_.chain().call("eth_getBlockByNumber", {"latest", false});
    return to_integer(text_of(block.at("timestamp"))).convert_to<std::uint64_t>();
  }
  // More than nothing, at most one of `of`.
  Integer part(const Integer& value, unsigned of) {
    return value * (1 + random_() % 1000) / (Integer(1000) * of) + 1;
  }

  void exchange() {
    ++tally.exchanges;
    const Integer held[] = {balance(0), balance(1) * scale};
    auto in = static_cast<std::uint32_t>(random_() % 2);
    if (held[in] > 4 * held[1 - in]) in = 1 - in;
    tell("exchange(int128,int128,uint256,uint256)",
         word(in) + word(1 - in) + word(part(balance(in), 6)) + word(0));
  }
  void add() {
    ++tally.adds;
    const Integer first = random_() % 3 == 0 ? Integer(0) : part(balance(0), 15);
    const Integer second = first != 0 && random_() % 2 == 0 ? Integer(0) : part(balance(1), 15);
    tell("add_liquidity(uint256[2],uint256)", word(first) + word(second) + word(0));
  }

  void deploy() {
    deployer_.chain().call("anvil_setBlockTimestampInterval", {block_time_s});
    const auto codes =
        boost::json::parse(node_output("compile_all.mjs", "StableMarket")).as_object();
    for (const int i : {0, 1}) {
      coins_[i] = deployer_.deploy(text_of(codes.at("Coin")) + word(i == 0 ? 18 : 6));
    }
    constexpr unsigned a = 200;
    constexpr unsigned fee = 4'000'000;  // of 10^10
    constexpr std::uint64_t admin_fee = 5'000'000'000;
    pool_ = deployer_.deploy(text_of(codes.at("StablePool")) + address_word(coins_[0]) +
                             address_word(coins_[1]) + word(a) + word(fee) + word(admin_fee));
    const Integer plenty = Integer(1) << 120;
    for (const std::string& coin : coins_) {
      deployer_.send(coin, selector("mint(address,uint256)") + address_word(deployer_.account()) +
                               word(plenty));
      deployer_.send(coin, selector("approve(address,uint256)") + address_word(pool_) +
                               word((Integer(1) << 256) - 1));
    }
    const Integer millions = 3'000'000;
    tell("add_liquidity(uint256[2],uint256)",
         word(millions * 1'000'000 * scale) + word(millions * 1'000'000) + word(0));
    if (pin_.empty()) pin_ = deployer_.sha3(deployer_.code_of(pool_));
  }

  const Integer scale = Integer(1'000'000'000'000);  // between the decimals of the two
  std::mt19937_64 random_;
  std::string pin_;
  Deployer deployer_;
  std::string coins_[2];
  std::string pool_;
};

}  // namespace gantry::test
