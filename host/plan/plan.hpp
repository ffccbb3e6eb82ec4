// From an approved opportunity to what would be sent: calls, minimum out, payer. In dry run this is
// the end of the road.
//
// THREADS  [main] or one graph node at a time. Nothing is submitted here.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/config/load.hpp"
#include "host/plan/calls.hpp"
#include "host/plan/requests.hpp"
#include "host/plan/route.hpp"
#include "host/plugin/instances.hpp"
#include "host/risk/gate.hpp"

namespace gantry::host {

struct Plan {
  Ranked trade;
  std::uint64_t block = 0;            // whose state it was planned on
  std::uint64_t execution_block = 0;  // the first it could be in
  std::vector<PlannedCall> calls;
  // Where the chain has an executor: what it is to do, of which the calls above are a part.
  std::shared_ptr<const TradeRoute> route;
  // Of the pending transaction that it is right behind of: it was quoted after that one.
  std::optional<std::array<std::uint8_t, 32>> behind;
  u256 min_out;                     // what the last call holds, in the opportunity's token_out
  std::string payer;                // the paymaster's name, or "sender" when nobody sponsors
  std::vector<std::string> passed;  // paymasters that would not, each with its reason
  std::vector<PlannedRequest> sponsorship;
  std::vector<std::uint8_t> user_operation_call;  // the account's calldata
  std::uint64_t published_bytes = 0;              // of the transaction, before it is signed
  u256 data_fee;                                  // wei that the chain charges for them
};

class Planner {
 public:
  Planner(const Configuration& configuration, const Plugins& plugins)
      : configuration_(configuration), plugins_(plugins) {}

  // Fails with `plugin` when a venue cannot build its swap, `configuration` without a sender.
  Result<Plan> plan(const MarketView& view, const Approved<Ranked>& trade) const;

 private:
  Status add_calls(const MarketView& view, Plan& plan) const;
  Status add_route(const MarketView& view, const gantry_address& executor, Plan& plan) const;
  void add_sponsorship(const MarketView& view, Plan& plan) const;

  const Configuration& configuration_;
  const Plugins& plugins_;
};

// 6 to 9 of the contracts that are known; else 7.
std::uint32_t entry_point_version(const gantry_address& address);
// Of "eip155:1": 1. 0: no EVM chain.
std::uint64_t evm_chain_id(std::string_view caip2);

}  // namespace gantry::host
