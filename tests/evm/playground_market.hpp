// A market on a test chain that moves: tokens, pairs between them on two Uniswap V2 factories, and
// a block of random swaps whenever it is asked for. Nobody closes the gaps between prices at once,
// so that cycles are profitable now and then.
//
// The pairs and factories are Uniswap's own bytecode. A token is its ERC-20 (of the same package)
// behind a few instructions that answer symbol() and decimals(), and for the wrapped coin deposit()
// and withdraw(uint256).
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "evm/deployer.hpp"
#include "evm/v2_factory_contract.hpp"

namespace gantry::test {

struct PlaygroundToken {
  std::string symbol;
  unsigned decimals = 18;
  double usd = 1;  // what its price comes back to
  std::string address;
};

struct PlaygroundPair {
  std::size_t factory = 0;
  std::size_t token[2] = {};  // in the contract's order
  std::string address;
};

// The same two tokens, cheaper on one factory.
struct PriceGap {
  std::string pair;  // "WETH/USDC"
  double percent = 0;
};

class PlaygroundMarket {
 public:
  // Deploys it all; some two seconds. A third factory has three of the pairs once more. A pair
  // holds `depth` times 0.8 or 4 million dollars.
  PlaygroundMarket(Deployer& chain, std::uint64_t seed, std::size_t factories = 2,
                   double depth = 1);

  const std::vector<PlaygroundToken>& tokens() const { return tokens_; }
  const std::vector<PlaygroundPair>& pairs() const { return pairs_; }
  std::size_t factory_count() const { return factories_.size(); }
  const V2FactoryContract& factory(std::size_t index) const { return factories_.at(index); }

  // Some swaps, mined in one block; `shock`: one of them is large, as now and then anyway.
  void trade(bool shock = false);
  // One swap alone, of that share of a pair's reserve, mined in a block: its price goes further off
  // than it was, by some twice that share. `pair`: its place in pairs().
  void jump(std::size_t pair, double share);
  // The widest gap that is more than both fees, as of the last reserves that were read.
  std::optional<PriceGap> widest_gap() const;

 private:
  void deploy_tokens();
  void deploy_pair(std::size_t factory, std::size_t a, std::size_t b, double usd);
  void read_reserves();
  double price(const PlaygroundPair& pair, std::size_t index) const;  // token 0 in token 1
  double off(std::size_t index) const;  // of that pair; above 0: token 0 is dear there
  void swap(std::size_t index, double share, std::vector<RpcRequest>& out);
  void put_in(std::size_t index, std::size_t side, double share, std::vector<RpcRequest>& out);
  void mine(std::vector<RpcRequest>& transactions);
  boost::json::object transaction(const std::string& to, const std::string& data) const;

  Deployer& chain_;
  std::mt19937_64 random_;
  std::vector<PlaygroundToken> tokens_;
  std::vector<V2FactoryContract> factories_;
  std::vector<PlaygroundPair> pairs_;
  std::vector<std::array<Integer, 2>> reserves_;  // by pair
  std::uint64_t blocks_ = 0;
};

}  // namespace gantry::test
