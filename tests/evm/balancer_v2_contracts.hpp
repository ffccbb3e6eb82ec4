// Balancer's real V2 Vault on a test chain, with the pool factories of each deployment, from the
// bytecode that Balancer's own package carries.
//
// Tokens and rate providers are a few instructions of ours: what a pool asks of them is how many
// decimals there are, and a rate. Nothing of a swap's arithmetic happens there.
// ERRORS  Throws std::runtime_error, of a revert with the contract's own reason.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evm/abi_arguments.hpp"
#include "evm/deployer.hpp"
#include "evm/plugin_venue.hpp"

namespace gantry::test {

struct BalancerPool {
  std::string address;
  std::string id;
  std::string deployment;
  std::vector<VenueToken> tokens;      // as the Vault has them, a composable pool's own among them
  std::vector<std::string> providers;  // of rates, by token; empty where there is none
  std::optional<std::size_t> own;      // place of its own token
  bool names_itself = false;           // it has version()
};

struct BalancerPoolOrder {
  std::string deployment;
  std::vector<VenueToken> tokens;  // by address, ascending
  std::vector<Integer> weights;    // of a weighted pool
  Integer amp;                     // of a stable one, without precision
  Integer fee;                     // 18 decimals
  std::vector<std::string> providers;
  Integer cache_seconds = 10'800;
};

struct BalancerQuery {
  const BalancerPool* pool = nullptr;
  bool given_in = true;
  std::size_t in = 0;
  std::size_t out = 0;
  Integer amount;
};

struct BalancerVerdict {
  bool accepted = false;
  Integer amount;      // what was not given
  std::string reason;  // as "BAL#304"
};

// Creation code, without "0x", from a copy of Balancer's repository of deployments that the
// environment names by GANTRY_BALANCER_DEPLOYMENTS: for recordings of what no package carries.
std::string balancer_repository_code(const std::string& artifact);

class BalancerV2 {
 public:
  struct Call {
    std::string from;
    std::string to;
    std::string data;
  };

  explicit BalancerV2(Anvil& chain);

  Deployer& deployer() { return deployer_; }
  const std::string& vault() const { return vault_; }
  const std::string& owner() const { return deployer_.account(); }

  // A token that agrees to everything.
  VenueToken make_token(std::uint32_t decimals);
  std::vector<VenueToken> make_tokens(const std::vector<std::uint32_t>& decimals);
  std::string make_provider(const Integer& rate);
  void set_rate(const std::string& provider, const Integer& rate);

  // Of a deployment that no package carries: where its factory is in Balancer's repository.
  static std::string repository_artifact(const std::string& deployment);

  BalancerPool create(const BalancerPoolOrder& order);
  // The first join. `amounts` are of the tokens but the pool's own.
  void fund(const BalancerPool& pool, const std::vector<Integer>& amounts);
  // Vault.swap, mined. The limit and the deadline are none.
  std::vector<ChainLog> swap(const BalancerQuery& swap);
  std::vector<Integer> balances(const BalancerPool& pool);

  // BalancerQueries.querySwap of each, all in the chain's newest block or, where it is given, in
  // one of that time.
  std::vector<BalancerVerdict> query(const std::vector<BalancerQuery>& queries,
                                     std::optional<std::uint64_t> time_s = std::nullopt);
  // The pool's own onSwap as the Vault calls it, with balances that are said here.
  Call on_swap_call(const BalancerQuery& query, const std::vector<Integer>& balances);
  std::vector<BalancerVerdict> on_swap(const std::vector<BalancerQuery>& queries,
                                       const std::vector<std::vector<Integer>>& balances,
                                       std::optional<std::uint64_t> time_s = std::nullopt);
  std::uint64_t time();
  // Words of the pool's functions.
  std::string ask(const std::string& contract, const std::string& signature,
                  const std::string& digits = {});
  void tell(const std::string& contract, const std::string& signature, const std::string& digits);

  // Metadata that names the deployment, for pools that cannot.
  static std::vector<std::uint8_t> metadata(const BalancerPool& pool);

 private:
  std::vector<BalancerVerdict> ask_all(const std::vector<Call>& calls,
                                       std::optional<std::uint64_t> time_s);
  const std::string& factory(const std::string& deployment);

  Deployer deployer_;
  std::string vault_;
  std::string queries_;
  std::string fee_provider_;
  std::map<std::string, std::string> factories_;
  std::uint64_t salt_ = 1;
};

}  // namespace gantry::test
