// The state of one pool, as bytes: what never changes (chunk 0) and what a swap reads and writes
// (chunk 1, and the overlay).
//
// UNITS  Balances in the token's smallest unit. Rates, weights and fees with 18 decimals.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "gantry/dex.hpp"
#include "plugins/dex/balancer/variants.hpp"

namespace gantry::balancer {

inline constexpr std::uint32_t no_token = 0xff;

enum SetupFlags : std::uint32_t {
  has_pool_id = 1,
  has_providers = 2,
  is_verified = 4,
  has_factory = 8,    // that the operator named, and that has to know the pool
  says_version = 16,  // its variant is what its version() says, not what the operator says
};

struct Setup {
  std::uint8_t pool_id[32];  // V2
  Address vaults[2];         // V2's and V3's
  Address pool;              // its own
  Address factory;           // has_factory
  Address tokens[tokens_max];
  Address providers[tokens_max];  // of rates; zeros: none
  std::uint8_t decimals[tokens_max];
  std::uint16_t variant;  // place in variants() plus one; 0: not asked yet
  std::uint8_t token_count;
  std::uint8_t bpt;  // the pool's own token among its tokens, or no_token
  std::uint32_t flags;

  // The vault gives a pool an id that begins with its address (PoolRegistry._toPoolId).
  bool owns_pool_id() const noexcept { return std::equal(pool.begin(), pool.end(), pool_id); }
  bool has(SetupFlags flag) const noexcept { return (flags & flag) != 0; }
  bool has_provider(std::uint32_t token) const noexcept { return providers[token] != Address{}; }
  const Address& vault(const Variant& of) const noexcept { return vaults[of.vault - 2]; }
  const Variant* kind() const noexcept {
    return variant == 0 || variant > variants().size() ? nullptr : &variants()[variant - 1];
  }
};
static_assert(sizeof(Setup) == 448);

// One cache line of what a quote needs of a token.
struct Token {
  std::uint64_t balance[2];  // little-endian limbs
  std::uint64_t weight;
  std::uint64_t scaling;        // 10^(18 - decimals)
  std::uint64_t rate[2];        // as the pool has it cached
  std::uint64_t fresh_rate[2];  // as its provider says, for when the cache has run out
};
static_assert(sizeof(Token) == 64);

struct Market {
  Token tokens[tokens_max];
  std::uint64_t expires[tokens_max];  // of cached rates; all ones: never, or nothing would change
  std::uint64_t minimum[tokens_max][2];  // V3 weighted: the least balance, with 18 decimals
  std::uint64_t first_expiry;            // least of `expires`
  std::uint64_t amp_start;               // A n^(n-1), times 1000; ramps are straight lines
  std::uint64_t amp_end;
  std::uint64_t amp_start_s;
  std::uint64_t amp_end_s;
  std::uint64_t fee;
  std::uint64_t aggregate_fee;  // V3: the part of the fee that leaves the pool
  std::uint64_t trade_min;      // V3: with 18 decimals
  std::uint64_t invariant[4];   // of the balances, at amp_start and cached rates; 0: not known
  std::uint32_t known;          // facts that have been applied, a bit each
  std::uint16_t variant;
  std::uint8_t token_count;
  std::uint8_t bpt;
  std::uint8_t paused;  // bit 0: the pool, bit 1: the vault
  std::uint8_t reserved[7];
};
static_assert(sizeof(Market) == 816 && sizeof(Market) <= GANTRY_OVERLAY_BYTES_MAX);

inline uint128 join(const std::uint64_t (&limbs)[2]) noexcept {
  return detail::join(limbs[1], limbs[0]);
}
inline void store(std::uint64_t (&limbs)[2], uint128 value) noexcept {
  limbs[0] = detail::low64(value);
  limbs[1] = detail::high64(value);
}

// The amplification at a time, as StablePoolAmplification has it.
inline std::uint64_t amp_at(const Market& market, std::uint64_t time_s) noexcept {
  if (time_s >= market.amp_end_s) return market.amp_end;
  if (time_s <= market.amp_start_s) return market.amp_start;
  const uint128 passed = time_s - market.amp_start_s;
  const uint128 whole = market.amp_end_s - market.amp_start_s;
  if (market.amp_end > market.amp_start) {
    return market.amp_start +
           static_cast<std::uint64_t>((market.amp_end - market.amp_start) * passed / whole);
  }
  return market.amp_start -
         static_cast<std::uint64_t>((market.amp_start - market.amp_end) * passed / whole);
}

// The rate in force in a block of that time.
inline uint128 rate_at(const Market& market, std::uint32_t token, std::uint64_t time_s) noexcept {
  return time_s > market.expires[token] ? join(market.tokens[token].fresh_rate)
                                        : join(market.tokens[token].rate);
}

}  // namespace gantry::balancer
