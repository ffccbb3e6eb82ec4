// The calls that carry out a trade, built by its venues; and the bytes that they are published as.
//
// THREADS  [worker]: pure but for the strikes of a venue that cannot build its swap.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gantry/u256.hpp"
#include "host/base/result.hpp"
#include "host/config/load.hpp"
#include "host/market/market_view.hpp"
#include "host/plan/instructions.hpp"

namespace gantry::host {

struct PlannedCall {
  std::string purpose;  // "transfer 12.5 WETH to the first pair", "swap WETH for DAI"
  gantry_address target{};
  u256 value;                      // of the chain's coin
  std::vector<std::uint8_t> data;  // calldata
  u256 min_out;                    // below which it reverts; 0: none
};

struct TradeCalls {
  std::vector<PlannedCall> calls;  // in the order of execution
  u256 min_out;                    // what they hold together, in the opportunity's token_out
};

// The venue's own calls of one leg, the first of which takes the input.
struct LegCalls {
  std::vector<Instruction> calls;
  u256 min_out;              // that they were built for
  bool pays_sender = false;  // false: they pay the next leg's pool, which needs no more
  bool is_last = false;      // no leg after it takes what it pays
};
struct TradeLegs {
  std::array<LegCalls, GANTRY_LEGS_MAX> legs;
  u256 min_out;  // of the last ones together
};

// What a trade's calls are built for.
struct CallOrder {
  gantry_address sender{};
  u256 min_out;                                      // never below it, whatever the venues may slip
  const std::vector<Instruction>* before = nullptr;  // of the strategy's; null: none
};

// Of an opportunity whose legs fit together, in the view's snapshot. A leg whose output several
// take, or nobody right after it, pays the sender, who pays on. Fails with `plugin` when a venue
// cannot build its swap.
Result<TradeLegs> build_legs(const MarketView& view, const gantry_opportunity& opportunity,
                             const CallOrder& order);
// "swap WETH for DAI on sushiswap"
std::string purpose_of(const Topology& topology, const gantry_leg& leg);

// The same as a batch of plain calls. Fails with `plugin` when a venue
// cannot build its swap, or builds what a batch of plain calls cannot carry out.
Result<TradeCalls> build_calls(const MarketView& view, const gantry_opportunity& opportunity,
                               const CallOrder& order);

// executeBatch(...) of the calls.
std::vector<std::uint8_t> batch_of(std::span<const PlannedCall> calls);

// Who sends, as far as it decides what a transaction is made of.
struct Sender {
  gantry_address address{};
  bool sponsored = false;                  // a paymaster may pay: it is sent as a user operation
  std::uint64_t gas = 0;                   // that a transaction uses besides its swaps
  std::optional<gantry_address> executor;  // of this chain; none: a batch of plain calls
};
// Of a configuration of one chain, its executor.
std::optional<gantry_address> executor_of(const Configuration& configuration);
Sender sender_of(const Configuration& configuration);

// The unsigned transaction that publishes such a batch. The fields around the batch are not known
// yet: bytes that no packing makes shorter stand for them, at their greatest length.
std::vector<std::uint8_t> published_bytes(std::span<const std::uint8_t> batch, bool sponsored);

// What the chain charges for an opportunity besides its gas price; false: it is not known, for the
// chain does not say its prices or the calls cannot be built.
[[nodiscard]] bool data_fee_of(const MarketView& view, const gantry_opportunity& opportunity,
                               const Sender& sender, const std::vector<Instruction>* before,
                               u256& wei);

}  // namespace gantry::host
