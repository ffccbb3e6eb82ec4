// Tokens that are odd in one way each, on a real node, and a pool that holds them.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <stdexcept>
#include <string>

#include "evm/deployer.hpp"
#include "evm/node_output.hpp"
#include "evm/plugin_venue.hpp"
#include "host/tokens/token_probe.hpp"

namespace gantry::test {

enum class Oddity {
  none,
  taxes_all,
  taxes_sales,
  charges_sender,
  forbids_sales,
  answers_false,
  answers_nothing,
  loses_one,
};

// Creation code, from the compiler that npm brings.
inline std::string compiled(const std::string& contract) {
  return node_output("compile.mjs", contract);
}

// What is tried is a part of this; the pool holds twice that, as what is sent to it may be taxed.
inline const Integer pool_counts = Integer(5'000'000) * 1'000'000;
inline const Integer pool_is_sent = pool_counts * 2;

class OddMarket {
 public:
  OddMarket() : deployer_(chain_), code_(compiled("OddToken")) {
    // Any contract may hold tokens: the probe puts its own code in its place.
    const auto erc20 = read_artifact("@uniswap/v2-core/build/ERC20.json");
    pool_ = deployer_.deploy(text_of(erc20.at("bytecode")) + word(1));
  }

  std::string make(Oddity oddity) {
    const std::string token = deployer_.deploy(code_ + word(static_cast<int>(oddity)));
    send(token, "transfer(address,uint256)", address_word(pool_) + word(pool_is_sent));
    send(token, "setPool(address)", address_word(pool_));
    return token;
  }

  void send(const std::string& to, const std::string& signature, const std::string& words) {
    deployer_.send(to, deployer_.selector(signature) + words);
  }

  host::TokenProbe probe_of(const std::string& token) const {
    return {to_address(token), to_address(pool_),
            host::probe_amount(*parse_hex(hex_word(pool_counts)))};
  }

  // As a pinned batch sends it: the block before the overrides.
  host::RpcAnswer ask(const host::TokenProbe& probe) {
    host::RpcCall call = host::probe_call(probe);
    call.params.insert(call.params.begin() + 1, "latest");
    const auto answer = chain_.batch({{call.method, call.params}}).at(0);
    if (!answer.failure) return answer.result;
    return std::unexpected(host::RpcFailure{answer.failure->code, answer.failure->message, {}});
  }

  host::TokenVerdict verdict(const std::string& token) {
    const auto probe = probe_of(token);
    return host::read_probe(probe, ask(probe));
  }

  Deployer& deployer() { return deployer_; }
  Anvil& chain() { return chain_; }
  const std::string& pool() const { return pool_; }

 private:
  Anvil chain_;
  Deployer deployer_;
  std::string code_;
  std::string pool_;
};

}  // namespace gantry::test
