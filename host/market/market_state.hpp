// The market as it grows: takes what came in for a block and publishes the next snapshot.
//
// THREADS  One at a time: the apply stage.
#pragma once
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gantry/u256.hpp"
#include "host/base/result.hpp"
#include "host/config/settings.hpp"
#include "host/market/snapshot.hpp"
#include "host/recording/records.hpp"

namespace gantry::host {

// All that came in for one block, in its order.
struct BlockInput {
  std::vector<recording::Token> tokens;  // new ones, before the block
  std::vector<recording::Pool> pools;
  recording::Block block;
  std::vector<recording::Fact> facts;
  std::chrono::steady_clock::time_point arrived{};
};

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

  // Fails with `limit` (too many pools), `format` (handles that do not exist). Facts that a venue
  // cannot decode cost that pool, not the snapshot.
  Result<std::shared_ptr<Snapshot>> advance(const BlockInput& input);

  std::uint64_t state_bytes() const noexcept { return store_.bytes(); }
  // Snapshots so far: the id of the newest.
  std::uint64_t snapshots() const noexcept { return version_; }

 private:
  struct Facts;  // one pool's facts of a block, as the SDK wants them

  // Whether the block changed a pool that the dollar price of the coin is read from, or its venue
  // has been retired.
  static bool moves_ether_price(const Snapshot& snapshot);
  Status extend(const BlockInput& input);
  Status add_pool(Topology& topology, const recording::Pool& pool);
  void open_pool(Topology& topology, std::uint32_t handle);
  bool answered(const gantry_context& context, std::uint32_t handle, const Facts& facts) const;
  void apply_facts(const BlockInput& input, Snapshot& snapshot);
  void apply_pool(Snapshot& snapshot, std::uint32_t pool, const Facts& facts);
  void settle_topology(Snapshot& snapshot);
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
  std::vector<std::uint32_t> order_;      // facts by pool
  std::unique_ptr<Facts> facts_;
};

}  // namespace gantry::host
