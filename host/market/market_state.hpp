// The market as it grows: takes what came in for a block and publishes the next snapshot.
//
// A pool is asked for requests, in rounds, when it has no state, when its venue says that the state
// no longer suffices, and at each block unless its logs keep it right. The answers are among the
// block's facts, behind its logs and in the order of the requests; a live feed has them fetched,
// and adds them there. So a replay asks the same and finds the same answers.
//
// THREADS  One at a time: the apply stage, or the live feed for its own.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "gantry/u256.hpp"
#include "host/base/result.hpp"
#include "host/config/settings.hpp"
#include "host/market/answers.hpp"
#include "host/market/market_event.hpp"
#include "host/market/outside_prices.hpp"
#include "host/market/pending_swaps.hpp"
#include "host/market/snapshot.hpp"
#include "host/recording/records.hpp"

namespace gantry::host {

// All that came in for one block, in its order.
struct BlockInput {
  std::vector<recording::Token> tokens;  // new ones, before the block
  std::vector<recording::Pool> pools;
  std::vector<MarketEvent> events;  // before the block too
  recording::Block block;
  std::vector<recording::Fact> facts;
  // Of a compiled recording: in the place of pools' facts what these did to the states, and with
  // the first block who said so.
  std::vector<recording::Changes> changes{};
  std::shared_ptr<const recording::Compiled> compiled{};
  std::chrono::steady_clock::time_point arrived{};

  // As many as the source had, where it is compiled.
  std::uint64_t fact_count() const noexcept {
    std::uint64_t count = facts.size();
    for (const recording::Changes& one : changes) count += one.facts;
    return count;
  }
};

class ChangeWriter;
struct PoolChange;

class MarketState {
 public:
  // Borrows the settings. Its topologies have ids from `first_topology` on. With an arena, pools'
  // states lie there.
  MarketState(const ChainSettings& chain, std::vector<std::shared_ptr<VenueInstance>> venues,
              std::uint64_t first_topology = 0, std::shared_ptr<SharedArena> arena = {});
  ~MarketState();

  // Until catch_up(false) it is given what another market has had, with `known` venues that were
  // called for all of it there: what they do wrong again costs them no strike again.
  void catch_up(bool begins, const std::vector<std::shared_ptr<VenueInstance>>& known = {});

  // Says nothing of pools that take no part: another market is given the same, and does.
  void be_quiet() noexcept { quiet_ = true; }

  // Rounds of requests of one pool for one block; a pool that wants more takes no part in it.
  static constexpr std::uint32_t rounds_max = 16;
  static constexpr std::size_t requests_max = 4096;  // of one pool in one round

  // Fails with `limit` (too many pools), `format` (handles that do not exist, an undo of what was
  // not kept). Facts that a venue cannot decode cost that pool, not the snapshot.
  Result<std::shared_ptr<Snapshot>> advance(const BlockInput& input);
  // The same for a live feed: what pools ask for is fetched in one round trip a round, and added to
  // the block's facts. Fails with `answers`' errors too; then call drop_block().
  Result<std::shared_ptr<Snapshot>> advance(BlockInput& input, Answers& answers);
  // The same as the first, and what the block's facts did to pools' states.
  struct CompiledBlock {
    std::shared_ptr<Snapshot> snapshot;
    std::vector<recording::Changes> changes;
  };
  Result<CompiledBlock> compile(const BlockInput& input);
  // The market is again as it was before the block that failed. False: that was the first one, and
  // this market is of no use.
  bool drop_block();

  // Logs that pools have asked for, by pool: standing requests, tag and payload of each.
  using Standing = std::vector<std::vector<PoolRequest>>;
  const Standing& standing() const noexcept { return standing_; }
  // The newest block that can be undone to is `number`, if this says so.
  bool can_undo_to(std::uint64_t number) const noexcept;

  std::uint64_t state_bytes() const noexcept { return store_.bytes(); }
  // Snapshots so far: the id of the newest.
  std::uint64_t snapshots() const noexcept { return version_; }

 private:
  struct Facts;  // one pool's facts of a block, as the SDK wants them
  struct Asked;  // what a pool asked for in one round
  struct Walk;   // a pool on its way through its rounds
  using Rows = std::span<const gantry_fact>;

  // A block that can be undone: the states after it.
  struct Kept {
    std::uint64_t block;
    StateTree states;
    std::unique_ptr<VersionLease> lease;
    std::vector<std::uint32_t> touched;  // pools that it wrote
  };

