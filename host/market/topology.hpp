// What is there to trade: tokens, pools and the venues that answer for them. Immutable once
// published; a change is a new Topology with the next id.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "gantry/market.h"
#include "host/plugin/instances.hpp"

namespace gantry::host {

inline constexpr std::uint32_t no_handle = UINT32_MAX;

struct AddressHash {
  std::size_t operator()(const gantry_address& address) const noexcept;
};
struct AddressEqual {
  bool operator()(const gantry_address& a, const gantry_address& b) const noexcept;
};

struct TokenInfo {
  gantry_address address{};
  std::string symbol;
  std::uint32_t decimals = 0;
  std::uint32_t flags = 0;  // GANTRY_TOKEN_*
};

// Why a pool takes no part in routes.
enum class PoolUse : std::int32_t {
  usable = 0,
  refused = 1,        // its venue's plugin does not know this variant
  no_state = 2,       // the chain's answers are missing or do not decode
  low_liquidity = 3,  // below the venue's min_liquidity_usd
  no_value = 4,       // its liquidity cannot be valued, and a minimum is set
  no_venue = 5,       // no enabled venue of that name is loaded
  quarantined = 6,    // its state was found to differ from the chain's
};
std::string_view to_string(PoolUse use);

struct PoolInfo {
  gantry_address address{};
  std::vector<std::uint32_t> tokens;               // market handles
  std::vector<gantry_pool_token> contract_tokens;  // as the plugin was shown them
  std::vector<std::uint8_t> metadata;
  std::uint32_t venue = no_handle;
  gantry_pool_traits traits{};
  PoolUse use = PoolUse::no_state;
  std::string refusal;       // its venue's words, where that refused it
  double liquidity_usd = 0;  // when the topology was made; 0: cannot be valued

  gantry_pool_spec spec() const noexcept;
  // Index of a market token in the pool's own order, or no_handle.
  std::uint32_t index_of(std::uint32_t token) const noexcept;
};

// One step from a token towards ether: its price is that of `pool` against `next`.
struct ValueStep {
  std::uint32_t pool = no_handle;
  std::uint32_t next = no_handle;
  std::uint32_t in = 0;  // pool indexes of the token and of `next`
  std::uint32_t out = 0;
  double confidence = 0;  // 0 to 1, from the depth of the pools on the way
};

struct Topology {
  std::uint64_t id = 0;
  std::string chain;  // CAIP-2
  std::vector<TokenInfo> tokens;
  std::vector<PoolInfo> pools;
  std::vector<const VenueInstance*> venues;  // borrowed: see MarketState and PluginSet
  std::vector<std::string> venue_names;      // for who keeps a topology longer than they live
  std::unordered_map<gantry_address, std::uint32_t, AddressHash, AddressEqual> token_by_address;
  std::uint32_t wrapped_token = no_handle;
  std::vector<std::uint32_t> usd_tokens;   // in the operator's order
  std::vector<ValueStep> value_steps;      // by token; the wrapped coin has none and needs none
  std::vector<std::uint32_t> token_pools;  // pools by token, all tokens in one array
  std::vector<std::uint32_t> token_pools_begin;  // of each token, and one past the last

  std::span<const std::uint32_t> pools_of(std::uint32_t token) const noexcept {
    return std::span(token_pools)
        .subspan(token_pools_begin[token], token_pools_begin[token + 1] - token_pools_begin[token]);
  }
  // Fills token_pools from pools; call it when the pools are complete.
  void index_pools();

  const VenueInstance& venue_of(const PoolInfo& pool) const { return *venues[pool.venue]; }
};

}  // namespace gantry::host
