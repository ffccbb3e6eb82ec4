// Orders what the strategies found by expected profit times confidence, after gas, in ether.
//
// THREADS  Pure functions: any thread. No allocation beyond the caller's vectors.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gantry/strategy.h"
#include "gantry/u256.hpp"
#include "host/config/load.hpp"
#include "host/market/market_view.hpp"
#include "host/plan/instructions.hpp"

namespace gantry::host {

// An opportunity with its money. Amounts in wei unless named otherwise.
struct Ranked {
  gantry_opportunity opportunity;  // its gas is its venues' at the least, whatever it says
  std::uint32_t strategy = 0;
  std::uint32_t index = 0;  // within its batch
  gantry_value stake{};     // what goes in, at the spot price
  gantry_value gross{};     // amount_out - amount_in if sold; status says when it has no value
  u256 gross_token;         // the same in the token
  // It ends in another token. Then `gross` is what comes out, at the spot price, `net` the gain
  // that the strategy expects of the position, and net_token nothing.
  bool one_way = false;
  double crossing_bps = 0;     // of one way: by how much less comes out than goes in, with the gas
  u256 least_out;              // of one way: the quote less what its venues may slip
  u256 gas_cost;               // legs and overhead, at the context's gas price, and the data fee
  u256 data_fee;               // what the chain charges for its bytes
  bool data_fee_known = true;  // false: the chain does not say, and nothing of the below holds
  bool pays = false;           // gross > gas_cost
  u256 net;                    // gross - gas_cost when it pays, else gas_cost - gross: a loss
  u256 net_usd_e6;             // of the same
  u256 gas_usd_e6;             // of gas_cost; the largest when it does not fit
  u256 net_token;              // of the same
  // What the strategy wants called before the legs; null: nothing.
  std::shared_ptr<const std::vector<Instruction>> before;
  double score = 0;       // net in ether, negative for a loss, times confidence
  bool is_hosts = false;  // the host found it: it closes what a strategy left open
};

// What a transaction costs besides its legs: 21,000, and the executor's own bookkeeping.
inline constexpr std::uint64_t gas_overhead = 60000;

// What a user operation's verification and its bundler cost on top: where a paymaster may pay, the
// trade is sent as one.
inline constexpr std::uint64_t verification_gas = 150000;
inline constexpr std::uint64_t pre_verification_gas = 60000;
std::uint64_t gas_overhead_of(const Configuration& configuration);

// What a transaction costs besides its legs' gas.
struct TransactionCost {
  std::uint64_t gas = gas_overhead;
  std::optional<u256> data_fee = u256();  // wei; nothing: it is not known
};

// Fills in the money of one opportunity. `view` is bound to its snapshot.
Ranked price_opportunity(const MarketView& view, const gantry_opportunity& opportunity,
                         std::uint32_t strategy, std::uint32_t index,
                         const TransactionCost& cost = {});

// What a filled trade between two tokens brought: of one that opened a position nothing but its
// costs, else what came out less what the sold had cost (`cost`, of that token). Where the token
// has no price, the gas alone.
struct OneWayResult {
  bool gained = false;  // `wei` was, else lost: gas included
  u256 wei;
  u256 usd_e6;
};
OneWayResult result_of_one_way(const MarketView& view, const Ranked& filled,
                               const std::optional<u256>& cost);

// What it has to pay at the least, as the plan has it: what went in, and the gas in the token.
u256 least_out(const Ranked& trade);

// Best first; ties by strategy, then index, so that the order depends on nothing else.
void rank(std::vector<Ranked>& all);

}  // namespace gantry::host
