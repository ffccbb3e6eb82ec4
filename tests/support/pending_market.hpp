// Small markets with transactions that wait: calls of Uniswap's Router02, as a node tells of them,
// through pairs whose addresses follow from a factory. Built from facts, not taken from a chain.
//
// ERRORS  std::runtime_error, which fails a test.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "host/market/pending_swaps.hpp"
#include "support/applied_market.hpp"
#include "support/small_market.hpp"

namespace gantry::test {

// swapExactTokensForTokens, or swapTokensForExactTokens.
struct RouterCall {
  std::vector<std::uint32_t> path;  // token handles
  Integer amount_in;                // exact, or at most
  Integer amount_out;               // at least, or exact
  bool exact_in = true;
  std::uint64_t deadline_s = ~std::uint64_t{0};
  std::uint64_t gas_price_gwei = 100;
};

// market_inputs() with each pool of "uniswap_v2" at the address that its factory gives it; one for
// each pair at most.
std::vector<host::BlockInput> pending_inputs(std::uint32_t tokens,
                                             const std::vector<SmallPool>& pools,
                                             const std::vector<std::vector<SmallUpdate>>& blocks);
// Told of with that block; each call is a transaction of its own, by its number.
void add_pending(std::vector<host::BlockInput>& inputs, std::size_t block, const RouterCall& call,
                 std::uint64_t number);
// That one is in the block.
void add_mined(std::vector<host::BlockInput>& inputs, std::size_t block, std::uint64_t number);
void write_inputs(const std::filesystem::path& file, const std::vector<host::BlockInput>& inputs);

// Two venues by Uniswap V2's rules: "uniswap_v2", whose router's calls are read, and "other".
std::string pending_dex_toml();

}  // namespace gantry::test
