// Positions of a market: whoever borrows, as its Borrow logs tell, and the accounts that the
// operator names; of each every debt with every collateral. In rounds of two: logs of a range of
// blocks and the market's reserves, then what each account has and each reserve is. Where it stands
// is all in the cursor: the same cursor and facts give the same, and a cursor without facts asks
// its round's questions again.
//
// BOUNDS   accounts_max borrowers are watched. Who has no debt left makes room, and where there is
//          none the logs wait: they are read on when there is, from the same block.
// THREADS  [instance]; keeps nothing between calls.
// ERRORS   As gantry_dex_v1::discover() has them.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "gantry/dex.hpp"
#include "plugins/dex/evm/address.hpp"

namespace gantry::aave_v3 {

inline constexpr std::uint64_t blocks_per_range = 20'000;

// What the operator wants.
struct Search {
  evm::Address pool{};
  std::vector<evm::Address> accounts;
  std::uint32_t accounts_max = 0;
  std::optional<std::uint64_t> from_block;  // nothing: no logs
};

struct SearchSinks {
  const gantry_request_sink* requests;
  const gantry_pool_sink* pools;
};

gantry_status find_positions(const Host& host, const Search& search, const gantry_context& context,
                             gantry_bytes cursor, std::span<const gantry_fact> facts,
                             const SearchSinks& sinks, gantry_buffer* next_cursor);

}  // namespace gantry::aave_v3
