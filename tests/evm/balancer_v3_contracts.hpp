// Balancer's real V3 Vault and its pools on a test chain, compiled from the sources that Balancer's
// own packages carry: the weighted pool of 20260115 and the stable pool of 20260116. For recordings
// there are the deployed Vault, factories and AggregatorRouter from a copy of Balancer's repository
// of deployments, too (balancer_repository_code()).
//
// Tokens, rates, the authorizer and who funds pools are ours (contracts/V3Market.sol): nothing of a
// swap's arithmetic happens there.
// ERRORS  Throws std::runtime_error, of a revert with the contract's own reason.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evm/abi_arguments.hpp"
#include "evm/deployer.hpp"
#include "evm/plugin_venue.hpp"

namespace gantry::test {

struct V3PoolOrder {
  std::string deployment;
  std::vector<std::uint32_t> decimals;
  std::vector<Integer> weights;  // of a weighted pool; empty: a stable one
  std::vector<Integer> rates;    // by token; 0: a token without
  Integer amp;                   // of a stable pool, without precision
  Integer fee;                   // 18 decimals
  bool pays_yield_fees = false;
};

struct V3Pool {
  std::string address;
  std::vector<VenueToken> tokens;      // by address, ascending
  std::vector<std::string> providers;  // of rates, by token; empty where there is none
};

struct V3Query {
  bool given_in = true;
  std::size_t in = 0;
  std::size_t out = 0;
  Integer amount;
};

struct V3Verdict {
  bool accepted = false;
  Integer amount;      // what was not given
  std::string reason;  // the selector of the contract's error
};

// Where a factory of Balancer's repository is in it.
std::string v3_factory_artifact(const std::string& deployment);

class BalancerV3 {
 public:
  enum class Contracts { compiled, deployed };
  explicit BalancerV3(Anvil& chain, Contracts contracts = Contracts::compiled);

  Deployer& deployer() { return deployer_; }
  const std::string& vault() const { return vault_; }
  // Of the deployed contracts.
  const std::string& aggregator_router();
  // As if it had been sent there.
  void give(const std::string& token, const std::string& to, const Integer& amount);
  Integer balance(const std::string& token, const std::string& owner);

  V3Pool create(const V3PoolOrder& order);
  // The first liquidity.
  void fund(const V3Pool& pool, const std::vector<Integer>& amounts);
  // Mined.
  void swap(const V3Pool& pool, const V3Query& query);
  void set_rate(const V3Pool& pool, std::size_t token, const Integer& rate);
  // Of a stable pool, from now on and over that time.
  void ramp(const V3Pool& pool, const Integer& amp, std::uint64_t seconds);

  // What the Vault says each would give, in the chain's newest block or in one of that time.
  std::vector<V3Verdict> query(const V3Pool& pool, const std::vector<V3Query>& queries,
                               std::optional<std::uint64_t> time_s = std::nullopt);
  std::uint64_t time();

 private:
  std::string code(const std::string& name) const;
  std::string create_compiled(const V3PoolOrder& order, const V3Pool& pool,
                              const std::vector<std::string>& rates);
  std::string create_deployed(const V3PoolOrder& order, const V3Pool& pool,
                              const std::vector<std::string>& rates);
  std::string call_of(const std::string& function, const V3Pool& pool, const V3Query& query) const;

  Deployer deployer_;
  Contracts contracts_;
  boost::json::object codes_;
  std::map<std::string, std::string> factories_;  // by deployment
  std::string router_;
  std::uint64_t salt_ = 1;
  std::string vault_;
  std::string market_;
};

}  // namespace gantry::test