  // Whether the block changed a pool that the dollar price of the coin is read from, or its venue
  // has been retired.
  static bool moves_ether_price(const Snapshot& snapshot);
  Result<std::shared_ptr<Snapshot>> advance_with(const BlockInput& input, BlockInput* grows,
                                                 Answers* answers);
  Status extend(const BlockInput& input);
  Topology& grow();
  Status take(const MarketEvent& event, Snapshot& snapshot);
  Status undo_to(std::uint64_t number, Snapshot& snapshot);
  void restore(Snapshot& snapshot, std::uint32_t pool, const StateTree& then);
  void read_anew(Snapshot& snapshot, std::uint32_t pool);
  void keep(const Snapshot& snapshot);
  Status add_pool(Topology& topology, const recording::Pool& pool);
  void open_new_pool(std::uint32_t handle);
  bool open_pool(const Topology& topology, std::uint32_t handle, gantry_pool_traits& traits);
  Status apply_facts(const BlockInput& input, Snapshot& snapshot, BlockInput* grows,
                     Answers* answers);
  void settle_topology(Snapshot& snapshot);
  // Of market_changes.cpp.
  Status begin_compiled(const BlockInput& input);
  Status check_venue_compiled(const recording::Pool& pool) const;
  Status compile_pool(Snapshot& snapshot, std::uint32_t pool, Rows rows);
  Status apply_changes(const BlockInput& input, Snapshot& snapshot);
  void take_change(Snapshot& snapshot, const PoolChange& change);
  static std::unexpected<Error> misfit(const BlockInput& input, const std::string& why);
  // Of market_rounds.cpp.
  bool takes_part(const Snapshot& snapshot, std::uint32_t pool) const;
  static bool settled(const Snapshot& snapshot, std::uint32_t pool);
  bool asks(const Snapshot& snapshot, std::uint32_t pool) const;
  bool is_due(const Snapshot& snapshot, std::uint32_t pool) const;
  void begin_walk(Snapshot& snapshot, std::uint32_t pool, gantry_status followed);
  gantry_status ask(const Snapshot& snapshot, Walk& walk);
  gantry_status apply_rows(Snapshot& snapshot, std::uint32_t pool, Rows rows);
  bool step(Snapshot& snapshot, Walk& walk, Rows rows);
  std::size_t follow(Snapshot& snapshot, std::uint32_t pool, Rows rows, gantry_status& status);
  void apply_recorded(Snapshot& snapshot, std::uint32_t pool, Rows rows);
  Status fetch_rounds(Snapshot& snapshot, std::vector<Walk>& walks, BlockInput& input,
                      Answers& answers);
  void changed(Snapshot& snapshot, std::uint32_t pool) const;
  void withhold(Snapshot& snapshot, std::uint32_t pool, gantry_status status);
  void tell_withheld(Snapshot& snapshot, std::uint32_t pool, gantry_status status) const;
  gantry_context context_of(const recording::Block& block) const;
  bool accept(const VenueInstance& venue, Phase phase, gantry_status status) const;

  const ChainSettings& chain_;
  u256 gas_price_;
  std::vector<std::shared_ptr<VenueInstance>> venues_;
  StateStore store_;
  std::shared_ptr<LiveVersions> live_ = std::make_shared<LiveVersions>();
  std::set<std::string> missing_venues_;  // of pools, that were told of
  std::shared_ptr<Topology> growing_;     // being extended; null: topology_ is up to date
  std::shared_ptr<const Topology> topology_;
  std::uint64_t version_ = 0;
  std::uint64_t ether_usd_e6_ = 0;        // of the newest snapshot
  std::set<const VenueInstance*> known_;  // while it catches up
  bool quiet_ = false;
  std::string refusal_;  // of the last pool that was not opened
  std::size_t refusals_told_ = 0;
  std::vector<std::uint32_t> order_;  // facts by pool
  std::unique_ptr<Facts> facts_;
  PendingSwaps pending_;
  OutsidePrices prices_;
  DataFee data_fee_;                                        // of the newest block
  std::shared_ptr<const recording::Compiled> compiled_by_;  // null: facts come as they are
  ChangeWriter* compiling_ = nullptr;                       // while a block is compiled
  PoolChange* compiled_ = nullptr;                          // the pool that it is at
  Standing standing_;                                       // filled for a live feed alone
  std::vector<bool> begun_;              // by pool: it was asked for since it was opened
  std::uint64_t undo_blocks_ = 0;        // how many blocks are kept
  std::deque<Kept> kept_;                // oldest first
  std::vector<std::uint32_t> touched_;   // pools that this block wrote; unsorted
  std::vector<std::uint32_t> settling_;  // pools that have come to a state for the first time
};

}  // namespace gantry::host
