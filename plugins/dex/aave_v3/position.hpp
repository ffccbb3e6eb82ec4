// One position as its bytes: an account, one of its debts and one of its collaterals, with all that
// its health depends on.
//
// A position's address is an id of 32 bytes: the Pool's 20, ten of the account's hash, and the ids
// of the two reserves. Positions of one account differ in the last two bytes alone. Its tokens are
// the debt's and the collateral's, in this order, and its metadata says account=0x...
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "gantry/dex.hpp"
#include "plugins/dex/aave_v3/abi.hpp"

namespace gantry::aave_v3 {

inline constexpr std::uint32_t debt_token = 0;  // of the pool's two
inline constexpr std::uint32_t collateral_token = 1;
inline constexpr std::size_t position_id_bytes = 32;
// The arithmetic is that of these POOL_REVISION()s: @aave/core-v3 1.19.3, and aave-v3-origin 3.6
// and 3.7. Which one is asked at each block, for a market's code is exchanged in place.
inline constexpr std::uint32_t revision_3_0 = 1;
inline constexpr std::uint32_t revision_3_6 = 10;
inline constexpr std::uint32_t revision_3_7 = 11;
inline constexpr bool is_known_revision(std::uint32_t revision) noexcept {
  return revision == revision_3_0 || revision == revision_3_6 || revision == revision_3_7;
}

inline constexpr std::uint32_t reserves_max = 24;  // of one account
inline constexpr std::uint64_t decimals_min = 2;   // of a reserve, as far as it is quoted
inline constexpr std::uint64_t decimals_max = 36;
inline constexpr std::uint32_t questions_max = 192;

// How much is known: each stage asks for what the one before has named.
enum class Stage : std::uint32_t {
  account = 0,   // the market's contracts, what the account has, and the two reserves' ids
  names = 1,     // oracle, sentinel and the addresses of the account's reserves
  reserves = 2,  // their tokens
  whole = 3,     // everything, at each block
};

// Why a position is not quoted though all of it is known.
enum class Refusal : std::uint32_t {
  none = 0,
  many_reserves = 1,
  stable_debt = 2,
  emode_price = 3,
  no_price = 4,
  few_decimals = 5,
};

struct Reserve {
  u256 configuration;
  u256 liquidity_index;  // ray
  u256 liquidity_rate;
  u256 borrow_index;
  u256 borrow_rate;
  u256 price;              // base currency for a whole token; 0: none
  u256 scaled_collateral;  // the account's
  u256 scaled_debt;
  u256 stable_debt;  // its principal
  std::uint64_t updated_s = 0;
  std::uint32_t id = 0;
  std::uint32_t reserved = 0;
  Address asset{};
  Address a_token{};
  Address stable_debt_token{};
  Address variable_debt_token{};
};

struct Position {
  Stage stage = Stage::account;
  Refusal refusal = Refusal::none;
  std::uint32_t ready = 0;
  std::uint32_t reserve_count = 0;
  std::uint32_t debt = 0;  // which of the reserves
  std::uint32_t collateral = 0;
  std::uint32_t emode = 0;  // the account's category; 0: none
  std::uint32_t emode_threshold = 0;
  std::uint32_t emode_bonus = 0;
  std::uint32_t emode_has_price = 0;
  std::uint32_t allowed = 1;  // by the sentinel
  std::uint32_t revision = 0;
  std::uint32_t debt_id = 0;
  std::uint32_t collateral_id = 0;
  Address pool{};
  Address account{};
  Address provider{};
  Address oracle{};
  Address sentinel{};  // zeros: there is none
  Address asset[2]{};  // debt, collateral
  std::uint32_t reserved = 0;
  u256 user;                                 // its configuration
  u256 held_debt;                            // what the debt's aToken holds of its asset
  u256 held_collateral;                      // the same of the collateral
  u256 virtual_debt;                         // from 3.6 on: what the market counts as held by it
  u256 virtual_collateral;                   // the same of the collateral
  u256 emode_collaterals;                    // from 3.6 on: bits of the reserves' ids
  std::uint64_t grace_s[2]{};                // from 3.6 on: none is liquidated until then
  std::uint64_t seen[questions_max / 64]{};  // answers of this round
  std::array<Reserve, reserves_max> reserves{};

  // No reserve has stable debt or a mode of its own, and leftovers are bounded.
  bool is_later() const noexcept { return revision != revision_3_0; }
  const Reserve& debt_reserve() const noexcept { return reserves[debt]; }
  const Reserve& collateral_reserve() const noexcept { return reserves[collateral]; }
};

// What a liquidation changes of it.
struct Overlay {
  u256 scaled_debt;
  u256 scaled_collateral;
  u256 held_debt;
  u256 held_collateral;
  std::uint32_t borrows = 0;
  std::uint32_t lends = 0;
  std::uint64_t reserved = 0;
};

// Bytes are compared and hashed: none may be left to chance.
static_assert(std::has_unique_object_representations_v<Position>);
static_assert(std::has_unique_object_representations_v<Overlay>);

inline bool is_zero(const Address& address) noexcept { return address == Address{}; }

// The position that chunk 0 holds, or null: these are no bytes of ours.
inline const Position* position_in(const gantry_state& state) noexcept {
  const auto* position = chunk_as<Position>(state, 0);
  if (position == nullptr || position->stage > Stage::whole ||
      position->refusal > Refusal::few_decimals || position->reserve_count > reserves_max ||
      position->debt_id >= reserve_ids || position->collateral_id >= reserve_ids) {
    return nullptr;
  }
  if (position->stage == Stage::account) return position->ready == 0 ? position : nullptr;
  if (position->debt >= position->reserve_count ||
      position->collateral >= position->reserve_count) {
    return nullptr;
  }
  for (std::uint32_t i = 0; i < position->reserve_count; ++i) {
    if (position->reserves[i].id >= reserve_ids) return nullptr;
  }
  return position;
}

inline gantry_address position_id(const Address& pool, const Address& account,
                                  std::uint32_t collateral_id, std::uint32_t debt_id) noexcept {
  gantry_address id{};
  id.kind = GANTRY_ADDRESS_ID32;
  id.length = position_id_bytes;
  constexpr std::size_t of_account = position_id_bytes - evm::address_bytes - 2;
  const evm::Topic hash = evm::keccak256(account);
  std::memcpy(id.bytes, pool.data(), pool.size());
  std::memcpy(id.bytes + pool.size(), hash.data(), of_account);
  id.bytes[position_id_bytes - 2] = static_cast<std::uint8_t>(collateral_id);
  id.bytes[position_id_bytes - 1] = static_cast<std::uint8_t>(debt_id);
  return id;
}

inline constexpr std::string_view account_key = "account=";

inline std::optional<Address> account_in(gantry_bytes metadata) {
  std::string_view text(reinterpret_cast<const char*>(metadata.data), metadata.size);
  if (!text.starts_with(account_key)) return std::nullopt;
  text.remove_prefix(account_key.size());
  return evm::parse_hex<evm::address_bytes>(text);
}

// Emits what the position's stage asks; tags count from 0. [worker]
gantry_status emit_questions(const Position& position, const gantry_request_sink* sink) noexcept;

// What was made of facts. `told`: a line about the position for the log, or null.
struct Applied {
  gantry_status status = GANTRY_OK;
  const char* told = nullptr;
};
// Takes answers to those questions, all at once or some at a time. [worker]
Applied apply_facts(std::span<const gantry_fact> facts, Position& position) noexcept;

}  // namespace gantry::aave_v3
