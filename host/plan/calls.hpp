// The calls that carry out a trade, built by its venues; and the bytes that they are published as.
//
// THREADS  [worker]: pure but for the strikes of a venue that cannot build its swap.
#pragma once
#include <cstdint>
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
  u256 min_out;                    // what the last one holds, in the opportunity's token_out
};

// What a trade's calls are built for.
struct CallOrder {
  gantry_address sender{};
  u256 min_out;                                      // never below it, whatever the venues may slip
  const std::vector<Instruction>* before = nullptr;  // of the strategy's; null: none
};

// Of an opportunity that is chained, in the view's snapshot. Fails with `plugin` when a venue
// cannot build its swap, or builds what a batch of plain calls cannot carry out.
Result<TradeCalls> build_calls(const MarketView& view, const gantry_opportunity& opportunity,
                               const CallOrder& order);

// executeBatch(...) of the calls.
std::vector<std::uint8_t> batch_of(std::span<const PlannedCall> calls);

// Who sends, as far as it decides what a transaction is made of.
struct Sender {
  gantry_address address{};
  bool sponsored = false;  // a paymaster may pay: it is sent as a user operation
  std::uint64_t gas = 0;   // that a transaction uses besides its swaps
};
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
