// Which of Balancer's deployments a pool is of: the table of those that are known to the last unit,
// and what an operator's list says of a pool. A deployment that is not in the table is refused.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "plugins/dex/balancer/stable_math.hpp"
#include "plugins/dex/evm/abi.hpp"

namespace gantry::balancer {

inline constexpr std::uint32_t tokens_max = 8;

enum class Curve : std::uint8_t { weighted, stable };

// Where a token's rate is read: nowhere (it is 1), from a cache that the pool keeps (MetaStable's,
// then one of three words, then of four), or from the V3 vault.
// A phantom pool, which has the cache of three, renews a cache that has run out only after it has
// read it: a swap sees the old rate, and the next one the new.
enum class Rates : std::uint8_t { none, pair_cache, cache_of_3, cache_of_4, vault };

// Where V2 pools keep start, end and times of their amplification: all deployments alike. Not taken
// on trust: a ramp is believed that gives what the contract reports.
inline constexpr std::uint64_t amp_slot = 9;

struct Variant {
  std::string_view deployment;  // as version() has it; the first ones have none
  std::uint8_t vault;           // 2 or 3
  Curve curve;
  StableRules stable;
  Rates rates;
  bool fast_powers;       // multiplies for the exponents 1, 2 and 4
  bool minimum_balances;  // weighted: balances have a floor, and the one in is rounded up
  bool imbalance_bound;   // stable: the largest balance is below 10,000 times the smallest
};

std::span<const Variant> variants() noexcept;

// Place in variants() plus one; 0: unknown.
std::uint16_t find_variant(std::string_view deployment) noexcept;

// The "deployment" of what version() returned: an ABI string that holds a JSON object. Empty: there
// is none.
std::string_view deployment_of(std::span<const std::uint8_t> returned) noexcept;

using Address = std::array<std::uint8_t, evm::address_bytes>;

// What may be known of a pool before the chain has been asked, as words of text:
//   variant=20210418-weighted-pool pool_id=0x.. vault=0x.. factory=0x.. rate_providers=0x..,0x..
// `rate_providers` are in the order of the tokens, 0x and zeros for a token without.
struct Metadata {
  std::uint16_t variant = 0;
  std::optional<std::array<std::uint8_t, 32>> pool_id;
  std::optional<Address> vault;
  std::optional<Address> factory;
  std::array<Address, tokens_max> providers{};
  std::uint32_t provider_count = 0;
};

// Throws Refused with what is wrong of it.
Metadata parse_metadata(std::string_view text);
Address parse_address(std::string_view text);
// Throws Refused, naming the deployment and those that are known.
std::uint16_t require_variant(std::string_view deployment);

}  // namespace gantry::balancer
