// A cycle of two hops: a venue's pool, asked through the boundary, and a constant product that pays
// about 2 % more than the pool's price. What is measured is the best input of it, on the pool's own
// quotes: what `triangular` does where a hop's shape is not exact.
#pragma once
#include <vector>

#include "gantry/dex.h"
#include "gantry/search/route_sizing.hpp"

namespace gantry::bench {

struct MixedCycle {
  const gantry_pool_state* state = nullptr;
  gantry_swap swap{};  // of the pool: where the search begins
  ConstantProduct back{};
};

// Those of the swaps that have a price.
template <class Ask>
std::vector<MixedCycle> mixed_cycles(const gantry_dex_v1& table, const gantry_dex_instance* object,
                                     const std::vector<const Ask*>& asks) {
  std::vector<MixedCycle> cycles;
  for (const Ask* ask : asks) {
    gantry_quote quote{};
    u256 in;
    u256 out;
    if (table.quote(object, &ask->state, &ask->swap, &quote, nullptr) != GANTRY_OK ||
        !mul(u256(quote.amount_out), u256(100), in) ||
        !mul(u256(ask->swap.amount), u256(102), out) || in < u256(1'000'000) ||
        out < u256(1'000'000)) {
      continue;
    }
    cycles.push_back({&ask->state, ask->swap, {in, out}});
  }
  return cycles;
}

inline bool quote_mixed(const gantry_dex_v1& table, const gantry_dex_instance* object,
                        const MixedCycle& cycle, const u256& in, gantry_route_quote& route) {
  gantry_swap swap = cycle.swap;
  swap.amount = in.amount();
  gantry_quote quote;
  u256 out;
  if (table.quote(object, cycle.state, &swap, &quote, nullptr) != GANTRY_OK ||
      amount_out(cycle.back, u256(quote.amount_out), out) != GANTRY_OK) {
    return false;
  }
  route.amount_in = route.amounts[0] = swap.amount;
  route.amounts[1] = quote.amount_out;
  route.amount_out = route.amounts[2] = out.amount();
  return true;
}

inline gantry_status size_mixed(const gantry_dex_v1& table, const gantry_dex_instance* object,
                                const MixedCycle& cycle, search::RouteSizing& sizing) {
  search::RouteLimits limits;
  limits.first = u256(cycle.swap.amount);
  return search::best_route_input_by(
      [&](const u256& in, gantry_route_quote& route) {
        return quote_mixed(table, object, cycle, in, route);
      },
      2, limits, sizing);
}

}  // namespace gantry::bench
