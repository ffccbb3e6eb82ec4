// The generations of Curve's pools that this plugin knows, by name. A pool's variant comes with its
// metadata ("variant=ng") or, where that is silent, from the plugin's parameter; contracts that
// tell their version are asked for it and refused when it is another.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gantry/dex.h"
#include "plugins/dex/evm/address.hpp"

namespace gantry::curve {

enum class Family : std::uint8_t { stable = 1, crypto = 2 };

// How get_D divides: by (x * N) in the loop, or by x and then once by N^N.
enum class Division : std::uint8_t { each_step, at_the_end };

// What stands for the rate of the coins.
enum class Rates : std::uint8_t {
  by_decimals,  // 10^(36 - decimals), constants of the contract
  meta_cached,  // the last coin's is the base pool's virtual price, kept by the pool for 10 minutes
  meta_fresh,   // the same, asked at each swap
  stored_rates,  // the contract tells all of them
};

// Stable pools differ in no more than this.
struct StableRules {
  Division division = Division::each_step;
  Rates rates = Rates::by_decimals;
  std::uint64_t a_precision = 100;
  bool gives_up = true;            // after 255 steps without an answer; else the last one is taken
  bool asks_admin_fee = true;      // else it is half of the fee, a constant
  bool dynamic_fee = false;        // offpeg_fee_multiplier, and oracles that can refuse a swap
  bool first_is_redeemed = false;  // the first coin's rate is a redemption price, told elsewhere
};

struct Variant {
  std::string_view name;
  Family family = Family::stable;
  std::uint8_t coins_min = 2;
  std::uint8_t coins_max = 4;
  std::string_view version;  // what version() must answer; empty: the contract has none
  StableRules stable;
  std::uint64_t gas = 0;
  bool pays_others = false;  // exchange() takes a receiver
};

inline constexpr std::size_t coins_max = 8;

inline constexpr std::array<Variant, 11> variants{{
    {"3pool", Family::stable, 3, 3, {}, {.a_precision = 1, .gives_up = false}, 130'000, false},
    {"base", Family::stable, 2, 4, {}, {}, 120'000, false},
    {"factory_plain2",
     Family::stable,
     2,
     2,
     {},
     {.division = Division::at_the_end, .asks_admin_fee = false},
     110'000,
     true},
    {"factory_plain", Family::stable, 3, 4, {}, {.asks_admin_fee = false}, 120'000, true},
    {"meta", Family::stable, 2, 2, {}, {.rates = Rates::meta_cached}, 160'000, false},
    {"factory_meta",
     Family::stable,
     2,
     2,
     {},
     {.rates = Rates::meta_fresh, .asks_admin_fee = false},
     180'000,
     true},
    {"ng",
     Family::stable,
     2,
     8,
     "v7.0.0",
     {.division = Division::at_the_end,
      .rates = Rates::stored_rates,
      .asks_admin_fee = false,
      .dynamic_fee = true},
     200'000,
     true},
    {"ng_meta",
     Family::stable,
     2,
     2,
     "v7.0.0",
     {.division = Division::at_the_end,
      .rates = Rates::stored_rates,
      .asks_admin_fee = false,
      .dynamic_fee = true},
     220'000,
     true},
    {"twocrypto_ng", Family::crypto, 2, 2, "v2.0.0", {}, 250'000, true},
    // Its exchange() takes another argument before the receiver, which only coins of ether need.
    {"tricrypto_ng", Family::crypto, 3, 3, "v2.0.0", {}, 300'000, false},
    {"meta_rai",
     Family::stable,
     2,
     2,
     {},
     {.rates = Rates::meta_cached, .first_is_redeemed = true},
     180'000,
     false},
}};

// The index of a variant, or variants.size().
constexpr std::size_t find_variant(std::string_view name) noexcept {
  std::size_t at = 0;
  while (at < variants.size() && variants[at].name != name) ++at;
  return at;
}

inline std::string variant_names() {
  std::string names;
  for (const Variant& variant : variants) {
    if (!names.empty()) names += ", ";
    names += variant.name;
  }
  return names;
}

// A pool's metadata: "key=value" pairs parted by blanks.
struct Metadata {
  std::string_view variant;             // variant=NAME
  gantry_address base_pool{};           // base_pool=0x..., which variants with a base pool need
  gantry_address redemption_price{};    // redemption_price_snap=0x..., which meta_rai needs
  gantry_address implementation{};      // implementation=0x..., where the pool is a minimal proxy
  std::optional<evm::Topic> code_hash;  // code_hash=0x..., of the implementation where there is one
};

// False: it does not read so.
inline bool read_metadata(gantry_bytes bytes, Metadata& out) noexcept {
  std::string_view text(reinterpret_cast<const char*>(bytes.data), bytes.size);
  const auto read_address = [](std::string_view value, gantry_address& address) {
    const auto parsed = evm::parse_hex<evm::address_bytes>(value);
    if (parsed) address = evm::to_sdk(*parsed);
    return parsed.has_value();
  };
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view key = pair.substr(0, equals);
    const std::string_view value = pair.substr(equals + 1);
    if (key == "variant") {
      out.variant = value;
    } else if (key == "base_pool") {
      if (!read_address(value, out.base_pool)) return false;
    } else if (key == "redemption_price_snap") {
      if (!read_address(value, out.redemption_price)) return false;
    } else if (key == "implementation") {
      if (!read_address(value, out.implementation)) return false;
    } else if (key == "code_hash") {
      out.code_hash = evm::parse_hex<evm::word_bytes>(value);
      if (!out.code_hash) return false;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace gantry::curve
