// Whether a stream of Sync logs is one of exact V2 swaps, by rational arithmetic of its own.
#pragma once
#include <catch2/catch.hpp>
#include <cstddef>
#include <vector>

#include "support/market.hpp"

namespace gantry::test {

// Walks the stream and requires of each log that it follows from its pool's reserves by one swap:
// one reserve grew, and the other paid the most that the contract's check (0.3 % fee) lets it pay,
//   (1000 in' - 3 amount_in) out' >= 1000 in out, and not so with one unit less.
// Returns how many there were.
inline std::size_t require_exact_swaps(const Market& market) {
  std::vector<std::array<cpp_int, 2>> reserves;
  for (const MarketPool& pool : market.pools) reserves.push_back(pool.reserves);
  const cpp_int limit = cpp_int(1) << 112;
  for (const MarketSync& sync : market.syncs) {
    auto& before = reserves.at(sync.pool);
    const std::size_t in = sync.reserves[0] > before[0] ? 0 : 1;
    const cpp_int amount_in = sync.reserves[in] - before[in];
    const cpp_int amount_out = before[1 - in] - sync.reserves[1 - in];
    REQUIRE(amount_in > 0);
    REQUIRE(amount_out > 0);
    REQUIRE(sync.reserves[in] < limit);
    const cpp_int paid_in = 1000 * sync.reserves[in] - 3 * amount_in;
    const cpp_int owed = 1000 * before[in] * before[1 - in];
    REQUIRE(paid_in * sync.reserves[1 - in] >= owed);
    REQUIRE(paid_in * (sync.reserves[1 - in] - 1) < owed);
    REQUIRE(sync.reserves[0] * sync.reserves[1] >= before[0] * before[1]);
    // 0.01 % to 3 % of the reserve, rounded down from shares that are rounded down themselves.
    REQUIRE(amount_in * 9'999 <= before[in] * 300);
    REQUIRE((amount_in + 1) * 10'001 >= before[in]);
    before = sync.reserves;
  }
  return market.syncs.size();
}

}  // namespace gantry::test
