// Every kind of venue with two pools of the same two tokens, one where token 0 is dear and one
// where it is not, and every lender, on one chain; and how the executor trades there.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evm/aave_v3_contracts.hpp"
#include "evm/balancer_v2_contracts.hpp"
#include "evm/balancer_v3_contracts.hpp"
#include "evm/executor_contract.hpp"
#include "evm/uniswap_v3_contract.hpp"
#include "evm/v2_factory_contract.hpp"
#include "host/plan/flash_loan.hpp"

namespace gantry::test {

enum class VenueKind { v2, v3, pancake_v3, curve, balancer_v2, balancer_v3 };
inline constexpr VenueKind all_venues[] = {VenueKind::v2,          VenueKind::v3,
                                           VenueKind::pancake_v3,  VenueKind::curve,
                                           VenueKind::balancer_v2, VenueKind::balancer_v3};
const char* name_of(VenueKind kind);

// Token 0 for token 1 in the pool where that pays more, or back in the other.
enum class Leg { there = 0, back = 1 };

// A swap on the V3 Vault, as a router of its own: unlocks, swaps, takes, pays, settles.
struct VaultSwap {
  std::string vault;
  std::string pool;
  std::string token_in;
  std::string token_out;
  Integer amount_in;
  bool whole_balance = false;  // what goes in is what is there then
};
ex::Step vault_swap(const ExecutorContract& executor, const VaultSwap& swap);

class ExecutorVenues {
 public:
  ExecutorVenues();

  Deployer& chain() { return v3_.deployer(); }
  ExecutorContract& executor() { return *executor_; }
  const std::string& token(int index) const { return v3_.token(index); }
  const std::string& pool(VenueKind kind, Leg leg) const {
    return pools_.at(kind).of[static_cast<int>(leg)];
  }

  // What the protocol itself, or its formula, says of a swap.
  Integer quote(VenueKind kind, Leg leg, const Integer& amount_in);
  // The executor's steps of it. `whole_balance`: what goes in is known only when it is done, where
  // the venue can be told then; else it is `amount_in`.
  std::vector<ex::Step> swap(VenueKind kind, Leg leg, const Integer& amount_in,
                             bool whole_balance = false);
  // Steps that sell within the callback of what they buy: the pool lends what it pays.
  std::vector<ex::Step> flash_swap(VenueKind kind, const Integer& amount_in,
                                   std::vector<ex::Step> meanwhile);

  // Somebody else swaps in the V3 pool of that leg, in a block of its own: the leg pays less then.
  void compete(Leg leg, const Integer& amount_in);

  // Lends token 0, for the fee that it is known to take.
  ex::FlashLoan loan(ex::FlashSource source, const Integer& amount, Integer& fee);

  // Whom the executor may have approved.
  std::vector<std::string> spenders() const;

 private:
  struct Pools {
    std::string of[2];  // by Leg
  };
  void tell(const std::string& contract, const std::string& signature, const AbiArguments& with);
  std::string make_v2(const Integer& amount0, const Integer& amount1);
  void make_pools();
  std::vector<ex::Step> swap_v2(Leg leg, const Integer& amount_in);
  ex::Call swap_v3(VenueKind kind, Leg leg, const Integer& amount_in, ex::Bytes program);
  ex::Bytes pays_v3(VenueKind kind, Leg leg);

  Anvil anvil_;
  BalancerV3 balancer_v3_;
  V3Chain v3_;
  BalancerV2 balancer_v2_;
  std::map<VenueKind, Pools> pools_;
  BalancerPool v2_pools_[2];
  V3Pool v3_pools_[2];
  std::string lending_pair_;
  std::string lending_pool_;
  std::string solo_;
  std::optional<AaveV3> aave_;
  std::optional<ExecutorContract> executor_;
};

}  // namespace gantry::test
