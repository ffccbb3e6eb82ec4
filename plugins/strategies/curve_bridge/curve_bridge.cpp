// Finds cycles that cross from one market into another over a bridge: a hop through a pool of a
// venue that the operator calls one, or between two tokens that are pegged to the same thing, as
// WETH -> USDC -> USDT -> WETH whose middle hop is Curve's. The search is that of all cycles
// (gantry/search/cycle_trades.hpp), over those alone that have such a hop.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/address_text.hpp"
#include "gantry/search/cycle_trades.hpp"
#include "gantry/split.h"
#include "gantry/strategy.hpp"

namespace gantry::curve_bridge {
namespace {

using namespace search;

// The parts of a list, without the blanks around them; empty ones are left out.
std::vector<std::string> parts_of(std::string_view list, char between) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(between), list.size());
    std::string_view part = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

gantry_address address_of(const std::string& text) {
  const auto address = evm_address_of(text);
  if (!address) {
    throw Refused("pegged_tokens: '" + text +
                  "' is no address: write 0x and 40 digits, with ',' "
                  "between tokens and ';' between groups");
  }
  return *address;
}

class CurveBridge final : public TradingStrategy {
 public:
  CurveBridge(Host host, const Config& config)
      : host_(host),
        venues_(static_cast<const gantry_venues_draft_v1*>(host.service(GANTRY_VENUES_DRAFT_ID))),
        bridge_venues_(parts_of(config.string("bridge_venues"), ',')),
        bridge_dollars_(config.boolean("bridge_dollars")),
        trades_(host, {static_cast<double>(config.integer("min_profit_bps")),
                       static_cast<std::uint32_t>(config.integer("max_hops")), true,
                       static_cast<std::uint32_t>(config.integer("max_opportunities"))}) {
    std::uint32_t group = dollars;
    for (const std::string& tokens : parts_of(config.string("pegged_tokens"), ';')) {
      if (++group == groups_max) {
        throw Refused("pegged_tokens: more than 63 groups");
      }
      for (const std::string& token : parts_of(tokens, ',')) {
        pegged_.push_back({address_of(token), group});
      }
    }
  }

  gantry_status prepare(const Market& market) override {
    if (venues_ == nullptr && !bridge_venues_.empty()) {
      host_.warning("this host does not tell venues by name: bridge_venues has no effect");
    }
    std::vector<std::uint8_t> is_venue(market.raw().venue_count, 0);
    for (std::uint32_t venue = 0; venue < is_venue.size(); ++venue) {
      is_venue[venue] = is_bridge_venue(market, venue) ? 1 : 0;
    }
    // By token, a bit for each group.
    std::vector<std::uint64_t> groups(market.token_count(), 0);
    for (std::uint32_t token = 0; token < groups.size(); ++token) {
      groups[token] = groups_of(market, token);
    }
    std::uint64_t bridges = 0;
    trades_.prepare(market, [&](const Edge& edge) {
      gantry_pool pool;
      const bool crosses = market.pool(edge.pool, pool) == GANTRY_OK &&
                           ((pool.venue < is_venue.size() && is_venue[pool.venue] != 0) ||
                            (groups[edge.token0] & groups[edge.token1]) != 0);
      bridges += crosses ? 1 : 0;
      return crosses;
    });
    host_.count("bridges", bridges);
    return GANTRY_OK;
  }

  gantry_status find(const Market& market, OpportunitySink sink) override {
    return trades_.find(market, sink);
  }
  gantry_status size(const Market& market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
    return trades_.size(market, opportunity, limits, out);
  }

 private:
  static constexpr std::uint32_t dollars = 0;
  static constexpr std::uint32_t groups_max = 64;
  struct Pegged {
    gantry_address token;
    std::uint32_t group;
  };

  bool is_bridge_venue(const Market& market, std::uint32_t venue) const {
    gantry_string name;
    if (venues_ == nullptr || venues_->name(&market.raw(), venue, &name) != GANTRY_OK) return false;
    return std::find(bridge_venues_.begin(), bridge_venues_.end(), view(name)) !=
           bridge_venues_.end();
  }

  std::uint64_t groups_of(const Market& market, std::uint32_t handle) const {
    gantry_token token;
    if (market.token(handle, token) != GANTRY_OK) return 0;
    std::uint64_t groups =
        bridge_dollars_ && (token.flags & GANTRY_TOKEN_USD) != 0 ? 1ULL << dollars : 0;
    for (const Pegged& pegged : pegged_) {
      if (std::memcmp(&pegged.token, &token.address, sizeof(gantry_address)) != 0) continue;
      groups |= 1ULL << pegged.group;
    }
    return groups;
  }

  Host host_;
  const gantry_venues_draft_v1* venues_;
  std::vector<std::string> bridge_venues_;
  bool bridge_dollars_;
  std::vector<Pegged> pegged_;
  CycleTrades trades_;
};

}  // namespace
}  // namespace gantry::curve_bridge

GANTRY_PLUGIN(gantry::curve_bridge::CurveBridge);
