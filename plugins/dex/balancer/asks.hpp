// What can be asked of the chain about a pool, and which of it a pool needs.
#pragma once
#include <cstdint>

#include "plugins/dex/balancer/pool.hpp"

namespace gantry::balancer {

// Low byte of a request's tag; the token's index stands above it.
enum class Ask : std::uint8_t {
  version = 1,
  pool_id,
  providers,
  balances,  // V2: getPoolTokens; V3: getPoolTokenInfo
  fee,       // V2
  pool_paused,
  vault_paused,
  weights,
  amp,
  amp_ramp,  // V2: storage
  token_info,
  rate_cache,
  fresh_rate,
  rates,   // V3
  config,  // V3
  hooks,   // V3
  live_balances,
  trade_min,
  minimum_balances,
  is_from_factory,
};

inline constexpr std::uint32_t bit(Ask ask) { return 1U << static_cast<std::uint32_t>(ask); }
inline constexpr std::uint32_t tag_of(Ask ask, std::uint32_t token = 0) {
  return static_cast<std::uint32_t>(ask) | (token << 8U);
}

inline std::uint32_t needed(const Setup& setup, const Variant& kind) noexcept {
  std::uint32_t bits = bit(Ask::balances) | bit(Ask::pool_paused) | bit(Ask::vault_paused);
  bits |= kind.curve == Curve::weighted ? bit(Ask::weights) : bit(Ask::amp);
  if (kind.minimum_balances) bits |= bit(Ask::minimum_balances);
  if (setup.has(has_factory)) bits |= bit(Ask::is_from_factory);
  if (kind.vault == 3) {
    return bits | bit(Ask::rates) | bit(Ask::config) | bit(Ask::hooks) | bit(Ask::trade_min);
  }
  bits |= bit(Ask::fee) | bit(Ask::token_info);
  for (std::uint32_t i = 0; i < setup.token_count && kind.rates != Rates::none; ++i) {
    if (setup.has_provider(i)) bits |= bit(Ask::rate_cache) | bit(Ask::fresh_rate);
  }
  return bits;
}

inline bool needs_identity(const Setup& setup) noexcept {
  const Variant* kind = setup.kind();
  if (kind == nullptr) return true;
  if (kind->vault == 3) return false;
  return !setup.has(has_pool_id) || (kind->rates != Rates::none && !setup.has(has_providers));
}

}  // namespace gantry::balancer
