// Pairs of odd tokens on a chain that is followed, and what the log says meanwhile.
//
// THREADS  One at a time; what is logged may come from any, and is read when nobody logs.
// ERRORS   Throws std::runtime_error.
#pragma once
#include <fmt/format.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "evm/live_scene.hpp"
#include "evm/odd_market.hpp"
#include "evm/v2_factory_contract.hpp"

namespace gantry::test {

inline const Integer funded = Integer("1000000000000000000000");

// Pairs of a plain token with others, funded with as much of both.
class OddPairs {
 public:
  explicit OddPairs(Anvil& chain)
      : chain_(chain), deployer_(chain), factory_(deployer_), code_(compiled("OddToken")) {
    plain = make(Oddity::none);
  }
  // Returns the other token.
  std::string add(Oddity oddity) {
    const std::string token = add_empty(oddity);
    fund(pairs_.size() - 1, token);
    return token;
  }
  std::string add_empty(Oddity oddity) {
    const std::string token = make(oddity);
    pairs_.push_back(factory_.create_pair(plain, token));
    return token;
  }
  // Of the tokens of an empty pair: the plain one and this.
  void fund(std::size_t index, const std::string& token) {
    for (const std::string& each : {plain, token}) give(index, each, funded);
    send(pairs_[index], "mint(address)", address_word(deployer_.account()));
  }
  // Without a word to the pair, as a token does whose balances move by themselves.
  void give(std::size_t index, const std::string& token, const Integer& amount) {
    send(token, "transfer(address,uint256)", address_word(pairs_[index]) + word(amount));
  }
  void take(std::size_t index, const std::string& token, const Integer& amount) {
    const boost::json::string pair(pairs_[index]);
    chain_.call("anvil_impersonateAccount", {pair});
    chain_.call("anvil_setBalance", {pair, "0xde0b6b3a7640000"});
    const std::string data = deployer_.selector("transfer(address,uint256)") +
                             address_word(deployer_.account()) + word(amount);
    const auto receipt =
        chain_.transact({{"from", pair}, {"to", token}, {"gas", "0x7a120"}, {"data", data}});
    if (receipt.at("status").as_string() != "0x1") throw std::runtime_error("nothing was taken");
  }
  // `listed_before`: addresses of pools of nothing.
  LiveFiles files(const Anvil& chain, const std::vector<std::string>& listed_before = {}) const {
    LiveFiles files;
    files.gantry = fmt::format(
        "[[chain]]\nid = \"eip155:31337\"\nname = \"anvil\"\nblock_time_s = 1\n"
        "wrapped_native = \"{}\"\nusd_tokens = [\"{}\"]\n"
        "[[chain.provider]]\nname = \"local\"\nurl = \"{}\"\n"
        "[plugins]\nfolders = [\"{}\"]\n[live]\npoll_ms = 10\naudit_every_blocks = 4\n",
        plain, plain, chain.url(), GANTRY_PLUGIN_FOLDER);
    files.dex =
        "[[dex]]\nname = \"uniswap_v2\"\nchain = \"eip155:31337\"\nmin_liquidity_usd = 0\n"
        "discover = false\n";
    for (const std::string& address : listed_before) {
      files.dex += fmt::format("[[dex.pool]]\naddress = \"{}\"\ntokens = [\"{}\", \"{}\"]\n",
                               address, plain, plain);
    }
    for (const std::string& pair : pairs_) {
      const auto [token0, token1] = factory_.tokens_of(pair);
      files.dex += fmt::format("[[dex.pool]]\naddress = \"{}\"\ntokens = [\"{}\", \"{}\"]\n", pair,
                               token0, token1);
    }
    files.strategies = "[strategies.triangular]\nmin_profit_bps = 0\n";
    return files;
  }
  const std::string& pair(std::size_t index) const { return pairs_[index]; }

  std::string plain;

 private:
  std::string make(Oddity oddity) {
    return deployer_.deploy(code_ + word(static_cast<int>(oddity)));
  }
  void send(const std::string& to, const std::string& signature, const std::string& words) {
    deployer_.send(to, deployer_.selector(signature) + words);
  }

  Anvil& chain_;
  Deployer deployer_;
  V2FactoryContract factory_;
  std::string code_;
  std::vector<std::string> pairs_;
};

// What is logged while it lives.
class ToldOfTokens {
 public:
  ToldOfTokens() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)));
  }
  ~ToldOfTokens() { spdlog::set_default_logger(before_); }
  std::string all() const { return out_.str(); }
  std::size_t lines_with(const std::string& one, const std::string& other) const {
    std::istringstream text(all());
    std::size_t count = 0;
    for (std::string line; std::getline(text, line);) {
      count += line.contains(one) && line.contains(other) ? 1U : 0U;
    }
    return count;
  }

 private:
  std::ostringstream out_;
  std::shared_ptr<spdlog::logger> before_;
};

}  // namespace gantry::test
