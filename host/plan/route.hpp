// A trade as steps of the executor's program: what the venues' plugins built, one leg after the
// other, between the loan that brings the input and the settlement that takes the profit.
//
// THREADS  [worker]: pure but for the strikes of a venue that cannot build its swap.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "host/plan/calls.hpp"
#include "host/plan/executor_call.hpp"
#include "host/plan/flash_loan.hpp"

namespace gantry::host {

struct TradeRoute {
  std::vector<executor::Step> steps;    // the input is the executor's when they begin
  std::vector<gantry_address> tokens;   // that pass through, each once, the input first
  std::vector<gantry_address> pools;    // of the legs
  std::vector<gantry_address> targets;  // that are called, each once
  std::vector<PlannedCall> calls;       // the same for people
  u256 min_out;                         // of the last legs together
  // Where it ends in another token than it began with: what it spends of the first, and that token.
  u256 amount_in;
  std::optional<gantry_address> token_out;
};

// Fails with `plugin` when a venue cannot build its swap, or what it built cannot be carried out:
// it calls a token or the executor, or calls back in a way that nobody knows; with `usage` for what
// the executor does not do: calls of a strategy's own.
Result<TradeRoute> build_route(const MarketView& view, const gantry_opportunity& opportunity,
                               const CallOrder& order);

// What is asked of the executor besides the route.
struct RunOrder {
  u256 deadline_s;                          // chain time
  u256 least_gain;                          // of the token it ends in, after the loan
  std::optional<executor::FlashLoan> loan;  // none: with what the executor holds
};
// Calldata of its run(): borrow, trade, repay, send the owner what was gained of each token. What
// it ends in is settled first. Of a trade into another token nothing is lent, and both tokens stay.
Result<executor::Bytes> run_of(const TradeRoute& route, const RunOrder& order = {});

}  // namespace gantry::host
