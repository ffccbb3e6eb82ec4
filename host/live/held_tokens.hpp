// How much of a token lies where a pool's tokens lie: in its contract, or in the vault that its
// contract names.
//
// THREADS  One at a time: the live feed's.
// ERRORS   As chain_blocks.hpp. A token that does not tell its balance is an answer.
#pragma once
#include <optional>
#include <span>

#include "gantry/u256.hpp"
#include "host/live/fetcher.hpp"

namespace gantry::host {

struct HeldToken {
  gantry_address token{};
  gantry_address holder{};      // the pool's contract, or the vault that keeps its tokens
  std::optional<u256> balance;  // as balanceOf(holder) says; nothing: it does not
};

// Reads all balances where the fetcher reads, each as `holder` says.
Status read_balances(Fetcher& fetcher, const gantry_context& context,
                     std::span<HeldToken* const> held);
// Of pools that hold nothing, or too little, themselves: whose contract names a vault, as
// Balancer's do, gets it as `holder`, and its balances are read there.
Status read_in_vaults(Fetcher& fetcher, const gantry_context& context,
                      std::span<HeldToken* const> held);
// The same of a lender's market, as Aave's, whose contract keeps each token in another of its own.
Status read_in_reserves(Fetcher& fetcher, const gantry_context& context,
                        std::span<HeldToken* const> held);

}  // namespace gantry::host
