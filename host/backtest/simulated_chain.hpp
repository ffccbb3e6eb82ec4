// The chain of a backtest: takes what the street would send, and says later what became of it.
//
// A trade that was found on the state of block N is in block N + latency_blocks, where its route is
// quoted again: behind all else that the recording has in that block, or before it. Below the least
// that it must pay it reverts, as the executor does, and its gas is lost. What goes into a cycle is
// borrowed. What it trades stays on its pools (own_swaps.hpp), for the next trade of that block,
// too. Of blocks after the one that is decided on nothing is known here.
//
// UNITS    Amounts in smallest units, wei where it says so.
// THREADS  meet() by the apply stage, the others by the planning and judging nodes; one snapshot at
//          a time is under way, so that none of them meet.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/backtest/own_swaps.hpp"
#include "host/execute/fill.hpp"
#include "host/market/market_view.hpp"
#include "host/rank/ranking.hpp"
#include "host/risk/profit_limits.hpp"

namespace gantry::host {

enum class BlockPlace : std::int32_t {
  last = 1,   // behind all that is recorded
  first = 2,  // before it
};

struct SimulationSettings {
  std::uint64_t latency_blocks = 1;  // at least 1: the block after the state it was found in
  BlockPlace place = BlockPlace::last;
  std::uint64_t impact_blocks = OwnSwaps::for_ever;  // own swaps stay on their pools for so long
  double competition = 0;            // chance that another one takes the same trade first
  double missed = 0;                 // chance that it is in no block, which costs nothing
  std::uint64_t loan_fee_ppm = 500;  // of what goes in; Aave V3's is 500, Balancer's 0
  std::uint64_t loan_gas = 157'000;  // Aave V3's at the most: docs/executor.md
  std::uint64_t seed = 1;            // of both chances
  std::uint64_t first_block = 0;     // before these nothing is traded
  std::uint64_t first_time_s = 0;
};

struct BacktestLeg {
  std::string venue;
  std::string pool;       // address
  std::string token_in;   // symbol
  std::string token_out;  // symbol
};

// One that was sent, and what became of it.
struct BacktestTrade {
  std::uint64_t group = 0;
  std::string strategy;
  std::vector<BacktestLeg> legs;
  bool one_way = false;  // into a position or out of one: nothing is predicted of it
  bool opens = false;    // one that was filled, and opened a position or added to it
  std::string token;     // symbol of what goes in, and comes out of what is not one way
  std::uint32_t decimals = 0;
  std::uint64_t found_block = 0;
  std::uint64_t block = 0;  // that it was in, or would have been
  std::uint64_t time_s = 0;
  FillReason reason = FillReason::none;
  bool was_taken = false;  // by the competitor
  u256 amount_in;
  u256 predicted_out;
  u256 amount_out;       // 0: it was not filled
  u256 stake_wei;        // what goes in
  u256 predicted_wei;    // net of gas; it had to gain to be approved
  bool gained = false;   // result_wei is a gain
  u256 result_wei;       // all costs in it
  u256 gas_wei;          // paid, the loan's in it
  u256 loan_fee;         // paid, of the token
  double ether_usd = 0;  // at its block
};

class SimulatedChain {
 public:
  // `gas_of_transaction`: gas units of a transaction besides its legs'.
  SimulatedChain(const SimulationSettings& settings, std::uint64_t gas_of_transaction)
      : settings_(settings), gas_overhead_(gas_of_transaction), own_(settings.impact_blocks) {}

  // Whether what was found on such a state may be traded.
  bool is_open(const gantry_context& context) const noexcept {
    return context.state_block >= settings_.first_block &&
           context.state_time_s >= settings_.first_time_s;
  }
  // A planned trade is sent, unless its loan leaves less of it than the limits ask for. `view` is
  // bound to the snapshot it was planned on.
  void offer(const MarketView& view, const Ranked& trade, std::uint64_t group,
             const ProfitLimits& limits);
  // A planned one that cannot be sent.
  void refuse(Fill fill) { fills_.push_back(std::move(fill)); }
  // The next snapshot, which nobody else has seen yet: what is due is decided, and own trades are
  // put onto its states.
  void meet(const std::shared_ptr<Snapshot>& snapshot);
  // There is no next one. It holds no snapshot any more.
  void end();
  // What became known since the last call.
  std::vector<Fill> take_fills() { return std::exchange(fills_, {}); }

  // From the first block that may be traded on to the last one; nothing: there was none.
  struct Window {
    std::uint64_t first_block = 0;
    std::uint64_t last_block = 0;
    std::uint64_t first_time_s = 0;
    std::uint64_t last_time_s = 0;
  };
  const std::optional<Window>& window() const noexcept { return window_; }
  // In the order in which they were decided. What is under way at the end is in none.
  const std::vector<BacktestTrade>& trades() const noexcept { return trades_; }
  std::size_t under_way() const noexcept { return sent_.size(); }
  // Positions that were still open at the end: what they cost, and would sell for at its prices.
  struct Open {
    std::size_t count = 0;
    std::size_t unvalued = 0;
    u256 cost_wei;
    u256 worth_wei;
  };
  const Open& open() const noexcept { return open_; }

 private:
  struct Sent {
    Ranked trade;
    std::uint64_t group = 0;
    std::uint64_t block = 0;  // that it is for
    BacktestTrade record;
    u256 loan_fee;  // of the token
    u256 least_out;
    double competitor = 0;  // drawn when it was sent
    double inclusion = 0;
  };

  std::uint64_t transaction_gas(bool one_way) const {
    return gas_overhead_ + (one_way ? 0 : settings_.loan_gas);
  }
  // Whether its route paid, so that somebody may have traded it.
  bool decide(Sent& sent, const Snapshot& state, std::uint64_t time_s);
  void exchange(const Ranked& priced, BacktestTrade& record, Fill& fill);

  SimulationSettings settings_;
  std::uint64_t gas_overhead_;
  OwnSwaps own_;
  Positions held_;
  Open open_;
  MarketView view_;
  std::vector<Sent> sent_;
  std::vector<Fill> fills_;
  std::vector<BacktestTrade> trades_;
  std::optional<Window> window_;
  std::shared_ptr<Snapshot> before_;  // the newest that was met
};

}  // namespace gantry::host
