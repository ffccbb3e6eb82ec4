// One strategy on the street: gives it its snapshots, checks every word it says, fits what it found
// to the limits, and puts a price on it.
//
// THREADS  One at a time: the strategy's node. get_ready() before that, from any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "host/config/load.hpp"
#include "host/market/after_pending.hpp"
#include "host/market/history.hpp"
#include "host/market/market_view.hpp"
#include "host/plugin/instances.hpp"
#include "host/street/messages.hpp"

namespace gantry::host {

struct RunnerOptions {
  std::uint32_t strategy = 0;
  std::uint64_t opportunities_max = 1024;  // of one snapshot
  std::uint64_t pool_share_max_bps = 1000;
  double position_max_eth = 50;
  std::uint64_t gas_overhead = host::gas_overhead;  // of a transaction, besides its legs
  Sender sender;                                    // of a transaction
  std::uint64_t deadline_ns = 0;                    // 0: none
  std::uint64_t history_s_max = 0;                  // how far back a series may be asked to reach
};

class StrategyRunner {
 public:
  StrategyRunner(std::shared_ptr<StrategyInstance> instance, const ChangeLog& changes,
                 History& history, RunnerOptions options);

  // `late` is the recorded verdict; nothing: the clock decides.
  Batch run(const Delivery& delivery, std::optional<bool> late);

  // Once, before the first run(): no other call is under way then.
  void subscribe(const Snapshot& snapshot);
  // The same for an instance that joins a street that runs: subscribes and prepares beside it, on a
  // snapshot that it will not be given. The series that it wants are kept from join() on, which the
  // snapshot stage calls. Fails with `plugin`: whatever would have cost it a strike.
  Status get_ready(const Snapshot& snapshot);
  void join();

 private:
  struct Sink;

  struct WantedSeries {
    std::uint32_t token;
    std::uint32_t quote;
    std::uint64_t lookback_s;
  };
  bool keep_series(const WantedSeries& wanted);
  void tell(const std::vector<gantry_result>& results, std::uint64_t snapshot);
  void tell_pending(const Snapshot& snapshot);
  void tell_prices(const Snapshot& snapshot);
  void show_positions(const Delivery& delivery);
  bool prepare(const Snapshot& snapshot);
  gantry_status take(const gantry_opportunity& opportunity);
  bool check_route(const gantry_opportunity& opportunity, Phase phase);
  gantry_status quote_legs(const gantry_opportunity& opportunity, std::span<gantry_leg> legs);
  bool meets_retired_venue(const gantry_opportunity& opportunity) const;
  bool check_reserves(const gantry_opportunity& opportunity) const;
  bool exceeds(const gantry_opportunity& opportunity, gantry_sizing_limits& limits) const;
  void finish_one(const gantry_opportunity& found, std::uint32_t index, Batch& batch);

  std::shared_ptr<StrategyInstance> instance_;
  const ChangeLog& changes_;
  History& history_;
  RunnerOptions options_;
  u256 position_max_wei_;
  MarketView view_;
  AfterPending after_;
  // The market that the opportunity at hand is in: view_, or after_'s behind what waits.
  const MarketView* at_ = &view_;
  std::uint64_t last_ = 0;          // the last snapshot it was given
  std::uint64_t topology_ = ~0ULL;  // that it is prepared for
  bool joining_ = false;
  std::optional<std::uint64_t> pending_told_;  // sequence of the last pending swap
  bool wants_prices_ = false;
  std::optional<std::uint64_t> prices_told_;  // sequence of the last outside price
  std::vector<WantedSeries> series_;          // to keep from join() on
  std::vector<std::uint32_t> changed_;
  std::shared_ptr<const Positions> held_;   // that positions_ was made of
  std::vector<gantry_position> positions_;  // its own
  std::uint64_t positions_topology_ = ~0ULL;
  std::vector<gantry_opportunity> found_;
  std::vector<Ranked> ranked_;
  std::uint64_t cut_ = 0;
  std::uint64_t emitted_ = 0;
};

}  // namespace gantry::host
