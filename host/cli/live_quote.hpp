// A market of one pool, read from a chain at one block.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/cli/command.hpp"
#include "host/cli/live_session.hpp"
#include "host/cli/quoted_market.hpp"

namespace gantry::host::cli {

struct LiveQuestion {
  std::string pool;                    // address
  std::string chain;                   // empty: the first with providers
  std::string dex;                     // empty: the venue that lists it, or the chain's only one
  std::vector<std::string> tokens;     // addresses in the contract's order; empty: see below
  std::optional<std::uint64_t> block;  // the newest by default
};

// The pool's tokens are those of the configuration's list, of the question, or what the contract
// says itself by token0() and token1() or by coins(i). Fails with `usage` (no such chain or venue,
// which venue is not clear, no address), `not_found` (no such block or tokens), `configuration`,
// and as the chain's providers do.
Result<std::unique_ptr<QuotedMarket>> open_live_market(const Session& session,
                                                       Configuration configuration,
                                                       const LiveQuestion& question,
                                                       const PluginRecord& record);

}  // namespace gantry::host::cli
