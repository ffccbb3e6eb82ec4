// Whose pairs a venue takes: the factory that the operator named, and the two ways to know that a
// pair is its own.
//
// By the hash of the code that the factory creates pairs with, the pair's address follows from its
// tokens, and nothing needs to be asked. Without the hash the factory is asked for the pair of the
// two tokens. Rationale: the pair's own factory() proves nothing, for any contract can answer it.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "gantry/dex.hpp"
#include "plugins/dex/evm/address.hpp"
#include "plugins/dex/uniswap_v2/abi.hpp"

namespace gantry::uniswap_v2 {

struct Factory {
  evm::Address address{};
  std::optional<evm::Topic> init_code_hash;

  // Both as the operator wrote them, empty where not. Throws Refused.
  static std::optional<Factory> parse(std::string_view factory, std::string_view hash) {
    if (factory.empty() && hash.empty()) return std::nullopt;
    if (factory.empty()) {
      throw Refused("init_code_hash is set and factory is not: a pair's address follows from both");
    }
    Factory result;
    if (const char* wrong = evm::parse_address(factory, result.address)) {
      throw Refused("factory `" + std::string(factory) + "` " + wrong);
    }
    if (hash.empty()) return result;
    result.init_code_hash = evm::parse_hex<evm::word_bytes>(hash);
    if (!result.init_code_hash) {
      throw Refused("init_code_hash `" + std::string(hash) +
                    "` is not 0x and 64 hexadecimal digits");
    }
    return result;
  }

  std::string name() const { return evm::checksummed(address); }

  // UniswapV2Factory.createPair: the salt is both tokens, packed. Only with init_code_hash.
  evm::Address pair_of(const evm::Address& token0, const evm::Address& token1) const {
    evm::Keccak256 salt;
    salt.update(token0);
    salt.update(token1);
    return evm::create2_address(address, salt.digest(), *init_code_hash);
  }

  // Throws Refused: the pool cannot be a pair of this factory, whatever the chain says.
  void check(const gantry_pool_spec& spec) const {
    const gantry_address& token0 = spec.tokens[0].address;
    const gantry_address& token1 = spec.tokens[1].address;
    if (!evm::is_contract(token0) || !evm::is_contract(token1)) {
      throw Refused("a pair's tokens have EVM addresses");
    }
    const evm::Address pair = evm::to_address(spec.address);
    const evm::Address first = evm::to_address(token0);
    const evm::Address second = evm::to_address(token1);
    if (!(first < second)) {
      throw Refused(evm::checksummed(pair) +
                    ": its tokens are not in the order of the contract, the lower address first");
    }
    if (!init_code_hash) return;
    const evm::Address expected = pair_of(first, second);
    if (pair != expected) {
      throw Refused(evm::checksummed(pair) + " is no pair of factory " + name() +
                    ", whose pair of these tokens is " + evm::checksummed(expected));
    }
  }
};

// getPair(token0, token1) as calldata.
struct GetPairCall {
  std::array<std::uint8_t, 4 + 2 * word_bytes> bytes{};

  GetPairCall(const evm::Address& token0, const evm::Address& token1) noexcept {
    std::memcpy(bytes.data(), get_pair_selector.data(), get_pair_selector.size());
    const std::span<std::uint8_t> words(bytes.data() + 4, 2 * word_bytes);
    evm::write_address(words.first(word_bytes), token0);
    evm::write_address(words.subspan(word_bytes), token1);
  }
};

}  // namespace gantry::uniswap_v2
