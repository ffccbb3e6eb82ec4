// A recorded market as of one block, with the venues that quote on it and nothing else.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gantry/u256.hpp"
#include "host/base/result.hpp"
#include "host/config/load.hpp"
#include "host/market/market_state.hpp"

namespace gantry::host::cli {

struct QuotedMarket {
  Configuration configuration;  // venues only; no pool is left out for its liquidity
  std::unique_ptr<MarketState> state;
  SnapshotPtr snapshot;
  std::string damage;  // the recording's
};

// Replays the configured recording up to `block`, or to its end. Fails with `configuration` (no
// recording, or one of a chain without settings), `not_found` (it begins later), and as the
// recording and the market do.
Result<std::unique_ptr<QuotedMarket>> open_market(Configuration configuration,
                                                  std::optional<std::uint64_t> block,
                                                  const PluginRecord& record = {});

// A token of the market by address, or by symbol where only one of `among` has it.
Result<std::uint32_t> find_token(const Topology& topology, std::string_view text,
                                 const std::vector<std::uint32_t>& among);

// "1500000" is in the smallest unit; "1.5", "1.5 WETH", "1.5WETH" and "2 WETH" are whole units.
// Fails with `usage`: no number, another token's symbol, more digits than the token has, 2^256 and
// above.
Result<u256> parse_amount_of(std::string_view text, const TokenInfo& token);

}  // namespace gantry::host::cli
