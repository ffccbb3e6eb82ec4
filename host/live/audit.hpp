// Whether the states that logs have kept are still the chain's: some pools are read anew at a
// block, and both states are asked the same.
//
// Rationale: two states of one pool may differ in bytes and be the same (where the last log was),
// so what they answer is compared: fee, balances, and quotes of amounts of every size, both ways
// and both modes. One may also know more of the pool than the other, as of ticks that the price has
// left: a quote that either answers with GANTRY_NEED_STATE is not compared, and balances are only
// where both know all.
//
// A pool that cannot be read anew because a call was refused is put away when that is so at two of
// its audits in a row: the refusal may be a provider's and not the chain's.
//
// THREADS  One at a time: the live feed's.
// ERRORS   As chain_blocks.hpp: then nothing was found out. A case that cannot be written is told
//          and keeps nothing from happening.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "host/config/settings.hpp"
#include "host/live/fetcher.hpp"
#include "host/market/market_state.hpp"

namespace gantry::host {

class Audit {
 public:
  // Of one pool since it was last found right; above it no case can be written.
  static constexpr std::size_t facts_kept_max = 4096;

  struct Finding {
    std::uint32_t pool = 0;
    std::string reason;          // what differs, with both values
    std::filesystem::path file;  // the case; empty: it could not be written
  };

  Audit(const ChainSettings& chain, const LiveSettings& settings,
        std::vector<std::shared_ptr<VenueInstance>> venues, Fetcher& fetcher)
      : chain_(chain), settings_(settings), venues_(std::move(venues)), fetcher_(fetcher) {}

  // What came in for a block, for the cases.
  void note(const BlockInput& input);
  // Whether this block is one to compare at.
  bool is_due(std::uint64_t block) const;
  // Pools to look at whose turn it is not, and what else speaks against them: one with a reason is
  // a finding whatever is read anew.
  using Suspects = std::map<std::uint32_t, std::string>;
  // Compares the suspects and, where this block is one to compare at, the next pools of `kept`,
  // which is of this block. The fetcher reads there already.
  Result<std::vector<Finding>> compare(const Snapshot& kept, const recording::Block& block,
                                       const Suspects& suspects = {});

  std::uint64_t pools_compared() const noexcept { return pools_compared_; }

 private:
  // Facts of one block of one pool.
  struct Noted {
    recording::Block block;
    std::vector<recording::Fact> facts;
  };
  struct History {
    std::vector<Noted> blocks;
    std::size_t facts = 0;
    bool whole = true;  // false: there were too many
  };

  std::vector<std::uint32_t> next_pools(const Snapshot& kept);
  BlockInput question(const Snapshot& kept, const recording::Block& block,
                      const std::vector<std::uint32_t>& pools) const;
  Result<std::filesystem::path> write_case(const BlockInput& fresh, std::uint32_t pool,
                                           std::uint32_t handle, const std::string& reason) const;

  const ChainSettings& chain_;
  const LiveSettings& settings_;
  std::vector<std::shared_ptr<VenueInstance>> venues_;
  Fetcher& fetcher_;
  std::unordered_map<std::uint32_t, History> histories_;  // by pool
  std::unordered_set<std::uint32_t> doubted_;  // pools that the last audit could not read
  std::uint32_t next_pool_ = 0;
  std::uint64_t pools_compared_ = 0;
};

}  // namespace gantry::host
