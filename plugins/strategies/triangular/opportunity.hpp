// From a candidate cycle to an opportunity with exact amounts: reads the hops from the market,
// sizes the trade, and says how sure and how risky it is.
//
// THREADS  One at a time. Allocates nothing.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "gantry/market.hpp"
#include "gantry/strategy.h"
#include "plugins/strategies/triangular/sizing.hpp"

namespace gantry::triangular {

// A cycle as it will be traded, hop by hop.
struct Route {
  std::uint32_t hop_count = 0;
  std::array<gantry_hop, hops_max> hops{};
  std::array<Leg, hops_max> legs{};
  std::uint64_t gas = 0;
  double depth_ether = 0;  // of the shallowest pool: its balance of what goes in
};

// The segment of one hop as a leg; false: the pool has no such shape, or is not usable now.
bool read_leg(const Market& market, const gantry_hop& hop, Leg& leg);

// The same cycle has the same key wherever it starts; its two directions have different ones.
std::uint64_t route_key(std::span<const gantry_hop> hops);

// Confidence: the product of
//   depth / (depth + 10 ETH), the balance of the shallowest pool, as thin pools are moved by
//   anybody and hold the tokens that cannot be sold; and margin / (margin + 10 bps a hop), the
//   gross profit by the amount in, as a thin margin is gone when any pool on the way moves.
// Risk: 1 - depth / (depth + 10 ETH) * (1 - the largest share of a pool's balance that goes in).
struct Signals {
  double confidence;
  double risk;
};
double depth_confidence(double depth_ether);  // the first factor
Signals signals_of(const Route& route, const Sizing& sizing, const u256& amount_in);

// Sizes the route within `amount_in_max` and writes the opportunity; nothing: it gains nothing.
// The amounts are the venues' own quotes.
std::optional<gantry_opportunity> make_opportunity(const Market& market, const Route& route,
                                                   const u256& amount_in_max);

// The most that may go in so that no hop takes more than share_bps of the balance it is paid into.
u256 cap_by_share(const Market& market, const Route& route, const u256& most,
                  std::uint32_t share_bps);

}  // namespace gantry::triangular
