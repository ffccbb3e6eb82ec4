// What the strategy keeps of the market between calls: its pools as edges, their states as
// constant products, and what tokens are worth.
// THREADS    One at a time. prepare() allocates, the rest does not.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "gantry/market.hpp"
#include "plugins/strategies/triangular/cycle_index.hpp"
#include "plugins/strategies/triangular/screening.hpp"
#include "plugins/strategies/triangular/sizing.hpp"

namespace gantry::triangular {

// The first range of a pool's direction, by the pool's own token numbers. Empty: it has none, and
// the hop is closed. Beyond that range a size is never sought, so that a venue of many ranges gives
// less than it could, and never something wrong.
std::optional<Leg> read_leg(const Market& market, std::uint32_t pool, std::uint32_t token_in,
                            std::uint32_t token_out);

class Universe {
 public:
  // Takes in the pools of this topology that can be quoted in ranges and hold no token that is to
  // be avoided; builds the cycles, and reads every state and value.
  void prepare(const Market& market, const CycleLimits& limits);
  // Reads what changed. `pools` are the host's handles; those that are not of this universe are
  // passed over. Returns the places of the others in index().
  std::span<const std::uint32_t> refresh(const Market& market,
                                         std::span<const std::uint32_t> pools);
  void refresh_all(const Market& market);

  const CycleIndex& index() const { return index_; }
  Screen& screen() { return screen_; }

  // By directed edge.
  gantry_hop hop(std::uint32_t directed) const;
  const Leg& leg(std::uint32_t directed) const { return legs_[directed]; }
  // The larger of the two sides: a token without a value leaves the other one.
  double depth_ether(std::uint32_t directed) const;

  // The same for the same pool or token in every topology of the chain.
  std::uint64_t pool_hash(std::uint32_t pool_handle) const { return pool_hash_[pool_handle]; }
  std::uint64_t token_hash(std::uint32_t token) const { return token_hash_[token]; }

 private:
  struct TokenPlaces {  // an edge's tokens in the pool's own list
    std::uint32_t token0;
    std::uint32_t token1;
  };

  void list_edges(const Market& market);
  void read_pool(const Market& market, std::uint32_t place);
  void read_value(const Market& market, std::uint32_t token);

  CycleIndex index_;
  Screen screen_;
  std::vector<std::uint32_t> handle_;  // of the host, by place
  std::vector<std::uint32_t> place_;   // by the host's handle
  std::vector<TokenPlaces> token_places_;
  std::vector<Leg> legs_;
  std::vector<std::uint64_t> pool_hash_;
  std::vector<std::uint64_t> token_hash_;
  std::vector<std::uint32_t> changed_;
  std::vector<std::uint8_t> traded_;  // by token: an edge has it
  std::uint32_t next_value_ = 0;
};

}  // namespace gantry::triangular
