// A chain with pools of two Uniswap V2 factories and one of V3, the routers' own bytecode, and
// orders to them that are left waiting.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <random>
#include <string>
#include <vector>

#include "evm/abi_arguments.hpp"
#include "evm/playground_market.hpp"

namespace gantry::test {

struct OrderedHop {
  std::string pool;
  std::string token_in;
  std::string token_out;
  bool operator==(const OrderedHop&) const = default;
};

// A swap as it was ordered, or as it was read.
struct OrderedSwap {
  bool exact_in = true;
  bool may_stop = false;
  Integer amount_in;
  Integer amount_out;
  Integer deadline_s;
  std::vector<OrderedHop> hops;
  bool operator==(const OrderedSwap&) const = default;
};

// One call of a router, and the swaps that it asks for.
struct Order {
  std::string what;
  std::string router;
  std::string data;  // "0x..."
  Integer value;
  std::vector<OrderedSwap> swaps;
};

class PendingScene {
 public:
  PendingScene();

  Anvil& chain() { return chain_; }
  const std::string& account() const { return deployer_.account(); }
  // One of each function of each router, with amounts and paths by chance.
  std::vector<Order> orders(std::mt19937_64& random);
  // Sends it, and leaves it waiting. Returns the transaction's hash.
  std::string send(const Order& order);

  // The three files; `url` without its scheme.
  std::string gantry_toml(const std::string& plugins) const;
  std::string dex_toml() const;
  const PlaygroundMarket& market() const { return market_; }
  const std::string& v3_factory() const { return v3_factory_; }
  const std::string& universal_router() const { return universal_router_; }

 private:
  struct Path {
    std::vector<std::string> tokens;
    std::vector<unsigned> fees;  // of V3
    std::vector<OrderedHop> hops;
  };
  struct V3Pool {
    std::string address;
    std::size_t token[2];
    unsigned fee;
  };
  void deploy_routers();
  void deploy_v3();
  Path v2_path(std::mt19937_64& random, std::size_t factory, bool from_coin, bool to_coin) const;
  Path v3_path(std::mt19937_64& random, std::size_t hops) const;
  void v2_orders(std::mt19937_64& random, std::size_t factory, std::vector<Order>& out);
  void v2_orders_of_02(std::mt19937_64& random, std::vector<Order>& out);
  Order v3_order(std::mt19937_64& random, bool of_02, bool exact_in, bool single);
  void multicalls(std::mt19937_64& random, std::vector<Order>& out);
  void universal_orders(std::mt19937_64& random, std::vector<Order>& out);
  std::string selector(const std::string& signature) const { return deployer_.selector(signature); }

  Anvil chain_;
  Deployer deployer_{chain_};
  PlaygroundMarket market_{deployer_, 11};
  std::string v2_router_[2];
  std::string v3_factory_;
  std::string v3_router_;
  std::string router_02_;
  std::string universal_router_;
  std::vector<V3Pool> v3_pools_;
};

}  // namespace gantry::test
