// The executor's contract (contracts/Executor.sol) as its owner deals with it: its code, its calls
// but run(), and what it holds.
//
// UNITS    Amounts in the smallest unit of their token; the native address is the chain's coin.
// THREADS  Functions without a chain are pure: any.
// ERRORS   As of chain_reads.hpp.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/deploy/chain_reads.hpp"
#include "host/market/topology.hpp"
#include "host/sign/curve.hpp"

namespace gantry::host::deploy {

// What makes the contract, without its constructor's argument; of contracts/Executor.json, as it
// was when the program was built.
std::span<const std::uint8_t> executor_creation_code();

// Hexadecimal digits without leading zeros, as nodes write numbers.
std::string hex_digits(const u256& number);

Bytes creation_data(const gantry_address& owner);
Bytes fund_data(const gantry_address& token, const u256& amount);
// The largest number is all that is there.
Bytes withdraw_data(const gantry_address& token, const u256& amount);

// Where a contract comes to stand that is made by the account's transaction of that nonce.
sign::EvmAddress created_address(const sign::EvmAddress& account, std::uint64_t nonce);

enum class CodeFound : std::int32_t {
  none = 1,     // there is no contract
  matches = 2,  // the runtime code that this program's creation code makes for its owner
  differs = 3,  // an executor of another version, or something else
};
std::string_view to_string(CodeFound code);
Result<CodeFound> executor_code_at(ChainReads& chain, const gantry_address& executor,
                                   const gantry_address& owner);
// Fails with `not_found` where there is no executor.
Result<gantry_address> owner_of(ChainReads& chain, const gantry_address& executor);

// What a token says of itself; "?" and 0 where it says nothing.
Result<TokenInfo> token_at(ChainReads& chain, const gantry_address& token);
Result<u256> token_balance(ChainReads& chain, const gantry_address& token,
                           const gantry_address& holder);
Result<u256> token_allowance(ChainReads& chain, const gantry_address& token,
                             const gantry_address& holder, const gantry_address& spender);

struct Held {
  TokenInfo token;
  std::optional<u256> amount;  // none: the token does not say
};
// Of each token that it watches, in the contract's order.
Result<std::vector<Held>> watched_by(ChainReads& chain, const gantry_address& executor);

}  // namespace gantry::host::deploy
