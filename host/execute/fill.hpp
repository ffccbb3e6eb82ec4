// What became of a trade that was handed over to be executed: exactly one for each. Where a
// reorganization takes its block back, one more takes that back, and another one comes when it is
// decided again.
//
// It comes when the chain says so, so it is a fact from outside: recorded with the group before
// which the street was told, and told a replay there.
//
// UNITS    Amounts in the smallest unit, wei where it says so, dollars in millionths.
// THREADS  Plain values.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/u256.hpp"
#include "host/base/result.hpp"
#include "host/rank/ranking.hpp"
#include "host/risk/book.hpp"

namespace gantry::host {

// Why a trade was not filled. Told to strategies and recorded: never renumber; append. Above the
// reasons of the risk gate (host/risk/gate.hpp).
enum class FillReason : std::int32_t {
  none = 0,
  not_planned = 1001,     // its calls could not be built
  busy = 1002,            // more wait than the queue holds
  halted = 1003,          // trading was stopped before its bytes left
  pool_in_flight = 1004,  // another one that is under way trades in the same pool
  no_funds = 1005,        // nobody lends so much, and the executor does not hold it
  no_profit = 1006,       // the loan and the gas would take it all
  simulation = 1007,      // the chain pays something else than was quoted, or refuses
  not_simulated = 1008,   // nobody said what the chain would do
  not_signed = 1009,
  not_written = 1010,  // the ledger could not take it
  not_taken = 1011,    // nobody took its bytes, and nobody will include them
  reverted = 1012,     // in a block, and undone there
  expired = 1013,      // its time was over before it was in a block
  dropped = 1014,      // its nonce was taken by what is not this host's
  not_as_held = 1015,  // the ledger has another position, or a trade whose result it waits for
  not_behind = 1016,   // the pending transaction that it belongs behind cannot be in front of it
};
std::string_view to_string(FillReason reason);

// A block that was told of may be taken back by a reorganization, and what was told with it.
enum class Telling : std::int32_t {
  first = 1,
  taken_back = 2,  // what is told here was told before, and is not so
  again = 3,       // what is so now
};

struct Fill {
  // The trade: its group in this run and its strategy's number; of an earlier run none.
  static constexpr std::uint64_t no_group = UINT64_MAX;
  // A loss that nobody knows the dollars of: above every limit in dollars.
  static constexpr std::uint64_t no_price = UINT64_MAX;
  std::uint64_t group = no_group;
  std::uint32_t strategy = UINT32_MAX;
  std::uint64_t key = 0;                 // the opportunity's
  std::uint64_t block = 0;               // the opportunity's
  FillReason reason = FillReason::none;  // none: it was filled
  u256 amount_in;
  u256 amount_out;             // what it paid; 0 of one that was not filled
  std::uint64_t in_block = 0;  // 0: none
  bool gained = false;         // `amount_wei` was gained, else lost: all costs are in it
  u256 amount_wei;
  std::uint64_t amount_usd_e6 = 0;  // or no_price
  u256 gas_wei;                     // that was paid
  double deviation_bps = 0;         // that it paid less than was quoted
  Telling telling = Telling::first;
  // Of the ledger's trail, that has it; 0: none does. Not recorded: a replay has no ledger.
  std::int64_t row = 0;
  // Of a trade of an earlier run, which has no group here: what it counts in. Else empty.
  std::string of_strategy;
  std::vector<std::string> of_venues;

  bool filled() const { return reason == FillReason::none; }
  bool is_taken_back() const { return telling == Telling::taken_back; }
  // Whether it was in a block, so that it cost something.
  bool executed() const { return in_block != 0; }
};

// Of a trade of which nothing was sent; or of which nothing is known yet, as it was planned.
Fill fill_of(const Ranked& trade, std::uint64_t group, FillReason reason);

// What the risk book is told of it, but for what the trade was opened with.
TradeClosed closed_of(const Fill& fill);

// One line, and back. Fails with `format`.
std::string to_text(const Fill& fill);
Result<Fill> parse_fill(std::string_view text);

}  // namespace gantry::host
