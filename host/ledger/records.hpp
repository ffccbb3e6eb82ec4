// What the ledger keeps of a trade: intents, their attempts, and what became of them.
//
// UNITS    Amounts in the token's smallest unit, the chain's coin in wei, dollars in millionths.
//          Addresses are text as address_text() writes them. Times are Unix time.
// THREADS  Plain values.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/u256.hpp"
#include "host/base/result.hpp"
#include "host/ledger/signed_amount.hpp"
#include "host/ledger/state.hpp"

namespace gantry::host::ledger {

inline constexpr std::size_t route_legs_max = 16;
inline constexpr std::size_t text_bytes_max = 256;     // of a name, an address, a key
inline constexpr std::size_t reason_bytes_max = 1000;  // longer ones are cut
inline constexpr std::size_t endpoint_bytes_max = 1u << 16U;
inline constexpr std::size_t signed_bytes_max = 1u << 20U;  // of one attempt
inline constexpr std::uint32_t attempts_max = 64;           // of one intent
inline constexpr std::uint64_t nonce_max = (std::uint64_t{1} << 62U);

using Hash = std::array<std::uint8_t, 32>;
using IntentId = std::int64_t;  // from 1, in the order in which they were recorded

enum class Kind : std::int32_t { transaction = 1, bundle = 2, user_operation = 3 };
std::string_view to_string(Kind kind);

// Where nonces are counted: of what shares a lane and a nonce, a chain includes one at most.
struct Lane {
  std::string chain;        // CAIP-2
  std::string sender;       // "0x" and 40 lower-case digits
  std::string entry_point;  // of user operations; empty: transactions of the account itself
  std::array<std::uint8_t, 24> key{};  // ERC-4337's 192 bits; zero for transactions

  friend auto operator<=>(const Lane&, const Lane&) = default;
};

struct Leg {
  std::string venue;
  std::string pool;
  std::string token_in;
  std::string token_out;

  friend bool operator==(const Leg&, const Leg&) = default;
};

// What is about to leave, and why.
struct Intent {
  std::string key;  // the caller's own and unique: a trade cannot be recorded twice
  Kind kind = Kind::transaction;
  std::string strategy;
  std::string coin = "ETH";  // the symbol of the chain's own coin, in which wei are summed
  std::string token_in;
  std::string token_out;
  std::vector<Leg> route;  // in the order of the swaps; at least one
  u256 amount_in;
  u256 planned_out;
  u256 min_profit;               // of token_out: less makes it fail on the chain
  std::uint64_t block = 0;       // whose state it was planned on
  std::uint64_t last_block = 0;  // the last that it is good for; 0: any

  friend bool operator==(const Intent&, const Intent&) = default;
};

enum class Purpose : std::int32_t {
  trade = 1,
  cancellation = 2,  // does nothing but take the nonce
};

// One way of having an intent included. All attempts of an intent have its nonce.
struct Attempt {
  Purpose purpose = Purpose::trade;
  std::string payer = "sender";  // of gas: a paymaster's name, or "sender"
  std::string destination;       // who is to take it: a provider, relay or bundler
  // Where a sponsor's own service takes it, as to_text() of an HttpEndpoint has it: with names in
  // place of secrets. Empty: who is configured takes it.
  std::string endpoint;
  u256 max_fee;                     // wei per gas
  u256 priority_fee;                // wei per gas
  std::vector<std::uint8_t> bytes;  // signed, as they leave: the only ones that may be sent again
  Hash hash{};                      // of the transaction or user operation: finds its receipt

  friend bool operator==(const Attempt&, const Attempt&) = default;
};

struct AttemptId {
  IntentId intent = 0;
  std::uint32_t number = 0;  // from 1

  friend bool operator==(const AttemptId&, const AttemptId&) = default;
};

// What the chain says of an attempt that is in a block.
struct Receipt {
  bool success = false;
  std::uint64_t block = 0;
  Hash block_hash{};
  std::int64_t block_time_s = 0;
  std::uint64_t gas_used = 0;
  u256 gas_price;  // wei per gas, as it was paid
  u256 data_fee;   // wei for the bytes, on an L2; else 0

  friend bool operator==(const Receipt&, const Receipt&) = default;
};

struct CoinPrice {
  std::uint64_t usd_e6 = 0;  // millionths of a dollar for one whole coin (10^18 wei)
  std::string source;
  std::int64_t age_ms = 0;  // of the price, when the trade was included

  friend bool operator==(const CoinPrice&, const CoinPrice&) = default;
};

// What a trade that ended in another token than it began with changed for what.
struct Exchange {
  u256 spent;      // of token_in
  u256 received;   // of token_out
  u256 worth_wei;  // of what was spent, then

  friend bool operator==(const Exchange&, const Exchange&) = default;
};

// What a trade brought, as reckoned after it was included. One that opened a position won nothing;
// one that closed it, or a part, won what it received less what that had cost.
struct Realised {
  std::string token;               // in which it was won
  SignedAmount profit;             // of that token, before what it cost
  SignedAmount value_wei;          // the same in the coin
  u256 cost_wei;                   // gas and data fee, as far as the sender paid them
  std::optional<CoinPrice> price;  // none: it counts in wei, and in dollars as not valued
  u256 balance_before;             // of that token, the sender's; of an exchange the executor's
  u256 balance_after;
  std::optional<Exchange> exchange = std::nullopt;  // of a success between two tokens

  friend bool operator==(const Realised&, const Realised&) = default;
};
// value_wei - cost_wei. Fails with limit: out of range.
Result<SignedAmount> net_wei(const Realised& realised);
// Of `wei` at that price, towards minus infinity. Fails with limit: beyond 9.2e12 dollars.
Result<std::int64_t> usd_e6_of(const SignedAmount& wei, const CoinPrice& price);

// Fail with usage, and say which field is wrong.
Status check(const Lane& lane);
Status check(const Intent& intent, const Lane& lane);
Status check(const Attempt& attempt);
Status check(const Receipt& receipt);
Status check(const Realised& realised);

// As they are kept.
struct StoredIntent {
  IntentId id = 0;
  Intent intent;
  Lane lane;
  std::uint64_t nonce = 0;
  State state = State::intended;
  std::string reason;            // why it is in that state, or still open; may be empty
  std::int64_t recorded_ms = 0;  // Unix time
};
struct StoredAttempt {
  AttemptId id;
  Attempt attempt;
  State state = State::intended;
};
struct StoredResult {
  AttemptId id;
  Purpose purpose = Purpose::trade;  // the attempt's
  Receipt receipt;
  bool final = false;  // too deep to be reorganized
  std::optional<Realised> realised;
  std::optional<SignedAmount> profit_wei;  // net
  std::optional<std::int64_t> profit_usd_e6;
};

}  // namespace gantry::host::ledger
